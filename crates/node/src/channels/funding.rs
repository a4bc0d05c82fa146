//! Transactions that fund channels: made when all peers have agreed, broadcast by LDK when all have signed, or never.

use std::collections::HashSet;

use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentKind, WalletError};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{FeeRate, ScriptBuf, Txid};
use lightning::events::FundingInfo;
use lightning::ln::types::ChannelId;

use super::{ChannelError, Channels};
use crate::ldk::bdk::payment_id;
use crate::ledger::Outcome;
use crate::ledger::record::Key;

/// A funding that LDK asks for.
pub(crate) struct Funding {
    pub temporary_id: ChannelId,
    pub peer: PublicKey,
    pub value_sat: u64,
    pub script: ScriptBuf,
    pub user_id: u128,
}

impl Channels {
    /// The peer accepted a channel that we open: builds and hands over its funding, once the peers of all that it funds have.
    pub(crate) fn fund(&self, funding: Funding) {
        let Funding { user_id, temporary_id, peer, .. } = funding;
        match self.of(user_id, |opening| opening.accept(funding)) {
            Some(None) => {}
            Some(Some((fundings, rate))) => {
                if let Err(error) = self.try_fund(&fundings, rate) {
                    self.fail(user_id, error.into(), "the funding transaction could not be made");
                }
            }
            None => {
                let (manager, message) = (&self.base.ldk.manager, "nobody waits for the channel any more");
                // LDK then drops the channel; closing it cannot fail in any way that matters.
                let _ = manager.force_close_broadcasting_latest_txn(&temporary_id, &peer, message.into());
            }
        }
    }

    fn try_fund(&self, fundings: &[Funding], rate: FeeRate) -> Result<(), ChannelError> {
        let ldk = &self.base.ldk;
        let outputs = fundings.iter().map(|funding| (funding.script.clone(), funding.value_sat)).collect();
        let reserve_sat = ldk.anchor_reserve_sat(fundings.len() as u64);
        let signed = ldk.wallet.build_funding(outputs, rate, reserve_sat)?;
        let txid = signed.tx.compute_txid();
        ldk.wallet.hold(&signed.tx);
        let channels: Vec<_> = fundings.iter().map(|it| (&it.temporary_id, &it.peer)).collect();
        let result = ldk.manager.batch_funding_transaction_generated(&channels, signed.tx);
        if let Err(error) = result {
            ldk.wallet.release(txid);
            return Err(ChannelError::Ldk(error));
        }
        let payee = match fundings {
            [only] => Some(only.peer.to_string()),
            _ => None,
        };
        self.ledger.record(Payment {
            amount_msat: Msat::from_sat(signed.amount_sat).ok(),
            fee_msat: Msat::from_sat(signed.fee_sat).ok(),
            payee,
            ..Payment::onchain(
                payment_id(txid),
                Direction::Outbound,
                PaymentKind::ChannelOpen,
                self.base.now(),
            )
        });
        Ok(())
    }

    /// A funding transaction will never be used: its coins are free again.
    pub(crate) fn discard(&self, funding: &FundingInfo) {
        let txid = match funding {
            FundingInfo::Tx { transaction } => transaction.compute_txid(),
            FundingInfo::OutPoint { outpoint } => outpoint.txid,
            FundingInfo::Contribution { .. } => return,
        };
        self.base.ldk.wallet.release(txid);
        self.fail_record(Key::outbound(payment_id(txid)));
    }

    /// Ends the records of openings that were cut short before all had signed, and frees their coins: LDK does not keep such
    /// channels over a restart (of one that had signed before the others there is a monitor), and their funding can never be
    /// broadcast.
    pub(crate) fn end_forgotten_openings(&self) {
        let ldk = &self.base.ldk;
        let fundings = self.list().into_iter().filter_map(|channel| channel.funding_txo.map(|txo| txo.txid));
        let fundings: HashSet<Txid> = fundings.collect();
        let is_forgotten = |payment: &Payment| {
            let txid = payment.txid.as_deref().and_then(|txid| txid.parse::<Txid>().ok());
            payment.kind == PaymentKind::ChannelOpen
                && txid.is_some_and(|txid| !fundings.contains(&txid) && !ldk.wallet.may_be_out(txid))
        };
        for payment in self.ledger.all_pending().iter().filter(|payment| is_forgotten(payment)) {
            self.fail_record(Key::of(payment));
        }
        ldk.wallet.release_forgotten();
        self.base.notify.notify();
    }

    /// Ends the record of an opening whose funding will never be broadcast.
    fn fail_record(&self, key: Key) {
        let message = "the gateway did not complete the channel; the money stayed in your savings";
        let error = WalletError::new(ErrorCode::ChannelUnavailable, message);
        self.ledger.close(key, Outcome::Failed(error), |_| ());
    }
}
