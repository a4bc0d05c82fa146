//! The gateway that is loaded: its admin API, its memory, its processor time.

use amplet_transport::NativePlatform;
use anyhow::{Context, Result};
use serde_json::Value;

use crate::options::Options;

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
        self.options.admin.open_channel(self.platform, peer, capacity_sat, push_msat).await
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
        self.options.admin.get(self.platform, "/admin/v1/info").await
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

    /// Bytes that it has had written to the disk, the database's log and what is then written to its place together.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn written_bytes(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/io", self.options.pid))?;
        let written = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        Ok(written.context("io has no written bytes")?.parse()?)
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
