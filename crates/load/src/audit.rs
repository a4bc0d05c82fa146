//! Nothing lost: every payment has the same outcome on both sides, and the sums are right to the millisatoshi.

use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::PaymentId;
use amplet_protocol::page::{Payment, PaymentStatus, Request};
use amplet_wallet::{Response, Wallet};
use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::gateway::Gateway;
use crate::paying::Attempt;
use crate::print::Audit;
use crate::wallets::balance;

/// Time for payments to be decided, and balances to be at rest, after the last was begun.
const PATIENCE: Duration = Duration::from_secs(180);
/// Failures that are told with their reason.
const TOLD: usize = 5;

/// Sums at the start.
pub struct Sums {
    wallets_msat: i64,
    gateway_msat: i64,
    written_bytes: u64,
}

impl Sums {
    /// Of now.
    ///
    /// # Errors
    /// The wallets', or the gateway's.
    pub async fn now(wallets: &[Rc<Wallet>], gateway: &Gateway<'_>) -> Result<Self> {
        let mut wallets_msat = 0_i64;
        for wallet in wallets {
            let balance = balance(wallet).await?;
            wallets_msat = wallets_msat.saturating_add(i64::try_from(balance.lightning_msat.get())?);
        }
        let gateway_msat = gateway.lightning_msat().await?;
        Ok(Self { wallets_msat, gateway_msat, written_bytes: gateway.written_bytes()? })
    }

    /// Compares with the sums after these payments.
    ///
    /// # Errors
    /// As [`now`](Self::now).
    pub async fn audit(
        &self,
        wallets: &[Rc<Wallet>],
        gateway: &Gateway<'_>,
        attempts: &[Attempt],
    ) -> Result<Audit> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && moves(wallets).await? {
            sleep(Duration::from_millis(500)).await;
        }
        let mut audit = Audit { payments: attempts.len(), ..Audit::default() };
        for attempt in attempts {
            let (Some(payer), Some(payee)) = (wallets.get(attempt.payer), wallets.get(attempt.payee)) else {
                continue;
            };
            let (sent, got) = (find(payer, attempt.id).await, find(payee, attempt.id).await);
            judge(&mut audit, attempt, sent, got);
        }
        let now = Self::now(wallets, gateway).await?;
        let less = self.wallets_msat.saturating_sub(now.wallets_msat);
        audit.missing_msat = less.saturating_sub(audit.fees_msat);
        audit.earned_msat = now.gateway_msat.saturating_sub(self.gateway_msat);
        audit.written_bytes = now.written_bytes.saturating_sub(self.written_bytes);
        Ok(audit)
    }
}

/// Whether something is in flight still.
async fn moves(wallets: &[Rc<Wallet>]) -> Result<bool> {
    for wallet in wallets {
        let balance = balance(wallet).await?;
        if balance.pending_outbound_msat.get() > 0 || balance.pending_inbound_msat.get() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The payment in a wallet's history; `None`: it was never begun there.
async fn find(wallet: &Wallet, id: PaymentId) -> Option<Box<Payment>> {
    match wallet.request(Request::Payment { id }).await {
        Ok(Response::Payment(payment)) => Some(payment),
        _ => None,
    }
}

fn judge(audit: &mut Audit, attempt: &Attempt, sent: Option<Box<Payment>>, got: Option<Box<Payment>>) {
    let has_arrived = got.is_some_and(|payment| matches!(payment.status, PaymentStatus::Succeeded));
    let outcome = sent.as_ref().map(|payment| &payment.status);
    match (outcome, has_arrived) {
        (Some(PaymentStatus::Succeeded), true) => {
            audit.succeeded = audit.succeeded.saturating_add(1);
            let fee = sent.and_then(|payment| payment.fee_msat).map_or(0, |fee| fee.get());
            audit.fees_msat = audit.fees_msat.saturating_add(i64::try_from(fee).unwrap_or(i64::MAX));
        }
        (None | Some(PaymentStatus::Failed { .. }), false) => {
            audit.failed = audit.failed.saturating_add(1);
            if audit.failures.len() < TOLD {
                let told = attempt.outcome.as_ref().err().map_or("", String::as_str);
                audit.failures.push(format!("wallet {} to {}: {told}", attempt.payer, attempt.payee));
            }
        }
        _ => {
            let Attempt { payer, payee, id, .. } = attempt;
            let arrived = if has_arrived { "has it" } else { "has it not" };
            audit.differing.push(format!("{id}: wallet {payer} says {outcome:?}, wallet {payee} {arrived}"));
        }
    }
}
