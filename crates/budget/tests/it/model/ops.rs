//! Operations and rules at random.

use amplet_budget::{Kind, Period, Rate, Rules, Window, WindowLimit};
use proptest::prelude::*;

use crate::common::{DAY, HOUR, NOON, msat};

const PERIODS: [Period; 4] = [Period::Hour, Period::Day, Period::Week, Period::Month];

#[derive(Clone, Debug)]
pub enum Op {
    Reserve {
        budget: u32,
        payment: u64,
        amount: u64,
        fee: u64,
        approve: bool,
    },
    /// Costs so many per mille of what is reserved.
    Commit {
        payment: u64,
        per_mille: u64,
    },
    Release {
        payment: u64,
    },
    Pass(u64),
    Back(u64),
    Flush,
    Crash,
}

pub fn op() -> impl Strategy<Value = Op> {
    let step = prop::sample::select(vec![
        0,
        1,
        250,
        1000,
        60_000,
        31 * 60_000,
        HOUR,
        5 * HOUR,
        DAY,
        3 * DAY,
        9 * DAY,
    ]);
    prop_oneof![
        6 => (0..5_u32, 0..12_u64, 1..700_u64, 0..50_u64, any::<bool>())
            .prop_map(|(budget, payment, amount, fee, approve)| Op::Reserve { budget, payment, amount, fee, approve }),
        5 => (0..12_u64, 0..=1000_u64).prop_map(|(payment, per_mille)| Op::Commit { payment, per_mille }),
        2 => (0..12_u64).prop_map(|payment| Op::Release { payment }),
        4 => step.clone().prop_map(Op::Pass),
        1 => step.prop_map(Op::Back),
        2 => Just(Op::Flush),
        1 => Just(Op::Crash),
    ]
}

pub fn rules() -> impl Strategy<Value = Rules> {
    let windows = prop::collection::btree_map((any::<bool>(), 0..4_usize), 300..3000_u64, 0..4);
    let rate = prop::option::weighted(0.3, (1..50_u64, 1..60_u32));
    let limits = (prop::option::weighted(0.3, 200..700_u64), prop::option::weighted(0.3, 1000..9000_u64));
    let rest = (prop::option::weighted(0.2, 0..600_u64), prop::option::weighted(0.2, 0..30 * DAY));
    (windows, rate, limits, rest).prop_map(|(windows, rate, (per_payment, total), (ask, expires))| Rules {
        windows: windows
            .into_iter()
            .map(|((rolling, period), limit)| WindowLimit {
                window: Window {
                    kind: if rolling { Kind::Rolling } else { Kind::Calendar },
                    period: PERIODS[period],
                },
                limit: msat(limit),
            })
            .collect(),
        rate: rate.map(|(per_second, keep_seconds)| Rate { per_second: msat(per_second), keep_seconds }),
        per_payment: per_payment.map(msat),
        // Budgets of others have to be bounded.
        total: Some(msat(total.unwrap_or(50_000))),
        ask_above: ask.map(msat),
        expires_ms: expires.map(|after| NOON + after),
        purposes: Vec::new(),
    })
}
