//! Stored budgets, damaged: `cargo run --profile fuzz -p amplet-budget --example fuzz_budget -- budgets SECONDS [SEED]`. Whatever
//! the store holds, a policy is loaded or refused, and what it reserves is within the limits that could be read.

use std::collections::BTreeMap;

use amplet_budget::{
    BudgetId, Changes, Clock, Cost, Holder, Kind, Msat, Name, PaymentId, Period, Policy, Purpose, Request,
    Reservation, Rules, Utc, Window, WindowLimit,
};
use amplet_fuzz::{Dice, damage, run};

/// 2026-11-29, in ms.
const NOW: u64 = 1_795_910_400_000;
/// Limit of a budget's day.
const DAY: Msat = Msat::up_to_max(1_000);

fn main() {
    run(&[("budgets", budgets)]);
}

type Store = BTreeMap<String, Vec<u8>>;

fn store(records: &mut Store, changes: Changes) {
    for record in changes.records {
        match record.value {
            Some(value) => drop(records.insert(record.name, value)),
            None => drop(records.remove(&record.name)),
        }
    }
}

fn clock(dice: &mut Dice) -> Clock<'static> {
    Clock::new(NOW + dice.roll() % 200_000_000, &Utc)
}

fn request(dice: &mut Dice, budget: BudgetId) -> Request {
    let amount = |dice: &mut Dice| Msat::up_to_max(dice.roll() % 700);
    let payment = PaymentId([u8::try_from(dice.below(12)).unwrap_or_default(); 32]);
    let cost = Cost { amount: amount(dice), fee: amount(dice) };
    let purpose = Purpose::parse("game").unwrap_or_else(|error| panic!("{error}"));
    let reservation = Reservation { budget, cost, payee: String::new(), purpose };
    Request { payment, reservation }
}

/// A policy with budgets and payments, and what it stored.
fn made(dice: &mut Dice) -> Store {
    let mut records = Store::new();
    let mut policy = Policy::default();
    let window = Window { kind: Kind::Rolling, period: Period::Day };
    for number in 0..=dice.below(3) {
        let rules =
            Rules { windows: vec![WindowLimit { window, limit: DAY }], total: Some(DAY), ..Rules::default() };
        let name = Name::parse(&format!("app{number}")).ok();
        let opened = name.and_then(|id| policy.open(Holder::App { id }, None, rules).ok());
        opened.into_iter().for_each(|(_, changes)| store(&mut records, changes));
    }
    act(dice, &mut policy, &mut records);
    records
}

/// Pays, commits, releases.
fn act(dice: &mut Dice, policy: &mut Policy, records: &mut Store) {
    for _ in 0..dice.below(10) {
        let budgets: Vec<BudgetId> = policy.budgets().map(|(id, _)| id).collect();
        let budget = dice.pick(&budgets).copied().unwrap_or(BudgetId::USER);
        let (request, clock) = (request(dice, budget), clock(dice));
        if let Ok(changes) = policy.reserve(&request, &clock) {
            let is_new = !changes.records.is_empty();
            store(records, changes);
            for usage in policy.usage(budget, &clock) {
                let used = usage.spent.get() + usage.reserved.get();
                assert!(!is_new || used <= usage.limit.get(), "{usage:?}");
            }
        }
        if dice.below(2) == 0
            && let Ok(changes) = policy.commit(request.payment, request.reservation.cost, &clock)
        {
            store(records, changes);
        } else if dice.below(3) == 0 {
            store(records, policy.release(request.payment));
        }
    }
}

fn budgets(seed: u64) {
    let mut dice = Dice(seed);
    let mut records = made(&mut dice);
    let names: Vec<String> = records.keys().cloned().collect();
    for _ in 0..dice.below(4) {
        let (Some(name), Some(other)) = (dice.pick(&names), dice.pick(&names)) else { break };
        let other = records.get(other).cloned().unwrap_or_default();
        if let Some(value) = records.get_mut(name) {
            damage(&mut dice, value, &other);
        }
        if dice.below(5) == 0 {
            records.remove(name);
        }
    }
    let Ok((mut policy, _)) = Policy::load(records.iter()) else { return };
    act(&mut dice, &mut policy, &mut records);
}
