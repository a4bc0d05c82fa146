//! What a payment may cost, and from which purse.

use amplet_node::policy::{Clock, Cost, Held, Holder, Msat, Policy, Purpose, PurseError, PurseId, Rules};
use amplet_protocol::page::{ErrorCode, Preview, PurseReason, PurseRefusal, Spender, WalletError};

use super::{convert, page_purse, refused};
use crate::errors;
use crate::pay::default_max_fee;
use crate::wallet::Inner;

/// The greatest fee: as given, else the default and no more than the person's approval leaves.
pub(crate) fn fee_limit(
    amount_msat: u64,
    max_fee_msat: Option<u64>,
    spender: Option<&Spender>,
) -> Result<u64, WalletError> {
    let wanted = max_fee_msat.unwrap_or_else(|| default_max_fee(amount_msat));
    let Some(approved) = spender.and_then(|spender| spender.approved_msat) else { return Ok(wanted) };
    let left = approved.checked_sub(amount_msat);
    match (left, max_fee_msat) {
        (Some(left), None) => Ok(wanted.min(left)),
        (Some(left), Some(fee)) if fee <= left => Ok(fee),
        _ => Err(unapproved(approved, amount_msat.saturating_add(wanted))),
    }
}

fn unapproved(approved_msat: u64, needed_msat: u64) -> WalletError {
    let message = format!(
        "the person allowed {approved_msat} msat, fee included, and this payment costs up to {needed_msat} msat; ask again, and show that sum"
    );
    let purse = PurseRefusal {
        limit_msat: Some(approved_msat),
        needed_msat: Some(needed_msat),
        ..errors::purse_refusal(PurseReason::Approval)
    };
    WalletError { purse: Some(Box::new(purse)), ..WalletError::new(ErrorCode::ApprovalNeeded, message) }
}

fn no_purse(needed_msat: u64) -> WalletError {
    let message = "there is no purse for this holder; ask the person about this payment, or to give a purse";
    let purse =
        PurseRefusal { needed_msat: Some(needed_msat), ..errors::purse_refusal(PurseReason::NoPurse) };
    WalletError { purse: Some(Box::new(purse)), ..WalletError::new(ErrorCode::ApprovalNeeded, message) }
}

/// Who pays. A holder without a purse whom the person allows this one payment gets a purse that asks about every one, so that
/// what it spent is known by holder; nobody else's purse ever pays for it.
pub(crate) fn spender(
    inner: &Inner,
    spender: Option<&Spender>,
    needed_msat: u64,
) -> Result<amplet_node::Spender, WalletError> {
    let Some(spender) = spender else { return Ok(amplet_node::Spender::person()) };
    let holder = convert::holder(&spender.holder, &inner.options.name)?;
    let purpose = purpose(spender)?;
    let approved = spender.approved_msat.is_some();
    let open = inner.node.purses().purse_of(&holder);
    let purse = match open {
        Some(purse) => purse,
        None if approved => open_asking(inner, holder)?,
        None => return Err(no_purse(needed_msat)),
    };
    Ok(amplet_node::Spender { purse, purpose, approved })
}

fn purpose(spender: &Spender) -> Result<Purpose, WalletError> {
    spender.purpose.as_deref().map_or_else(|| Ok(Purpose::default()), convert::purpose)
}

/// A purse that asks about every payment.
fn open_asking(inner: &Inner, holder: Holder) -> Result<PurseId, WalletError> {
    let rules = Rules { ask_above: Some(Msat::ZERO), ..Rules::default() };
    let mut opened = PurseId::PERSON;
    let open = |policy: &mut Policy, _: &Clock<'_>| {
        let closed = policy.purses().find(|(_, purse)| purse.holder == holder);
        let parent = closed.and_then(|(_, purse)| purse.parent);
        let (id, changes) = policy.open(holder, parent, rules)?;
        opened = id;
        Ok::<_, PurseError>(changes)
    };
    inner.node.stage_purses(open).map_err(|e| refused(&e))?;
    Ok(opened)
}

/// What a payment would cost at most, and what the purse says to it.
pub(crate) fn preview(
    inner: &Inner,
    amount_msat: u64,
    max_fee_msat: Option<u64>,
    spender: &Spender,
) -> Result<Preview, WalletError> {
    let max_fee_msat = fee_limit(amount_msat, max_fee_msat, None)?;
    let holder = convert::holder(&spender.holder, &inner.options.name)?;
    let purpose = purpose(spender)?;
    let cost = Cost { amount: convert::msat(amount_msat)?, fee: convert::msat(max_fee_msat)? };
    let needed_msat = amount_msat.saturating_add(max_fee_msat);
    let open = inner.node.purses().purse_of(&holder);
    let Some(id) = open else {
        let problem = Some(no_purse(needed_msat));
        return Ok(Preview {
            amount_msat,
            max_fee_msat,
            needed_msat,
            purse: None,
            left_after_msat: None,
            problem,
        });
    };
    let held = Held { purse: id, cost, payee: String::new(), purpose };
    Ok(inner.node.read_purses(|policy, clock| Preview {
        amount_msat,
        max_fee_msat,
        needed_msat,
        purse: page_purse(policy, clock, id),
        left_after_msat: policy.left(id, clock).and_then(|left| left.get().checked_sub(needed_msat)),
        problem: policy.allows(&held, clock).err().map(|denied| errors::denied(&denied)),
    }))
}
