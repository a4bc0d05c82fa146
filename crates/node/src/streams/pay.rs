//! Paying a stream.

use amplet_budget::PaymentId as Id;
use amplet_protocol::page::{Direction, Payment, PaymentKind};
use bitcoin::secp256k1::PublicKey;
use hex_conservative::DisplayHex;
use lightning::sign::EntropySource;

use super::{MAX_SESSION, SESSION_RECORD, totals};
use crate::api::PayStream;
use crate::budgets::Authorization;
use crate::error::PayError;
use crate::inner::Inner;
use crate::keysend::Keysend;
use crate::payments::shown;

/// Payments of a stream that may be on their way at once; further ones wait for the payee.
const MOST_UNDER_WAY: usize = 50;

/// Where a stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTo {
    /// The node that is paid.
    pub payee: PublicKey,
    /// The payee's name for it, 1 to 64 bytes.
    pub session: String,
}

/// Why a stream does not take a payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Not a session's name.
    #[error("a session's name has 1 to 64 bytes, this one has {0}; use the one that the payee gave")]
    Session(usize),
    /// It has ended, or never was.
    #[error("this stream has ended; open a new one")]
    Ended,
    /// The payee does not take what was sent.
    #[error("{0} msat are on their way and the payee has not taken them; wait until it has")]
    Stalled(u64),
}

impl Inner {
    /// The open stream there, or a new one; answers its id.
    pub(crate) fn open_stream(&self, to: &StreamTo) -> Result<Id, PayError> {
        if to.session.is_empty() || to.session.len() > MAX_SESSION {
            return Err(StreamError::Session(to.session.len()).into());
        }
        if to.payee == self.ldk.manager.get_our_node_id() {
            return Err(PayError::Own);
        }
        let payee = Some(to.payee.to_string());
        let known = self.ledger.streams.lines.borrow().values().find_map(|line| {
            let payment = &line.payment;
            let same = payment.direction == Direction::Outbound
                && payment.payee == payee
                && payment.stream.as_ref().is_some_and(|totals| totals.open && totals.session == to.session);
            same.then(|| payment.id.clone())
        });
        if let Some(id) = known {
            return Ok(Id::from_hex(&id).map_err(|_| StreamError::Ended)?);
        }
        let id = Id(self.ldk.signer.get_secure_random_bytes());
        self.ledger.begin_stream(Payment {
            payee,
            amount_msat: Some(0),
            fee_msat: Some(0),
            stream: Some(totals(to.session.clone())),
            ..Payment::begun(id.to_string(), Direction::Outbound, PaymentKind::Stream, self.now())
        });
        Ok(id)
    }

    /// The next payment of an open stream.
    fn next_of(&self, stream: &str, amount_msat: u64, max_fee_msat: u64) -> Result<Keysend, PayError> {
        let lines = self.ledger.streams.lines.borrow();
        let open = |line: &&super::Line| line.is_open() && line.payment.direction == Direction::Outbound;
        let line = lines.get(stream).filter(open).ok_or(StreamError::Ended)?;
        let totals = line.payment.stream.as_ref().ok_or(StreamError::Ended)?;
        if line.under_way.pending.len() >= MOST_UNDER_WAY {
            return Err(StreamError::Stalled(totals.pending_msat).into());
        }
        let payee = line.payment.payee.as_ref().and_then(|payee| payee.parse().ok());
        let payee = payee.ok_or(StreamError::Ended)?;
        let records = vec![(SESSION_RECORD, totals.session.clone().into_bytes())];
        Ok(Keysend { payee, amount_msat, max_fee_msat, records })
    }

    pub(crate) async fn stream_pay(
        &self,
        pay: &PayStream,
        authorization: &Authorization,
    ) -> Result<Id, PayError> {
        let PayStream { stream, amount_msat, max_fee_msat } = pay;
        let (stream, amount_msat, max_fee_msat) = (&*stream.to_string(), *amount_msat, *max_fee_msat);
        let next = self.next_of(stream, amount_msat, max_fee_msat)?;
        self.check_payee(&next)?;
        let secret = self.secret();
        let hash = secret.id.0.to_lower_hex_string();
        let payment = Payment {
            amount_msat: Some(amount_msat),
            payee: Some(next.payee.to_string()),
            ..Payment::begun(hash.clone(), Direction::Outbound, PaymentKind::Stream, self.now())
        };
        self.ledger.budgets.reserve(&payment, max_fee_msat, authorization)?;
        let sent = self.hand_over(&payment, || self.spontaneous(&next, &secret)).await;
        drop(self.ldk.router.planned.take(secret.id));
        match &sent {
            Ok(()) => self.ledger.stream_leaves(stream, &hash, amount_msat),
            Err(error) => {
                self.ledger.settle(&hash, None);
                self.ledger.stream_refused(stream, shown(error));
            }
        }
        self.wake.wake();
        sent.map(|()| Id(secret.id.0))
    }
}
