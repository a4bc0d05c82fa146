//! Deposits that no block holds yet: shown at once to whoever waits for one, and never counted as confirmed.

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::SeenTransaction;
use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, ErrorCode, EventKind, Payment, PaymentKind, WalletError};
use bitcoin::Txid;
use futures::future::select;
use futures::pin_mut;

use super::Onchain;
use crate::ldk::bdk::payment_id;
use crate::ledger::record::Key;
use crate::ledger::{Ledger, Outcome};

/// Interval between looks while somebody probably watches: from an address being handed out on.
const ATTENTIVE_EVERY: Duration = Duration::from_secs(4);
/// Duration of that.
const ATTENTIVE_FOR: Duration = Duration::from_secs(15 * 60);
/// Interval otherwise.
const EVERY: Duration = Duration::from_secs(60);

/// Looks for deposits.
pub(crate) async fn follow_deposits(onchain: Rc<Onchain>) {
    let base = Rc::clone(&onchain.base);
    loop {
        onchain.look().await;
        let since = base.platform.monotonic().saturating_sub(ATTENTIVE_FOR);
        let attentive = onchain.address_asked_at.get().is_some_and(|at| at >= since);
        let pause = base.platform.sleep(if attentive { ATTENTIVE_EVERY } else { EVERY });
        let awaited = onchain.deposits_awaited.notified();
        pin_mut!(awaited);
        select(awaited, pause).await;
    }
}

impl Onchain {
    async fn look(&self) {
        let (base, ledger) = (&self.base, &self.ledger);
        let scripts = base.ldk.wallet.awaited();
        if scripts.is_empty() {
            return;
        }
        match base.chain.unconfirmed(&scripts).await {
            Ok(Some(look)) => {
                let is_ours = |tx: &_| self.is_from_channel(tx);
                let seen = base.ldk.wallet.seen(&look, &scripts, base.now(), is_ours);
                for (deposit, received_sat) in &seen.new {
                    arrived(ledger, base.now(), deposit, *received_sat);
                }
                look.found.iter().for_each(|deposit| borne_out(ledger, deposit));
                seen.gone.iter().for_each(|tx| self.gone(tx.compute_txid()));
                base.notify.notify();
            }
            Ok(None) => {}
            // The chain's own follower reports that the sources are away.
            Err(error) => log::debug!("unconfirmed deposits: {error}"),
        }
    }

    /// A deposit will not come, nor what was to pay for it.
    fn gone(&self, txid: Txid) {
        let message =
            "the sender's transaction was replaced or dropped before a block held it; ask the sender";
        let failed = || Outcome::Failed(rejected(message.to_owned()));
        self.ledger.close(Key::inbound(payment_id(txid)), failed(), |_| ());
        for child in self.base.ldk.wallet.children(txid) {
            self.ledger.close(Key::outbound(self.replacements.payment(child)), failed(), |_| ());
        }
    }
}

fn arrived(ledger: &Ledger, now: u64, deposit: &SeenTransaction, received_sat: u64) {
    let id = payment_id(deposit.tx.compute_txid());
    let payment = Payment {
        amount_msat: Msat::from_sat(received_sat).ok(),
        fee_msat: Some(Msat::ZERO),
        seen_by: Some(deposit.operators),
        ..Payment::onchain(id, Direction::Inbound, PaymentKind::Onchain, now)
    };
    ledger.record(payment.clone());
    ledger.raise(EventKind::DepositSeen { payment: Box::new(payment) });
}

/// More operators show a deposit than before.
fn borne_out(ledger: &Ledger, deposit: &SeenTransaction) {
    let key = Key::inbound(payment_id(deposit.tx.compute_txid()));
    if let Some(payment) = ledger.pending(key).filter(|p| p.seen_by.is_some_and(|by| by < deposit.operators))
    {
        ledger.record(Payment { seen_by: Some(deposit.operators), ..payment });
    }
}

/// A transaction that will not confirm.
pub(super) fn rejected(message: String) -> WalletError {
    WalletError::new(ErrorCode::BroadcastRejected, message)
}
