//! What is to be loaded, and how much.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Deserialize;

use crate::admin::Admin;

/// Files beside connections.
const BESIDE: usize = 256;
/// Sockets of a wallet: its WebSocket and its questions for blocks, each on both sides of the way that gives it an address.
const PER_WALLET: usize = 16;

/// The first argument, as JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// The gateway's node id, in hex.
    pub node_id: String,
    /// Where it listens for wallets.
    pub door: SocketAddr,
    /// Its admin API.
    pub admin: Admin,
    /// Its process: its memory is measured.
    pub pid: u32,
    /// Wallets that pay each other.
    pub wallets: usize,
    /// WebSockets that say nothing.
    pub idle: usize,
    /// Connections of strangers who mean harm.
    pub hostile: usize,
    /// Seconds of each phase.
    pub seconds: u64,
    /// Mean pause of a wallet between two payments, in milliseconds.
    pub pause_ms: u64,
    /// Seconds of all of it together, instead of phases; 0: phases.
    pub soak_seconds: u64,
}

impl Options {
    /// Duration of each phase.
    pub fn phase(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Raises the limit of open files to what is needed.
    ///
    /// # Errors
    /// When the system does not give as many.
    pub fn raise_open_files(&self) -> Result<()> {
        let files = self.idle + self.hostile + PER_WALLET * self.wallets + BESIDE;
        let needed = u64::try_from(files)?;
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        if hard < needed {
            bail!(
                "{needed} open files are needed, this machine gives {hard}: raise the hard limit (`ulimit -Hn`, \
                 /etc/security/limits.conf), or ask for fewer connections"
            );
        }
        if soft < needed {
            setrlimit(Resource::RLIMIT_NOFILE, needed, hard)?;
        }
        Ok(())
    }
}
