//! The chain's side of an audit: where every coin is, and how channels ended.

use std::collections::BTreeMap;

use amplet_chain::testing::TestChain;
use amplet_node::bitcoin::{OutPoint, Transaction, TxIn, TxOut, Txid, Witness};
use amplet_node::lightning::chain::transaction::OutPoint as Funding;
use amplet_node::lightning::ln::types::ChannelId;
use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};

use crate::acts::{MALLORY, NODES, Name};
use crate::audit::{Audit, amount, cost, is_lightning};
use crate::life::Opening;
use crate::world::is_commitment;

/// An anchor's value (BOLT 3).
const ANCHOR_SAT: u64 = 330;
/// Most that the dust and the fractions of a closed channel may be, in sat (`MAX_DUST_MSAT` and BOLT 3's limits).
const DUST_SAT: u64 = 60_000;

/// Where the coins are that were ever deposited.
#[derive(Default)]
pub struct Books {
    pub unspent: BTreeMap<OutPoint, TxOut>,
    pub spenders: BTreeMap<OutPoint, Transaction>,
    pub outputs: BTreeMap<OutPoint, TxOut>,
    pub deposited_sat: u64,
    pub fees_sat: u64,
    /// In HTLCs that were claimed by their preimage in the last six blocks.
    pub claimed_lately_sat: u64,
}

impl Books {
    pub fn read(chain: &TestChain) -> Self {
        let mut books = Self::default();
        let all = chain.blocks();
        for tx in all.iter().flat_map(|block| block.txdata.iter().skip(1)) {
            books.add(tx);
        }
        let latest = all.iter().rev().take(6).flat_map(|block| &block.txdata).flat_map(|tx| &tx.input);
        let claimed = latest.filter(|input| is_claim(&input.witness));
        let value = |input: &TxIn| books.outputs.get(&input.previous_output).map(|it| it.value.to_sat());
        books.claimed_lately_sat = claimed.filter_map(value).sum();
        books
    }

    fn add(&mut self, tx: &Transaction) {
        let txid = tx.compute_txid();
        let spent = tx.input.iter().map(|input| {
            self.spenders.insert(input.previous_output, tx.clone());
            self.unspent.remove(&input.previous_output).map(|output| output.value.to_sat())
        });
        let spent: Option<u64> = spent.collect::<Vec<_>>().into_iter().sum();
        let paid: u64 = tx.output.iter().map(|output| output.value.to_sat()).sum();
        match spent {
            Some(spent) => self.fees_sat += spent - paid,
            // From a coinbase.
            None => self.deposited_sat += paid,
        }
        for (vout, output) in (0..).zip(&tx.output) {
            self.unspent.insert(OutPoint { txid, vout }, output.clone());
            self.outputs.insert(OutPoint { txid, vout }, output.clone());
        }
    }

    /// The funding output of an opening, if a block has it.
    pub fn funding(&self, opening: &Opening) -> Option<OutPoint> {
        let is_funding =
            |output: &TxOut| output.value.to_sat() == opening.sat && output.script_pubkey.is_p2wsh();
        self.outputs.iter().find(|(_, output)| is_funding(output)).map(|(outpoint, _)| *outpoint)
    }
}

/// A spend of an HTLC by its preimage (BOLT 3).
fn is_claim(witness: &Witness) -> bool {
    let items: Vec<&[u8]> = witness.iter().collect();
    matches!(&items[..], [_, preimage, _] | [_, _, _, preimage, _] if preimage.len() == 32)
}

/// A spend by a revocation key (BOLT 3): of a delayed output, or of an HTLC.
fn is_penalty(tx: &Transaction) -> bool {
    tx.input.iter().any(|input| {
        let witness: Vec<&[u8]> = input.witness.iter().collect();
        match &witness[..] {
            [_, [1], script] => script.first() == Some(&0x63),
            [_, key, script] => key.len() == 33 && script.starts_with(&[0x76, 0xa9]),
            _ => false,
        }
    })
}

fn channel_id(funding: OutPoint) -> ChannelId {
    let index = u16::try_from(funding.vout).unwrap();
    ChannelId::v1_from_funding_outpoint(Funding { txid: funding.txid, index })
}

impl Audit<'_> {
    /// Every coin is a node's, a channel's or an anchor nobody took.
    pub fn coins(&mut self) {
        let deposited: u64 = self.life.facts.deposited_sat.values().sum();
        let (mut of_channels, mut anchors) = (0, 0);
        let commitments: Vec<Txid> = self
            .openings()
            .into_iter()
            .filter_map(|(_, funding)| {
                self.books
                    .spenders
                    .get(&funding)
                    .filter(|tx| is_commitment(tx))
                    .map(Transaction::compute_txid)
            })
            .collect();
        for (_, funding) in self.openings() {
            of_channels += self.books.unspent.get(&funding).map_or(0, |output| output.value.to_sat());
        }
        for (outpoint, output) in &self.books.unspent {
            if commitments.contains(&outpoint.txid) && output.value.to_sat() == ANCHOR_SAT {
                anchors += ANCHOR_SAT;
            }
        }
        let balance = |name: Name| self.node(name).onchain().balance();
        let of_nodes: u64 = NODES.into_iter().map(balance).map(|(sure, not_yet)| sure + not_yet).sum();
        let unspent: u64 = self.books.unspent.values().map(|output| output.value.to_sat()).sum();
        if self.books.deposited_sat != deposited || unspent + self.books.fees_sat != deposited {
            self.fault(format!("{deposited} sat were deposited, {} are on chain", self.books.deposited_sat));
        }
        let closing = |name: Name| self.node(name).channels().balance().closing_sat;
        let closing: u64 = NODES.into_iter().map(closing).sum();
        let known = of_nodes + of_channels + anchors + closing;
        // LDK counts an HTLC that its payee has claimed among the payer's money, too, until the claim is six deep.
        if !(unspent..=unspent + self.books.claimed_lately_sat).contains(&known) {
            self.fault(format!(
                "{unspent} sat are on chain: {of_nodes} are nodes', {of_channels} in channels, {anchors} in anchors, {closing} on their way, {} nobody's",
                i128::from(unspent) - i128::from(known)
            ));
        }
    }

    /// Openings whose funding a block has.
    fn openings(&self) -> Vec<(Opening, OutPoint)> {
        let all = self.life.facts.openings.iter();
        all.filter_map(|opening| Some((*opening, self.books.funding(opening)?))).collect()
    }

    /// Returns whether a channel of these two ended by a commitment.
    pub fn was_closed_by_force(&self, one: Name, other: Name) -> bool {
        self.openings().iter().any(|(opening, funding)| {
            let is_theirs = [(one, other), (other, one)].contains(&(opening.from, opening.to));
            is_theirs && self.books.spenders.get(funding).is_some_and(is_commitment)
        })
    }

    fn is_open(&self, funding: &OutPoint) -> bool {
        self.books.unspent.contains_key(funding)
    }

    /// A node's history adds up to its on-chain balance.
    pub fn onchain_histories(&mut self) {
        for name in NODES {
            let (mut got, mut gone) = (0, 0);
            for payment in self.histories[name].iter().filter(|payment| !is_lightning(payment)) {
                match (payment.direction, &payment.status) {
                    (Direction::Inbound, PaymentStatus::Succeeded) => got += amount(payment),
                    (Direction::Outbound, PaymentStatus::Succeeded) => gone += cost(payment),
                    (Direction::Outbound, PaymentStatus::Failed { .. }) if payment.cancels => {
                        gone += payment.fee_msat.unwrap_or_default().get();
                    }
                    _ => {}
                }
            }
            let (sure, not_yet) = self.node(name).onchain().balance();
            let balance = i128::from(sure + not_yet) * 1000;
            if i128::from(got) - i128::from(gone) != balance {
                self.fault(format!(
                    "{name}'s history: {got} msat came, {gone} went, and {balance} are there"
                ));
            }
        }
    }

    /// Received and paid by Lightning, and fees paid, in msat.
    fn turnover(&self, name: Name) -> (i128, i128, i128) {
        let (mut got, mut paid, mut fees) = (0, 0, 0);
        for payment in self.histories[name].iter().filter(|payment| is_lightning(payment)) {
            let counts = payment.status == PaymentStatus::Succeeded || payment.kind == PaymentKind::Stream;
            match payment.direction {
                _ if !counts => {}
                Direction::Inbound => got += i128::from(amount(payment)),
                Direction::Outbound => {
                    paid += i128::from(amount(payment));
                    fees += i128::from(payment.fee_msat.unwrap_or_default().get());
                }
            }
        }
        (got, paid, fees)
    }

    /// What is a node's in its channels beyond what its history says it should be, in msat: what it earned by forwarding.
    fn surplus(&self, name: Name) -> i128 {
        let (got, paid, fees) = self.turnover(name);
        let mut expected = got - paid - fees;
        for (opening, _) in self.openings() {
            let push = i128::from(opening.push_sat) * 1000;
            if opening.from == name {
                expected += i128::from(opening.sat) * 1000 - push;
            }
            if opening.to == name {
                expected += push;
            }
        }
        let ours = |channel| i128::from(self.node(name).channels().balance_of(channel).ours_msat.get());
        self.channel_list(name).iter().map(ours).sum::<i128>() - expected
    }

    /// Who forwards nothing has what its history says, to the millisatoshi; who forwards, that and the fees of the others.
    /// What closed channels cost is bounded by the fees that were paid to miners, and dust.
    pub fn wealth(&mut self) {
        // What payees got beyond what they were owed is no forwarder's.
        let earned_of = |(got, paid, fees): (i128, i128, i128)| fees + paid - got;
        let fees: i128 = NODES.into_iter().map(|name| earned_of(self.turnover(name))).sum();
        // What was lost as dust its payee got of whoever had passed it on, and those after that one their fees.
        let fees = fees + i128::from(self.dust_msat);
        let mut closed_sat: BTreeMap<Name, i128> = BTreeMap::new();
        for (opening, funding) in self.openings() {
            if !self.is_open(&funding) {
                for name in [opening.from, opening.to] {
                    *closed_sat.entry(name).or_default() += i128::from(opening.sat);
                }
            }
        }
        let mut earned = 0;
        for name in NODES {
            let surplus = self.surplus(name);
            earned += surplus;
            let forwards = !crate::acts::WALLETS.contains(&name);
            let fits = match closed_sat.get(name) {
                None if forwards => (0..=fees).contains(&surplus),
                None => surplus == 0,
                Some(_) => true,
            };
            if !fits {
                let what = format!("{name} has {surplus} msat more in its channels than its history says");
                self.fault_of_presence(what);
            }
        }
        if closed_sat.is_empty() && earned != fees {
            self.fault_of_presence(format!("{fees} msat of fees were paid, and {earned} earned"));
        }
        for name in closed_sat.into_keys() {
            self.closed_wealth(name, fees);
        }
    }

    /// All of a node's money, one of whose channels was closed.
    fn closed_wealth(&mut self, name: Name, fees: i128) {
        let net: i128 = self.histories[name].iter().map(external).sum();
        let deposited = i128::from(self.life.facts.deposited_sat.get(name).copied().unwrap_or(0)) * 1000;
        let received: i128 = NODES
            .into_iter()
            .flat_map(|other| &self.histories[other])
            .map(|payment| {
                let to = payment.payee.as_ref().and_then(|address| self.life.facts.addresses.get(address));
                let counts = payment.kind == PaymentKind::Onchain
                    && payment.direction == Direction::Outbound
                    && payment.status == PaymentStatus::Succeeded;
                if counts && to == Some(&name) { i128::from(amount(payment)) } else { 0 }
            })
            .sum();
        let (got, paid, paid_fees) = self.turnover(name);
        let push: i128 = self
            .openings()
            .into_iter()
            .map(|(opening, _)| {
                let push = i128::from(opening.push_sat) * 1000;
                i128::from(opening.to == name) * push - i128::from(opening.from == name) * push
            })
            .sum();
        let expected = deposited + received + net + got - paid - paid_fees + push;
        let (sure, not_yet) = self.node(name).onchain().balance();
        let balance = self.node(name).channels().balance();
        let has = i128::from(sure + not_yet + balance.closing_sat) * 1000
            + i128::from(balance.lightning_msat.get());
        let loss = expected - has;
        let closed = self.openings().iter().filter(|(_, funding)| !self.is_open(funding)).count();
        let most = i128::from(self.books.fees_sat + DUST_SAT * u64::try_from(closed).unwrap()) * 1000;
        if !(-fees - 1000 * i128::try_from(closed).unwrap()..=most).contains(&loss) {
            let what = format!("{name} has {has} msat, and {expected} less fees is what its history says");
            self.fault_of_presence(what);
        }
    }

    /// A channel ends together, by its owner's will, because a node was away for too long, because its peer misbehaves, or because its
    /// funding is in no block any more.
    pub fn closes(&mut self) {
        for (opening, funding) in self.openings() {
            let Some(close) = self.books.spenders.get(&funding).cloned() else { continue };
            let id = channel_id(funding);
            let sides = [opening.from, opening.to];
            let wanted = self.life.facts.forced.contains(&id) || self.life.facts.unfunded.contains(&id);
            let absent = sides.into_iter().any(|name| self.missed(name));
            if is_commitment(&close) && !wanted && !absent && !sides.contains(&MALLORY) {
                let told: Vec<String> = sides
                    .into_iter()
                    .flat_map(|name| {
                        let reasons =
                            self.reasons(name).into_iter().filter(|(channel, _)| *channel == id.to_string());
                        reasons.map(move |(_, reason)| format!("{name}: {reason}"))
                    })
                    .collect();
                self.fault(format!("{opening:?} was closed by force: {}", told.join("; ")));
            }
        }
        for tx in self.books.spenders.values().filter(|tx| is_penalty(tx)).cloned().collect::<Vec<_>>() {
            self.fault(format!("a revoked commitment was broadcast, and punished by {}", tx.compute_txid()));
        }
        for name in NODES {
            let strange = ["exception", "stale", "feerate"];
            for (channel, reason) in self.reasons(name) {
                // LDK tells a peer that was away so that the other side has closed the channel: its cause is looked at above.
                let unfunded = self.life.facts.unfunded.iter().any(|id| id.to_string() == channel);
                if unfunded || reason.contains("invalid channel_reestablish to force close") {
                    continue;
                }
                if strange.iter().any(|word| reason.contains(word)) {
                    self.fault(format!("{name} closed {channel}: {reason}"));
                }
            }
        }
    }
}

/// What an on-chain payment of the user's has taken, its fee and what channels took left out, in msat.
fn external(payment: &Payment) -> i128 {
    let counts = payment.kind == PaymentKind::Onchain
        && payment.direction == Direction::Outbound
        && payment.status == PaymentStatus::Succeeded
        && payment.fee_msat.is_some();
    if counts { -i128::from(amount(payment)) } else { 0 }
}
