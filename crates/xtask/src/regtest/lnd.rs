//! An lnd on the network's chain, and its REST API: plain HTTP on loopback, no macaroons.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::bitcoind::Bitcoind;
use super::client::{self, base64};
use super::peer::{
    Invoice, InvoiceKind, InvoiceState, Paid, PayOrder, Peer, PeerChannel, Received, ReceivedPart,
};
use super::wait_for;
use crate::http::free_port;
use crate::proc::Group;

const START_LIMIT: Duration = Duration::from_secs(120);
/// Maximum wait for an answer, in seconds: a payment's is the longest.
const ANSWER_LIMIT: u64 = 120;
/// Seconds after which lnd gives up a payment.
const PAY_LIMIT: u64 = 90;

/// A running daemon. It ends when this is dropped.
pub struct Daemon {
    process: Group,
    /// Its API.
    pub lnd: Lnd,
}

/// The API of a daemon.
#[derive(Clone, Debug)]
pub struct Lnd {
    url: String,
    port: u16,
    id: String,
}

impl Daemon {
    /// Starts it in a folder of its own; returns when it has the chain's newest block.
    ///
    /// # Errors
    /// When it does not start; the message has the end of its log.
    pub fn start(binary: &Path, folder: &Path, bitcoind: &Bitcoind) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let [port, rpc_port, rest_port] = [free_port()?, free_port()?, free_port()?];
        let log = folder.join("lnd.log");
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(binary);
        command
            .arg(format!("--lnddir={}", folder.display()))
            .args(arguments(bitcoind))
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg(format!("--rpclisten=127.0.0.1:{rpc_port}"))
            .arg(format!("--restlisten=127.0.0.1:{rest_port}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot share the log")?)
            .stderr(output);
        let process = Group::spawn(command)?;
        let lnd = Lnd { url: format!("http://127.0.0.1:{rest_port}"), port, id: String::new() };
        let mut daemon = Self { process, lnd };
        daemon.up(bitcoind).with_context(|| super::end_of(&log))?;
        Ok(daemon)
    }

    fn up(&mut self, bitcoind: &Bitcoind) -> Result<()> {
        let (process, lnd) = (&mut self.process, &self.lnd);
        let id = wait_for("lnd", START_LIMIT, || {
            if let Some(status) = process.try_wait()? {
                bail!("it ended ({status})");
            }
            lnd.get("/v1/getinfo").and_then(|info| text(&info, "identity_pubkey"))
        })?;
        self.lnd.id = id;
        let height = bitcoind.height()?;
        wait_for("lnd to take in the chain", START_LIMIT, || match self.lnd.height()? {
            at if at >= height => Ok(()),
            at => bail!("it is at {at} of {height}"),
        })
    }
}

/// Everything but where it listens.
fn arguments(bitcoind: &Bitcoind) -> Vec<String> {
    let (url, user, password) = bitcoind.access();
    let host = url.trim_start_matches("http://");
    let fixed = [
        "--bitcoin.regtest",
        "--bitcoin.node=bitcoind",
        "--bitcoind.rpcpolling",
        "--bitcoind.blockpollinginterval=200ms",
        "--bitcoind.txpollinginterval=200ms",
        "--noseedbackup",
        "--no-macaroons",
        "--no-rest-tls",
        "--nobootstrap",
        "--alias=lnd",
        "--accept-amp",
        "--accept-keysend",
        "--maxpendingchannels=20",
        // In milliseconds: gossip goes out in batches, every 90 s by default.
        "--trickledelay=200",
        "--debuglevel=debug",
    ];
    let told = [
        format!("--bitcoind.rpchost={host}"),
        format!("--bitcoind.rpcuser={user}"),
        format!("--bitcoind.rpcpass={password}"),
    ];
    fixed.map(str::to_owned).into_iter().chain(told).collect()
}

impl Lnd {
    /// For a program that speaks to it: see [`from_description`](Self::from_description).
    #[must_use]
    pub fn describe(&self) -> Value {
        json!({ "url": self.url, "port": self.port, "nodeId": self.id })
    }

    /// The API of the daemon that was described.
    ///
    /// # Errors
    /// Names the field that is missing.
    pub fn from_description(description: &Value) -> Result<Self> {
        let port = description.get("port").and_then(Value::as_u64).context("`port` is missing")?;
        Ok(Self {
            url: text(description, "url")?,
            port: u16::try_from(port)?,
            id: text(description, "nodeId")?,
        })
    }

    fn get(&self, path: &str) -> Result<Value> {
        self.send(minreq::get(format!("{}{path}", self.url)), path, None)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(minreq::post(format!("{}{path}", self.url)), path, Some(body))
    }

    fn send(&self, request: minreq::Request, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(Value::to_string);
        let (status, text) = client::send(request, body.as_deref(), "", ANSWER_LIMIT)
            .with_context(|| format!("lnd's {path}"))?;
        if status != 200 {
            bail!("lnd's {path} answered {status}: {text}");
        }
        // A stream of answers has one in each line: the last one counts.
        let last = text.trim().lines().next_back().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("lnd's {path} answered no JSON: {text}"))
    }
}

impl Peer for Lnd {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn address(&self) -> String {
        format!("{}@tcp://127.0.0.1:{}", self.id, self.port)
    }

    fn height(&self) -> Result<u64> {
        let info = self.get("/v1/getinfo")?;
        let height = info.get("block_height").and_then(Value::as_u64);
        let height = height.context("/v1/getinfo has no block_height")?;
        // Until then it refuses channels.
        let is_synced = info.get("synced_to_chain").and_then(Value::as_bool) == Some(true);
        Ok(if is_synced { height } else { height.saturating_sub(1) })
    }

    fn new_address(&self) -> Result<String> {
        text(&self.get("/v1/newaddress?type=WITNESS_PUBKEY_HASH")?, "address")
    }

    fn onchain_sat(&self) -> Result<u64> {
        number(&self.get("/v1/balance/blockchain")?, "/total_balance")
    }

    fn lightning_msat(&self) -> Result<u64> {
        number(&self.get("/v1/balance/channels")?, "/local_balance/msat")
    }

    fn open_channel(&self, node_id: &str, capacity_sat: u64, push_sat: u64) -> Result<()> {
        let body = json!({
            "node_pubkey_string": node_id,
            "local_funding_amount": capacity_sat.to_string(),
            "push_sat": push_sat.to_string(),
            "private": true,
            "sat_per_vbyte": "2",
        });
        self.post("/v1/channels", &body).map(drop)
    }

    fn channels(&self) -> Result<Vec<PeerChannel>> {
        list(&self.get("/v1/channels")?, "channels").iter().map(channel).collect()
    }

    fn close_channel(&self, funding: &str, force: bool) -> Result<()> {
        let (txid, index) = funding.split_once(':').context("a funding output is `<txid>:<index>`")?;
        let how = if force { "force=true" } else { "sat_per_vbyte=2" };
        let url = format!("{}/v1/channels/{txid}/{index}?{how}", self.url);
        // A stream that ends with the confirmation: its first line says that the transaction is broadcast.
        let told = first_line(minreq::delete(url)).context("lnd's closing of a channel")?;
        if told.get("result").is_none() {
            bail!("lnd does not close a channel: {told}");
        }
        Ok(())
    }

    fn closing(&self) -> Result<usize> {
        let pending = self.get("/v1/channels/pending")?;
        let kinds = ["pending_closing_channels", "pending_force_closing_channels", "waiting_close_channels"];
        Ok(kinds.iter().map(|kind| list(&pending, kind).len()).sum())
    }

    fn invoice(&self, kind: InvoiceKind, amount_msat: Option<u64>) -> Result<Invoice> {
        let mut body = json!({ "memo": "interop", "value_msat": amount_msat.unwrap_or(0).to_string() });
        let (path, field) = match kind {
            InvoiceKind::Plain => ("/v1/invoices", None),
            InvoiceKind::Hold(hash) => ("/v2/invoices/hodl", Some(("hash", base64(&hash).into()))),
            InvoiceKind::Amp => ("/v1/invoices", Some(("is_amp", true.into()))),
        };
        if let (Some((name, value)), Some(fields)) = (field, body.as_object_mut()) {
            fields.insert(name.to_owned(), value);
        }
        let made = self.post(path, &body)?;
        Ok(Invoice { text: text(&made, "payment_request")?, key: text(&made, "payment_addr")? })
    }

    fn received(&self, invoice: &Invoice) -> Result<Received> {
        let key = invoice.key.replace('+', "-").replace('/', "_");
        received(&self.get(&format!("/v2/invoices/lookup?payment_addr={key}"))?)
    }

    fn received_unasked(&self) -> Result<Option<Received>> {
        let invoices = self.get("/v1/invoices?reversed=true&num_max_invoices=100")?;
        let unasked = |invoice: &&Value| {
            invoice.get("payment_request").and_then(Value::as_str).is_none_or(str::is_empty)
        };
        list(&invoices, "invoices").iter().rfind(unasked).map(received).transpose()
    }

    fn settle(&self, preimage: &[u8; 32]) -> Result<()> {
        self.post("/v2/invoices/settle", &json!({ "preimage": base64(preimage) })).map(drop)
    }

    fn cancel(&self, payment_hash: &[u8; 32]) -> Result<()> {
        self.post("/v2/invoices/cancel", &json!({ "payment_hash": base64(payment_hash) })).map(drop)
    }

    fn pay(&self, invoice: &str, order: &PayOrder) -> Result<Paid> {
        let mut body = json!({
            "payment_request": invoice,
            "timeout_seconds": PAY_LIMIT,
            "fee_limit_msat": order.max_fee_msat.to_string(),
            "max_parts": 16,
            "max_shard_size_msat": order.max_part_msat.to_string(),
            "amp": order.amp,
            "no_inflight_updates": true,
        });
        if let (Some(amount), Some(fields)) = (order.amount_msat, body.as_object_mut()) {
            fields.insert("amt_msat".to_owned(), amount.to_string().into());
        }
        let answer = self.post("/v2/router/send", &body)?;
        let payment = answer.get("result").with_context(|| format!("lnd did not pay: {answer}"))?;
        let is = |value: &Value, key: &str, what: &str| value.get(key).and_then(Value::as_str) == Some(what);
        if !is(payment, "status", "SUCCEEDED") {
            bail!("lnd did not pay: {payment}");
        }
        let arrived = list(payment, "htlcs").iter().filter(|htlc| is(htlc, "status", "SUCCEEDED"));
        let part = |htlc: &Value| -> Result<u64> {
            let (with_fees, fees) =
                (number(htlc, "/route/total_amt_msat")?, number(htlc, "/route/total_fees_msat")?);
            Ok(with_fees.saturating_sub(fees))
        };
        Ok(Paid {
            amount_msat: number(payment, "/value_msat")?,
            fee_msat: number(payment, "/fee_msat")?,
            preimage: text(payment, "payment_preimage")?,
            parts_msat: arrived.map(part).collect::<Result<_>>()?,
        })
    }
}

/// The first line of an answer that goes on.
fn first_line(request: minreq::Request) -> Result<Value> {
    let answer = request.with_timeout(ANSWER_LIMIT).send_lazy().context("no answer")?;
    let mut line = Vec::new();
    BufReader::new(answer).read_until(b'\n', &mut line).context("no answer")?;
    serde_json::from_slice(&line).with_context(|| format!("no JSON: {}", String::from_utf8_lossy(&line)))
}

fn channel(channel: &Value) -> Result<PeerChannel> {
    Ok(PeerChannel {
        node_id: text(channel, "remote_pubkey")?,
        funding: text(channel, "channel_point")?,
        active: channel.get("active").and_then(Value::as_bool).unwrap_or(false),
        pending_htlcs: list(channel, "pending_htlcs").len(),
        local_sat: number(channel, "/local_balance")?,
        remote_sat: number(channel, "/remote_balance")?,
    })
}

fn received(invoice: &Value) -> Result<Received> {
    let state = match text(invoice, "state")?.as_str() {
        "OPEN" => InvoiceState::Open,
        "ACCEPTED" => InvoiceState::Held,
        "SETTLED" => InvoiceState::Settled,
        "CANCELED" => InvoiceState::Cancelled,
        other => bail!("lnd's invoice has the state {other:?}"),
    };
    let htlcs = list(invoice, "htlcs").iter();
    let there = htlcs.filter(|htlc| htlc.get("state").and_then(Value::as_str) != Some("CANCELED"));
    let part = |htlc: &Value| -> Result<ReceivedPart> {
        let set = htlc.pointer("/amp/set_id").and_then(Value::as_str);
        Ok(ReceivedPart {
            amount_msat: number(htlc, "/amt_msat")?,
            channel: text(htlc, "chan_id")?,
            set: set.map(str::to_owned),
        })
    };
    Ok(Received {
        state,
        amount_msat: number(invoice, "/amt_paid_msat")?,
        parts: there.map(part).collect::<Result<_>>()?,
    })
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text.with_context(|| format!("lnd's answer has no `{key}`: {value}"))?.to_owned())
}

/// A number of 64 bits: a text, in protobuf's JSON.
fn number(value: &Value, pointer: &str) -> Result<u64> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    let text = text.with_context(|| format!("lnd's answer has no `{pointer}`: {value}"))?;
    text.parse().with_context(|| format!("lnd's `{pointer}` is {text:?}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_invoice_is_read_with_the_parts_that_are_there() {
        let htlc = |state: &str, amp: Value| json!({ "state": state, "amt_msat": "500", "chan_id": "7", "amp": amp });
        let invoice = json!({
            "state": "ACCEPTED",
            "amt_paid_msat": "1000",
            "htlcs": [
                htlc("CANCELED", Value::Null),
                htlc("ACCEPTED", Value::Null),
                htlc("ACCEPTED", json!({ "set_id": "AA==" })),
            ],
        });
        let part = |set: Option<&str>| ReceivedPart {
            amount_msat: 500,
            channel: "7".to_owned(),
            set: set.map(str::to_owned),
        };
        let parts = vec![part(None), part(Some("AA=="))];
        let expected = Received { state: InvoiceState::Held, amount_msat: 1_000, parts };
        assert_eq!(received(&invoice).unwrap(), expected);
        let error = received(&json!({ "state": "LOST" })).unwrap_err().to_string();
        assert!(error.contains("LOST"), "{error}");
    }
}
