//! Reports of spending, and the size of what is stored for them.

use amplet_budget::report::Report;
use amplet_budget::{BudgetId, Holder, Kind, Name, Period, Policy, Purpose, Rules};

use crate::budgets::{budget, pay};
use crate::common::{DAY, Disk, NOON, at, cost, id, per_day, request, site, window};

#[test]
fn the_report_sums_by_holder_day_and_purpose() {
    let mut policy = Policy::default();
    let mut disk = Disk::default();
    let evil = Holder::App { id: Name::parse("=HYPERLINK(\"x\"),y").unwrap() };
    let (app, changes) = policy.open(evil, None, per_day(100_000)).unwrap();
    disk.write(changes);
    for n in 0..6 {
        let mut request = request(if n % 2 == 0 { app } else { BudgetId::USER }, n, 100, 5);
        if n == 4 {
            request.reservation.purpose = Purpose::parse("game").unwrap();
        }
        disk.write(policy.reserve(&request, &at(NOON + n / 3 * DAY)).unwrap());
        disk.write(policy.commit(id(n), cost(100, n), &at(NOON + n / 3 * DAY)).unwrap());
    }
    let policy = disk.load();
    let mut report = Report::new(&policy);
    for (name, bytes) in disk.days() {
        report.add(name, bytes).unwrap();
    }
    assert_eq!(
        report.csv(),
        "date,holder_kind,holder,top_level,purpose,payments,amount_msat,fee_msat\r\n\
         2026-11-25,user,,,article,1,100,1\r\n\
         2026-11-25,app,\"'=HYPERLINK(\"\"x\"\"),y\",,article,2,200,2\r\n\
         2026-11-26,user,,,article,2,200,8\r\n\
         2026-11-26,app,\"'=HYPERLINK(\"\"x\"\"),y\",,game,1,100,4\r\n"
    );
    let by_holder = report.by(|key| key.holder.kind());
    assert_eq!((by_holder["app"].payments, by_holder["app"].cost), (3, cost(300, 6)));
    assert_eq!(report.by(|key| key.date).len(), 2);
    report.retain(|key| key.date.day == 26);
    assert_eq!(report.rows().map(|(_, sum)| sum.payments).sum::<u32>(), 3);
}

#[test]
fn a_day_with_many_budgets_is_stored_in_parts() {
    let mut policy = Policy::default();
    let mut disk = Disk::default();
    for n in 0..300 {
        let (budget, changes) = policy.open(site(&format!("s{n}.example")), None, per_day(10)).unwrap();
        disk.write(changes);
        disk.write(policy.reserve(&request(budget, n, 1, 0), &at(NOON)).unwrap());
        disk.write(policy.commit(id(n), cost(1, 0), &at(NOON)).unwrap());
    }
    let policy = disk.load();
    let mut report = Report::new(&policy);
    assert_eq!(disk.days().count(), 1);
    disk.days().for_each(|(name, bytes)| report.add(name, bytes).unwrap());
    assert_eq!(report.rows().count(), 300);
    assert!(disk.0.values().all(|bytes| bytes.len() < 40_000));
}

#[test]
fn a_month_of_streaming_grows_neither_memory_nor_storage() {
    let windows = [Period::Hour, Period::Day, Period::Week, Period::Month];
    let windows = windows.map(|period| window(Kind::Rolling, period, 1_000_000_000)).to_vec();
    let (mut policy, budget) = budget(Rules { windows, ..Rules::default() });
    let mut disk = Disk::default();
    let mut sizes = Vec::new();
    for n in 0..20_000 {
        disk.write(pay(&mut policy, &request(budget, n, 99, 1), NOON + n * 7 * 60_000).unwrap());
        if n % 5_000 == 4_999 {
            sizes.push(
                disk.0
                    .iter()
                    .filter(|(name, _)| !name.starts_with("policy/day/"))
                    .map(|(_, v)| v.len())
                    .sum::<usize>(),
            );
        }
    }
    assert!(sizes[3] < sizes[1] + sizes[1] / 10, "{sizes:?}");
    assert!(sizes[3] < 10_000, "{sizes:?}");
}
