//! The scenarios, in the order in which they run; none needs what another one did.

mod amp;
mod hold;
mod home;
mod invoices;
mod lost;

use anyhow::Result;
use futures::future::LocalBoxFuture;

use self::hold::{Absence, End};
use self::home::{Close, Side};
use crate::stage::Stage;

/// Returns what was paid, for whoever reads the log.
type Run = for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, Result<String>>;

/// A scenario.
pub struct Scenario {
    /// Claim that it checks.
    pub name: &'static str,
    /// Runs it.
    pub run: Run,
}

const fn scenario(name: &'static str, run: Run) -> Scenario {
    Scenario { name, run }
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    scenario("the wallet pays an invoice in one part", |stage| {
        Box::pin(invoices::wallet_pays(stage, 20_000, 1..=1, 1))
    }),
    scenario("the wallet pays an invoice in at least 3 parts over both gateways", |stage| {
        Box::pin(invoices::wallet_pays(stage, 350_000, 3..=usize::MAX, 2))
    }),
    scenario("the peer pays the wallet's invoice in at least 3 parts", |stage| {
        Box::pin(invoices::peer_pays(stage, 450_000, 160_000, 3))
    }),
    scenario("a hold invoice is settled while the killed wallet is away", |stage| {
        Box::pin(hold::run(stage, End::Settled, Absence::AtTheEnd))
    }),
    scenario("a hold invoice is settled after the killed wallet is back", |stage| {
        Box::pin(hold::run(stage, End::Settled, Absence::Before))
    }),
    scenario("a hold invoice is cancelled while the killed wallet is away", |stage| {
        Box::pin(hold::run(stage, End::Cancelled, Absence::AtTheEnd))
    }),
    scenario("a hold invoice is cancelled after the killed wallet is back", |stage| {
        Box::pin(hold::run(stage, End::Cancelled, Absence::Before))
    }),
    scenario("the wallet pays an AMP invoice twice, in at least 3 parts over both gateways", |stage| {
        Box::pin(amp::wallet_pays_twice(stage))
    }),
    scenario("the wallet pays the peer by AMP without an invoice, likewise", |stage| {
        Box::pin(amp::wallet_pays_unasked(stage))
    }),
    scenario("the peer pays the wallet's AMP invoice in at least 3 parts", |stage| {
        Box::pin(amp::peer_pays(stage))
    }),
    scenario("home: a channel that the peer opens, closed by the wallet together", |stage| {
        Box::pin(home::run(stage, Side::Peer, Side::Wallet, Close::Together))
    }),
    scenario("home: a channel that the wallet opens, closed by the peer together", |stage| {
        Box::pin(home::run(stage, Side::Wallet, Side::Peer, Close::Together))
    }),
    scenario("home: a channel that the peer opens, closed by the wallet by force", |stage| {
        Box::pin(home::run(stage, Side::Peer, Side::Wallet, Close::ByForce))
    }),
    scenario("home: a channel that the wallet opens, closed by the peer by force", |stage| {
        Box::pin(home::run(stage, Side::Wallet, Side::Peer, Close::ByForce))
    }),
    scenario(
        "home: a wallet whose storage is gone, closed by the peer, which is asked as the lost node",
        |stage| Box::pin(lost::run(stage)),
    ),
];
