//! Being paid by a stream: one line of the history per session, whose amount is what has been received in all.

use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};
use bitcoin::hashes::{Hash, sha256};

use super::{MAX_SESSION, SESSION_RECORD, totals};
use crate::inner::Inner;
use crate::keysend::{InboundKeysend, Records};

/// The session that a keysend names: `None` when it names none, an error when what it names is no session.
pub(crate) fn session_of(records: &Records) -> Result<Option<String>, ()> {
    let Some((_, value)) = records.iter().find(|(record_type, _)| *record_type == SESSION_RECORD) else {
        return Ok(None);
    };
    let name = String::from_utf8(value.clone()).map_err(drop)?;
    if name.is_empty() || name.len() > MAX_SESSION { Err(()) } else { Ok(Some(name)) }
}

/// Notes a payment to a session; whether it is taken.
pub(crate) fn claimable(inner: &Inner, hash: &str, session: &str, offered: &InboundKeysend) -> bool {
    let ledger = &inner.ledger;
    let id = id_of(session);
    let known = ledger.streams.line(&id);
    let is_closed = match &known {
        Some(line) => line.stream.as_ref().is_none_or(|totals| !totals.open),
        None => ledger.contains(&id),
    };
    if is_closed || ledger.streams.has(hash) || !(inner.config.accept_keysend)(offered) {
        return false;
    }
    if known.is_none() {
        ledger.begin_stream(Payment {
            status: PaymentStatus::Succeeded,
            amount_msat: Some(0),
            fee_msat: Some(0),
            stream: Some(totals(session.to_owned())),
            ..Payment::begun(id.clone(), Direction::Inbound, PaymentKind::Stream, inner.now())
        });
    }
    ledger.stream_leaves(&id, hash, offered.amount_msat);
    true
}

/// A session's id in the history.
pub(crate) fn id_of(session: &str) -> String {
    sha256::Hash::hash(format!("amplet session {session}").as_bytes()).to_string()
}
