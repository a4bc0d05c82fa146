//! `bitcoind -regtest` in a folder of its own: blocks on demand, money for anybody, reorganisations.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::{random_hex, wait_for};
use crate::http::free_port;
use crate::proc::Group;

/// Pay-to-anchor on regtest: anybody can spend it, without a signature. Blocks pay to it, so the harness
/// needs neither keys nor a wallet.
const ANYBODY: &str = "bcrt1pfeesnyr2tx";
/// Fee of a payment that the harness makes, in sat.
const FEE_SAT: u64 = 2_000;
/// A coinbase output can be spent from so many blocks on.
const MATURITY: u64 = 100;
const RPC_TIMEOUT_SECS: u64 = 60;

/// A running daemon.
pub struct Bitcoind {
    process: Mutex<Option<Group>>,
    port: u16,
    url: String,
    user: String,
    password: String,
    folder: PathBuf,
    binary: PathBuf,
    /// Makes blocks of a new branch differ from those that it replaces.
    branch: AtomicU32,
}

impl Bitcoind {
    /// Starts the daemon and mines a chain with money to give away.
    ///
    /// # Errors
    /// When it does not start; the message has the end of its log.
    pub fn start(binary: &Path, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let port = free_port()?;
        let bitcoind = Self {
            process: Mutex::new(None),
            port,
            url: format!("http://127.0.0.1:{port}"),
            user: "amplet".to_owned(),
            password: random_hex(16)?,
            folder: folder.to_owned(),
            binary: binary.to_owned(),
            branch: AtomicU32::new(0),
        };
        bitcoind.resume()?;
        bitcoind.mine(MATURITY + 40)?;
        Ok(bitcoind)
    }

    /// Starts the process if it does not run, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the message has the end of its log.
    pub fn resume(&self) -> Result<()> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if process.is_some() {
            return Ok(());
        }
        let mut command = Command::new(&self.binary);
        command
            .arg("-regtest")
            .arg(format!("-datadir={}", self.folder.display()))
            .args(["-server", "-listen=0", "-dnsseed=0", "-blockfilterindex=1", "-txindex=1"])
            // Checks of its own data after every block, on regtest only: each is as long as the chain.
            .args(["-checkblockindex=0", "-checkmempool=0"])
            .args(["-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-rpcworkqueue=256", "-rpcthreads=8"])
            .arg(format!("-rpcport={}", self.port))
            .arg(format!("-rpcuser={}", self.user))
            .arg(format!("-rpcpassword={}", self.password))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        *process = Some(Group::spawn(command)?);
        drop(process);
        wait_for("bitcoind", Duration::from_secs(60), || self.height()).with_context(|| self.log_end())?;
        self.filters_done().map(drop)
    }

    /// Kills the process (SIGKILL) once its blocks are on the disk: the daemon writes them seldom, and would come back without
    /// them. What waits for a block is gone.
    ///
    /// # Errors
    /// When the daemon cannot be asked to write.
    pub fn kill(&self) -> Result<()> {
        self.call("gettxoutsetinfo", &json!(["none"]))?;
        if let Some(mut group) = self.process.lock().unwrap_or_else(PoisonError::into_inner).take() {
            group.kill();
        }
        Ok(())
    }

    /// True if its process was started and has not ended.
    #[must_use]
    pub fn running(&self) -> bool {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// URL, user and password of the RPC.
    #[must_use]
    pub fn access(&self) -> (&str, &str, &str) {
        (&self.url, &self.user, &self.password)
    }

    /// For `/info`: how to reach the daemon by RPC and by `bitcoin-cli`.
    #[must_use]
    pub fn describe(&self) -> Value {
        let cli = self.binary.with_file_name("bitcoin-cli");
        let command = format!(
            "{} -regtest -rpcport={} -rpcuser={} -rpcpassword={}",
            cli.display(),
            self.port,
            self.user,
            self.password
        );
        json!({ "rpcUrl": self.url, "user": self.user, "password": self.password, "cli": command })
    }

    /// One RPC call.
    ///
    /// # Errors
    /// When the daemon cannot be reached, or its error.
    pub fn call(&self, method: &str, params: &Value) -> Result<Value> {
        let body = json!({ "jsonrpc": "1.0", "id": 1, "method": method, "params": params }).to_string();
        let answer = super::client::send(
            minreq::post(&self.url),
            Some(&body),
            &self.authorization(),
            RPC_TIMEOUT_SECS,
        )
        .with_context(|| format!("bitcoind {method}"))?;
        let value: Value =
            serde_json::from_str(&answer.1).with_context(|| format!("bitcoind {method}: {}", answer.1))?;
        match value.get("error") {
            None | Some(Value::Null) => Ok(value.get("result").cloned().unwrap_or_default()),
            Some(error) => Err(anyhow!("bitcoind {method}: {error}")),
        }
    }

    fn authorization(&self) -> String {
        format!("Basic {}", super::client::base64(format!("{}:{}", self.user, self.password).as_bytes()))
    }

    /// The height of the best chain.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub fn height(&self) -> Result<u64> {
        self.call("getblockcount", &json!([]))?.as_u64().context("bitcoind getblockcount: not a number")
    }

    /// Mines blocks with what is in the mempool, and waits for the filter index. Returns the height.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub fn mine(&self, blocks: u64) -> Result<u64> {
        self.call("generatetoaddress", &json!([blocks, ANYBODY]))?;
        self.filters_done()
    }

    fn filters_done(&self) -> Result<u64> {
        let height = self.height()?;
        wait_for("the block filter index", Duration::from_secs(60), || {
            let info = self.call("getindexinfo", &json!(["basic block filter index"]))?;
            let best = info.pointer("/basic block filter index/best_block_height").and_then(Value::as_u64);
            if best == Some(height) { Ok(height) } else { bail!("it is at {best:?} of {height}") }
        })
    }

    /// Transactions waiting for a block.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub fn waiting(&self) -> Result<usize> {
        let value = self.call("getrawmempool", &json!([]))?;
        Ok(value.as_array().map_or(0, Vec::len))
    }

    /// Replaces the last `depth` blocks by `blocks` new ones, which hold the same transactions, or none with
    /// `empty`. Returns the new height.
    ///
    /// # Errors
    /// When the chain is shorter than `depth`, the new branch would not be longer, or the daemon refuses.
    pub fn reorg(&self, depth: u64, blocks: u64, empty: bool) -> Result<u64> {
        let height = self.height()?;
        if depth == 0 || depth > height {
            bail!("depth is {depth}: choose 1 to {height}");
        }
        if blocks <= depth {
            bail!("{blocks} new blocks do not outweigh {depth} old ones: choose more than {depth}");
        }
        let fork = self.call("getblockhash", &json!([height - depth + 1]))?;
        self.call("invalidateblock", &json!([fork]))?;
        // A block like the invalid one would be that one: the first of the branch pays a script of its own.
        let branch = self.branch.fetch_add(1, Ordering::SeqCst);
        let marker = format!("raw(6a04{branch:08x})");
        let marker = self.call("getdescriptorinfo", &json!([marker]))?;
        let marker =
            marker.get("descriptor").cloned().context("bitcoind getdescriptorinfo: no descriptor")?;
        if empty {
            self.call("generateblock", &json!([marker, []]))?;
            for _ in 1..blocks {
                self.call("generateblock", &json!([ANYBODY, []]))?;
            }
        } else {
            self.call("generatetodescriptor", &json!([1, marker]))?;
            self.call("generatetoaddress", &json!([blocks - 1, ANYBODY]))?;
        }
        self.filters_done()
    }

    /// Broadcasts a payment of `sat` to `address` and returns its transaction id; it waits in the mempool.
    ///
    /// # Errors
    /// When the address is not one of regtest, the amount is dust or more than there is, or the daemon refuses.
    pub fn fund(&self, address: &str, sat: u64) -> Result<String> {
        self.fund_all(&[address], sat)
    }

    /// The same to each of these addresses, no two of which are the same, in one transaction.
    ///
    /// # Errors
    /// As [`fund`](Self::fund).
    pub fn fund_all(&self, addresses: &[&str], sat: u64) -> Result<String> {
        let outputs = u64::try_from(addresses.len())?;
        let all = outputs.checked_mul(sat.checked_add(FEE_SAT).context("the amount is out of range")?);
        let needed = all.context("the amount is out of range")?;
        let (inputs, total) = self.coins(needed)?;
        let mut outputs: Vec<Value> = addresses.iter().map(|address| json!({ *address: btc(sat) })).collect();
        let change = total - needed;
        if change > 1_000 {
            outputs.push(json!({ ANYBODY: btc(change) }));
        }
        let raw = self.call("createrawtransaction", &json!([inputs, outputs]))?;
        let id = self.call("sendrawtransaction", &json!([raw, 0]))?;
        Ok(id.as_str().context("bitcoind sendrawtransaction: not a transaction id")?.to_owned())
    }

    /// Mature, unspent coins of everybody worth at least `needed` sat, the largest first, with their sum.
    fn coins(&self, needed: u64) -> Result<(Vec<Value>, u64)> {
        let height = self.height()?;
        let found = self.call("scantxoutset", &json!(["start", [format!("addr({ANYBODY})")]]))?;
        let mut coins: Vec<(u64, Value)> = found
            .get("unspents")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|coin| {
                let made = coin.get("height")?.as_u64()?;
                let is_coinbase = coin.get("coinbase").and_then(Value::as_bool).unwrap_or(true);
                (!is_coinbase || height - made >= MATURITY).then_some(())?;
                let outpoint = json!({ "txid": coin.get("txid")?, "vout": coin.get("vout")? });
                Some((sat(coin.get("amount")?)?, outpoint))
            })
            .collect();
        coins.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
        let (mut chosen, mut total) = (Vec::new(), 0);
        for (worth, outpoint) in coins {
            let spent = self.call("gettxspendingprevout", &json!([[outpoint]]))?;
            if spent.pointer("/0/spendingtxid").is_none() {
                chosen.push(outpoint);
                total += worth;
            }
            if total >= needed {
                return Ok((chosen, total));
            }
        }
        bail!("{needed} sat wanted, {total} there: mine blocks first")
    }

    /// Ends the daemon.
    pub fn end(&self) {
        if let Some(mut group) = self.process.lock().unwrap_or_else(PoisonError::into_inner).take() {
            group.stop();
        }
    }

    fn log_end(&self) -> String {
        super::end_of(&self.folder.join("regtest/debug.log"))
    }
}

/// Sat as the decimal bitcoin text that the RPC takes.
fn btc(sat: u64) -> String {
    format!("{}.{:08}", sat / 100_000_000, sat % 100_000_000)
}

/// The RPC's decimal bitcoin as sat. A double holds all 8 decimals of 21 million bitcoin exactly.
fn sat(amount: &Value) -> Option<u64> {
    let text = format!("{:.8}", amount.as_f64()?);
    let (whole, fraction) = text.split_once('.')?;
    whole.parse::<u64>().ok()?.checked_mul(100_000_000)?.checked_add(fraction.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{btc, sat};

    #[test]
    fn amounts_are_exact() {
        assert_eq!(btc(2_100_000_000_000_001), "21000000.00000001");
        assert_eq!(btc(600), "0.00000600");
        assert_eq!(sat(&json!(50.0)), Some(5_000_000_000));
        assert_eq!(sat(&json!(0.1)), Some(10_000_000));
        assert_eq!(sat(&json!(0.000_001_23)), Some(123));
        assert_eq!(sat(&json!(20_999_999.999_999_99)), Some(2_099_999_999_999_999));
        assert_eq!(sat(&json!("x")), None);
    }
}
