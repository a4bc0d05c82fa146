//! From the block at which a kit was written to the newest one, by whichever server is asked.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use amplet_node::lightning::chain::chaininterface::{
    BroadcasterInterface, ConfirmationTarget, FeeEstimator, TransactionType,
};
use amplet_node::lightning::util::logger::{Logger, Record};
use bitcoin::block::Header;
use bitcoin::consensus::encode::{Decodable, deserialize_hex};
use bitcoin::{Block, BlockHash, FeeRate, OutPoint, Transaction, Txid};
use serde_json::{Value, json};

use crate::ExitError;
use crate::channel::{Channel, Monitor, Spent};
use crate::server::{Client, Server};

/// Blocks after which progress is told.
const TOLD_EVERY: u32 = 1_000;

/// What LDK would broadcast, kept until it is looked at; its one fee rate; and nobody to log to.
pub struct Outbox {
    packages: Mutex<Vec<Vec<Transaction>>>,
    rate: FeeRate,
}

impl Outbox {
    /// Empty.
    #[must_use]
    pub fn new(rate: FeeRate) -> Self {
        Self { packages: Mutex::default(), rate }
    }

    /// Adds a transaction, if no package has it.
    pub fn broadcast_alone(&self, tx: &Transaction) {
        let mut packages = self.packages();
        if !packages.iter().flatten().any(|known| known == tx) {
            packages.push(vec![tx.clone()]);
        }
    }

    fn packages(&self) -> MutexGuard<'_, Vec<Vec<Transaction>>> {
        self.packages.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes everything out, package by package.
    pub fn take(&self) -> Vec<Vec<Transaction>> {
        std::mem::take(&mut self.packages())
    }
}

impl BroadcasterInterface for Outbox {
    fn broadcast_transactions(&self, txs: &[(&Transaction, TransactionType)]) {
        let package: Vec<Transaction> = txs.iter().map(|(tx, _)| (*tx).clone()).collect();
        let mut packages = self.packages();
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
}

impl FeeEstimator for Outbox {
    fn get_est_sat_per_1000_weight(&self, _: ConfirmationTarget) -> u32 {
        u32::try_from(self.rate.to_sat_per_kwu()).unwrap_or(u32::MAX)
    }
}

impl Logger for Outbox {
    fn log(&self, _: Record) {}
}

impl Client {
    /// Returns whether an output is spent.
    ///
    /// # Errors
    /// [`ExitError`].
    pub async fn spent(&self, output: OutPoint) -> Result<Spent, ExitError> {
        match &self.server {
            Server::Core { .. } => {
                let coin = async |mempool: bool| {
                    self.rpc("gettxout", json!([output.txid, output.vout, mempool])).await
                };
                // With the mempool, since its transactions' outputs count as well.
                if !coin(true).await?.is_null() {
                    return Ok(Spent::No);
                }
                Ok(if coin(false).await?.is_null() { Spent::Yes } else { Spent::Waits })
            }
            Server::Esplora { .. } => Ok(match self.esplora_spend(output).await? {
                None => Spent::No,
                Some((_, None)) => Spent::Waits,
                Some((_, Some(_))) => Spent::Yes,
            }),
        }
    }

    /// Tells monitors what blocks have brought since they were written.
    pub(crate) async fn follow(
        &self,
        channels: &[Channel],
        outbox: &Outbox,
        told: &dyn Fn(String),
    ) -> Result<(), ExitError> {
        let tip = self.tip().await?;
        let header: Header = self.header(self.block_hash(tip).await?).await?;
        let mut closed = Vec::new();
        for channel in channels {
            let known = self.to_fork(&channel.monitor, tip, outbox).await?;
            if channel.spent == Spent::Yes {
                closed.push((&channel.monitor, known));
            }
        }
        match &self.server {
            Server::Core { .. } => self.blocks(&closed, tip, outbox, told).await?,
            Server::Esplora { .. } => self.spends(&closed, outbox, told).await?,
        }
        for channel in channels {
            channel.monitor.best_block_updated(&header, tip, outbox, outbox, outbox);
        }
        Ok(())
    }

    /// The height of the last block that a monitor has seen and that was not replaced. It is told that transactions above it are in no block
    /// any more, rather than of the blocks' end, at which it would drop what it claimed at their heights (as in `amplet-node`).
    async fn to_fork(&self, monitor: &Monitor, tip: u32, outbox: &Outbox) -> Result<u32, ExitError> {
        let best = monitor.current_best_block();
        if best.height > tip {
            return Err(ExitError::Behind { server: tip, kit: best.height });
        }
        if self.block_hash(best.height).await? == best.block_hash {
            return Ok(best.height);
        }
        let before = (0..best.height).rev().zip(best.previous_blocks.iter().flatten());
        for (height, hash) in before {
            if self.block_hash(height).await? == *hash {
                let gone = monitor.get_relevant_txids().into_iter().filter(|(_, at, _)| *at > height);
                gone.for_each(|(txid, ..)| monitor.transaction_unconfirmed(&txid, outbox, outbox, outbox));
                return Ok(height);
            }
        }
        Err(ExitError::OtherChain { kit: best.height })
    }

    /// Reads every block: Bitcoin Core has no index of spends.
    async fn blocks(
        &self,
        closed: &[(&Monitor, u32)],
        tip: u32,
        outbox: &Outbox,
        told: &dyn Fn(String),
    ) -> Result<(), ExitError> {
        let Some(known) = closed.iter().map(|(_, known)| *known).min() else {
            return Ok(());
        };
        told(format!("reading {} blocks for what closed channels left", tip.saturating_sub(known)));
        for height in known.saturating_add(1)..=tip {
            let hash = self.block_hash(height).await?;
            let block: Block = decoded(&self.rpc("getblock", json!([hash, 0])).await?)?;
            let all: Vec<(usize, &Transaction)> = block.txdata.iter().enumerate().collect();
            for (monitor, _) in closed.iter().filter(|(_, known)| *known < height) {
                monitor.block_connected(&block.header, &all, height, outbox, outbox, outbox);
            }
            if height % TOLD_EVERY == 0 {
                told(format!("block {height} of {tip}"));
            }
        }
        Ok(())
    }

    /// Asks for the spends of what monitors watch, until there are no further ones.
    async fn spends(
        &self,
        closed: &[(&Monitor, u32)],
        outbox: &Outbox,
        told: &dyn Fn(String),
    ) -> Result<(), ExitError> {
        if !closed.is_empty() {
            told("asking for what closed channels left".into());
        }
        for (monitor, _) in closed {
            let mut known: HashSet<Txid> = HashSet::new();
            loop {
                let mut news = Vec::new();
                for (txid, outputs) in monitor.get_outputs_to_watch() {
                    for (vout, _) in outputs {
                        let spend = self.esplora_spend(OutPoint { txid, vout }).await?;
                        if let Some((spend, Some(block))) = spend
                            && known.insert(spend)
                        {
                            news.push((block, spend));
                        }
                    }
                }
                if news.is_empty() {
                    break;
                }
                news.sort_unstable_by_key(|((height, _), _)| *height);
                for ((height, hash), txid) in news {
                    let header: Header = self.header(hash).await?;
                    let tx: Transaction = hex(&self.text(&format!("/tx/{txid}/hex")).await?)?;
                    monitor.transactions_confirmed(&header, &[(0, &tx)], height, outbox, outbox, outbox);
                }
            }
        }
        Ok(())
    }

    /// The transaction that spends an output, and its block's height and hash. `None`: nobody has spent it.
    async fn esplora_spend(
        &self,
        output: OutPoint,
    ) -> Result<Option<(Txid, Option<(u32, BlockHash)>)>, ExitError> {
        let answer = self.get(&format!("/tx/{}/outspend/{}", output.txid, output.vout)).await?;
        if answer.get("spent") != Some(&Value::Bool(true)) {
            return Ok(None);
        }
        let spend = || {
            let txid: Txid = answer.get("txid")?.as_str()?.parse().ok()?;
            let status = answer.get("status")?;
            if status.get("confirmed") != Some(&Value::Bool(true)) {
                return Some((txid, None));
            }
            let height = u32::try_from(status.get("block_height")?.as_u64()?).ok()?;
            Some((txid, Some((height, status.get("block_hash")?.as_str()?.parse().ok()?))))
        };
        spend().map(Some).ok_or_else(|| ExitError::Server(format!("a spend is not readable: {answer}")))
    }

    async fn tip(&self) -> Result<u32, ExitError> {
        let tip = match &self.server {
            Server::Core { .. } => self.rpc("getblockcount", json!([])).await?,
            Server::Esplora { .. } => self.get("/blocks/tip/height").await?,
        };
        let height = tip.as_u64().and_then(|height| u32::try_from(height).ok());
        height.ok_or_else(|| ExitError::Server(format!("a height is not readable: {tip}")))
    }

    async fn block_hash(&self, height: u32) -> Result<BlockHash, ExitError> {
        let text = match &self.server {
            Server::Core { .. } => {
                let hash = self.rpc("getblockhash", json!([height])).await?;
                hash.as_str().unwrap_or_default().to_owned()
            }
            Server::Esplora { .. } => self.text(&format!("/block-height/{height}")).await?,
        };
        text.trim().parse().map_err(|_| ExitError::Server(format!("a block's hash is not readable: {text}")))
    }

    async fn header(&self, hash: BlockHash) -> Result<Header, ExitError> {
        match &self.server {
            Server::Core { .. } => decoded(&self.rpc("getblockheader", json!([hash, false])).await?),
            Server::Esplora { .. } => hex(&self.text(&format!("/block/{hash}/header")).await?),
        }
    }

    /// The transaction of a confirmed output that nobody has spent.
    ///
    /// # Errors
    /// [`ExitError`].
    pub(crate) async fn transaction_of(&self, output: OutPoint) -> Result<Transaction, ExitError> {
        let OutPoint { txid, vout } = output;
        match &self.server {
            Server::Core { .. } => {
                let coin = self.rpc("gettxout", json!([txid, vout])).await?;
                let confirmations = coin.get("confirmations").and_then(Value::as_u64).unwrap_or(1);
                let depth = u32::try_from(confirmations.saturating_sub(1)).unwrap_or(0);
                let hash = self.block_hash(self.tip().await?.saturating_sub(depth)).await?;
                decoded(&self.rpc("getrawtransaction", json!([txid, false, hash])).await?)
            }
            Server::Esplora { .. } => hex(&self.text(&format!("/tx/{txid}/hex")).await?),
        }
    }
}

fn decoded<T: Decodable>(answer: &Value) -> Result<T, ExitError> {
    hex(answer.as_str().unwrap_or_default())
}

fn hex<T: Decodable>(text: &str) -> Result<T, ExitError> {
    deserialize_hex(text.trim())
        .map_err(|error| ExitError::Server(format!("an answer is not readable: {error}")))
}
