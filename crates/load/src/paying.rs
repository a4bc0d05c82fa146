//! Wallets that pay each other: each one payment at a time, to another wallet by chance, then a pause by chance.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{PaymentStatus, Request};
use amplet_protocol::{Msat, PaymentId};
use amplet_wallet::{Response, Wallet};
use anyhow::{Result, bail};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep};

use crate::random::random;

/// Amounts, in msat: enough for an output of its own on the chain, little against a channel.
const AMOUNTS_MSAT: [u64; 2] = [1_000_000, 10_000_000];

/// A payment that was begun.
pub struct Attempt {
    /// The payer's number.
    pub payer: usize,
    /// The payee's.
    pub payee: usize,
    /// Its id, the same on both sides.
    pub id: PaymentId,
    /// Time from the request to pay to its outcome, if that was a success; else what the payer was told.
    pub outcome: Result<Duration, String>,
}

/// All payments, in the order of their outcomes.
pub type Attempts = Rc<RefCell<Vec<Attempt>>>;

/// Wallets at work.
pub struct Paying {
    stop: Rc<Cell<bool>>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Paying {
    /// Begins.
    pub fn begin(wallets: &[Rc<Wallet>], pause_ms: u64, attempts: &Attempts) -> Self {
        let stop = Rc::new(Cell::new(false));
        let all: Rc<[Rc<Wallet>]> = wallets.into();
        let tasks = (0..wallets.len()).map(|payer| {
            let (all, stop, attempts) = (Rc::clone(&all), Rc::clone(&stop), Rc::clone(attempts));
            spawn_local(async move { pay_on(&all, payer, pause_ms, &stop, &attempts).await })
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// Ends it: no payment is begun any more, and each that was is waited for.
    ///
    /// # Errors
    /// When an invoice could not be made, or a wallet's answer is of the wrong kind.
    pub async fn end(self) -> Result<()> {
        self.stop.set(true);
        for task in self.tasks {
            task.await??;
        }
        Ok(())
    }
}

async fn pay_on(
    wallets: &[Rc<Wallet>],
    payer: usize,
    pause_ms: u64,
    stop: &Cell<bool>,
    attempts: &RefCell<Vec<Attempt>>,
) -> Result<()> {
    let count = u64::try_from(wallets.len())?;
    loop {
        // Twice the mean at most, in short steps: an end is not waited for.
        let until = Instant::now() + Duration::from_millis(random(pause_ms.saturating_mul(2)));
        while Instant::now() < until && !stop.get() {
            sleep(Duration::from_millis(50)).await;
        }
        if stop.get() {
            return Ok(());
        }
        let other = 1 + usize::try_from(random(count.saturating_sub(1)))?;
        let payee = (payer + other) % wallets.len();
        if let (Some(from), Some(to)) = (wallets.get(payer), wallets.get(payee)) {
            let (id, outcome) = pay(from, to).await?;
            attempts.borrow_mut().push(Attempt { payer, payee, id, outcome });
        }
    }
}

async fn pay(from: &Wallet, to: &Wallet) -> Result<(PaymentId, Result<Duration, String>)> {
    let [least, most] = AMOUNTS_MSAT;
    let amount = Msat::new(least.saturating_add(random(most.saturating_sub(least))))?;
    let receive = Request::Receive {
        amount_msat: Some(amount),
        description: "load".to_owned(),
        expiry_secs: None,
        amp: false,
        metadata: std::collections::BTreeMap::new(),
        channel: Default::default(),
    };
    let Response::PaymentRequest(asked) = to.request(receive).await? else { bail!("not an invoice") };
    let pay = Request::Pay {
        invoice: asked.invoice,
        amount_msat: None,
        max_fee_msat: None,
        parts: None,
        authorization: None,
    };
    let began = Instant::now();
    let outcome = match from.request(pay).await {
        Ok(Response::Payment(payment)) => match payment.status {
            PaymentStatus::Succeeded => Ok(began.elapsed()),
            PaymentStatus::Failed { error } => Err(error.to_string()),
            PaymentStatus::Pending => Err("pending".to_owned()),
        },
        Ok(other) => bail!("not a payment: {other:?}"),
        Err(error) => Err(error.to_string()),
    };
    Ok((asked.payment_hash, outcome))
}
