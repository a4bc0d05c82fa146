//! The operator's service: on-chain money, peers, channels, invoices and payments of the node itself.

mod channels;
mod info;
mod requests;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_node::lightning::util::config::ChannelConfig;
use amplet_node::{Authorization, ConnectionState, ForwardingTerms, NodeError, PayError, PersistentPeer};
use amplet_protocol::NodeId;
use amplet_protocol::page::{OnchainBump, OnchainSend, Payment};
use amplet_storage::Store;
use amplet_transport::PeerAddress;
use amplet_wallet::actions::budgets;
use amplet_wallet::actions::bump;
use amplet_wallet::actions::channels::{Channel, list};
use amplet_wallet::actions::keysend::KeysendOrder;
use amplet_wallet::actions::pay::{self, PayOrder};
use amplet_wallet::actions::receive::InvoiceOrder;
use amplet_wallet::actions::send::{self, SendOrder};
use amplet_wallet::actions::status;
use amplet_wallet::{Ctx, errors};
use bitcoin::secp256k1::PublicKey;

use super::amount::MsatText;
use super::error::Result;
use super::error::{ApiCode, ApiError};
use super::fees::{AllTerms, ClearTerms, Fees, SetTerms, Terms};
use super::forwards::{Forwards, Report};
use super::payments::{self, Invoice};
use super::peers;
use super::reminders::Away;
use crate::config::{Config, network_name};

pub use info::{Info, Watchtower};
pub use requests::{
    BumpPayment, CloseChannel, ConnectPeer, CreateInvoice, GetForwards, GetInfo, GetInvoice, GetPayment,
    ListChannels, NewAddress, OpenChannel, OpenChannels, PayInvoice, SendKeysend, SendOnchain, SyncNow,
};

/// Maximum wait for a first connection to a peer.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// Pause between looks at the state of an attempt to connect.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The operator's service.
pub struct OperatorService {
    /// The node.
    pub ctx: Ctx,
    /// The node's own store.
    pub store: Rc<dyn Store>,
    /// The configuration.
    pub config: Arc<Config>,
    /// Payments that were forwarded.
    pub forwards: Rc<Forwards>,
    /// Terms of forwarding.
    pub fees: Rc<Fees>,
    /// The relay's URL, as wallets reach it.
    pub relay: String,
    /// Counts WebSockets of wallets and TCP connections.
    pub connections: Box<dyn Fn() -> usize>,
}

impl OperatorService {
    /// Returns what was forwarded in the last days.
    pub fn forwards(&self, days: u32, detail: bool) -> Report {
        self.forwards.report(days, detail)
    }

    /// Returns how the node is.
    pub fn info(&self) -> Info {
        let node = &self.ctx.node;
        let id = NodeId(node.node_id().serialize());
        let sync = node.sync().state();
        let balance = status::balance(&self.ctx);
        let mut addresses = vec![format!("{id}@{}", self.relay)];
        addresses.extend(self.config.node.announce.iter().map(|address| format!("{id}@tcp://{address}")));
        Info {
            addresses,
            node_id: id,
            network: network_name(self.config.network),
            version: env!("CARGO_PKG_VERSION"),
            height: node.sync().best_block().0,
            synced: sync.synced && sync.error.is_none(),
            chain_error: sync.error,
            lightning_msat: MsatText(balance.lightning_msat),
            pending_outbound_msat: MsatText(balance.pending_outbound_msat),
            pending_inbound_msat: MsatText(balance.pending_inbound_msat),
            channel_reserve_msat: MsatText(balance.channel_reserve_msat),
            close_cost_msat: MsatText(balance.close_cost_msat),
            onchain_sat: balance.onchain_sat,
            onchain_pending_sat: balance.onchain_pending_sat,
            reserve_sat: balance.reserve_sat,
            channels: node.channels().list().len(),
            peers: node.peers().list().iter().map(|peer| NodeId(peer.serialize())).collect(),
            connections: (self.connections)(),
            watchtower: node.tower().unwrap_or_default().into(),
            away: Away::all(node),
        }
    }

    /// Returns a fresh address of the on-chain wallet.
    ///
    /// # Errors
    /// [`ApiCode::StorageFull`].
    pub async fn new_address(&self) -> Result<String> {
        Ok(self.ctx.node.onchain().new_address().await?.to_string())
    }

    /// Connects to a peer and stays connected, also after a restart; returns its node id.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`]; [`ApiCode::Remote`]: not reached yet, and tried again until the gateway restarts.
    pub async fn connect(&self, address: &str) -> Result<NodeId> {
        let peers = self.ctx.node.peers();
        let address: PeerAddress =
            address.parse().map_err(|error| ApiError::invalid(format!("address: {error}")))?;
        let node_id = address.node_id;
        if node_id.0 == self.ctx.node.node_id().serialize() {
            return Err(ApiError::invalid("address: this is the node itself; give another node's address"));
        }
        if PublicKey::from_slice(&node_id.0).is_ok_and(|id| peers.is_connected(&id)) {
            return Ok(node_id);
        }
        let peer = peers.connect_persistently(address).map_err(|error| {
            ApiError::invalid(format!("address: {node_id} is not a public key ({error}); copy it again"))
        })?;
        peers.reconnect_now();
        let attempt = async {
            tokio::select! {
                () = peers.connected(peer.node_id) => None,
                why = first_failure(&peer) => Some(why),
            }
        };
        let why = match tokio::time::timeout(CONNECT_LIMIT, attempt).await {
            Ok(None) => {
                let stored = peers::store(&*self.store, &peer.address).await;
                stored.map_err(|error| ApiError::new(ApiCode::Internal, error.to_string()))?;
                return Ok(node_id);
            }
            Ok(Some(why)) => why,
            Err(_) => format!("it did not answer within {} s", CONNECT_LIMIT.as_secs()),
        };
        let message = format!(
            "the peer could not be reached: {why}; it is tried again until the gateway restarts, and kept permanently once it was reached"
        );
        Err(ApiError::new(ApiCode::Remote, message))
    }

    /// Returns all channels, each with its terms of forwarding.
    pub fn channels(&self) -> Vec<(Channel, Terms)> {
        let details = self.ctx.node.channels().list();
        let configs = details.into_iter().filter_map(|it| Some((it.channel_id.0, it.config?)));
        let configs: HashMap<[u8; 32], ChannelConfig> = configs.collect();
        let terms = |channel: &Channel| {
            let default = self.fees.default_terms();
            Terms::from(configs.get(&channel.id.0).map_or(default, |config| ForwardingTerms {
                fee_base_msat: config.forwarding_fee_base_msat,
                fee_ppm: config.forwarding_fee_proportional_millionths,
                cltv_delta: config.cltv_expiry_delta,
            }))
        };
        list(&self.ctx).into_iter().map(|channel| (channel.clone(), terms(&channel))).collect()
    }

    /// Returns all terms of forwarding.
    pub fn terms(&self) -> AllTerms {
        self.fees.list()
    }

    /// Gives a channel or a peer terms of forwarding.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`], [`ApiCode::NotFound`], [`ApiCode::StorageFull`].
    pub async fn set_terms(&self, request: SetTerms) -> Result<()> {
        self.fees.set(&self.ctx.node, request).await
    }

    /// Gives a channel or a peer the configuration's terms again.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`], [`ApiCode::NotFound`], [`ApiCode::StorageFull`].
    pub async fn clear_terms(&self, request: ClearTerms) -> Result<()> {
        self.fees.clear(&self.ctx.node, request).await
    }

    /// Applies what has changed in the configuration to what is there.
    pub fn apply_config(&self) {
        self.ctx.node.channels().apply_terms();
    }

    /// Makes an invoice.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`].
    pub async fn create_invoice(&self, request: CreateInvoice) -> Result<Invoice> {
        let CreateInvoice { amount_msat, description, expiry_secs, amp } = request;
        let order = InvoiceOrder { amount_msat, description, expiry_secs, metadata: BTreeMap::new() };
        if amp {
            return payments::create_amp_invoice(&self.ctx, order).await;
        }
        payments::create_invoice(&self.ctx, order, |_, _| ()).await
    }

    /// Returns an invoice of this node.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn invoice(&self, request: GetInvoice) -> Result<Invoice> {
        payments::invoice(&self.ctx, request.id).await
    }

    /// Pays an invoice; returns the outcome, or the payment as pending after a minute.
    ///
    /// # Errors
    /// [`ApiError`]: no funds were sent.
    pub async fn pay(&self, request: PayInvoice) -> Result<Payment> {
        let order = PayOrder::parse(&self.ctx, &request.invoice, request.amount_msat)?;
        let amount_msat = order.check(&self.ctx).await?;
        payments::pay(&self.ctx, order, amount_msat, request.max_fee_msat, &Authorization::user()).await
    }

    /// Pays a node without an invoice; returns as [`pay`](Self::pay).
    ///
    /// # Errors
    /// [`ApiError`]: no funds were sent.
    pub async fn keysend(&self, request: SendKeysend) -> Result<Payment> {
        let SendKeysend { payee, amount_msat, max_fee_msat, records } = request;
        let order = KeysendOrder::parse(&self.ctx, &payee, amount_msat, &records)?;
        let to = order.destination();
        let max_fee_msat = budgets::fee_limit(&self.ctx, to, amount_msat, max_fee_msat, None).await?;
        match order.begin(&self.ctx, max_fee_msat, &Authorization::user()).await {
            Ok(id) => Ok(pay::outcome(&self.ctx, id).await?),
            Err(error @ (PayError::NoRoute(_) | PayError::TooLarge)) => {
                Err(ApiError::new(ApiCode::Remote, error.to_string()))
            }
            Err(error) => Err(errors::pay(&error).into()),
        }
    }

    /// Sends on-chain money.
    ///
    /// # Errors
    /// [`ApiError`]: no funds were sent.
    pub async fn send(&self, request: SendOnchain) -> Result<OnchainSend> {
        let SendOnchain { address, amount, fee_rate } = request;
        let order = SendOrder { amount, fee_rate, dry_run: false };
        Ok(send::send(&self.ctx, &address, order, None, &|_| ()).await?)
    }

    /// Makes an on-chain payment that waits confirm sooner, or takes it back.
    ///
    /// # Errors
    /// [`ApiError`]: the payment is as it was.
    pub async fn bump(&self, request: BumpPayment) -> Result<OnchainBump> {
        let BumpPayment { id, fee_rate, cancel, from_amount } = request;
        let bumped = if cancel {
            bump::cancel(&self.ctx, id, fee_rate, false).await
        } else {
            bump::bump_fee(&self.ctx, id, fee_rate, false, from_amount).await
        };
        Ok(bumped?)
    }

    /// Returns a payment by this node.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn payment(&self, request: GetPayment) -> Result<Payment> {
        payments::payment(&self.ctx, request.id).await
    }

    /// Reads the newest block; returns its height.
    ///
    /// # Errors
    /// [`ApiCode::Remote`].
    pub async fn sync(&self) -> Result<u32> {
        self.ctx.node.sync().now().await.map_err(|error| node_error(&error.into()))?;
        Ok(self.ctx.node.sync().best_block().0)
    }
}

/// Resolves to the reason why an attempt to connect failed, once one has.
async fn first_failure(peer: &PersistentPeer) -> String {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let ConnectionState::Waiting { error, .. } = &*peer.state.borrow() {
            return error.to_string();
        }
    }
}

fn node_error(error: &NodeError) -> ApiError {
    let code = match error {
        NodeError::Chain(_) | NodeError::Unsynced => ApiCode::Remote,
        _ => ApiCode::Internal,
    };
    ApiError::new(code, error.to_string())
}
