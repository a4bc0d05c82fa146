//! `amplet-gateway keys`: makes, lists and revokes API keys of the running gateway, through its admin API.

use std::time::Duration;

use amplet_transport::{HttpRequest, NativePlatform};
use serde::de::DeserializeOwned;

use crate::cli::{AddKey, KeyCommand};
use crate::config::Config;
use crate::desk::amount::MsatText;
use crate::desk::error::ApiError;
use crate::desk::merchant::api_keys::Spending;
use crate::http::admin::keys::{CreateKey, Keys, MadeKey};

/// Nothing of this takes long.
const LIMIT: Duration = Duration::from_secs(30);

/// Errors of managing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The gateway does not answer.
    #[error(
        "the gateway does not answer at {url} ({what}); start it, or give the configuration that it runs with"
    )]
    Unreachable {
        /// Its admin API.
        url: String,
        /// The error.
        what: String,
    },
    /// Another program answers there, or another release.
    #[error("what answers at {url} is not this gateway ({what}); check [admin] listen")]
    Strange {
        /// Its admin API.
        url: String,
        /// The part of its answer that was not understood.
        what: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(ApiError),
    /// No TLS, or no runtime.
    #[error("the system does not give what this needs ({0}); free memory or processes, then try again")]
    System(String),
}

/// Runs a subcommand; returns its output.
///
/// # Errors
/// [`KeysError`].
pub fn run(config: &Config, command: KeyCommand) -> Result<String, KeysError> {
    let system = |error: String| KeysError::System(error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| system(error.to_string()))?;
    let platform = NativePlatform::new().map_err(|error| system(error.to_string()))?;
    let base = format!("http://{}/admin/v1/keys", config.admin.listen);
    let admin = Admin { http: platform.http(), base, token: config.admin.token.expose().to_owned() };
    runtime.block_on(async {
        match command {
            KeyCommand::Add(add) => admin.add(add).await,
            KeyCommand::List => admin.list().await,
            KeyCommand::Revoke { id } => admin.revoke(&id).await,
        }
    })
}

struct Admin {
    http: amplet_transport::HttpClient,
    base: String,
    token: String,
}

impl Admin {
    async fn add(&self, add: AddKey) -> Result<String, KeysError> {
        let spending = Spending {
            per_payment_msat: add.per_payment_msat.map(MsatText),
            per_day_msat: add.per_day_msat.map(MsatText),
            total_msat: add.total_msat.map(MsatText),
        };
        let spending = (spending != Spending::default()).then_some(spending);
        let body = CreateKey { name: add.name, account: add.account, scopes: add.scope, spending };
        let body = serde_json::to_vec(&body).map_err(|error| KeysError::System(error.to_string()))?;
        let request = HttpRequest::post(self.base.clone(), body).header("content-type", "application/json");
        let made: MadeKey = self.ask(request).await?;
        Ok(format!(
            "token           {}\nwebhook secret  {}\nKey {} of account {}. Both are shown this once: keep them where the site's server finds them, and nobody else.",
            made.token, made.webhook_secret, made.key.id, made.key.account
        ))
    }

    async fn list(&self) -> Result<String, KeysError> {
        let keys: Keys = self.ask(HttpRequest::get(self.base.clone())).await?;
        if keys.keys.is_empty() {
            return Ok("There are no keys; make one with `amplet-gateway keys add`.".into());
        }
        let line = |key: crate::http::admin::keys::KeyInfo| {
            let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
            let revoked = if key.revoked_at.is_some() { "  revoked" } else { "" };
            format!("{}  {}  {}  {}{revoked}", key.id, key.account, scopes.join(","), key.name)
        };
        Ok(keys.keys.into_iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    async fn revoke(&self, id: &str) -> Result<String, KeysError> {
        // It becomes a part of a URL.
        let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut request = HttpRequest::get(format!("{}/{id}", self.base));
        request.method = amplet_transport::HttpMethod::Delete;
        self.send(request).await?;
        Ok(format!("Key {id} is revoked: nobody gets in with it any more."))
    }

    async fn ask<T: DeserializeOwned>(&self, request: HttpRequest) -> Result<T, KeysError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|error| self.strange(error.to_string()))
    }

    async fn send(&self, request: HttpRequest) -> Result<Vec<u8>, KeysError> {
        let request = request.header("authorization", format!("Bearer {}", self.token)).timeout(LIMIT);
        let answer = self
            .http
            .fetch(request)
            .await
            .map_err(|error| KeysError::Unreachable { url: self.base.clone(), what: error.to_string() })?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        match serde_json::from_slice::<ApiError>(&answer.body) {
            Ok(error) => Err(KeysError::Refused(error)),
            Err(_) => Err(self.strange(format!("HTTP {}", answer.status))),
        }
    }

    fn strange(&self, what: String) -> KeysError {
        KeysError::Strange { url: self.base.clone(), what }
    }
}
