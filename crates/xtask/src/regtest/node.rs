//! One `amplet-gateway` process of the network: its folder, its configuration, its life.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::bitcoind::Bitcoind;
use super::client::Admin;
use super::wait_for;
use crate::http::free_port;
use crate::proc::{self, Group};

const START_LIMIT: Duration = Duration::from_secs(90);

/// Settings of a network for tests and the demo: all clients have one address, and nothing is too much.
const FOR_TESTS: &str = r#"
http.max_connections_per_ip = 1000
http.max_requests_per_ip = 1000
http.max_waits_per_ip = 500
http.max_answers_mib_per_ip = 256
channels.opens_channels = true
channels.max_capacity_sat = 16000000
channels.max_channels_per_peer = 20
channels.max_open_channels = 100000
channels.max_open_sat = 100000000000
channels.max_channels_per_hour = 100000
channels.max_sat_per_hour = 100000000000
channels.max_sat_per_day = 1000000000
channels.max_sat_per_day_per_address = 1000000000
backup.max_new_per_day_per_address = 1000000
merchant.requests_per_second = 1000
merchant.private_webhooks = true
log.level = "debug"
"#;

/// A gateway or the payee: both are the same program.
pub struct Node {
    /// `gateway 0`, `gateway 1`, `payee`.
    pub name: String,
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Its admin API.
    pub admin: Admin,
    process: Mutex<Option<Group>>,
    id: Mutex<String>,
}

impl Node {
    /// Writes the folder and configuration and starts the process, with the settings of a network for tests.
    ///
    /// # Errors
    /// When it does not start; the message has the end of its log.
    pub fn start(binary: &Path, folder: PathBuf, name: &str, bitcoind: &Bitcoind) -> Result<Self> {
        Self::start_with(binary, folder, name, bitcoind, FOR_TESTS)
    }

    /// The same with other settings: lines of dotted keys.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        binary: &Path,
        folder: PathBuf,
        name: &str,
        bitcoind: &Bitcoind,
        settings: &str,
    ) -> Result<Self> {
        let (port, admin_port) = (free_port()?, free_port()?);
        let token = set_up(binary, &folder, name, ([port, admin_port], settings), bitcoind)?;
        let node = Self {
            name: name.to_owned(),
            binary: binary.to_owned(),
            folder,
            port,
            admin: Admin { url: format!("http://127.0.0.1:{admin_port}"), token },
            process: Mutex::new(None),
            id: Mutex::new(String::new()),
        };
        node.resume()?;
        Ok(node)
    }

    /// Starts the process if it does not run, and waits until its node is up.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log.
    pub fn resume(&self) -> Result<()> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if process.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new().create(true).append(true).open(self.log());
        let log = log.with_context(|| format!("cannot write {}", self.log().display()))?;
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.folder.join("gateway.toml")).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(log.try_clone().context("cannot share the log")?).stderr(log);
        let mut group = Group::spawn(command)?;
        let info = wait_for(&self.name, START_LIMIT, || match group.try_wait() {
            Ok(None) => self.admin.get("/admin/v1/info"),
            Ok(Some(status)) => bail!("it ended ({status})"),
            Err(error) => Err(error),
        });
        let info = info.with_context(|| super::end_of(&self.log()))?;
        let id = info.get("nodeId").and_then(Value::as_str).context("/admin/v1/info has no nodeId")?;
        id.clone_into(&mut self.id.lock().unwrap_or_else(PoisonError::into_inner));
        *process = Some(group);
        Ok(())
    }

    /// Adds a line to its configuration, which it reads when it is started again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, line: &str) -> Result<()> {
        let path = self.folder.join("gateway.toml");
        let opened = OpenOptions::new().append(true).open(&path);
        let written = opened.and_then(|mut file| writeln!(file, "{line}"));
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Ends the process: by SIGKILL, as a power cut would, or by SIGTERM with `kindly`.
    ///
    /// # Errors
    /// With `kindly`, when it did not end by itself in time.
    pub fn end(&self, kindly: bool) -> Result<()> {
        let group = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut group) = group else { return Ok(()) };
        if !kindly {
            group.kill();
        } else if !group.stop() {
            bail!("{} did not end on SIGTERM and was killed", self.name);
        }
        Ok(())
    }

    /// Lets its process stand still (SIGSTOP), or go on: its connections stay, and nobody answers.
    ///
    /// # Errors
    /// When the process does not run.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.name))?;
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        killpg(Pid::from_raw(pid), signal).with_context(|| format!("{} has ended", self.name))
    }

    /// True if its process was started and has not ended.
    #[must_use]
    pub fn running(&self) -> bool {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Its process's id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Group::id)
    }

    /// Where wallets reach it: host and port.
    #[must_use]
    pub fn door(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its node id, in hex.
    #[must_use]
    pub fn id(&self) -> String {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Origin of its HTTP side: `/health` and the chain API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `<node id>@<WebSocket URL>`: what a wallet is configured with.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}@ws://127.0.0.1:{}/lightning/v1", self.id(), self.port)
    }

    /// For `/info`.
    #[must_use]
    pub fn describe(&self) -> Value {
        json!({
            "name": self.name,
            "nodeId": self.id(),
            "address": self.address(),
            "url": self.url(),
            "chainUrl": self.url(),
            "adminUrl": self.admin.url,
            "adminToken": self.admin.token,
            "running": self.running(),
            "log": self.log().display().to_string(),
        })
    }

    /// Waits until its node has seen the block at `height`.
    ///
    /// # Errors
    /// When that takes more than half a minute.
    pub fn synced(&self, height: u64) -> Result<()> {
        wait_for(&format!("{} at height {height}", self.name), Duration::from_secs(30), || {
            self.admin.post("/admin/v1/sync", &json!({}), 30)?;
            let info = self.admin.get("/admin/v1/info")?;
            match info.get("height").and_then(Value::as_u64) {
                Some(at) if at >= height => Ok(()),
                at => bail!("it is at {at:?}"),
            }
        })
    }

    fn log(&self) -> PathBuf {
        self.folder.join("gateway.log")
    }
}

/// `amplet-gateway init` makes the seed and the admin token; the configuration is replaced by one for loopback and
/// money that is worth nothing. Returns the admin token.
fn set_up(
    binary: &Path,
    folder: &Path,
    name: &str,
    (ports, settings): ([u16; 2], &str),
    bitcoind: &Bitcoind,
) -> Result<String> {
    let mut init = Command::new(binary);
    proc::output(init.args(["init", "--network", "regtest", "--dir"]).arg(folder))?;
    let (url, user, password) = bitcoind.access();
    let [port, admin_port] = ports;
    let config = format!(
        r#"network = "regtest"
seed_file = "seed"
bitcoind.url = "{url}"
bitcoind.user = "{user}"
bitcoind.password = "{password}"
http.listen = "127.0.0.1:{port}"
admin.listen = "127.0.0.1:{admin_port}"
admin.token_file = "admin.token"
node.alias = "{name}"
{settings}"#
    );
    let file = folder.join("gateway.toml");
    std::fs::write(&file, config).with_context(|| format!("cannot write {}", file.display()))?;
    let file = folder.join("admin.token");
    let token = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(token.trim().to_owned())
}
