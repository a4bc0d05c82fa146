//! The budgets against a reference that keeps every payment and counts anew each time, under random interleavings of
//! reservations, ends, crashes and clocks that jump.
#![allow(clippy::arithmetic_side_effects)]

mod ops;
mod reference;
mod world;

use amplet_budget::{BudgetDenial, BudgetId, Clock, Policy, Reason, Rules};
use proptest::prelude::*;

use crate::common::{HOUR, NOON, cost, id, request};
use ops::{op, rules};
use reference::zone;
use world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_budgets_agree_with_the_reference(
        rules in prop::collection::vec(rules(), 5),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(rules);
        for op in &ops {
            world.apply(op);
        }
        world.model.assert_within(&world.rules);
    }

    #[test]
    fn a_refusal_says_when_the_money_is_free(
        rules in rules(),
        spends in prop::collection::vec((1..400_u64, 0..3 * HOUR), 1..40),
        needed in 1..700_u64,
    ) {
        let rules = Rules { ask_above: None, expires_ms: None, ..rules };
        let mut policy = Policy::default();
        let _ = policy.set_rules(BudgetId::USER, rules).unwrap();
        let mut now = NOON;
        for ((amount, pause), number) in spends.into_iter().zip(0..) {
            now += pause;
            if policy.reserve(&request(BudgetId::USER, number, amount, 0), &Clock::new(now, &zone)).is_ok() {
                let _ = policy.commit(id(number), cost(amount, 0), &Clock::new(now, &zone)).unwrap();
            }
        }
        let wanted = request(BudgetId::USER, 1000, needed, 0);
        // Each rule may name a later time; each named time is a step forward, and the last one is right.
        for _ in 0..20 {
            match policy.clone().reserve(&wanted, &Clock::new(now, &zone)) {
                Err(BudgetDenial::Refused(refusal)) => {
                    let Reason::Limit { rule, needed, limit, left, until_ms } = refusal.reason else { panic!("{refusal}") };
                    prop_assert!(left < needed || needed > limit);
                    let Some(until) = until_ms else { return Ok(()) };
                    prop_assert!(until > now);
                    // A moment before, that same rule still refuses.
                    let before = policy.clone().reserve(&wanted, &Clock::new(until - 1, &zone));
                    let refuses = |other: &Reason| matches!(other, Reason::Limit { rule: same, .. } if *same == rule);
                    let still = matches!(before, Err(BudgetDenial::Refused(refusal)) if refuses(&refusal.reason));
                    prop_assert!(still);
                    now = until;
                }
                Ok(_) => return Ok(()),
                Err(other) => panic!("{other}"),
            }
        }
        prop_assert!(false, "still refused at every time it named");
    }
}
