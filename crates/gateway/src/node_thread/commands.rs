//! What the admin API asks of the node.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::lightning::ln::channel_state::ChannelDetails;
use amplet_node::lightning::ln::types::ChannelId;
use amplet_node::lightning_invoice::{Bolt11Invoice, Currency};
use amplet_node::{
    Authorization, ConnectionState, Keysend, LedgerError, NewInvoice, Node, OpenChannel, PayError,
    PayInvoice, PaymentId, PersistentPeer,
};
use amplet_protocol::page::{Direction, MAX_DESCRIPTION};
use amplet_protocol::{MAX_MONEY_MSAT, PAYMENT_WAIT, default_max_fee_msat};
use amplet_storage::{Batch, Store};
use amplet_transport::PeerAddress;
use bitcoin::Network;
use bitcoin::hex::FromHex;
use bitcoin::secp256k1::PublicKey;

use super::snapshots::Snapshots;
use super::{Command, Reply, Snapshot, convert, kept};
use crate::admin::types::{self, Msat};
use crate::admin::{AdminCode, AdminError};
use crate::config::Config;

/// How long a first connection to a peer is waited for.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// How often the state of an attempt to connect is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest validity of an invoice: a year, in seconds.
const MAX_EXPIRY: u32 = 365 * 24 * 3600;

type Result<T> = std::result::Result<T, AdminError>;

/// What commands need beside the node.
pub(crate) struct Office {
    pub(crate) node: Node,
    /// The node's own store.
    pub(super) store: std::rc::Rc<dyn Store>,
    pub(crate) config: std::sync::Arc<Config>,
    /// The relay's URL, as wallets reach it.
    pub(super) relay: String,
    /// WebSockets of wallets and TCP connections now.
    pub(super) connections: Box<dyn Fn() -> usize>,
    /// Routing data for wallets.
    pub(super) snapshots: Snapshots,
}

/// Does what a command says and answers it; each runs as a task of its own.
pub(super) async fn run(office: Rc<Office>, command: Command) {
    match command {
        // Taken by the loop itself.
        Command::Accept(_) | Command::Desk(_) => {}
        Command::Info(reply) => answer(reply, Ok(office.info())),
        Command::NewAddress(reply) => answer(reply, office.new_address().await),
        Command::Connect(request, reply) => answer(reply, office.connect(&request).await),
        Command::Channels(reply) => answer(reply, Ok(office.channels())),
        Command::OpenChannel(request, reply) => answer(reply, office.open_channel(&request).await),
        Command::CloseChannel(id, how, reply) => answer(reply, office.close_channel(id, how)),
        Command::CreateInvoice(request, reply) => {
            answer(reply, office.create_invoice(request, |_, _| ()).await)
        }
        Command::Invoice(hash, reply) => answer(reply, office.invoice(hash).await),
        Command::Pay(request, reply) => answer(reply, office.pay(&request, &Authorization::user()).await),
        Command::Keysend(request, reply) => answer(reply, office.keysend(&request).await),
        Command::Payment(hash, reply) => answer(reply, office.payment(hash).await),
        Command::Snapshot(since, reply) => answer(reply, office.snapshot(since)),
        Command::Sync(reply) => answer(reply, office.sync().await),
    }
}

fn answer<T>(reply: Reply<T>, result: Result<T>) {
    // The asker may have gone; the deed stands.
    let _ = reply.send(result);
}

fn invalid(message: impl Into<String>) -> AdminError {
    AdminError::new(AdminCode::InvalidInput, message)
}

fn unreadable(error: &LedgerError) -> AdminError {
    AdminError::new(AdminCode::Internal, error.to_string())
}

impl Office {
    fn info(&self) -> types::Info {
        let node = &self.node;
        let id = node.node_id().to_string();
        let sync = node.sync().state();
        let (onchain_sat, onchain_pending_sat) = node.onchain().balance();
        let mut addresses = vec![format!("{id}@{}", self.relay)];
        addresses.extend(self.config.node.announce.iter().map(|address| format!("{id}@tcp://{address}")));
        types::Info {
            addresses,
            node_id: id,
            network: network_name(self.config.network).into(),
            version: env!("CARGO_PKG_VERSION").into(),
            height: node.sync().best_block().0,
            synced: sync.synced && sync.error.is_none(),
            chain_error: sync.error,
            onchain_sat,
            onchain_pending_sat,
            reserve_sat: node.onchain().reserve_sat(0),
            channels: node.channels().list().len(),
            peers: node.peers().list().iter().map(PublicKey::to_string).collect(),
            connections: (self.connections)(),
        }
    }

    fn snapshot(&self, since: u32) -> Result<Snapshot> {
        let missing = || AdminError::new(AdminCode::NotFound, "this node has no channel graph");
        self.snapshots.answer(&self.node, since).ok_or_else(missing)
    }

    async fn new_address(&self) -> Result<types::Address> {
        Ok(types::Address { address: self.node.onchain().new_address().await.to_string() })
    }

    async fn connect(&self, request: &types::ConnectPeer) -> Result<types::Peer> {
        let address: PeerAddress =
            request.address.parse().map_err(|error| invalid(format!("address: {error}")))?;
        let node_id = address.node_id.to_string();
        if node_id == self.node.node_id().to_string() {
            return Err(invalid("address: this is the node itself; give another node's address"));
        }
        if self.is_connected(&node_id) {
            return Ok(types::Peer { node_id });
        }
        let kept = self.node.peers().connect_persistently(address).map_err(|error| {
            invalid(format!("address: {node_id} is not a public key ({error}); copy it again"))
        })?;
        self.node.peers().reconnect_now();
        let attempt = async {
            tokio::select! {
                () = self.node.peers().connected(kept.node_id) => None,
                why = first_failure(&kept) => Some(why),
            }
        };
        let why = match tokio::time::timeout(CONNECT_LIMIT, attempt).await {
            Ok(None) => {
                let remembered = kept::remember(&*self.store, &kept.address).await;
                remembered.map_err(|error| AdminError::new(AdminCode::Internal, error.to_string()))?;
                return Ok(types::Peer { node_id });
            }
            Ok(Some(why)) => why,
            Err(_) => format!("it did not answer within {} s", CONNECT_LIMIT.as_secs()),
        };
        let message = format!(
            "the peer could not be reached: {why}; it is tried again until the gateway restarts, and kept for good once it was reached"
        );
        Err(AdminError::new(AdminCode::Remote, message))
    }

    fn is_connected(&self, node_id: &str) -> bool {
        node_id.parse().is_ok_and(|node_id| self.node.peers().is_connected(&node_id))
    }

    fn channels(&self) -> types::Channels {
        let all = self.node.channels().list();
        let convert = |details: ChannelDetails| {
            let connected = self.node.peers().is_connected(&details.counterparty.node_id);
            convert::channel(&details, connected)
        };
        types::Channels { channels: all.into_iter().map(convert).collect() }
    }

    async fn open_channel(&self, request: &types::OpenChannel) -> Result<types::ChannelId> {
        let peer: PublicKey = request.peer.parse().map_err(|error| {
            invalid(format!("peer: {error}; give the node id of a connected peer, 66 hexadecimal digits"))
        })?;
        let capacity_msat = request.capacity_sat.checked_mul(1000).filter(|msat| *msat <= MAX_MONEY_MSAT);
        match capacity_msat {
            Some(capacity) if request.push_msat.0 <= capacity => {}
            Some(_) => return Err(invalid("pushMsat: is more than the capacity; give less")),
            None => return Err(invalid("capacitySat: is more than all bitcoin; give less")),
        }
        let how = OpenChannel {
            capacity_sat: request.capacity_sat,
            push_msat: request.push_msat.0,
            announce: request.announce,
            zero_reserve: false,
            fee_rate: None,
        };
        let opened = self.node.channels().open(peer, &how).await;
        opened
            .map(|id| types::ChannelId { id: id.to_string() })
            .map_err(|error| convert::channel_error(&error))
    }

    fn close_channel(&self, id: [u8; 32], how: types::CloseChannel) -> Result<()> {
        self.node.channels().close(ChannelId(id), how.force).map_err(|error| convert::channel_error(&error))
    }

    /// Makes an invoice; `beside` adds records of its own to the transaction.
    pub(crate) async fn create_invoice(
        &self,
        request: types::CreateInvoice,
        beside: impl FnOnce(&Bolt11Invoice, &mut Batch),
    ) -> Result<types::Invoice> {
        let amount_msat = request.amount_msat.map(|amount| amount.0);
        if amount_msat.is_some_and(|amount| amount == 0 || amount > MAX_MONEY_MSAT) {
            return Err(invalid(
                "amountMsat: is 0, or more than all bitcoin; leave it out to let the payer choose",
            ));
        }
        let expiry_secs = request.expiry_secs.unwrap_or(3600);
        if !(1..=MAX_EXPIRY).contains(&expiry_secs) {
            return Err(invalid(format!(
                "expirySecs: {expiry_secs} is out of range; give 1 to {MAX_EXPIRY}"
            )));
        }
        if request.description.len() > MAX_DESCRIPTION {
            return Err(invalid(format!(
                "description: has {} bytes; an invoice holds {MAX_DESCRIPTION} (BOLT 11), shorten it",
                request.description.len()
            )));
        }
        let new = NewInvoice { amount_msat, description: request.description, expiry_secs };
        let made = self
            .node
            .payments()
            .invoice_with(&new, beside)
            .await
            .map_err(|error| convert::pay_error(&error))?;
        self.invoice(made.payment_hash().0).await
    }

    /// An invoice of this node.
    pub(crate) async fn invoice(&self, hash: [u8; 32]) -> Result<types::Invoice> {
        let line = self.line(hash, Direction::Inbound).await?;
        let invoice = line.and_then(|line| convert::invoice(line, unix_now()));
        invoice.ok_or_else(|| {
            AdminError::new(
                AdminCode::NotFound,
                "this node made no invoice with that payment hash; check the hash",
            )
        })
    }

    /// An invoice that this node can try to pay.
    pub(crate) fn readable(&self, invoice: &str) -> Result<Bolt11Invoice> {
        let invoice: Bolt11Invoice = invoice.trim().parse().map_err(|error| {
            invalid(format!("invoice: cannot be read ({error}); copy the whole BOLT 11 text again"))
        })?;
        self.refuse_foreign(&invoice)?;
        if invoice.get_payee_pub_key() == self.node.node_id() {
            let message = "this is an invoice of this gateway itself; pay one of somebody else";
            return Err(AdminError::new(AdminCode::InvoiceUnusable, message));
        }
        Ok(invoice)
    }

    /// Pays; answers the outcome, or `pending` after [`PAYMENT_WAIT`].
    pub(crate) async fn pay(
        &self,
        request: &types::Pay,
        authorization: &Authorization,
    ) -> Result<types::Payment> {
        let invoice = self.readable(&request.invoice)?;
        let given_msat = request.amount_msat.map(|amount| amount.0);
        let amount_msat = invoice.amount_milli_satoshis().or(given_msat).unwrap_or(0);
        let max_fee_msat =
            request.max_fee_msat.map_or_else(|| default_max_fee_msat(amount_msat), |Msat(fee)| fee);
        let hash = invoice.payment_hash().0;
        let pay = PayInvoice { invoice, amount_msat: given_msat, max_fee_msat };
        match self.node.payments().begin(pay, authorization).await {
            Ok(id) => self.outcome(id).await,
            // These are in the history as failed: an outcome, not a wrong request.
            Err(PayError::NoRoute(_) | PayError::TooLarge) => self.payment(hash).await,
            Err(error) => Err(convert::pay_error(&error)),
        }
    }

    async fn keysend(&self, request: &types::SendKeysend) -> Result<types::Payment> {
        let payee = request
            .payee
            .parse::<PublicKey>()
            .map_err(|error| invalid(format!("payee: {error}; give a node id, 66 hexadecimal digits")))?;
        let record = |record: &types::CustomRecord| {
            let value = Vec::from_hex(&record.value).map_err(|error| {
                invalid(format!(
                    "records: the value of {} is no hex ({error}); encode it",
                    record.record_type
                ))
            })?;
            Ok((record.record_type, value))
        };
        let amount_msat = request.amount_msat.0;
        let max_fee_msat =
            request.max_fee_msat.map_or_else(|| default_max_fee_msat(amount_msat), |Msat(fee)| fee);
        let records = request.records.iter().map(record).collect::<Result<_>>()?;
        let keysend = Keysend { payee, amount_msat, max_fee_msat, records };
        match self.node.payments().begin(keysend, &Authorization::user()).await {
            Ok(id) => self.outcome(id).await,
            Err(error) => Err(convert::pay_error(&error)),
        }
    }

    /// A payment that was begun, when it has ended or [`PAYMENT_WAIT`] is over.
    async fn outcome(&self, id: PaymentId) -> Result<types::Payment> {
        let line = self.node.payments().outcome(id, PAYMENT_WAIT).await;
        line.map(convert::payment).ok_or_else(|| {
            AdminError::new(
                AdminCode::Internal,
                "the payment is not in the history; see the log, do not pay again",
            )
        })
    }

    fn refuse_foreign(&self, invoice: &Bolt11Invoice) -> Result<()> {
        let ours = match self.config.network {
            Network::Bitcoin => Currency::Bitcoin,
            Network::Testnet | Network::Testnet4 => Currency::BitcoinTestnet,
            Network::Signet => Currency::Signet,
            Network::Regtest => Currency::Regtest,
        };
        if invoice.currency() == ours {
            return Ok(());
        }
        let message = format!(
            "the invoice is for {:?}, this gateway is on {}; ask the payee for one of this network",
            invoice.currency(),
            network_name(self.config.network)
        );
        Err(AdminError::new(AdminCode::InvoiceUnusable, message))
    }

    /// A payment by this node.
    pub(crate) async fn payment(&self, hash: [u8; 32]) -> Result<types::Payment> {
        let line = self.line(hash, Direction::Outbound).await?;
        line.map(convert::payment).ok_or_else(|| {
            AdminError::new(AdminCode::NotFound, "this node made no payment with that hash; check the hash")
        })
    }

    async fn line(
        &self,
        hash: [u8; 32],
        direction: Direction,
    ) -> Result<Option<amplet_protocol::page::Payment>> {
        let line = self.node.ledger().payment(direction, PaymentId(hash)).await;
        line.map_err(|error| unreadable(&error))
    }

    async fn sync(&self) -> Result<types::Synced> {
        self.node.sync().now().await.map_err(|error| convert::node_error(&error.into()))?;
        Ok(types::Synced { height: self.node.sync().best_block().0 })
    }
}

/// Why an attempt to connect failed, once one has.
async fn first_failure(kept: &PersistentPeer) -> String {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let ConnectionState::Waiting { error, .. } = &*kept.state.borrow() {
            return error.to_string();
        }
    }
}

/// Seconds since the UNIX epoch.
pub(crate) fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A network's name in the configuration.
pub(crate) fn network_name(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "mainnet",
        Network::Testnet | Network::Testnet4 => "testnet4",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}
