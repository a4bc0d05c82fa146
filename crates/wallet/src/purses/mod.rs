//! Purses: who may spend how much, and what was spent.

mod convert;
mod spend;

use amplet_node::policy::calendar::Date;
use amplet_node::policy::report::{Key, Report, Sum};
use amplet_node::policy::{Clock, Policy, PurseError, PurseId};
use amplet_protocol::page::{
    ErrorCode, Holder, Purse, PurseReason, PurseRefusal, Rules, Spending, SpendingRow, WalletError,
};

use crate::errors;
use crate::wallet::Inner;

pub(crate) use convert::page_rule;
pub(crate) use spend::{fee_limit, preview, spender};

/// All of them.
pub(crate) fn list(inner: &Inner) -> Vec<Purse> {
    inner.node.read_purses(|policy, clock| {
        policy.purses().filter_map(|(id, _)| page_purse(policy, clock, id)).collect()
    })
}

fn page_purse(policy: &Policy, clock: &Clock<'_>, id: PurseId) -> Option<Purse> {
    let purse = policy.purse(id)?;
    Some(Purse {
        id: id.0,
        holder: convert::page_holder(&purse.holder),
        parent: purse.parent.map(|parent| parent.0),
        rules: convert::page_rules(&purse.rules),
        closed: purse.closed,
        standings: policy.standings(id, clock).iter().map(convert::page_standing).collect(),
    })
}

fn one(inner: &Inner, id: PurseId) -> Result<Purse, WalletError> {
    let purse = inner.node.read_purses(|policy, clock| page_purse(policy, clock, id));
    purse.ok_or_else(|| refused(&PurseError::Unknown(id)))
}

pub(crate) async fn open(
    inner: &Inner,
    holder: &Holder,
    rules: &Rules,
    parent: Option<u32>,
) -> Result<Purse, WalletError> {
    let holder = convert::holder(holder, &inner.options.name)?;
    let rules = convert::rules(rules)?;
    let mut opened = PurseId::PERSON;
    let open = |policy: &mut Policy, _: &Clock<'_>| {
        let (id, changes) = policy.open(holder, convert::parent(parent), rules)?;
        opened = id;
        Ok(changes)
    };
    inner.node.change_purses(open).await.map_err(|e| refused(&e))?;
    one(inner, opened)
}

pub(crate) async fn set_rules(inner: &Inner, id: u32, rules: &Rules) -> Result<Purse, WalletError> {
    let (id, rules) = (PurseId(id), convert::rules(rules)?);
    inner.node.change_purses(|policy, _| policy.set_rules(id, rules)).await.map_err(|e| refused(&e))?;
    one(inner, id)
}

pub(crate) async fn top_up(inner: &Inner, id: u32, more_msat: u64) -> Result<Purse, WalletError> {
    let (id, more) = (PurseId(id), convert::msat(more_msat)?);
    let topped = inner.node.change_purses(|policy, clock| policy.top_up(id, more, clock)).await;
    topped.map_err(|e| refused(&e))?;
    one(inner, id)
}

pub(crate) async fn close(inner: &Inner, id: u32) -> Result<Purse, WalletError> {
    let id = PurseId(id);
    inner.node.change_purses(|policy, _| policy.close(id)).await.map_err(|e| refused(&e))?;
    one(inner, id)
}

/// Why a purse was not made or changed.
fn refused(error: &PurseError) -> WalletError {
    let PurseError::ParentLow { parent, left } = error else {
        return WalletError::of(ErrorCode::InvalidInput, error);
    };
    let purse = PurseRefusal {
        purse: Some(parent.0),
        left_msat: Some(left.get()),
        ..errors::purse_refusal(PurseReason::Limit)
    };
    WalletError { purse: Some(Box::new(purse)), ..WalletError::of(ErrorCode::PurseRefused, error) }
}

pub(crate) async fn spending(
    inner: &Inner,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Spending, WalletError> {
    let (from, to) = (from.map(day).transpose()?, to.map(day).transpose()?);
    let spending = |report: &Report<'_>| Spending { rows: rows(report), csv: report.csv() };
    inner.node.spending(from, to, spending).await.map_err(|e| errors::ledger(&e))
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
