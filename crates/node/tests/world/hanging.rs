//! A payment in whose middle the wallet dies: its HTLC stays on both commitments.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::lightning::ln::channel_state::{InboundHTLCStateDetails, OutboundHTLCStateDetails};
use amplet_node::{Authorization, Keysend, Node, Order, PayInvoice, PaymentId};
use amplet_protocol::page::{EventKind, PaymentStatus};
use amplet_transport::Platform;

use super::{World, mortal, msat, open};

/// Direction of the hanging HTLC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Paid by the wallet; the gateway holds the preimage and has told it, but the wallet has not learnt it.
    Out,
    /// Paid by the wallet; the gateway has refused it, but the wallet has not learnt that.
    Refused,
    /// Paid to the wallet; it has claimed it, but the gateway never learnt that.
    In,
}

/// A wallet that died with an HTLC of 100,000 sat on both commitments of its channel of 1,000,000 sat, of which half was the
/// gateway's before.
pub struct Hanging {
    pub world: World,
    pub gateway: Node,
    pub id: PaymentId,
    /// Blocks until the HTLC expires.
    pub expires_in: u32,
    /// Confirmed savings of the wallet.
    pub savings_sat: u64,
}

pub const HANGING_SAT: u64 = 100_000;

impl Hanging {
    /// Dies after a number of commits: the one after which what is wanted is the case.
    pub fn new(way: Way, authorize: impl Fn(&World, &Node) -> Authorization) -> Self {
        let dead_after = |commits| Self::dead_after(way, commits, &authorize);
        let found = match way {
            // As early as possible, so that the wallet learns nothing of the decision.
            Way::Out | Way::Refused => (1..9).find_map(dead_after),
            // As late as possible, so that it has the claim on its disk.
            Way::In => (1..9).rev().find_map(dead_after),
        };
        found.expect("some death leaves it")
    }

    fn dead_after(
        way: Way,
        commits: u64,
        authorize: &impl Fn(&World, &Node) -> Authorization,
    ) -> Option<Self> {
        let world = World::new();
        let gateway = world.open("gateway");
        let (wallet, store) = mortal(&world, "wallet");
        world.fund(&gateway, 5_000_000);
        world.fund(&wallet, 2_000_000);
        world.connect(&wallet, &gateway, "gateway");
        world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
        let authorization = authorize(&world, &wallet);
        let (from, payee, payment) = match way {
            Way::Out | Way::Refused => (wallet.clone(), &gateway, authorization),
            Way::In => (gateway.clone(), &wallet, Authorization::user()),
        };
        world.refuse_keysends.set(way == Way::Refused);
        let invoice = world.ask(payee, HANGING_SAT * 1000);
        world.platform.advance(Duration::from_secs(3));
        match way {
            Way::Out | Way::Refused => store.die_before_commit(commits),
            Way::In => store.die_after(commits),
        }
        let (begun, to) = (Rc::new(Cell::new(None)), gateway.node_id());
        let id = Rc::clone(&begun);
        // Who dies in the middle never returns.
        world.platform.spawn(Box::pin(async move {
            let (amount_msat, max_fee_msat) = (msat(HANGING_SAT * 1000), msat(10_000));
            let order: Order = match way {
                Way::Refused => Keysend { payee: to, amount_msat, max_fee_msat, records: Vec::new() }.into(),
                _ => PayInvoice { invoice, amount_msat: None, max_fee_msat }.into(),
            };
            id.set(from.payments().begin(order, &payment).await.ok());
        }));
        world.platform.advance(Duration::from_secs(3));
        let (dead, savings_sat) = (store.is_dead(), wallet.onchain().balance().0);
        world.kill("wallet", wallet);
        let id = begun.get()?;
        let theirs = gateway.channels().list();
        let [channel] = &theirs[..] else { return None };
        let claimed = gateway.ledger().events().iter().any(|event| match &event.kind {
            EventKind::PaymentReceived { payment } => payment.id == id,
            _ => false,
        });
        let hangs = match way {
            Way::Refused => {
                let refused = Some(InboundHTLCStateDetails::AwaitingRemoteRevokeToRemoveFail);
                channel.pending_inbound_htlcs.iter().any(|htlc| htlc.state == refused)
            }
            Way::Out => claimed && !channel.pending_inbound_htlcs.is_empty(),
            Way::In => {
                let pending = world.payment(&gateway, id).is_some_and(|p| p.status == PaymentStatus::Pending);
                let committed = Some(OutboundHTLCStateDetails::Committed);
                pending && channel.pending_outbound_htlcs.iter().any(|htlc| htlc.state == committed)
            }
        };
        let inbound = channel.pending_inbound_htlcs.iter().map(|htlc| htlc.cltv_expiry);
        let expiry = inbound.chain(channel.pending_outbound_htlcs.iter().map(|htlc| htlc.cltv_expiry)).max();
        let expires_in = expiry.unwrap_or(0).saturating_sub(world.server.chain.borrow().height());
        (dead && hangs).then_some(Self { world, gateway, id, expires_in, savings_sat })
    }
}
