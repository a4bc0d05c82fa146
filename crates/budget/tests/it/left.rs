//! Money that a budget leaves without a question.

use crate::common::{NOON, at, msat, request, site, window};
use amplet_budget::{BudgetId, Holder, Kind, Msat, Name, Period, Policy, Rate, Rules};

const OTHERS: BudgetId = BudgetId(1);
const SITE: BudgetId = BudgetId(2);

/// A site's budget, which draws from that of an app, if there is one, and the user's.
fn budgets(app: Option<Rules>, rules: Rules) -> (Policy, BudgetId) {
    let mut policy = Policy::default();
    let mut parent = BudgetId::USER;
    if let Some(app) = app {
        let id = Name::parse("x").unwrap();
        parent = policy.open(Holder::App { id }, Some(parent), app).unwrap().0;
    }
    let (site, _) = policy.open(site("shop.example"), Some(parent), rules).unwrap();
    (policy, site)
}

fn left(app: Option<Rules>, rules: Rules) -> Option<u64> {
    let (policy, site) = budgets(app, rules);
    policy.left_unasked(site, &at(NOON)).map(Msat::get)
}

fn limits(total: u64, day: u64) -> Rules {
    let windows = vec![window(Kind::Calendar, Period::Day, day)];
    Rules { windows, total: Some(msat(total)), ..Rules::default() }
}

#[test]
fn it_is_the_tightest_limit_of_it_and_of_those_it_draws_from() {
    assert_eq!(left(None, limits(50, 30)), Some(30));
    assert_eq!(left(Some(limits(20, 90)), limits(50, 30)), Some(20));
    let rate = Rate { per_second: msat(2), keep_seconds: 5 };
    assert_eq!(left(None, Rules { rate: Some(rate), ..limits(50, 30) }), Some(10), "a stream's too");
    let (mut policy, site) = budgets(Some(limits(40, 90)), limits(50, 30));
    assert_eq!((OTHERS, SITE), (policy.budget(site).unwrap().parent.unwrap(), site));
    let _ = policy.reserve(&request(OTHERS, 1, 14, 1), &at(NOON)).unwrap();
    assert_eq!(policy.left_unasked(site, &at(NOON)), Some(msat(25)), "what is reserved elsewhere counts");
    assert_eq!(policy.left_unasked(BudgetId::USER, &at(NOON)), None, "no limit");
    assert_eq!(policy.left_unasked(BudgetId(9), &at(NOON)), None, "no budget");
}

#[test]
fn where_nothing_goes_without_a_question_nothing_is_left() {
    let asks = || Rules { ask_above: Some(Msat::ZERO), ..limits(50, 50) };
    let expires = |ms| Rules { expires_ms: Some(ms), ..limits(50, 50) };
    assert_eq!(left(None, asks()), None);
    assert_eq!(left(Some(asks()), limits(50, 50)), None, "a parent that asks");
    assert_eq!(left(None, Rules { ask_above: Some(msat(1)), ..limits(50, 50) }), Some(50));
    assert_eq!(left(None, expires(NOON)), None);
    assert_eq!(left(Some(expires(NOON)), limits(50, 50)), None, "a parent that has expired");
    assert_eq!(left(None, expires(NOON + 1000)), Some(50));
    for closed in [SITE, OTHERS] {
        let (mut policy, site) = budgets(Some(limits(50, 50)), limits(50, 50));
        let _ = policy.close(closed).unwrap();
        assert_eq!(policy.left_unasked(site, &at(NOON)), None);
    }
}
