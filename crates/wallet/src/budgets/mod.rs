//! Budgets: who may spend how much, and what was spent.

mod convert;
mod spend;

use amplet_node::budget::calendar::Date;
use amplet_node::budget::report::{Key, Report, Sum};
use amplet_node::budget::{BudgetError, BudgetId, Clock, Policy};
use amplet_protocol::page::{
    Budget, BudgetReason, BudgetRefusal, ErrorCode, Holder, Rules, Spending, SpendingRow, WalletError,
};

use crate::errors;
use crate::wallet::Inner;

pub(crate) use convert::page_rule;
pub(crate) use spend::{authorization, fee_limit, preview};

/// All of them.
pub(crate) fn list(inner: &Inner) -> Vec<Budget> {
    inner
        .node
        .budgets()
        .read(|policy, clock| policy.budgets().filter_map(|(id, _)| page_budget(policy, clock, id)).collect())
}

fn page_budget(policy: &Policy, clock: &Clock<'_>, id: BudgetId) -> Option<Budget> {
    let budget = policy.budget(id)?;
    Some(Budget {
        id: id.0,
        holder: convert::page_holder(&budget.holder),
        parent: budget.parent.map(|parent| parent.0),
        rules: convert::page_rules(&budget.rules),
        closed: budget.closed,
        usage: policy.usage(id, clock).iter().map(convert::page_usage).collect(),
    })
}

fn one(inner: &Inner, id: BudgetId) -> Result<Budget, WalletError> {
    let budget = inner.node.budgets().read(|policy, clock| page_budget(policy, clock, id));
    budget.ok_or_else(|| refused(&BudgetError::Unknown(id)))
}

pub(crate) async fn open(
    inner: &Inner,
    holder: &Holder,
    rules: &Rules,
    parent: Option<u32>,
) -> Result<Budget, WalletError> {
    let holder = convert::holder(holder, &inner.options.name)?;
    let rules = convert::rules(rules)?;
    let mut opened = BudgetId::USER;
    let open = |policy: &mut Policy, _: &Clock<'_>| {
        let (id, changes) = policy.open(holder, convert::parent(parent), rules)?;
        opened = id;
        Ok(changes)
    };
    inner.node.budgets().change(open).await.map_err(|e| refused(&e))?;
    one(inner, opened)
}

pub(crate) async fn set_rules(inner: &Inner, id: u32, rules: &Rules) -> Result<Budget, WalletError> {
    let (id, rules) = (BudgetId(id), convert::rules(rules)?);
    inner.node.budgets().change(|policy, _| policy.set_rules(id, rules)).await.map_err(|e| refused(&e))?;
    one(inner, id)
}

pub(crate) async fn top_up(inner: &Inner, id: u32, more_msat: u64) -> Result<Budget, WalletError> {
    let (id, more) = (BudgetId(id), convert::msat(more_msat)?);
    let topped = inner.node.budgets().change(|policy, clock| policy.top_up(id, more, clock)).await;
    topped.map_err(|e| refused(&e))?;
    one(inner, id)
}

pub(crate) async fn close(inner: &Inner, id: u32) -> Result<Budget, WalletError> {
    let id = BudgetId(id);
    inner.node.budgets().change(|policy, _| policy.close(id)).await.map_err(|e| refused(&e))?;
    one(inner, id)
}

/// Why a budget was not made or changed.
fn refused(error: &BudgetError) -> WalletError {
    let BudgetError::ParentLow { parent, left } = error else {
        return WalletError::of(ErrorCode::InvalidInput, error);
    };
    let budget = BudgetRefusal {
        budget: Some(parent.0),
        left_msat: Some(left.get()),
        ..errors::budget_refusal(BudgetReason::Limit)
    };
    WalletError { budget: Some(Box::new(budget)), ..WalletError::of(ErrorCode::BudgetRefused, error) }
}

pub(crate) async fn spending(
    inner: &Inner,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Spending, WalletError> {
    let (from, to) = (from.map(day).transpose()?, to.map(day).transpose()?);
    let spending = |report: &Report<'_>| Spending { rows: rows(report), csv: report.csv() };
    inner.node.budgets().spending(from, to, spending).await.map_err(|e| errors::ledger(&e))
}

fn day(text: &str) -> Result<Date, WalletError> {
    Date::parse(text).ok_or_else(|| {
        let message = "a day is written as 2026-11-22, from 1970-01-01 to 9999-12-31; correct it";
        WalletError::new(ErrorCode::InvalidInput, message)
    })
}

fn rows(report: &Report<'_>) -> Vec<SpendingRow> {
    let row = |(key, sum): (&Key, &Sum)| SpendingRow {
        date: key.date.to_string(),
        holder: convert::page_holder(&key.holder),
        purpose: key.purpose.as_str().to_owned(),
        payments: sum.payments,
        amount_msat: sum.cost.amount.get(),
        fee_msat: sum.cost.fee.get(),
    };
    report.rows().map(row).collect()
}
