//! The audit of a life that has come to rest. Each fault is a sentence; none is a sound life.

use std::collections::BTreeMap;

use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_node::budget::{BudgetId, Clock, Utc};
use amplet_node::lightning::ln::channel_state::ChannelDetails;
use amplet_node::{Node, PaymentId};
use amplet_protocol::page::{Direction, EventKind, Payment, PaymentKind, PaymentPart, PaymentStatus};

use crate::acts::{NODES, Name, WALLETS};
use crate::chain::Books;
use crate::life::{Life, app};

/// Blocks that a node may miss without a channel of its closing: HTLCs have 144, of which LDK keeps 36 for itself, and as many
/// again may have passed before.
const MISSED: u32 = 60;

/// Below it a commitment has no output for an HTLC, in msat (LDK's dust limit; BOLT 3, "Trimmed Outputs").
const DUST_MSAT: u64 = 354_000;

/// The parts of an audit, and what they find.
pub struct Audit<'a> {
    pub life: &'a Life,
    pub books: Books,
    pub histories: BTreeMap<Name, Vec<Payment>>,
    pub faults: Vec<String>,
    /// What would be a fault, had no node been away for too long, and no dust been in a channel that was closed by force.
    pub excused: Vec<String>,
    /// What forwarders lost as dust, in msat.
    pub dust_msat: u64,
}

/// Amount and fee, in msat.
pub fn cost(payment: &Payment) -> u64 {
    payment.amount_msat.unwrap_or_default().get() + payment.fee_msat.unwrap_or_default().get()
}

pub fn amount(payment: &Payment) -> u64 {
    payment.amount_msat.unwrap_or_default().get()
}

fn succeeded(payment: &&Payment) -> bool {
    payment.status == PaymentStatus::Succeeded
}

pub fn is_lightning(payment: &Payment) -> bool {
    use PaymentKind::*;
    matches!(payment.kind, Bolt11 | Keysend | Offer | Stream | Amp)
}

/// Payment hash of a payment that succeeded; of one by AMP, whose proof is that of one of its parts, its set.
fn hash(payment: &Payment) -> Option<PaymentId> {
    let preimage: PaymentId = payment.preimage.as_ref()?.parse().ok()?;
    if payment.kind == PaymentKind::Amp {
        return Some(payment.id);
    }
    Some(PaymentId(sha256::Hash::hash(&preimage.0).to_byte_array()))
}

/// Audits a life; the faults, and what is excused.
pub fn audit(life: &Life, under_way: Vec<String>) -> (Vec<String>, Vec<String>) {
    let histories = NODES.into_iter().map(|name| (name, life.history(name))).collect();
    let books = Books::read(&life.world.server.chain.borrow());
    let faults = under_way.into_iter().map(|what| format!("no rest: {what}")).collect();
    let mut audit = Audit { life, books, histories, faults, excused: Vec::new(), dust_msat: 0 };
    audit.states();
    audit.devices();
    audit.channels();
    audit.payments();
    audit.streams();
    audit.budgets();
    audit.coins();
    audit.onchain_histories();
    audit.wealth();
    audit.closes();
    (audit.faults, audit.excused)
}

impl Audit<'_> {
    pub fn node(&self, name: Name) -> &Node {
        &self.life.up[name].node
    }

    pub fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    /// A fault, unless a node was away for so long that HTLCs expired meanwhile.
    pub fn fault_of_presence(&mut self, what: String) {
        match self.anybody_missed() {
            true => self.excused.push(what),
            false => self.faults.push(what),
        }
    }

    pub fn missed(&self, name: Name) -> bool {
        self.life.facts.missed.get(name).is_some_and(|blocks| *blocks >= MISSED)
    }

    pub fn anybody_missed(&self) -> bool {
        NODES.into_iter().any(|name| self.missed(name))
    }

    pub fn channel_list(&self, name: Name) -> Vec<ChannelDetails> {
        self.node(name).channels().list()
    }

    /// Each node follows the chain, saves what it has, and reads what it saved.
    fn states(&mut self) {
        for name in NODES {
            let node = self.node(name).clone();
            let state = node.sync().state();
            let tip = self.life.world.server.chain.borrow().height();
            if !state.synced || node.sync().best_block().0 != tip {
                self.fault(format!("{name} does not follow the chain: {state:?}"));
            }
            if !node.ledger().damaged().is_empty() {
                self.fault(format!("{name} cannot read {:?}", node.ledger().damaged()));
            }
            if let Some(proof) = node.old_copy() {
                self.fault(format!("{name} takes itself for an old copy: {proof:?}"));
            }
            if let Some(trouble) = node.storage_trouble() {
                self.fault(format!("{name} cannot save: {trouble:?}"));
            }
        }
    }

    /// Both sides of a channel have the same money in it, which is its capacity.
    fn channels(&mut self) {
        for name in NODES {
            for channel in self.channel_list(name) {
                let peer = self.life.name_of(&channel.counterparty.node_id);
                let what = format!("{name}'s channel of {} sat with {peer}", channel.channel_value_satoshis);
                let theirs = self.channel_list(peer);
                let Some(other) = theirs.iter().find(|other| other.channel_id == channel.channel_id) else {
                    self.fault(format!("{what}: {peer} does not know it"));
                    continue;
                };
                let here = self.node(name).channels().balance_of(&channel);
                let there = self.node(peer).channels().balance_of(other);
                let sides = (here.ours_msat, here.theirs_msat);
                if sides != (there.theirs_msat, there.ours_msat) {
                    self.fault(format!("{what}: {here:?} here and {there:?} there"));
                }
                let sum = sides.0.get() + sides.1.get();
                if sum != channel.channel_value_satoshis * 1000 && channel.pending_outbound_htlcs.is_empty() {
                    self.fault(format!("{what}: {sum} msat in all"));
                }
            }
        }
    }

    fn of_all(&self, direction: Direction) -> Vec<(Name, &Payment)> {
        let all = self.histories.iter().flat_map(|(name, list)| list.iter().map(|payment| (*name, payment)));
        all.filter(|(_, payment)| payment.direction == direction && is_lightning(payment))
            .filter(|(_, payment)| payment.kind != PaymentKind::Stream)
            .collect()
    }

    /// A payment that succeeded, at its payer, has arrived at one payee, and the other way round, to the millisatoshi.
    fn payments(&mut self) {
        let (mut faults, mut dust) = (Vec::new(), Vec::new());
        let (paid, got) = (self.of_all(Direction::Outbound), self.of_all(Direction::Inbound));
        for (name, payment) in paid.iter().filter(|(_, payment)| succeeded(payment)) {
            let what = format!("{name} paid {:?} {} of {} msat", payment.kind, payment.id, amount(payment));
            let Some(hash) = hash(payment) else {
                faults.push(format!("{what}, without proof"));
                continue;
            };
            if payment.kind != PaymentKind::Offer && hash != payment.id {
                faults.push(format!("{what}, and the proof is of {hash}"));
            }
            if payment.fee_msat.is_none() {
                faults.push(format!("{what}, and its fee is not known"));
            }
            let arrived: Vec<_> =
                got.iter().filter(|(_, other)| other.id == hash && succeeded(other)).collect();
            match &arrived[..] {
                [(_, other)] if amount(other) == amount(payment) => {}
                // Where the payer begins the payee's blinded path itself, LDK gives that path's fee to the payee.
                [(_, other)]
                    if payment.kind == PaymentKind::Offer
                        && (amount(payment)..=cost(payment)).contains(&amount(other)) => {}
                [(payee, other)] => faults.push(format!("{what}, and {payee} got {}", amount(other))),
                all => faults.push(format!("{what}, and {} got it", all.len())),
            }
        }
        for (name, payment) in got.iter().filter(|(_, payment)| succeeded(payment)) {
            let payers =
                paid.iter().filter(|(_, other)| succeeded(other) && hash(other) == Some(payment.id)).count();
            let (kind, id) = (payment.kind, payment.id);
            let what = format!("{name} got {kind:?} {id} of {} msat, and {payers} paid it", amount(payment));
            match self.lost_as_dust(id) {
                _ if payers == 1 => {}
                Some(lost_msat) if payers == 0 => dust.push((what, lost_msat)),
                _ => faults.push(what),
            }
        }
        faults.into_iter().for_each(|what| self.fault_of_presence(what));
        for (what, lost_msat) in dust {
            self.excused.push(what);
            self.dust_msat += lost_msat;
        }
    }

    /// A payment that was dust in a channel which was closed by force, with its fees in msat: whoever had passed it on through that
    /// channel lost it, since it is nobody's on chain. Its payee has it, and its payer is told that it failed, all the same.
    fn lost_as_dust(&self, id: PaymentId) -> Option<u64> {
        let paid = self.of_all(Direction::Outbound);
        let (payer, payment) = paid.into_iter().find(|(_, payment)| payment.id == id)?;
        let is_lost = |part: &&PaymentPart| {
            let names = part.path.iter().map(|hop| self.life.name_of_hop(hop));
            let nodes: Vec<Name> = std::iter::once(payer).chain(names).collect();
            // The last channel is the payee's own.
            part.amount_msat.get() + part.fee_msat.get() < DUST_MSAT
                && nodes.windows(2).rev().skip(1).any(|sides| self.was_closed_by_force(sides[0], sides[1]))
        };
        let failed = matches!(payment.status, PaymentStatus::Failed { .. });
        let lost: Vec<&PaymentPart> = payment.parts.iter().filter(is_lost).collect();
        let arrived: u64 = lost.iter().map(|part| part.amount_msat.get()).sum();
        let fees: u64 = lost.iter().map(|part| part.fee_msat.get()).sum();
        (failed && arrived >= amount(payment)).then(|| amount(payment) + fees)
    }

    /// What a stream's payer has paid is what its payee got.
    fn streams(&mut self) {
        let sums = |payment: &Payment| {
            let count = payment.stream.as_ref().map_or(0, |totals| totals.payments);
            (amount(payment), count)
        };
        let mut faults = Vec::new();
        let all = self.histories.iter().flat_map(|(name, list)| list.iter().map(|payment| (*name, payment)));
        let streams: Vec<_> = all.filter(|(_, payment)| payment.kind == PaymentKind::Stream).collect();
        let session = |payment: &Payment| payment.stream.as_ref().map(|totals| totals.session.clone());
        for payee in NODES {
            let of_payee = Some(self.life.id(payee).to_string());
            for payer in NODES {
                let named = Some(format!("from {payer}"));
                let paid = streams.iter().filter(|(name, payment)| {
                    *name == payer && payment.direction == Direction::Outbound && payment.payee == of_payee
                });
                let got = streams.iter().filter(|(name, payment)| {
                    *name == payee && payment.direction == Direction::Inbound && session(payment) == named
                });
                let add = |sum: (u64, u64), one: (u64, u64)| (sum.0 + one.0, sum.1 + one.1);
                let paid = paid.map(|(_, payment)| sums(payment)).fold((0, 0), add);
                let got = got.map(|(_, payment)| sums(payment)).fold((0, 0), add);
                if paid != got {
                    faults.push(format!("{payer}'s stream to {payee}: {paid:?} paid and {got:?} got"));
                }
            }
        }
        faults.into_iter().for_each(|what| self.fault_of_presence(what));
    }

    /// What budgets have spent is the sum of the outbound records, and nothing is reserved any more.
    fn budgets(&mut self) {
        for name in WALLETS {
            let node = self.node(name).clone();
            let (mut of_user, mut of_app) = (0, 0);
            for payment in &self.histories[name] {
                let spent = spent(payment);
                match self.life.facts.budgeted.contains(&(name, payment.id)) {
                    true => of_app += spent,
                    false => of_user += spent,
                }
            }
            let policy = node.budgets().policy();
            let budgets = [Some(BudgetId::USER), policy.budget_of(&app())];
            let mut faults = Vec::new();
            for (budget, expected) in budgets.into_iter().flatten().zip([of_user, of_app]) {
                let usage = &policy.usage(budget, &Clock::new(0, &Utc))[0];
                let (spent, reserved) = (usage.spent.get(), usage.reserved.get());
                if (spent, reserved) != (expected, 0) {
                    faults.push(format!(
                        "{name}'s budget {budget}: {spent} msat spent and {reserved} reserved, and {expected} in the history"
                    ));
                }
            }
            let left = policy.all_reserved().count();
            drop(policy);
            let reader = node.clone();
            let report = async move {
                let sum = |report: &amplet_node::budget::report::Report<'_>| {
                    let sums = report.by(|_| ());
                    sums.values().map(|sum| sum.cost.amount.get() + sum.cost.fee.get()).sum::<u64>()
                };
                reader.budgets().spending(None, None, sum).await.unwrap()
            };
            let reported = self.life.within(std::time::Duration::from_secs(5), report);
            if reported != Some(of_user + of_app) {
                faults
                    .push(format!("{name}'s report: {reported:?}, and {} in the history", of_user + of_app));
            }
            if left > 0 {
                faults.push(format!("{name}: {left} payments have reservations"));
            }
            self.faults.extend(faults);
        }
    }

    /// Reasons that a node's events give for the end of a channel.
    pub fn reasons(&self, name: Name) -> Vec<(String, String)> {
        let events = self.node(name).ledger().events();
        let closed = events.into_iter().filter_map(|event| match event.kind {
            EventKind::ChannelClosed { channel_id, reason } => Some((channel_id.to_string(), reason)),
            _ => None,
        });
        closed.collect()
    }
}

/// What a record says that its budget has spent, in msat.
fn spent(payment: &Payment) -> u64 {
    if payment.direction != Direction::Outbound {
        return 0;
    }
    match (payment.kind, &payment.status) {
        // Its payments are counted as they end.
        (PaymentKind::Stream, _) => cost(payment),
        (
            PaymentKind::Bolt11 | PaymentKind::Keysend | PaymentKind::Offer | PaymentKind::Amp,
            PaymentStatus::Succeeded,
        ) => cost(payment),
        // Without a fee it is another installation's, or a closing channel's.
        (PaymentKind::Onchain, PaymentStatus::Succeeded) if payment.fee_msat.is_some() => cost(payment),
        (PaymentKind::Onchain, PaymentStatus::Failed { .. }) if payment.cancels => {
            payment.fee_msat.unwrap_or_default().get()
        }
        _ => 0,
    }
}
