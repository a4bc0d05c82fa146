//! The servers that the transport's browser tests speak to: `crates/transport/examples/peer.rs`, as a process.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::proc::{self, Group};
use crate::target_dir;
use crate::tools::cargo_command;
use crate::ui::Step;

/// Ended when dropped.
pub struct Peer {
    _process: Group,
    address: String,
}

impl Peer {
    /// Builds its program.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn build(cache: &Cache) -> Result<()> {
        let step = Step::begin("servers for the transport's tests (build)", Duration::from_secs(60));
        let mut cargo = cargo_command();
        cargo.args(["build", "--locked", "--package", "amplet-transport", "--example", "peer"]);
        proc::run(cargo, &step, &cache.log("build-peer"), Duration::from_secs(2400))?;
        step.done();
        Ok(())
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it is not built or does not say where it listens.
    pub fn start() -> Result<Self> {
        let mut command = Command::new(target_dir().join("debug/examples/peer"));
        // It lives until its standard input closes, which the group holds.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = Group::spawn(command)?;
        let address = process.first_line().context("the servers did not say where they listen")?;
        Ok(Self { _process: process, address })
    }

    /// Tells a build where it listens.
    pub fn tell(&self, command: &mut Command) {
        command.env("AMPLET_TEST_PEER", &self.address);
    }
}
