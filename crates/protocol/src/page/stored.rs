//! Payments and events as they are read back from storage.
//!
//! They are written as a page sees them, tagged and flattened; serde would read that through buffers of its own for each
//! type, 30 kB of the engine (docs/size.md). So they are read as plain structs with every field that there may be.

use serde::Deserialize;

use crate::PaymentId;

use super::{
    CustomRecord, Direction, Event, EventKind, Payment, PaymentKind, PaymentPart, PaymentStatus,
    StreamTotals, WalletError,
};

/// A [`Payment`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    state: State,
    error: Option<WalletError>,
    id: PaymentId,
    direction: Direction,
    kind: PaymentKind,
    amount_msat: Option<u64>,
    fee_msat: Option<u64>,
    description: String,
    invoice: Option<String>,
    payee: Option<String>,
    preimage: Option<String>,
    txid: Option<String>,
    confirmations: u32,
    hops: Option<u32>,
    created_at: u64,
    settled_at: Option<u64>,
    expires_at: Option<u64>,
    duration_ms: Option<u64>,
    #[serde(default)]
    parts: Vec<PaymentPart>,
    #[serde(default)]
    records: Vec<CustomRecord>,
    #[serde(default)]
    stream: Option<StreamTotals>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Pending,
    Succeeded,
    Failed,
}

/// A field that goes with the kind of a record is not there.
pub(super) struct Missing(&'static str);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the field `{}` is missing", self.0)
    }
}

impl TryFrom<Line> for Payment {
    type Error = Missing;

    fn try_from(line: Line) -> Result<Self, Missing> {
        let status = match line.state {
            State::Pending => PaymentStatus::Pending,
            State::Succeeded => PaymentStatus::Succeeded,
            State::Failed => PaymentStatus::Failed { error: line.error.ok_or(Missing("error"))? },
        };
        Ok(Self {
            status,
            id: line.id,
            direction: line.direction,
            kind: line.kind,
            amount_msat: line.amount_msat,
            fee_msat: line.fee_msat,
            description: line.description,
            invoice: line.invoice,
            payee: line.payee,
            preimage: line.preimage,
            txid: line.txid,
            confirmations: line.confirmations,
            hops: line.hops,
            created_at: line.created_at,
            settled_at: line.settled_at,
            expires_at: line.expires_at,
            duration_ms: line.duration_ms,
            parts: line.parts,
            records: line.records,
            stream: line.stream,
        })
    }
}

/// An [`Event`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Happening {
    id: u64,
    at: u64,
    r#type: Type,
    payment: Option<Box<Payment>>,
    holder: Option<String>,
    percent: Option<u8>,
    spent_msat: Option<u64>,
    limit_msat: Option<u64>,
    until: Option<u64>,
    parent: Option<String>,
    left_msat: Option<u64>,
    channel_id: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
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

impl TryFrom<Happening> for Event {
    type Error = Missing;

    fn try_from(it: Happening) -> Result<Self, Missing> {
        let payment = it.payment.ok_or(Missing("payment"));
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
    use super::super::ErrorCode;
    use super::*;

    fn payment(status: PaymentStatus) -> Payment {
        let begun = Payment::pending(PaymentId([0xaa; 32]), Direction::Outbound, PaymentKind::Keysend, 7);
        let records = vec![CustomRecord { record_type: 65_537, value: "00".into() }];
        Payment { status, amount_msat: Some(u64::MAX), records, ..begun }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let failed = PaymentStatus::Failed { error: WalletError::new(ErrorCode::NoRoute, "no way; wait") };
        for status in [PaymentStatus::Pending, PaymentStatus::Succeeded, failed] {
            let payment = payment(status);
            let json = serde_json::to_string(&payment).unwrap();
            assert_eq!(serde_json::from_str::<Payment>(&json).unwrap(), payment, "{json}");
        }
        let of = || Box::new(payment(PaymentStatus::Succeeded));
        let (holder, channel_id) = (String::from("site"), String::from("bb"));
        let kinds = [
            EventKind::PaymentReceived { payment: of() },
            EventKind::PaymentSent { payment: of() },
            EventKind::PaymentFailed { payment: of() },
            EventKind::DepositSeen { payment: of() },
            EventKind::DepositConfirmed { payment: of() },
            EventKind::BudgetUsed {
                holder: holder.clone(),
                percent: 80,
                spent_msat: 8,
                limit_msat: 10,
                until: None,
            },
            EventKind::BudgetLow { holder, parent: "child".into(), left_msat: 3 },
            EventKind::ChannelPending { channel_id: channel_id.clone() },
            EventKind::ChannelReady { channel_id: channel_id.clone() },
            EventKind::ChannelClosed { channel_id, reason: "both agreed".into() },
        ];
        for kind in kinds {
            let event = Event { id: 1, at: 2, kind };
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let json = serde_json::to_string(&payment(PaymentStatus::Pending)).unwrap();
        let torn = json.replace("pending", "failed");
        assert!(serde_json::from_str::<Payment>(&torn).unwrap_err().to_string().contains("`error`"));
        let torn = r#"{"id":1,"at":2,"type":"channelClosed","channelId":"bb"}"#;
        assert!(serde_json::from_str::<Event>(torn).unwrap_err().to_string().contains("`reason`"));
    }
}
