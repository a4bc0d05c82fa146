//! Budgets: limits of what holders spend, and reports of what was spent.

mod convert;
mod spend;

use amplet_node::ChangeError;
use amplet_node::budget::calendar::Date;
use amplet_node::budget::report::{Key, Report, Sum};
use amplet_node::budget::{BudgetError, BudgetId, Clock, Msat, Policy};
use amplet_protocol::page::{
    Budget, BudgetReason, BudgetRefusal, ErrorCode, Holder, Rules, Spending, SpendingRow, WalletError,
};

use crate::ctx::Ctx;
use crate::errors;

pub use spend::{authorization, fee_limit, preview, within_approval};

/// Returns all budgets.
pub fn list(ctx: &Ctx) -> Vec<Budget> {
    ctx.node
        .budgets()
        .read(|policy, clock| policy.budgets().filter_map(|(id, _)| page_budget(policy, clock, id)).collect())
}

/// Returns the budget of a holder, also a closed one; `None`: it has none.
///
/// # Errors
/// A malformed holder.
pub fn of(ctx: &Ctx, holder: &Holder) -> Result<Option<Budget>, WalletError> {
    let holder = convert::holder(holder, &ctx.name)?;
    Ok(ctx.node.budgets().read(|policy, clock| {
        let (id, _) = policy.budgets().find(|(_, budget)| budget.holder == holder)?;
        page_budget(policy, clock, id)
    }))
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
        left_msat: policy.left_unasked(id, clock),
    })
}

fn one(ctx: &Ctx, id: BudgetId) -> Result<Budget, WalletError> {
    let budget = ctx.node.budgets().read(|policy, clock| page_budget(policy, clock, id));
    budget.ok_or_else(|| refused(&BudgetError::Unknown(id)))
}

/// Opens a budget for a holder.
///
/// # Errors
/// Malformed rules, a holder that has one, a parent that has not enough left.
pub async fn open(
    ctx: &Ctx,
    holder: &Holder,
    rules: &Rules,
    parent: Option<u32>,
) -> Result<Budget, WalletError> {
    let holder = convert::holder(holder, &ctx.name)?;
    let rules = convert::rules(rules)?;
    let mut opened = BudgetId::USER;
    let open = |policy: &mut Policy, _: &Clock<'_>| {
        let (id, changes) = policy.open(holder, convert::parent(parent), rules)?;
        opened = id;
        Ok(changes)
    };
    ctx.node.budgets().change(open).await.map_err(|e| changed(&e))?;
    one(ctx, opened)
}

/// Replaces the rules of a budget.
///
/// # Errors
/// Malformed rules, or no such budget.
pub async fn set_rules(ctx: &Ctx, id: u32, rules: &Rules) -> Result<Budget, WalletError> {
    let (id, rules) = (BudgetId(id), convert::rules(rules)?);
    ctx.node.budgets().change(|policy, _| policy.set_rules(id, rules)).await.map_err(|e| changed(&e))?;
    one(ctx, id)
}

/// Raises the total of a budget by `more_msat`, from its parent.
///
/// # Errors
/// No such budget, or a parent that has not enough left.
pub async fn top_up(ctx: &Ctx, id: u32, more_msat: Msat) -> Result<Budget, WalletError> {
    let id = BudgetId(id);
    let topped = ctx.node.budgets().change(|policy, clock| policy.top_up(id, more_msat, clock)).await;
    topped.map_err(|e| changed(&e))?;
    one(ctx, id)
}

/// Closes a budget: nothing more is paid from it.
///
/// # Errors
/// No such budget.
pub async fn close(ctx: &Ctx, id: u32) -> Result<Budget, WalletError> {
    let id = BudgetId(id);
    ctx.node.budgets().change(|policy, _| policy.close(id)).await.map_err(|e| changed(&e))?;
    one(ctx, id)
}

fn changed(error: &ChangeError<BudgetError>) -> WalletError {
    match error {
        ChangeError::Refused(error) => refused(error),
        ChangeError::Unsaved(unsaved) => unsaved.into(),
    }
}

/// Errors of making or changing a budget.
fn refused(error: &BudgetError) -> WalletError {
    let BudgetError::ParentLow { parent, left } = error else {
        return WalletError::of(ErrorCode::InvalidInput, error);
    };
    let budget = BudgetRefusal {
        budget: Some(parent.0),
        left_msat: Some(*left),
        ..errors::budget_refusal(BudgetReason::Limit)
    };
    WalletError { budget: Some(Box::new(budget)), ..WalletError::of(ErrorCode::BudgetRefused, error) }
}

/// Reports what was spent from day `from` to day `to` (`2026-11-22`), both included.
///
/// # Errors
/// Not days; the store's.
pub async fn spending(ctx: &Ctx, from: Option<&str>, to: Option<&str>) -> Result<Spending, WalletError> {
    let (from, to) = (from.map(day).transpose()?, to.map(day).transpose()?);
    let spending = |report: &Report<'_>| Spending { rows: rows(report), csv: report.csv() };
    ctx.node.budgets().spending(from, to, spending).await.map_err(|e| errors::ledger(&e))
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
        amount_msat: sum.cost.amount,
        fee_msat: sum.cost.fee,
    };
    report.rows().map(row).collect()
}
