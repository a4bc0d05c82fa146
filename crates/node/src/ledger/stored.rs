//! Payments and events as they are stored.
//!
//! Their wire form is tagged and flattened, which serde would read through buffers of its own for each type, 30 kB of the
//! engine (docs/size.md). So they are stored as plain structs with every field that there may be.

use std::collections::BTreeMap;

use amplet_protocol::page::{
    CustomRecord, Direction, Event, EventKind, FiatRate, Payment, PaymentKind, PaymentPart, PaymentStatus,
    ReplacedTx, StreamTotals, WalletError,
};
use amplet_protocol::{ChannelId, Msat, PaymentId};
use serde::{Deserialize, Serialize};

/// A payment's stored form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredPayment {
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<WalletError>,
    id: PaymentId,
    direction: Direction,
    kind: PaymentKind,
    amount_msat: Option<Msat>,
    fee_msat: Option<Msat>,
    description: String,
    invoice: Option<String>,
    payee: Option<String>,
    preimage: Option<String>,
    txid: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<ReplacedTx>,
    #[serde(default)]
    cancels: bool,
    confirmations: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen_by: Option<u32>,
    hops: Option<u32>,
    created_at: u64,
    settled_at: Option<u64>,
    expires_at: Option<u64>,
    duration_ms: Option<u64>,
    #[serde(default)]
    parts: Vec<PaymentPart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    records: Vec<CustomRecord>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<FiatRate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<StreamTotals>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Pending,
    Succeeded,
    Failed,
}

/// A field that goes with the kind of a record is not there.
#[derive(Debug)]
pub(super) struct Missing(&'static str);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the field `{}` is missing", self.0)
    }
}

impl From<&Payment> for StoredPayment {
    fn from(payment: &Payment) -> Self {
        let (state, error) = match &payment.status {
            PaymentStatus::Pending => (State::Pending, None),
            PaymentStatus::Succeeded => (State::Succeeded, None),
            PaymentStatus::Failed { error } => (State::Failed, Some(error.clone())),
        };
        Self {
            state,
            error,
            id: payment.id,
            direction: payment.direction,
            kind: payment.kind,
            amount_msat: payment.amount_msat,
            fee_msat: payment.fee_msat,
            description: payment.description.clone(),
            invoice: payment.invoice.clone(),
            payee: payment.payee.clone(),
            preimage: payment.preimage.clone(),
            txid: payment.txid.clone(),
            replaced: payment.replaced.clone(),
            cancels: payment.cancels,
            confirmations: payment.confirmations,
            seen_by: payment.seen_by,
            hops: payment.hops,
            created_at: payment.created_at,
            settled_at: payment.settled_at,
            expires_at: payment.expires_at,
            duration_ms: payment.duration_ms,
            parts: payment.parts.clone(),
            records: payment.records.clone(),
            metadata: payment.metadata.clone(),
            rate: payment.rate.clone(),
            stream: payment.stream.clone(),
        }
    }
}

impl TryFrom<StoredPayment> for Payment {
    type Error = Missing;

    fn try_from(stored: StoredPayment) -> Result<Self, Missing> {
        let status = match stored.state {
            State::Pending => PaymentStatus::Pending,
            State::Succeeded => PaymentStatus::Succeeded,
            State::Failed => PaymentStatus::Failed { error: stored.error.ok_or(Missing("error"))? },
        };
        Ok(Self {
            status,
            id: stored.id,
            direction: stored.direction,
            kind: stored.kind,
            amount_msat: stored.amount_msat,
            fee_msat: stored.fee_msat,
            description: stored.description,
            invoice: stored.invoice,
            payee: stored.payee,
            preimage: stored.preimage,
            txid: stored.txid,
            replaced: stored.replaced,
            cancels: stored.cancels,
            confirmations: stored.confirmations,
            seen_by: stored.seen_by,
            hops: stored.hops,
            created_at: stored.created_at,
            settled_at: stored.settled_at,
            expires_at: stored.expires_at,
            duration_ms: stored.duration_ms,
            parts: stored.parts,
            records: stored.records,
            metadata: stored.metadata,
            rate: stored.rate,
            stream: stored.stream,
        })
    }
}

/// An event's stored form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredEvent {
    id: u64,
    at: u64,
    r#type: Type,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<Box<StoredPayment>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spent_msat: Option<Msat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_msat: Option<Msat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_msat: Option<Msat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel_id: Option<ChannelId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Type {
    PaymentReceived,
    PaymentSent,
    PaymentFailed,
    DepositSeen,
    DepositConfirmed,
    #[serde(alias = "purseUsed")] // in records of format 1
    BudgetUsed,
    #[serde(alias = "purseLow")] // in records of format 1
    BudgetLow,
    ChannelPending,
    ChannelReady,
    ChannelClosed,
}

impl From<&Event> for StoredEvent {
    fn from(event: &Event) -> Self {
        let of = |r#type| Self { id: event.id, at: event.at, ..Self::empty(r#type) };
        let with = |r#type, payment: &Payment| Self { payment: Some(Box::new(payment.into())), ..of(r#type) };
        match &event.kind {
            EventKind::PaymentReceived { payment } => with(Type::PaymentReceived, payment),
            EventKind::PaymentSent { payment } => with(Type::PaymentSent, payment),
            EventKind::PaymentFailed { payment } => with(Type::PaymentFailed, payment),
            EventKind::DepositSeen { payment } => with(Type::DepositSeen, payment),
            EventKind::DepositConfirmed { payment } => with(Type::DepositConfirmed, payment),
            EventKind::BudgetUsed { holder, percent, spent_msat, limit_msat, until } => Self {
                holder: Some(holder.clone()),
                percent: Some(*percent),
                spent_msat: Some(*spent_msat),
                limit_msat: Some(*limit_msat),
                until: *until,
                ..of(Type::BudgetUsed)
            },
            EventKind::BudgetLow { holder, parent, left_msat } => Self {
                holder: Some(holder.clone()),
                parent: Some(parent.clone()),
                left_msat: Some(*left_msat),
                ..of(Type::BudgetLow)
            },
            EventKind::ChannelPending { channel_id } => {
                Self { channel_id: Some(*channel_id), ..of(Type::ChannelPending) }
            }
            EventKind::ChannelReady { channel_id } => {
                Self { channel_id: Some(*channel_id), ..of(Type::ChannelReady) }
            }
            EventKind::ChannelClosed { channel_id, reason } => Self {
                channel_id: Some(*channel_id),
                reason: Some(reason.clone()),
                ..of(Type::ChannelClosed)
            },
        }
    }
}

impl StoredEvent {
    /// With no field beside its type.
    fn empty(r#type: Type) -> Self {
        Self {
            id: 0,
            at: 0,
            r#type,
            payment: None,
            holder: None,
            percent: None,
            spent_msat: None,
            limit_msat: None,
            until: None,
            parent: None,
            left_msat: None,
            channel_id: None,
            reason: None,
        }
    }
}

impl TryFrom<StoredEvent> for Event {
    type Error = Missing;

    fn try_from(it: StoredEvent) -> Result<Self, Missing> {
        let payment = it.payment.ok_or(Missing("payment"));
        let payment = payment.and_then(|payment| Ok(Box::new(Payment::try_from(*payment)?)));
        let holder = it.holder.ok_or(Missing("holder"));
        let channel_id = it.channel_id.ok_or(Missing("channelId"));
        let kind = match it.r#type {
            Type::PaymentReceived => EventKind::PaymentReceived { payment: payment? },
            Type::PaymentSent => EventKind::PaymentSent { payment: payment? },
            Type::PaymentFailed => EventKind::PaymentFailed { payment: payment? },
            Type::DepositSeen => EventKind::DepositSeen { payment: payment? },
            Type::DepositConfirmed => EventKind::DepositConfirmed { payment: payment? },
            Type::BudgetUsed => EventKind::BudgetUsed {
                holder: holder?,
                percent: it.percent.ok_or(Missing("percent"))?,
                spent_msat: it.spent_msat.ok_or(Missing("spentMsat"))?,
                limit_msat: it.limit_msat.ok_or(Missing("limitMsat"))?,
                until: it.until,
            },
            Type::BudgetLow => EventKind::BudgetLow {
                holder: holder?,
                parent: it.parent.ok_or(Missing("parent"))?,
                left_msat: it.left_msat.ok_or(Missing("leftMsat"))?,
            },
            Type::ChannelPending => EventKind::ChannelPending { channel_id: channel_id? },
            Type::ChannelReady => EventKind::ChannelReady { channel_id: channel_id? },
            Type::ChannelClosed => EventKind::ChannelClosed {
                channel_id: channel_id?,
                reason: it.reason.ok_or(Missing("reason"))?,
            },
        };
        Ok(Self { id: it.id, at: it.at, kind })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use amplet_protocol::page::ErrorCode;

    fn payment(status: PaymentStatus) -> Payment {
        let begun = Payment::pending(PaymentId([0xaa; 32]), Direction::Outbound, PaymentKind::Keysend, 7);
        let records = vec![CustomRecord { record_type: 65_537, value: "00".into() }];
        let replaced = vec![ReplacedTx {
            txid: "ab".into(),
            amount_msat: None,
            fee_msat: Some(Msat::from(7)),
            cancels: true,
        }];
        Payment { status, amount_msat: Some(Msat::MAX), records, replaced, cancels: true, ..begun }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let failed = PaymentStatus::Failed { error: WalletError::new(ErrorCode::NoRoute, "no route; wait") };
        for status in [PaymentStatus::Pending, PaymentStatus::Succeeded, failed] {
            let payment = payment(status);
            let json = serde_json::to_string(&StoredPayment::from(&payment)).unwrap();
            // Also what earlier releases wrote: a payment as pages see it.
            let wire = serde_json::to_string(&payment).unwrap();
            for json in [json, wire] {
                let stored: StoredPayment = serde_json::from_str(&json).unwrap();
                assert_eq!(Payment::try_from(stored).unwrap(), payment, "{json}");
            }
        }
        let of = || Box::new(payment(PaymentStatus::Succeeded));
        let (holder, channel_id) = (String::from("site"), ChannelId([0xbb; 32]));
        let kinds = [
            EventKind::PaymentReceived { payment: of() },
            EventKind::PaymentSent { payment: of() },
            EventKind::PaymentFailed { payment: of() },
            EventKind::DepositSeen { payment: of() },
            EventKind::DepositConfirmed { payment: of() },
            EventKind::BudgetUsed {
                holder: holder.clone(),
                percent: 80,
                spent_msat: Msat::from(8),
                limit_msat: Msat::from(10),
                until: None,
            },
            EventKind::BudgetLow { holder, parent: "child".into(), left_msat: Msat::from(3) },
            EventKind::ChannelPending { channel_id },
            EventKind::ChannelReady { channel_id },
            EventKind::ChannelClosed { channel_id, reason: "both agreed".into() },
        ];
        for kind in kinds {
            let event = Event { id: 1, at: 2, kind };
            let json = serde_json::to_string(&StoredEvent::from(&event)).unwrap();
            let wire = serde_json::to_string(&event).unwrap();
            for json in [json, wire] {
                let stored: StoredEvent = serde_json::from_str(&json).unwrap();
                assert_eq!(Event::try_from(stored).unwrap(), event, "{json}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let json = serde_json::to_string(&StoredPayment::from(&payment(PaymentStatus::Pending))).unwrap();
        let torn = json.replace("pending", "failed");
        let torn: StoredPayment = serde_json::from_str(&torn).unwrap();
        assert!(Payment::try_from(torn).unwrap_err().to_string().contains("`error`"));
        let torn = r#"{"id":1,"at":2,"type":"channelClosed","channelId":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}"#;
        let torn: StoredEvent = serde_json::from_str(torn).unwrap();
        assert!(Event::try_from(torn).unwrap_err().to_string().contains("`reason`"));
    }
}
