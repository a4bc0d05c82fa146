//! Stored records: a restart knows everything, old records stay readable, damaged ones are refused.

use crate::common::{Disk, NOON, at, cost, id, msat, request, site, window};
use amplet_budget::report::Report;
use amplet_budget::{BudgetId, Changes, Kind, LoadError, Period, Policy, Rate, Reason, Rules, STATE};
use proptest::prelude::*;

/// Records as the first release writes them.
const FORMAT_1: &[(&str, &str)] = &[
    (
        "policy/state/purse/00000001",
        r#"{"v":1,"value":{"holder":{"site":{"origin":"https://shop.example","topLevel":"https://shop.example","wallet":"main"}},"parent":0,"rules":{"perPayment":500,"windows":[{"window":{"kind":"calendar","period":"day"},"limit":1000},{"window":{"kind":"rolling","period":"hour"},"limit":900}],"rate":{"perSecond":100,"keepSeconds":60},"total":50000,"expiresMs":1900000000000,"askAbove":400,"purposes":["article"]},"closed":false}}"#,
    ),
    (
        "policy/state/tally/00000000",
        r#"{"v":1,"value":{"total":101,"totalTold":{"percent":0,"untilMs":0},"meters":[],"leak":{"used":0,"atMs":0},"lowParentTold":{"percent":0,"untilMs":0}}}"#,
    ),
    (
        "policy/state/tally/00000001",
        r#"{"v":1,"value":{"total":101,"totalTold":{"percent":0,"untilMs":0},"meters":[{"window":{"kind":"calendar","period":"day"},"spent":{"calendar":{"endMs":1795651200000,"amount":101}},"told":{"percent":0,"untilMs":0}},{"window":{"kind":"rolling","period":"hour"},"spent":{"rolling":{"slots":[[29926800,101]]}},"told":{"percent":0,"untilMs":0}}],"leak":{"used":101000,"atMs":1795608000000},"lowParentTold":{"percent":0,"untilMs":0}}}"#,
    ),
    ("policy/state/clock", r#"{"v":1,"value":{"latestMs":1795608000000,"days":0}}"#),
    (
        "policy/state/held/0000000000000002000000000000000000000000000000000000000000000000",
        r#"{"v":1,"value":{"purse":1,"cost":{"amount":200,"fee":7},"payee":"02aa","purpose":"article"}}"#,
    ),
    (
        "policy/state/today",
        r#"{"v":1,"value":{"date":{"year":2026,"month":11,"day":25},"lines":[{"purse":1,"purpose":"article","sum":{"payments":1,"cost":{"amount":100,"fee":1}}}]}}"#,
    ),
];

/// Policy that [`FORMAT_1`] tells of.
fn story() -> (Policy, Disk) {
    let rules = Rules {
        per_payment: Some(msat(500)),
        windows: vec![window(Kind::Calendar, Period::Day, 1000), window(Kind::Rolling, Period::Hour, 900)],
        rate: Some(Rate { per_second: msat(100), keep_seconds: 60 }),
        total: Some(msat(50_000)),
        expires_ms: Some(1_900_000_000_000),
        ask_above: Some(msat(400)),
        purposes: vec![amplet_budget::Purpose::parse("article").unwrap()],
    };
    let (mut policy, mut disk) = (Policy::default(), Disk::default());
    let (budget, changes) = policy.open(site("shop.example"), Some(BudgetId::USER), rules).unwrap();
    disk.write(changes);
    disk.write(policy.reserve(&request(budget, 1, 100, 3), &at(NOON)).unwrap());
    disk.write(policy.commit(id(1), cost(100, 1), &at(NOON)).unwrap());
    disk.write(policy.reserve(&request(budget, 2, 200, 7), &at(NOON)).unwrap());
    (policy, disk)
}

#[test]
fn the_first_releases_records_are_read_and_written_as_they_were() {
    let written: Vec<(String, String)> =
        story().1.0.into_iter().map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap())).collect();
    let mut fixed: Vec<(String, String)> =
        FORMAT_1.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    fixed.sort();
    assert_eq!(written, fixed);
    let (mut policy, damaged) = Policy::load(FORMAT_1.iter().copied()).unwrap();
    assert_eq!(damaged, []);
    assert_eq!(format!("{policy:?}"), format!("{:?}", story().0));
    assert_eq!(policy.reserved(id(2)).unwrap().cost, cost(200, 7));
    let changes = policy.commit(id(2), cost(200, 0), &at(NOON)).unwrap();
    assert_ne!(changes, Changes::default());
    assert_eq!(policy.usage(BudgetId(1), &at(NOON))[0].spent, msat(301));
}

#[test]
fn a_damaged_record_is_named_and_its_budget_denies() {
    for (name, text) in FORMAT_1 {
        for cut in [0, 1, text.len() / 2, text.len() - 1] {
            let cut = FORMAT_1.iter().map(|(n, t)| (*n, if n == name { &t[..cut] } else { *t }));
            let (mut policy, damaged) = Policy::load(cut).unwrap();
            assert_eq!(blamed(&damaged), [*name]);
            // Only the day's report hangs on that; the user's own budget has no limits.
            let small = |budget| request(budget, 9, 1, 0);
            let site_pays = policy.reserve(&small(BudgetId(1)), &at(NOON)).is_ok();
            assert_eq!(site_pays, name.ends_with("today"), "{name}");
            let user_pays = policy.reserve(&request(BudgetId::USER, 8, 1, 0), &at(NOON)).is_ok();
            assert_eq!(user_pays, !name.ends_with("tally/00000000"), "{name}");
        }
        let newer = text.replace("\"v\":1", "\"v\":2");
        let changed = FORMAT_1.iter().map(|(n, t)| (*n, if n == name { newer.as_str() } else { *t }));
        let expected = LoadError::NewerFormat { name: (*name).to_owned(), found: 2, supported: 1 };
        assert_eq!(Policy::load(changed).unwrap_err(), expected);
    }
}

#[test]
fn records_that_cannot_be_true_together_are_refused() {
    let changed = |name: &str, from: &str, to: &str| {
        let records = FORMAT_1.iter().map(|(n, t)| {
            let text = if *n == name { t.replace(from, to) } else { (*t).to_owned() };
            assert!(*n != name || text != *t, "{from} is not in {name}");
            (*n, text)
        });
        let (mut policy, damaged) = Policy::load(records.collect::<Vec<_>>()).unwrap();
        assert!(policy.reserve(&request(BudgetId(1), 9, 1, 0), &at(NOON)).is_err());
        assert_eq!(blamed(&damaged)[0], name);
        damaged[0].to_string()
    };
    let budget = "policy/state/purse/00000001";
    assert!(changed(budget, "\"parent\":0", "\"parent\":1").contains("cannot draw from"));
    assert!(changed(budget, "\"parent\":0", "\"parent\":7").contains("cannot draw from"));
    assert!(changed(budget, "\"limit\":1000", "\"limit\":0").contains("is 0"));
    assert!(changed(budget, "https://shop.example\",\"wallet", "null\",\"wallet").contains("not an origin"));
    assert!(changed(budget, "50000", "2100000000000000001").contains("more than all bitcoin"));
    let held = FORMAT_1[4].0;
    assert!(changed(held, "\"purse\":1", "\"purse\":3").contains("no such budget"));
    assert!(changed(held, "\"amount\":200", "\"amount\":0").contains("nothing"));
    assert!(
        changed("policy/state/tally/00000001", "29926800,101", "29926800,101],[5,1").contains("does not fit")
    );
    let (_, orphan) = Policy::load(FORMAT_1.iter().filter(|(name, _)| *name != budget).copied()).unwrap();
    assert_eq!(blamed(&orphan)[0], FORMAT_1[2].0, "what was spent from a budget that is gone");
    for stray in ["policy/state/purse/1", "policy/state/purse/99999999"] {
        let (policy, damaged) = Policy::load([(stray, FORMAT_1[0].1)]).unwrap();
        assert_eq!(blamed(&damaged), [stray]);
        assert_eq!(policy.budgets().count(), 1);
    }
}

fn blamed(damaged: &[LoadError]) -> Vec<&str> {
    let name = |error: &LoadError| match error {
        LoadError::Corrupt { name, .. } | LoadError::NewerFormat { name, .. } => name.clone(),
    };
    damaged.iter().map(name).map(|name| &*name.leak()).collect()
}

#[test]
fn a_budget_that_could_not_be_read_pays_again_once_it_is_given_rules() {
    let cut = |cut: &str| {
        let records = FORMAT_1.iter().map(|(name, text)| (*name, if *name == cut { "" } else { *text }));
        Policy::load(records.collect::<Vec<_>>()).unwrap().0
    };
    let mut policy = cut(FORMAT_1[2].0);
    let rules = policy.budget(BudgetId(1)).unwrap().rules.clone();
    let _ = policy.top_up(BudgetId(1), msat(1), &at(NOON)).unwrap();
    assert!(policy.reserve(&request(BudgetId(1), 9, 1, 0), &at(NOON)).is_err(), "more money is no answer");
    let _ = policy.set_rules(BudgetId(1), rules.clone()).unwrap();
    let _ = policy.reserve(&request(BudgetId(1), 9, 1, 0), &at(NOON)).unwrap();
    // Whose it was is lost with the record: its holder is given a new one.
    let mut policy = cut(FORMAT_1[0].0);
    assert_eq!(policy.budget_of(&site("shop.example")), None);
    let (id, _) = policy.open(site("shop.example"), Some(BudgetId::USER), rules).unwrap();
    assert_eq!(id, BudgetId(2));
    let _ = policy.reserve(&request(id, 9, 1, 0), &at(NOON)).unwrap();
}

#[test]
fn a_report_takes_only_records_of_the_day_they_are_named_for() {
    let (policy, _) = story();
    let mut report = Report::new(&policy);
    let day = FORMAT_1[5].1;
    assert!(report.add("policy/day/2026-11-24/000000000000", day.as_bytes()).is_err());
    assert!(report.add("policy/day/2026-11-25/000000000000", b"{}").is_err());
    let unknown = day.replace("\"purse\":1", "\"purse\":9");
    assert!(report.add("policy/day/2026-11-25/000000000000", unknown.as_bytes()).is_err());
    report.add("policy/day/2026-11-25/000000000000", day.as_bytes()).unwrap();
    assert_eq!(report.rows().next().unwrap().1.payments, 2);
}

#[test]
fn at_most_ten_thousand_payments_are_under_way() {
    let mut policy = Policy::default();
    for n in 0..10_000 {
        let _ = policy.reserve(&request(BudgetId::USER, n, 1, 0), &at(NOON)).unwrap();
    }
    let denied = policy.reserve(&request(BudgetId::USER, 10_000, 1, 0), &at(NOON)).unwrap_err();
    assert_eq!(denied.to_string(), Reason::TooManyReservations.to_string());
}

proptest! {
    #[test]
    fn no_bytes_under_any_name_make_it_panic(name in 0..6_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), tail in ".{0,20}") {
        let mut records: Vec<(String, Vec<u8>)> =
            FORMAT_1.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        let bytes = &mut records[name].1;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok((mut policy, _)) = Policy::load(records.clone()) {
            let _ = policy.commit(id(2), cost(1, 0), &crate::common::at(NOON));
            let _ = policy.reserve(&request(BudgetId(1), 3, 1, 1), &crate::common::at(NOON));
            let _ = policy.set_clock(&crate::common::at(0));
        }
        records[name].0 = format!("{STATE}{tail}");
        let _ = Policy::load(records);
    }
}
