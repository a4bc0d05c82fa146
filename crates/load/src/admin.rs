//! The admin API of a gateway.

use std::time::Duration;

use amplet_transport::{HttpRequest, HttpResponse, NativePlatform, Platform};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A gateway's admin API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Admin {
    /// Base URL.
    pub admin_url: String,
    /// Token.
    pub admin_token: String,
}

impl Admin {
    /// Sends a request with this JSON.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn post(&self, platform: &NativePlatform, path: &str, body: &Value) -> Result<Value> {
        let request = HttpRequest::post(self.url(path), body.to_string().into_bytes());
        self.send(platform, request.header("content-type", "application/json")).await
    }

    /// Reads what is at this path.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn get(&self, platform: &NativePlatform, path: &str) -> Result<Value> {
        self.send(platform, HttpRequest::get(self.url(path))).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.admin_url)
    }

    async fn send(&self, platform: &NativePlatform, request: HttpRequest) -> Result<Value> {
        let authorization = format!("Bearer {}", self.admin_token);
        let request = request.header("authorization", authorization).timeout(PATIENCE);
        let HttpResponse { status, body, .. } = platform.fetch(request).await?;
        let text = String::from_utf8_lossy(&body);
        if !(200..300).contains(&status) {
            bail!("the gateway's admin API: {status} {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("the gateway's admin API: {text}"))
    }

    /// Opens a channel to a connected wallet, of which this part is the wallet's.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn open_channel(
        &self,
        platform: &NativePlatform,
        peer: &str,
        capacity_sat: u64,
        push_msat: u64,
    ) -> Result<()> {
        let body = json!({ "peer": peer, "capacitySat": capacity_sat, "pushMsat": push_msat.to_string() });
        self.post(platform, "/admin/v1/channels", &body).await.map(drop)
    }
}
