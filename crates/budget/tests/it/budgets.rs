//! Promises to a user, case by case.

use crate::common::{DAY, Disk, HOUR, NOON, at, cost, id, msat, per_day, request, site, window};
use amplet_budget::{
    BudgetDenial, BudgetError, BudgetId, Changes, Clock, Holder, Kind, Msat, Name, Notice, NoticeKind,
    Origin, Period, Policy, Purpose, Rate, Reason, Request, Rule, Rules, Window,
};

pub fn budget(rules: Rules) -> (Policy, BudgetId) {
    let mut policy = Policy::default();
    let (budget, _) = policy.open(site("shop.example"), None, rules).unwrap();
    (policy, budget)
}

pub fn pay(policy: &mut Policy, request: &Request, ms: u64) -> Result<Changes, BudgetDenial> {
    let _ = policy.reserve(request, &at(ms))?;
    Ok(policy.commit(request.payment, request.reservation.cost, &at(ms)).unwrap())
}

fn reason(denied: Result<Changes, BudgetDenial>) -> Reason {
    match denied {
        Err(BudgetDenial::Refused(refusal)) => refusal.reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn of_a_hundred_payments_at_once_a_budget_for_ten_pays_ten() {
    let (mut policy, budget) = budget(per_day(1000));
    let granted = (0..100).filter(|n| policy.reserve(&request(budget, *n, 95, 5), &at(NOON)).is_ok());
    assert_eq!(granted.count(), 10);
    // The fees were smaller than feared: what was not used is free again, to the millisatoshi.
    for n in 0..10 {
        let _ = policy.commit(id(n), cost(95, 1), &at(NOON)).unwrap();
    }
    assert_eq!(policy.usage(budget, &at(NOON))[0].left(), msat(40));
    assert!(policy.reserve(&request(budget, 200, 41, 0), &at(NOON)).is_err());
    assert!(policy.reserve(&request(budget, 200, 40, 0), &at(NOON)).is_ok());
}

#[test]
fn what_is_under_way_counts_in_every_window_until_it_is_decided() {
    let (mut policy, budget) = budget(per_day(1000));
    let _ = policy.reserve(&request(budget, 1, 700, 0), &at(NOON)).unwrap();
    let tomorrow = NOON + DAY;
    assert!(policy.reserve(&request(budget, 2, 400, 0), &at(tomorrow)).is_err());
    let _ = policy.commit(id(1), cost(700, 0), &at(tomorrow)).unwrap();
    assert!(policy.reserve(&request(budget, 2, 400, 0), &at(tomorrow)).is_err());
    assert!(policy.reserve(&request(budget, 2, 400, 0), &at(tomorrow + DAY)).is_ok());
}

#[test]
fn a_day_is_the_users_and_has_23_or_25_hours_when_the_clocks_change() {
    // Berlin: 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC.
    let berlin = |secs: i64| if (1_774_746_000..1_792_890_000).contains(&secs) { 7200 } else { 3600 };
    for (midnight, hours) in [(1_774_738_800_000, 23), (1_792_879_200_000, 25)] {
        let (mut policy, budget) = budget(per_day(100));
        let clock = |ms| Clock::new(ms, &berlin);
        let _ = policy.reserve(&request(budget, 1, 100, 0), &clock(midnight)).unwrap();
        let _ = policy.commit(id(1), cost(100, 0), &clock(midnight)).unwrap();
        let next = midnight + hours * HOUR;
        let refused = reason(policy.reserve(&request(budget, 2, 1, 0), &clock(next - 1)));
        assert!(matches!(refused, Reason::Limit { until_ms: Some(until), .. } if until == next));
        // The first instant belongs to the new day, and counts there.
        let _ = policy.reserve(&request(budget, 2, 100, 0), &clock(next)).unwrap();
        let _ = policy.commit(id(2), cost(100, 0), &clock(next)).unwrap();
        assert!(policy.reserve(&request(budget, 3, 1, 0), &clock(next)).is_err());
    }
}

#[test]
fn a_journey_to_another_zone_does_not_end_a_day_early() {
    let (mut policy, budget) = budget(per_day(100));
    let _ = pay(&mut policy, &request(budget, 1, 100, 0), NOON).unwrap();
    let tokyo = |_| 9 * 3600;
    let at_midnight_in_tokyo = Clock::new(NOON + 3 * HOUR, &tokyo);
    assert!(policy.reserve(&request(budget, 2, 1, 0), &at_midnight_in_tokyo).is_err());
    let at_midnight_in_london = Clock::new(NOON + 12 * HOUR, &tokyo);
    assert!(policy.reserve(&request(budget, 2, 1, 0), &at_midnight_in_london).is_ok());
}

#[test]
fn a_clock_that_is_set_back_frees_nothing() {
    let rules = Rules { expires_ms: Some(NOON + 2 * HOUR), ..per_day(100) };
    let (mut policy, budget) = budget(rules);
    let _ = pay(&mut policy, &request(budget, 1, 100, 0), NOON).unwrap();
    assert!(policy.reserve(&request(budget, 2, 1, 0), &at(NOON - DAY)).is_err());
    assert_eq!(policy.clock_behind_ms(&at(NOON - DAY)), DAY);
    let expired = Reason::Expired { at_ms: NOON + 2 * HOUR };
    assert_eq!(reason(policy.reserve(&request(budget, 2, 1, 0), &at(NOON + 2 * HOUR))), expired);
    assert_eq!(reason(policy.reserve(&request(budget, 2, 1, 0), &at(NOON))), expired);
}

#[test]
fn when_the_user_says_that_the_clock_was_ahead_what_was_spent_then_counts_now() {
    for kind in [Kind::Calendar, Kind::Rolling] {
        let rules = Rules {
            windows: vec![window(kind, Period::Day, 100)],
            rate: Some(Rate { per_second: msat(10), keep_seconds: 10 }),
            ..Rules::default()
        };
        let (mut policy, budget) = budget(rules);
        let mut disk = Disk::default();
        let ahead = NOON + 3000 * DAY;
        disk.write(pay(&mut policy, &request(budget, 1, 100, 0), ahead).unwrap());
        // Until then the windows of the future hold.
        assert!(policy.reserve(&request(budget, 2, 1, 0), &at(NOON)).is_err());
        disk.write(policy.set_clock(&at(NOON)));
        for usage in policy.usage(budget, &at(NOON)) {
            assert_eq!(usage.left(), Msat::ZERO, "{:?}", usage.rule);
        }
        assert!(policy.reserve(&request(budget, 2, 1, 0), &at(NOON)).is_err());
        assert!(policy.reserve(&request(budget, 2, 100, 0), &at(NOON + DAY + HOUR)).is_ok());
        // The report keeps what it said of that day.
        assert_eq!(disk.days().count(), 1);
    }
}

#[test]
fn a_stream_flows_at_its_rate_and_saves_no_more_than_it_may() {
    let rate = Rate { per_second: msat(1000), keep_seconds: 3 };
    let (mut policy, budget) = budget(Rules { rate: Some(rate), ..Rules::default() });
    // Ten payments a second, each decided 300 ms after it began.
    for n in 0..600 {
        let now = NOON + n * 100;
        let _ = policy.reserve(&request(budget, n, 99, 1), &at(now)).unwrap();
        if let Some(n) = n.checked_sub(3) {
            let _ = policy.commit(id(n), cost(99, 1), &at(now)).unwrap();
        }
    }
    let (mut policy, budget) = self::budget(Rules { rate: Some(rate), ..Rules::default() });
    let later = NOON + 100 * DAY;
    let _ = pay(&mut policy, &request(budget, 1, 1, 0), NOON).unwrap();
    assert!(policy.reserve(&request(budget, 2, 3001, 0), &at(later)).is_err());
    let _ = pay(&mut policy, &request(budget, 2, 3000, 0), later).unwrap();
    let refused = reason(policy.reserve(&request(budget, 3, 500, 0), &at(later)));
    let free = Some(later + 500);
    assert_eq!(
        refused,
        Reason::Limit {
            rule: Rule::Rate,
            limit: msat(3000),
            needed: msat(500),
            left: Msat::ZERO,
            until_ms: free
        }
    );
    assert!(policy.reserve(&request(budget, 3, 500, 0), &at(later + 500)).is_ok());
}

#[test]
fn the_same_request_again_is_one_reservation_and_another_one_is_refused() {
    let (mut policy, budget) = budget(per_day(1000));
    let first = request(budget, 1, 100, 5);
    let _ = policy.reserve(&first, &at(NOON)).unwrap();
    assert_eq!(policy.reserve(&first, &at(NOON)).unwrap(), Changes::default());
    assert_eq!(policy.usage(budget, &at(NOON))[0].reserved, msat(105));
    let mut dearer = first.clone();
    dearer.reservation.cost = cost(101, 5);
    let mut elsewhere = first.clone();
    elsewhere.reservation.payee = "02bb".into();
    for other in [dearer, elsewhere, request(BudgetId::USER, 1, 100, 5)] {
        assert_eq!(reason(policy.reserve(&other, &at(NOON))), Reason::Conflict);
    }
    let released = policy.release(id(1));
    assert_eq!(released.records.len(), 1);
    assert_eq!(policy.release(id(1)), Changes::default());
    assert_eq!(policy.commit(id(1), cost(100, 5), &at(NOON)).unwrap(), Changes::default());
    assert_eq!(policy.usage(budget, &at(NOON))[0].left(), msat(1000));
    assert!(policy.reserve(&first, &at(NOON)).is_ok(), "a payment that failed may be tried again");
}

#[test]
fn an_approval_is_for_one_payment_as_it_was_shown() {
    let rules = Rules { ask_above: Some(msat(500)), ..per_day(2000) };
    let (mut policy, budget) = budget(rules);
    assert!(policy.reserve(&request(budget, 1, 490, 10), &at(NOON)).is_ok());
    let shown = request(budget, 2, 600, 10);
    let asks = |answer: Result<Changes, BudgetDenial>| matches!(answer, Err(BudgetDenial::ApprovalNeeded(question)) if question.budget == budget);
    assert!(asks(policy.reserve(&shown, &at(NOON))));
    policy.approve(shown.clone(), &at(NOON));
    let mut swapped = shown.clone();
    swapped.reservation.payee = "03cc".into();
    assert!(asks(policy.reserve(&swapped, &at(NOON))));
    assert!(asks(policy.reserve(&request(budget, 2, 601, 10), &at(NOON))));
    assert!(asks(policy.reserve(&request(budget, 3, 600, 10), &at(NOON))));
    assert!(policy.reserve(&shown, &at(NOON)).is_ok());
    let _ = policy.release(id(2));
    assert!(asks(policy.reserve(&shown, &at(NOON))), "once only");
    policy.approve(shown.clone(), &at(NOON));
    assert!(asks(policy.reserve(&shown, &at(NOON + HOUR))), "not for ever");
    policy.approve(shown.clone(), &at(NOON + HOUR));
    policy.withdraw(shown.payment);
    assert!(asks(policy.reserve(&shown, &at(NOON + HOUR))), "taken back");
    // A yes does not lift a limit, and nobody is asked about what no answer could allow.
    let beyond = request(budget, 4, 1900, 0);
    policy.approve(beyond.clone(), &at(NOON + HOUR));
    assert!(matches!(reason(policy.reserve(&beyond, &at(NOON + HOUR))), Reason::Limit { .. }));
}

#[test]
fn children_share_what_their_parent_has() {
    let mut policy = Policy::default();
    let child = |name: &str| Holder::Child { id: Name::parse(name).unwrap() };
    let (parent, _) = policy.open(child("family"), None, per_day(1000)).unwrap();
    let (lea, _) = policy.open(child("Lea"), Some(parent), per_day(800)).unwrap();
    let (tom, _) = policy.open(child("Tom"), Some(parent), per_day(800)).unwrap();
    let _ = pay(&mut policy, &request(lea, 1, 700, 0), NOON).unwrap();
    let Err(BudgetDenial::Refused(refusal)) = policy.reserve(&request(tom, 2, 301, 0), &at(NOON)) else {
        panic!()
    };
    assert_eq!(refusal.budget, parent);
    let changes = pay(&mut policy, &request(tom, 2, 100, 0), NOON).unwrap();
    let low = NoticeKind::LowParent { parent, left: msat(200) };
    assert!(changes.notices.contains(&Notice { budget: tom, kind: low }));
    let again = pay(&mut policy, &request(tom, 3, 10, 0), NOON).unwrap();
    assert!(!again.notices.iter().any(|notice| matches!(notice.kind, NoticeKind::LowParent { .. })));
    // A closed parent pays nothing, but what was under way ends as it does.
    let _ = policy.reserve(&request(tom, 4, 10, 0), &at(NOON)).unwrap();
    let _ = policy.close(parent).unwrap();
    assert_eq!(reason(policy.reserve(&request(lea, 5, 1, 0), &at(NOON))), Reason::Closed);
    let _ = policy.commit(id(4), cost(10, 0), &at(NOON)).unwrap();
    assert_eq!(policy.usage(parent, &at(NOON))[0].spent, msat(820));
}

#[test]
fn notices_come_once_per_window() {
    let (mut policy, budget) = budget(Rules { total: Some(msat(10_000)), ..per_day(100) });
    let mut told = |number, amount, ms| {
        let changes = pay(&mut policy, &request(budget, number, amount, 0), ms).unwrap();
        let percents = changes.notices.iter().map(|notice| match notice.kind {
            NoticeKind::Used { rule: Rule::Window(_), percent, .. } => percent,
            ref other => panic!("{other:?}"),
        });
        percents.collect::<Vec<_>>()
    };
    assert_eq!(told(1, 79, NOON), [0_u8; 0]);
    assert_eq!(told(2, 1, NOON), [80]);
    assert_eq!(told(3, 1, NOON), [0_u8; 0]);
    assert_eq!(told(4, 19, NOON), [100]);
    assert_eq!(told(5, 100, NOON + DAY), [100]);
    assert_eq!(told(6, 80, NOON + 2 * DAY), [80]);
}

#[test]
fn a_top_up_adds_to_the_total_what_the_parent_has() {
    let mut policy = Policy::default();
    let total = |most| Rules { total: Some(msat(most)), ..Rules::default() };
    let (parent, _) =
        policy.open(Holder::Child { id: Name::parse("sites").unwrap() }, None, total(1000)).unwrap();
    let (child, _) = policy.open(site("game.example"), Some(parent), total(100)).unwrap();
    let _ = pay(&mut policy, &request(child, 1, 100, 0), NOON).unwrap();
    assert!(matches!(
        reason(policy.reserve(&request(child, 2, 1, 0), &at(NOON))),
        Reason::Limit { rule: Rule::Total, .. }
    ));
    let low = BudgetError::ParentLow { parent, left: msat(900) };
    assert_eq!(policy.top_up(child, msat(901), &at(NOON)), Err(low));
    let _ = policy.top_up(child, msat(50), &at(NOON)).unwrap();
    let changes = pay(&mut policy, &request(child, 2, 50, 0), NOON).unwrap();
    let told = NoticeKind::Used {
        rule: Rule::Total,
        percent: 100,
        spent: msat(150),
        limit: msat(150),
        until_ms: None,
    };
    assert!(changes.notices.contains(&Notice { budget: child, kind: told }), "told again after a top-up");
    let (daily, _) = policy.open(site("a.example"), None, per_day(5)).unwrap();
    assert_eq!(policy.top_up(daily, msat(1), &at(NOON)), Err(BudgetError::NoTotal(daily)));
}

#[test]
fn a_refusal_names_the_rule() {
    let purposes = vec![Purpose::parse("article").unwrap()];
    let rules = Rules { per_payment: Some(msat(500)), purposes, ..per_day(1000) };
    let (mut policy, budget) = budget(rules);
    let per_payment = reason(policy.reserve(&request(budget, 1, 500, 1), &at(NOON)));
    assert!(matches!(per_payment, Reason::Limit { rule: Rule::PerPayment, until_ms: None, .. }));
    let mut game = request(budget, 1, 1, 0);
    game.reservation.purpose = Purpose::parse("game").unwrap();
    assert!(matches!(reason(policy.reserve(&game, &at(NOON))), Reason::Purpose { .. }));
    assert_eq!(reason(policy.reserve(&request(budget, 1, 0, 5), &at(NOON))), Reason::Zero);
    assert_eq!(reason(policy.reserve(&request(BudgetId(9), 1, 1, 0), &at(NOON))), Reason::Unknown);
    let all = Msat::MAX.get();
    assert_eq!(reason(policy.reserve(&request(budget, 1, all, 1), &at(NOON))), Reason::TooMuch);
    let mut long = request(budget, 1, 1, 0);
    long.reservation.payee = "x".repeat(129);
    assert_eq!(reason(policy.reserve(&long, &at(NOON))), Reason::Payee);
    let _ = pay(&mut policy, &request(budget, 1, 400, 0), NOON).unwrap();
    let _ = pay(&mut policy, &request(budget, 2, 400, 0), NOON).unwrap();
    let text = policy.reserve(&request(budget, 3, 300, 0), &at(NOON)).unwrap_err().to_string();
    let expected = "the budget's limit for the day is 1000 msat, 200 msat of it are left, and 300 msat are needed with the \
        maximum fee; wait until the limit allows it, or ask the owner for more";
    assert_eq!(text, expected);
}

#[test]
fn rules_that_bound_nothing_or_make_no_sense_are_refused() {
    let mut policy = Policy::default();
    let mut open = |rules| policy.open(site("x.example"), None, rules).map(|_| ()).unwrap_err().to_string();
    assert!(open(Rules::default()).contains("bound nothing"));
    assert!(open(per_day(0)).contains("the limit for the day is 0"));
    let day = Window { kind: Kind::Rolling, period: Period::Day };
    let twice = vec![window(day.kind, day.period, 1), window(day.kind, day.period, 2)];
    assert!(open(Rules { windows: twice, ..Rules::default() }).contains("given twice"));
    let rate = Some(Rate { per_second: msat(1), keep_seconds: 0 });
    assert!(open(Rules { rate, ..Rules::default() }).contains("a rate is"));
    let ask_always = Rules { ask_above: Some(Msat::ZERO), ..Rules::default() };
    assert!(policy.open(site("y.example"), None, ask_always).is_ok());
}

#[test]
fn a_frame_elsewhere_is_another_holder_and_a_holder_has_one_budget() {
    let mut policy = Policy::default();
    let (budget, _) = policy.open(site("shop.example"), None, per_day(10)).unwrap();
    let origin = |host: &str| Origin::parse(&format!("https://{host}")).unwrap();
    let embedded = Holder::Site {
        origin: origin("shop.example"),
        top_level: origin("evil.example"),
        wallet: Name::parse("main").unwrap(),
    };
    assert_eq!(policy.budget_of(&embedded), None);
    assert_eq!(policy.budget_of(&site("shop.example")), Some(budget));
    assert!(matches!(policy.open(site("shop.example"), None, per_day(10)), Err(BudgetError::Exists { .. })));
    let _ = pay(&mut policy, &request(budget, 1, 10, 0), NOON).unwrap();
    let _ = policy.close(budget).unwrap();
    assert_eq!(policy.budget_of(&site("shop.example")), None);
    let (again, _) = policy.open(site("shop.example"), None, per_day(10)).unwrap();
    assert_eq!(again, budget);
    assert!(
        policy.reserve(&request(budget, 2, 1, 0), &at(NOON)).is_err(),
        "closing and opening frees nothing"
    );
    assert_eq!(policy.close(BudgetId::USER), Err(BudgetError::User));
}

#[test]
fn the_user_pays_without_limits_until_there_are_some() {
    let mut policy = Policy::default();
    let _ = pay(&mut policy, &request(BudgetId::USER, 1, 1_000_000_000_000, 0), NOON).unwrap();
    let _ = policy.set_rules(BudgetId::USER, per_day(100)).unwrap();
    assert!(policy.reserve(&request(BudgetId::USER, 2, 101, 0), &at(NOON)).is_err());
    let _ = policy.set_rules(BudgetId::USER, Rules::default()).unwrap();
    assert!(policy.reserve(&request(BudgetId::USER, 2, 101, 0), &at(NOON)).is_ok());
}

#[test]
fn a_reservation_is_raised_within_the_limits_or_stays_as_it_was() {
    let (mut policy, mut disk) = (Policy::default(), Disk::default());
    let (budget, opened) = policy.open(site("shop.example"), None, per_day(1000)).unwrap();
    disk.write(opened);
    disk.write(policy.reserve(&request(budget, 1, 700, 10), &at(NOON)).unwrap());
    let refused = policy.amend(id(1), cost(700, 301), &at(NOON)).unwrap_err();
    assert!(matches!(refused.reason, Reason::Limit { .. }), "{refused:?}");
    assert_eq!(policy.reserved(id(1)).unwrap().cost, cost(700, 10));
    disk.write(policy.amend(id(1), cost(700, 300), &at(NOON)).unwrap());
    assert_eq!(policy.usage(budget, &at(NOON))[0].left(), msat(0));
    assert_eq!(disk.load().reserved(id(1)).unwrap().cost, cost(700, 300), "durable");
    // Lowered again it always fits, also in a budget that was closed meanwhile.
    let _ = policy.close(budget).unwrap();
    let _ = policy.amend(id(1), cost(700, 20), &at(NOON)).unwrap();
    assert_eq!(policy.reserved(id(1)).unwrap().cost, cost(700, 20));
    assert!(policy.amend(id(2), cost(1, 1), &at(NOON)).unwrap().records.is_empty(), "nothing is reserved");
}
