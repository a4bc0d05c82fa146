//! Helpers that the tests share: short names for requests, and a store that takes changes whole.

use std::collections::BTreeMap;

use amplet_budget::{
    BudgetId, Changes, Clock, Cost, DAYS, Holder, Kind, Msat, Name, Origin, PaymentId, Period, Policy,
    Purpose, Request, Reservation, Rules, STATE, Utc, Window, WindowLimit,
};

pub const HOUR: u64 = 3_600_000;
pub const DAY: u64 = 24 * HOUR;
/// Wednesday 2026-11-25, 12:00 UTC.
pub const NOON: u64 = 1_795_608_000_000;

pub fn at(ms: u64) -> Clock<'static> {
    Clock::new(ms, &Utc)
}

pub fn msat(msat: u64) -> Msat {
    Msat::new(msat).unwrap()
}

pub fn cost(amount: u64, fee: u64) -> Cost {
    Cost { amount: msat(amount), fee: msat(fee) }
}

pub fn id(number: u64) -> PaymentId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    PaymentId(id)
}

pub fn request(budget: BudgetId, number: u64, amount: u64, fee: u64) -> Request {
    let purpose = Purpose::parse("article").unwrap();
    let reservation = Reservation { budget, cost: cost(amount, fee), payee: "02aa".into(), purpose };
    Request { payment: id(number), reservation }
}

pub fn site(host: &str) -> Holder {
    let origin = Origin::parse(&format!("https://{host}")).unwrap();
    Holder::Site { top_level: origin.clone(), origin, wallet: Name::parse("main").unwrap() }
}

pub fn window(kind: Kind, period: Period, limit: u64) -> WindowLimit {
    WindowLimit { window: Window { kind, period }, limit: msat(limit) }
}

pub fn per_day(limit: u64) -> Rules {
    Rules { windows: vec![window(Kind::Calendar, Period::Day, limit)], ..Rules::default() }
}

/// Content of the disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(pub BTreeMap<String, Vec<u8>>);

impl Disk {
    pub fn write(&mut self, changes: Changes) {
        let names =
            changes.records.iter().map(|record| &record.name).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names.len(), changes.records.len(), "a name is written twice");
        for record in changes.records {
            match record.value {
                Some(value) => self.0.insert(record.name, value),
                None => self.0.remove(&record.name),
            };
        }
    }

    pub fn load(&self) -> Policy {
        let (policy, damaged) =
            Policy::load(self.0.iter().filter(|(name, _)| name.starts_with(STATE))).unwrap();
        assert_eq!(damaged, []);
        policy
    }

    pub fn days(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.0.iter().filter(|(name, _)| name.starts_with(DAYS))
    }
}
