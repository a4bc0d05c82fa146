//! A wallet that came back, and what must hold then.

use amplet_node::PaymentId;
use amplet_protocol::page::{
    Balance, BudgetRule, Direction, HistoryQuery, Payment, PaymentKind, PaymentStatus, Request, Status,
};
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};

use super::super::until;
use super::absentee::{Absentee, CAPACITY_SAT, PAID_SAT, SAVINGS_SAT, ask, holder};
use super::network::{Network, sat};

/// The wallet's side of its channel when it was opened, in sat.
const HALF_SAT: u64 = CAPACITY_SAT / 2;

/// Blocks mined at once while somebody has something to claim.
const STEP: u64 = 3;

/// Blocks for which a commitment of the wallet's own, and a claim of an HTLC after that, cannot be spent.
const DELAY: u64 = 2016;

/// An anchor of a commitment (BOLT 3), in sat.
const ANCHOR_SAT: u64 = 330;

/// See the head of this file.
pub struct Returned<'a> {
    network: &'a Network,
    absentee: &'a Absentee,
    wallet: Wallet,
    /// For messages.
    what: String,
}

impl<'a> Returned<'a> {
    pub async fn new(network: &'a Network, absentee: &'a Absentee, what: String) -> Self {
        let wallet = absentee.come_back().await;
        Self { network, absentee, wallet, what }
    }

    /// The channel is as it was, and both payments arrive.
    pub async fn keeps_its_channel(&self) {
        let Self { network, absentee, wallet, what } = self;
        until("both payments", async || (!self.is_pending().await).then_some(())).await;
        assert_eq!(self.payment(absentee.to_us).await.status, PaymentStatus::Succeeded, "{what}");
        self.is_paid_for("succeeded").await;
        until("a quiet channel", async || {
            let balance = self.balance().await;
            let in_flight = balance.pending_inbound_msat.get() + balance.pending_outbound_msat.get();
            let status = self.status().await;
            // Blocks are held back while the gateway may still have something to say.
            (in_flight == 0 && status.able_to_pay && status.chain.synced).then_some(())
        })
        .await;
        let channels = ask!(wallet, Request::Channels, Channels);
        let funding = channels.iter().map(|channel| channel.funding.clone()).collect::<Vec<_>>();
        let (txid, vout) = &absentee.funding;
        assert_eq!(funding, [Some(format!("{txid}:{vout}"))], "{what}");
        let spent = self.spent_msat().await;
        let balance = self.balance().await;
        assert_eq!(balance.lightning_msat.get(), (HALF_SAT + PAID_SAT) * 1000 - spent, "{what}");
        assert_eq!(balance.onchain_sat, SAVINGS_SAT.iter().sum::<u64>(), "{what}");
        assert_eq!(network.regtest.bitcoind.waiting().unwrap(), 0, "{what}: nothing is broadcast");
        assert_eq!(u64::from(self.status().await.chain.height), network.height(), "{what}");
    }

    /// The gateway closed the channel, claimed what it has the preimage for, and took back what the wallet did not claim in time.
    pub async fn finds_its_channel_closed(&self, died_at: u64) {
        let Self { network, absentee, what, .. } = self;
        self.comes_home().await;
        assert!(matches!(self.payment(absentee.to_us).await.status, PaymentStatus::Failed { .. }), "{what}");
        self.is_paid_for("failed").await;
        let spent = self.spent_msat().await;
        assert!(spent > PAID_SAT * 1000, "{what}: {spent}");
        let ours_sat = HALF_SAT - spent.div_ceil(1000);
        let commitment = self.commitment(spent, died_at);
        let ours =
            commitment["vout"].as_array().unwrap().iter().find(|output| sat(&output["value"]) == ours_sat);
        let ours = ours.unwrap_or_else(|| panic!("{what}: no {ours_sat} sat in {commitment}"));
        let sweep =
            network.spender(commitment["txid"].as_str().unwrap(), ours["n"].as_u64().unwrap(), died_at);
        let fee_sat = network.fee_sat(sweep.expect("a sweep")["txid"].as_str().unwrap());
        let savings_sat: u64 = SAVINGS_SAT.iter().sum();
        assert_eq!(self.balance().await.onchain_sat, savings_sat + ours_sat - fee_sat, "{what}");
    }

    /// With the gateway away: the wallet claims the HTLC to it, and takes its own back.
    pub async fn closes_its_channel(&self, died_at: u64) {
        let Self { network, absentee, what, .. } = self;
        until("a commitment", async || (network.regtest.bitcoind.waiting().unwrap() > 0).then_some(())).await;
        for _ in 0..8 {
            self.mine(STEP).await;
        }
        self.mine(DELAY).await;
        self.comes_home().await;
        assert_eq!(self.payment(absentee.to_us).await.status, PaymentStatus::Succeeded, "{what}");
        assert_eq!(self.spent_msat().await, 0, "{what}");
        let (txid, vout) = &absentee.funding;
        let commitment = network.spender(txid, *vout, died_at).expect("a commitment");
        let (mut claimed, fees_sat) = network.follow(&commitment, died_at);
        let anchors = claimed.extract_if(.., |amount| *amount == ANCHOR_SAT).count() as u64;
        let ours_sat: u64 = claimed.iter().sum();
        assert_eq!(ours_sat, HALF_SAT + PAID_SAT, "{what}: {claimed:?}");
        let savings_sat: u64 = SAVINGS_SAT.iter().sum();
        let expected = savings_sat + ours_sat + anchors * ANCHOR_SAT - fees_sat;
        assert_eq!(self.balance().await.onchain_sat, expected, "{what}");
    }

    /// Closes the wallet in good order.
    pub async fn leaves(self) {
        self.wallet.request(Request::Close).await.unwrap();
    }

    /// Mines until the wallet waits for nothing more.
    async fn comes_home(&self) {
        until("what is the wallet's on chain", async || {
            self.mine(STEP).await;
            let balance = self.balance().await;
            let waits = balance.closing_sat + balance.onchain_pending_sat > 0 || self.is_pending().await;
            (!waits && ask!(self.wallet, Request::Channels, Channels).is_empty()).then_some(())
        })
        .await;
    }

    /// Mines blocks, which the wallet reads too.
    async fn mine(&self, blocks: u64) {
        self.network.mine(blocks).await;
        let height = self.network.height();
        until("the wallet's reading", async || {
            let chain = self.status().await.chain;
            (chain.synced && u64::from(chain.height) >= height).then_some(())
        })
        .await;
    }

    /// The transaction that closed the channel: the newest commitment, with both HTLCs.
    fn commitment(&self, spent_msat: u64, died_at: u64) -> Value {
        let (txid, vout) = &self.absentee.funding;
        let commitment = self.network.spender(txid, *vout, died_at).expect("a commitment");
        let outputs: Vec<u64> =
            commitment["vout"].as_array().unwrap().iter().map(|output| sat(&output["value"])).collect();
        for htlc in [PAID_SAT, spent_msat / 1000] {
            assert!(outputs.contains(&htlc), "{}: {htlc} sat are not in {outputs:?}", self.what);
        }
        commitment
    }

    /// What the wallet has spent, by its history and its budget alike, in msat.
    async fn spent_msat(&self) -> u64 {
        let query = HistoryQuery { before: None, limit: 100 };
        let history = ask!(self.wallet, Request::History(query), Payments);
        let pending = history.iter().find(|payment| payment.status == PaymentStatus::Pending);
        assert_eq!(pending, None, "{}", self.what);
        let paid = |payment: &&Payment| {
            (payment.direction, payment.kind) == (Direction::Outbound, PaymentKind::Bolt11)
                && payment.status == PaymentStatus::Succeeded
        };
        let cost = |payment: &Payment| payment.amount_msat.unwrap().get() + payment.fee_msat.unwrap().get();
        let spent = history.iter().filter(paid).map(cost).sum();
        let budget = ask!(self.wallet, Request::BudgetOf { holder: holder() }, BudgetOf).unwrap();
        let usage = budget.usage.iter().find(|usage| usage.rule == BudgetRule::Total).unwrap();
        assert_eq!((usage.spent_msat.get(), usage.reserved_msat.get()), (spent, 0), "{}", self.what);
        spent
    }

    /// How the gateway's payment to the wallet ended, by its own word.
    async fn is_paid_for(&self, state: &str) {
        let path = format!("payments/{}", self.absentee.to_us);
        until("the gateway's payment", async || {
            (self.network.ask("GET", &path, &json!({}))["state"] == state).then_some(())
        })
        .await;
    }

    async fn is_pending(&self) -> bool {
        let Absentee { out, to_us, .. } = self.absentee;
        let pending = async |id| self.payment(id).await.status == PaymentStatus::Pending;
        pending(*out).await || pending(*to_us).await
    }

    async fn payment(&self, id: PaymentId) -> Payment {
        *ask!(self.wallet, Request::Payment { id }, Payment)
    }

    async fn balance(&self) -> Balance {
        ask!(self.wallet, Request::Balance, Balance)
    }

    async fn status(&self) -> Status {
        *ask!(self.wallet, Request::Status, Status)
    }
}
