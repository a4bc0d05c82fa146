//! The gateway that is loaded: its admin API, its memory, its processor time.

use std::time::Duration;

use amplet_transport::{HttpRequest, HttpResponse, NativePlatform, Platform};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::options::Options;

/// Time for an answer of the admin API.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes of a page of memory, and ticks of a second of processor time, on Linux.
const PAGE: u64 = 4_096;
const TICKS: f64 = 100.0;

/// The gateway.
pub struct Gateway<'a> {
    options: &'a Options,
    platform: &'a NativePlatform,
}

impl<'a> Gateway<'a> {
    /// The one of these options.
    pub fn new(options: &'a Options, platform: &'a NativePlatform) -> Self {
        Self { options, platform }
    }

    /// Opens a channel to a connected wallet, of which this part is the wallet's.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn open_channel(&self, peer: &str, capacity_sat: u64, push_msat: u64) -> Result<()> {
        let body = json!({ "peer": peer, "capacitySat": capacity_sat, "pushMsat": push_msat.to_string() });
        let request = HttpRequest::post(self.url("/admin/v1/channels"), body.to_string().into_bytes())
            .header("content-type", "application/json");
        self.send(request).await.map(drop)
    }

    /// Connections that it counts.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn connections(&self) -> Result<u64> {
        let info = self.info().await?;
        info["connections"].as_u64().context("/admin/v1/info has no connections")
    }

    /// Its money in channels, in msat.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn lightning_msat(&self) -> Result<i64> {
        let info = self.info().await?;
        let text = info["lightningMsat"].as_str().context("/admin/v1/info has no lightningMsat")?;
        text.parse().context("lightningMsat is no number")
    }

    async fn info(&self) -> Result<Value> {
        self.send(HttpRequest::get(self.url("/admin/v1/info"))).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.options.admin_url)
    }

    async fn send(&self, request: HttpRequest) -> Result<Value> {
        let authorization = format!("Bearer {}", self.options.admin_token);
        let request = request.header("authorization", authorization).timeout(PATIENCE);
        let HttpResponse { status, body, .. } = self.platform.fetch(request).await?;
        let text = String::from_utf8_lossy(&body);
        if !(200..300).contains(&status) {
            bail!("the gateway's admin API: {status} {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("the gateway's admin API: {text}"))
    }

    /// Its memory in use, in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resident_bytes(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.options.pid))?;
        let pages: u64 = text.split(' ').nth(1).context("statm has no resident pages")?.parse()?;
        Ok(pages.saturating_mul(PAGE))
    }

    /// Processor time that it has taken, in seconds.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> Result<f64> {
        cpu(&self.options.pid.to_string())
    }
}

/// Processor time of this program, in seconds.
///
/// # Errors
/// When the system does not say.
pub fn own_cpu() -> Result<f64> {
    cpu("self")
}

fn cpu(process: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; the times are fields 14 and 15.
    let (_, fields) = text.rsplit_once(") ").context("no stat of a process")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u32>);
    Ok(ticks.map(|ticks| ticks.map(f64::from)).sum::<Result<f64, _>>()? / TICKS)
}
