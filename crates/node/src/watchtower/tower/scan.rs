//! Looking for revoked commitments in every block. Blocks are read whole: a filter would need the scripts, which nobody told.

use amplet_chain::ChainError;
use amplet_storage::{Store, StoreError, get_unless_damaged};
use bitcoin::{Block, BlockHash, Transaction};
use serde::{Deserialize, Serialize};

use super::breach::Breach;
use super::{Tower, kept};
use crate::base::Base;
use crate::ldk::staged::StagedWrites;
use crate::watchtower::kit::{Kit, hint};

const RECORD: &str = "tower/block";
/// Blocks that are read again when the last one was replaced.
const AGAIN: u32 = 12;
/// Target of the fee of what punishes, in blocks.
const TARGET: u16 = 6;

/// The last block that was looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct At {
    height: u32,
    hash: BlockHash,
}

/// How far blocks were looked through; nothing: nobody has been kept for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan(Option<At>);

impl Scan {
    /// Where an earlier run ended.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let bytes = get_unless_damaged(store, RECORD).await?;
        Ok(Self(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok())))
    }

    /// Stages it. Looking twice does no harm.
    pub fn stage(&self, staged: &StagedWrites) {
        // Plain data: its serialization has no failing case.
        if let Some(Ok(bytes)) = self.0.map(|at| serde_json::to_vec(&at)) {
            staged.put_at_leisure(RECORD, bytes);
        }
    }
}

/// Why a block could not be looked through.
#[derive(Debug, thiserror::Error)]
enum ScanError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tower {
    /// Looks through all blocks that the node has read.
    pub(super) async fn read_blocks(&self, base: &Base) {
        loop {
            match self.read_next(base).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    log::warn!("no block could be looked through for wallets: {error}");
                    return;
                }
            }
        }
    }

    /// Returns whether there was a block.
    async fn read_next(&self, base: &Base) -> Result<bool, ScanError> {
        let best = base.ldk.manager.current_best_block();
        let best = At { height: best.height, hash: best.block_hash };
        let is_idle = self.breaches.borrow().len() == 0
            && self.kept.borrow().as_ref().is_none_or(|kept| kept.states() == 0);
        let Some(at) = self.scan.borrow().0.filter(|_| !is_idle) else {
            // Of blocks that do not matter nothing is written.
            *self.scan.borrow_mut() = Scan(Some(best));
            return Ok(false);
        };
        if at == best {
            return Ok(false);
        }
        let hash_at = |height| base.chain.header_at(height).map(|header| header.block_hash());
        if at.height > best.height || hash_at(at.height) != Some(at.hash) {
            let height = at.height.min(best.height).saturating_sub(AGAIN);
            let hash = hash_at(height).unwrap_or(best.hash);
            log::info!("blocks from {height} on were replaced and are looked through again");
            self.breaches.borrow_mut().disconnected(height);
            *self.scan.borrow_mut() = Scan(Some(At { height, hash }));
            // Below the first block that is known there is none to begin with.
            return Ok(hash != best.hash);
        }
        let height = at.height.saturating_add(1);
        let Some(hash) = hash_at(height) else { return Ok(false) };
        let block = base.chain.block(&hash).await?;
        self.look_through(base, &block, height).await?;
        self.reached(base, At { height, hash });
        Ok(true)
    }

    fn reached(&self, base: &Base, at: At) {
        let scan = Scan(Some(at));
        scan.stage(&base.staged);
        *self.scan.borrow_mut() = scan;
    }

    async fn look_through(&self, base: &Base, block: &Block, height: u32) -> Result<(), StoreError> {
        for tx in &block.txdata {
            self.look_at(base, tx, height).await?;
        }
        let rate = base.ldk.fees.within(TARGET).to_sat_per_kwu();
        let (packages, over) = {
            let mut breaches = self.breaches.borrow_mut();
            block.txdata.iter().for_each(|tx| breaches.see(tx, height, &base.staged));
            (breaches.due(height, rate, &base.staged), breaches.take_over(height, &base.staged))
        };
        packages.into_iter().for_each(|tx| base.broadcast(vec![tx]));
        if let Some(kept) = &mut *self.kept.borrow_mut() {
            over.iter().for_each(|breach| kept.forget(&breach.wallet, &breach.channel, &base.staged));
        }
        base.notify.notify();
        Ok(())
    }

    /// Looks at one transaction: is it one of those that were revoked?
    async fn look_at(&self, base: &Base, tx: &Transaction, height: u32) -> Result<(), StoreError> {
        let txid = tx.compute_txid();
        let hint = hint(&txid);
        let places: Vec<_> = match &*self.kept.borrow() {
            Some(kept) => kept.find(&hint).into_iter().filter_map(|at| Some((at, kept.owner(at)?))).collect(),
            None => return Ok(()),
        };
        for (place, wallet) in places {
            let Some((channel, sealed)) = kept::read(&*base.store, &wallet, place, &hint).await? else {
                continue;
            };
            let transactions = Kit::open(&sealed, &txid).map(|kit| kit.transactions(tx)).unwrap_or_default();
            if transactions.is_empty() {
                log::warn!("{txid}: what {wallet} has left for it punishes nothing");
                continue;
            }
            log::warn!("{txid} is a revoked commitment of a channel of {wallet}: it is punished");
            let breach = Breach::new(wallet, channel, tx, height, transactions);
            self.breaches.borrow_mut().add(txid, breach, &base.staged);
            break;
        }
        Ok(())
    }
}
