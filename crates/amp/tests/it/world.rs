//! A payer whose parts arrive as a test says.
#![allow(clippy::unwrap_used)]

use amplet_amp::{Amp, Child, Kept, Limits, Outgoing, Part, PaymentAddress, SetId, Share, Total};
use amplet_protocol::Msat;

pub const LIMITS: Limits = Limits { parts: 20, sets: 3, msat: Msat::MAX, secs: 120 };

/// A payment: its shares, and its total in msat.
pub struct Payer {
    pub outgoing: Outgoing,
    pub total_msat: u64,
    drawn: u8,
}

impl Payer {
    pub fn new(number: u8, total_msat: u64) -> Self {
        let outgoing = Outgoing::new(SetId([number; 32]), Share([number.wrapping_add(100); 32]));
        Self { outgoing, total_msat, drawn: number }
    }

    pub fn deal(&mut self, count: u32) -> Vec<Child> {
        let drawn = &mut self.drawn;
        let random = || {
            *drawn = drawn.wrapping_mul(31).wrapping_add(7);
            [*drawn; 32]
        };
        self.outgoing.deal(count, random).unwrap()
    }

    pub fn part(&self, child: Child, amount_msat: u64) -> Part {
        let amp: Amp = self.outgoing.record(child);
        let total =
            Total { address: PaymentAddress([9; 32]), total_msat: Msat::new(self.total_msat).unwrap() };
        Part {
            hash: child.hash(self.outgoing.root()),
            amount_msat: Msat::new(amount_msat).unwrap(),
            kept: Kept { amp, total },
            deadline: Some(1000),
            arrived_at: 50,
            is_claimed: false,
        }
    }
}
