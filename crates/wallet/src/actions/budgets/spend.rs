//! The fee limit of a payment, and the budget that it is paid from.

use amplet_node::Destination;
use amplet_node::budget::{
    BudgetError, BudgetId, Clock, Cost, Holder, Msat, Policy, Purpose, Reservation, Rules,
};
use amplet_protocol::default_max_fee_msat;
use amplet_protocol::page::{Authorization, BudgetReason, BudgetRefusal, ErrorCode, Preview, WalletError};

use super::{convert, page_budget, refused};
use crate::actions::site_records;
use crate::ctx::Ctx;
use crate::errors;

/// Returns the maximum fee: as given, else as quoted and no more than the user's approval leaves.
///
/// # Errors
/// `approvalNeeded`: amount and fee are more than was approved.
pub async fn fee_limit(
    ctx: &Ctx,
    to: Destination<'_>,
    amount_msat: Msat,
    max_fee_msat: Option<Msat>,
    authorization: Option<&Authorization>,
) -> Result<Msat, WalletError> {
    let max_fee_msat = match max_fee_msat {
        Some(given) => given,
        None => {
            let quoted = ctx.node.payments().quote_fee_updated(to, amount_msat).await.max_fee_msat;
            let approved = authorization.and_then(|authorization| authorization.approved_msat);
            approved.map_or(quoted, |approved| quoted.min(approved.less(amount_msat)))
        }
    };
    within_approval(amount_msat, max_fee_msat, authorization)
}

/// Returns a given fee.
///
/// # Errors
/// `approvalNeeded`: amount and fee are more than was approved.
pub fn within_approval(
    amount_msat: Msat,
    fee_msat: Msat,
    authorization: Option<&Authorization>,
) -> Result<Msat, WalletError> {
    let needed_msat = amount_msat.plus_up_to_max(fee_msat);
    match authorization.and_then(|authorization| authorization.approved_msat) {
        Some(approved) if needed_msat > approved => Err(unapproved(approved, needed_msat)),
        _ => Ok(fee_msat),
    }
}

fn unapproved(approved_msat: Msat, needed_msat: Msat) -> WalletError {
    let message = format!(
        "the user allowed {approved_msat}, fee included, and this payment costs up to {needed_msat}; ask again, and show that sum"
    );
    let budget = BudgetRefusal {
        limit_msat: Some(approved_msat),
        needed_msat: Some(needed_msat),
        ..errors::budget_refusal(BudgetReason::Approval)
    };
    WalletError { budget: Some(Box::new(budget)), ..WalletError::new(ErrorCode::ApprovalNeeded, message) }
}

fn no_budget(needed_msat: Msat) -> WalletError {
    let message = "there is no budget for this holder; ask the user about this payment, or to give a budget";
    let budget =
        BudgetRefusal { needed_msat: Some(needed_msat), ..errors::budget_refusal(BudgetReason::NoBudget) };
    WalletError { budget: Some(Box::new(budget)), ..WalletError::new(ErrorCode::ApprovalNeeded, message) }
}

/// Returns the authorization that a payment is made with. A holder without a budget whom the user allows this one payment gets a budget that asks about every one, so that
/// what it spent is known by holder; nobody else's budget ever pays for it.
///
/// # Errors
/// `approvalNeeded`: the holder has no budget and the user did not approve; `invalidInput`: a malformed holder,
/// purpose or record.
pub async fn authorization(
    ctx: &Ctx,
    authorization: Option<&Authorization>,
    needed_msat: Msat,
) -> Result<amplet_node::Authorization, WalletError> {
    let Some(authorization) = authorization else { return Ok(amplet_node::Authorization::user()) };
    let holder = convert::holder(&authorization.holder, &ctx.name)?;
    let purpose = purpose(authorization)?;
    let beside = site_records::batch(ctx, &authorization.records).await?;
    let approved = authorization.approved_msat.is_some();
    let open = ctx.node.budgets().policy().budget_of(&holder);
    let budget = match open {
        Some(budget) => budget,
        None if approved => open_asking(ctx, holder)?,
        None => return Err(no_budget(needed_msat)),
    };
    Ok(amplet_node::Authorization { budget, purpose, approved, beside })
}

fn purpose(authorization: &Authorization) -> Result<Purpose, WalletError> {
    authorization.purpose.as_deref().map_or_else(|| Ok(Purpose::default()), convert::purpose)
}

/// A budget that asks about every payment.
fn open_asking(ctx: &Ctx, holder: Holder) -> Result<BudgetId, WalletError> {
    let rules = Rules { ask_above: Some(Msat::ZERO), ..Rules::default() };
    let mut opened = BudgetId::USER;
    let open = |policy: &mut Policy, _: &Clock<'_>| {
        let closed = policy.budgets().find(|(_, budget)| budget.holder == holder);
        let parent = closed.and_then(|(_, budget)| budget.parent);
        let (id, changes) = policy.open(holder, parent, rules)?;
        opened = id;
        Ok::<_, BudgetError>(changes)
    };
    ctx.node.budgets().stage(open).map_err(|e| refused(&e))?;
    Ok(opened)
}

/// Previews the maximum cost of a payment, and whether the budget allows it.
///
/// # Errors
/// `invalidInput`.
pub fn preview(
    ctx: &Ctx,
    amount_msat: Msat,
    max_fee_msat: Option<Msat>,
    authorization: &Authorization,
) -> Result<Preview, WalletError> {
    let max_fee_msat = max_fee_msat.unwrap_or_else(|| default_max_fee_msat(amount_msat));
    let holder = convert::holder(&authorization.holder, &ctx.name)?;
    let purpose = purpose(authorization)?;
    let cost = Cost { amount: amount_msat, fee: max_fee_msat };
    let needed_msat = amount_msat.plus_up_to_max(max_fee_msat);
    let open = ctx.node.budgets().policy().budget_of(&holder);
    let Some(id) = open else {
        let problem = Some(no_budget(needed_msat));
        return Ok(Preview {
            amount_msat,
            max_fee_msat,
            needed_msat,
            budget: None,
            left_after_msat: None,
            problem,
        });
    };
    let reservation = Reservation { budget: id, cost, payee: String::new(), purpose };
    Ok(ctx.node.budgets().read(|policy, clock| Preview {
        amount_msat,
        max_fee_msat,
        needed_msat,
        budget: page_budget(policy, clock, id),
        left_after_msat: policy
            .left(id, clock)
            .filter(|left| *left >= needed_msat)
            .map(|left| left.less(needed_msat)),
        problem: policy.allows(&reservation, clock).err().map(|denied| errors::denied(&denied)),
    }))
}
