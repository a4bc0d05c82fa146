//! Records of the ledger, damaged: `cargo run -p amplet-node --example fuzz_node -- records SECONDS [SEED]`. What is read is read
//! alike when it is written again.

use amplet_fuzz::{Dice, damage, run};
use amplet_node::{Msat, PaymentId, event_again, payment_again};
use amplet_protocol::ChannelId;
use amplet_protocol::page::{
    CustomRecord, Direction, ErrorCode, Event, EventKind, Payment, PaymentKind, PaymentStatus, ReplacedTx,
    WalletError,
};

fn main() {
    run(&[("records", records)]);
}

fn payment(dice: &mut Dice) -> Payment {
    let error = WalletError::new(ErrorCode::NoRoute, "no route");
    let status = [PaymentStatus::Pending, PaymentStatus::Succeeded, PaymentStatus::Failed { error }];
    let kinds = [PaymentKind::Bolt11, PaymentKind::Keysend, PaymentKind::Onchain];
    let kind = dice.pick(&kinds).copied().unwrap_or(PaymentKind::Bolt11);
    let begun = Payment::pending(PaymentId([7; 32]), Direction::Outbound, kind, dice.roll());
    let replaced =
        ReplacedTx { txid: "ab".into(), amount_msat: None, fee_msat: Some(Msat::MAX), cancels: true };
    Payment {
        status: dice.pick(&status).cloned().unwrap_or(PaymentStatus::Pending),
        amount_msat: Some(Msat::up_to_max(dice.roll())),
        records: vec![CustomRecord { record_type: 65_537, value: "00".into() }],
        replaced: vec![replaced],
        ..begun
    }
}

fn event(dice: &mut Dice) -> Event {
    let kind = match dice.below(4) {
        0 => EventKind::PaymentReceived { payment: Box::new(payment(dice)) },
        1 => EventKind::ChannelClosed { channel_id: ChannelId([1; 32]), reason: "both agreed".into() },
        2 => EventKind::BudgetUsed {
            holder: "a".into(),
            percent: 80,
            spent_msat: Msat::from(8),
            limit_msat: Msat::MAX,
            until: None,
        },
        _ => EventKind::BudgetLow { holder: "a".into(), parent: "b".into(), left_msat: Msat::from(3) },
    };
    Event { id: dice.roll(), at: dice.roll(), kind }
}

/// A record as earlier releases wrote it: the present form comes out of the first reading.
fn written(dice: &mut Dice) -> Vec<u8> {
    let json = match dice.below(2) {
        0 => serde_json::to_string(&payment(dice)),
        _ => serde_json::to_string(&event(dice)),
    };
    format!("{{\"v\":1,\"value\":{}}}", json.unwrap_or_default()).into_bytes()
}

fn records(seed: u64) {
    let mut dice = Dice(seed);
    let mut record = written(&mut dice);
    if dice.below(2) == 0 {
        record = payment_again(&record).or_else(|| event_again(&record)).unwrap_or(record);
    }
    if dice.below(8) > 0 {
        let other = written(&mut dice);
        damage(&mut dice, &mut record, &other);
    } else {
        assert!(payment_again(&record).or_else(|| event_again(&record)).is_some());
    }
    for again in [payment_again, event_again] {
        if let Some(written) = again(&record) {
            assert_eq!(again(&written).as_ref(), Some(&written));
        }
    }
}
