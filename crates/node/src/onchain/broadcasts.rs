//! Broadcasts of on-chain payments, and the end of those that nobody takes.
//!
//! A source that refuses a transaction may relay it all the same, and one that takes it may drop it: no answer is proof.
//! So a payment stays pending until a block holds it, or until every source has refused it for a while and none shows it.

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::BroadcastError;
use amplet_protocol::page::{PaymentKind, TipAge};
use bitcoin::{Transaction, Txid};

use super::{Onchain, deposits};
use crate::ldk::bdk::SignedSend;
use crate::ledger::Outcome;
use crate::ledger::record::Key;

/// Number of blocks without a transaction after which all sources' refusal is believed.
const REFUSED_BLOCKS: u32 = 6;
/// Minimum time for which they refuse it, since blocks may come at once.
const REFUSED_FOR: Duration = Duration::from_secs(10 * 60);

/// The first of the refusals by all sources, none of which took the transaction since.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    /// Height of the newest block then.
    height: u32,
    /// Monotonic time.
    at: Duration,
}

impl Onchain {
    /// Broadcasts a payment that was recorded durably; resolves when a source has taken it or all have responded. It stays
    /// pending and is sent again at each block, whatever they say.
    pub(crate) async fn broadcast(&self, signed: &SignedSend) {
        // The sender is dropped when the node stops: the next session sends it again.
        if let Ok(Err(error)) = self.base.send(vec![signed.tx.clone()]).await {
            self.refused(&signed.tx, &error).await;
        }
    }

    /// Sends our own transactions that still wait again after the commit of the present step, which may hold the newest of
    /// them: the network may have forgotten them. What closes a channel together is one of them: it spends no coin of the savings, and
    /// LDK broadcasts it once, perhaps while no source was there to take it.
    pub(crate) fn rebroadcast(&self) {
        let waiting = self.base.ldk.wallet.waiting().into_iter();
        let ours = waiting.filter(|(tx, is_spend)| *is_spend || self.is_from_channel(tx));
        self.base.staged.rebroadcast(ours.map(|(tx, _)| tx).collect());
    }

    /// Sends one of our own transactions again, in the background.
    pub(crate) fn send_again(this: &Rc<Self>, tx: Transaction) {
        let (this, outcome) = (Rc::clone(this), this.base.send(vec![tx.clone()]));
        let base = Rc::clone(&this.base);
        base.while_open(async move {
            match outcome.await {
                Ok(Err(error)) => this.refused(&tx, &error).await,
                Ok(Ok(_)) => this.forget_refusal(tx.compute_txid()),
                Err(_) => {}
            }
        });
    }

    fn forget_refusal(&self, txid: Txid) {
        self.refusals.borrow_mut().remove(&txid);
    }

    /// No source took a transaction.
    async fn refused(&self, tx: &Transaction, error: &BroadcastError) {
        let txid = tx.compute_txid();
        if !matches!(error, BroadcastError::Rejected { .. }) {
            // One that is silent may have it.
            return self.forget_refusal(txid);
        }
        if self.is_refused_long(txid) && !self.may_be_out(tx).await {
            self.give_up(tx, error).await;
        }
    }

    /// Notes a refusal by all sources; returns whether they have refused it for long enough.
    fn is_refused_long(&self, txid: Txid) -> bool {
        let base = &self.base;
        let (height, now) = (base.ldk.manager.current_best_block().height, base.platform.monotonic());
        let first = *self.refusals.borrow_mut().entry(txid).or_insert(Refusal { height, at: now });
        height >= first.height.saturating_add(REFUSED_BLOCKS)
            && now.saturating_sub(first.at) >= REFUSED_FOR
            && base.tip_age() == TipAge::Recent
    }

    /// Returns whether a source shows the transaction in its mempool, or one that could does not respond.
    async fn may_be_out(&self, tx: &Transaction) -> bool {
        let scripts: Vec<_> = tx.output.iter().map(|output| output.script_pubkey.clone()).collect();
        let txid = tx.compute_txid();
        match self.base.chain.unconfirmed(&scripts).await {
            Ok(Some(look)) => !look.complete || look.found.iter().any(|seen| seen.tx.compute_txid() == txid),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Ends a payment that nobody takes; its coins can be spent again.
    async fn give_up(&self, tx: &Transaction, error: &BroadcastError) {
        let txid = tx.compute_txid();
        let key = Key::outbound(self.replacements.payment(txid));
        // Where one of several transactions is refused, another one may be the one that confirms.
        let is_ours = self
            .ledger
            .pending(key)
            .is_some_and(|payment| payment.kind == PaymentKind::Onchain && payment.replaced.is_empty());
        // A block may have come during the look.
        if !is_ours || self.base.ldk.wallet.confirmations(txid).is_some_and(|count| count > 0) {
            return;
        }
        log::warn!("on-chain payment {txid} is given up: {error}");
        self.forget_refusal(txid);
        self.base.ldk.wallet.evict(tx, self.base.now());
        let message = format!(
            "{error}; no block of the last {REFUSED_BLOCKS} holds it and no server shows it, so its coins are free again: send again, perhaps at a higher fee rate"
        );
        self.ledger.close(key, Outcome::Failed(deposits::rejected(message)), |_| ());
        let _ = self.base.flushed().await;
    }
}
