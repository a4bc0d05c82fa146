//! A payer of AMP sets, part by part and as wrong as a test wants it.

use amplet_amp::{Amp, Child, Outgoing, PaymentAddress, SetId, Share, Total};
use amplet_instructions::{Kind, Reader};
use amplet_node::lightning::ln::channelmanager;
use amplet_node::lightning::ln::outbound_payment::RecipientOnionFields;
use amplet_node::lightning::routing::router::{Path, Route, RouteHop};
use amplet_node::lightning::types::features::{ChannelFeatures, NodeFeatures};
use amplet_node::lightning::types::payment::PaymentHash;
use amplet_node::lightning::util::ser::{BigSize, ReadableArgs, Writeable};
use amplet_node::{AmpPayee, HTLC_DELTA, Node, PaymentId};
use amplet_protocol::page::Network;

use super::{World, msat};

/// A set that one node pays another over the channels between them.
pub struct AmpPayer {
    from: Node,
    to: Node,
    pub outgoing: Outgoing,
    pub total: Total,
    /// Records beside those of AMP.
    pub records: Vec<(u64, Vec<u8>)>,
    /// Blocks that the payee has.
    pub delta: u16,
    drawn: u8,
}

impl AmpPayer {
    /// Set `number`, to a payment address.
    pub fn new(from: &Node, to: &Node, number: u8, address: [u8; 32], total_msat: u64) -> Self {
        Self {
            from: from.clone(),
            to: to.clone(),
            outgoing: Outgoing::new(SetId([number; 32]), Share([number.wrapping_add(100); 32])),
            total: Total { address: PaymentAddress(address), total_msat: msat(total_msat) },
            records: Vec::new(),
            delta: HTLC_DELTA + 3,
            drawn: number,
        }
    }

    /// The payee, opened again.
    pub fn to(&mut self, to: &Node) {
        self.to = to.clone();
    }

    /// Id of the payment on the payee's side.
    pub fn id(&self) -> PaymentId {
        PaymentId(self.outgoing.set().0)
    }

    pub fn deal(&mut self, count: u32) -> Vec<Child> {
        let drawn = &mut self.drawn;
        let random = || {
            *drawn = drawn.wrapping_mul(31).wrapping_add(7);
            [*drawn; 32]
        };
        self.outgoing.deal(count, random).unwrap()
    }

    /// Hash of a part.
    pub fn hash(&self, child: Child) -> PaymentId {
        child.hash(self.outgoing.root())
    }

    /// Sends a part over one of the channels and returns whether it left.
    pub fn send(&self, channel: usize, child: Child, amount_msat: u64) -> bool {
        let record = self.outgoing.record(child).write();
        self.send_record(channel, self.hash(child), &record, amount_msat)
    }

    /// Sends a part with this record of type 14.
    pub fn send_record(&self, channel: usize, hash: PaymentId, record: &[u8], amount_msat: u64) -> bool {
        let manager = self.from.manager();
        let mut channels = manager.list_channels_with_counterparty(&self.to.node_id());
        channels.sort_by_key(|channel| channel.short_channel_id);
        let hop = RouteHop {
            pubkey: self.to.node_id(),
            node_features: NodeFeatures::empty(),
            short_channel_id: channels[channel].get_outbound_payment_scid().unwrap(),
            channel_features: ChannelFeatures::empty(),
            fee_msat: amount_msat,
            cltv_expiry_delta: self.delta.into(),
            maybe_announced_channel: false,
        };
        let route = Route { paths: vec![Path { hops: vec![hop], blinded_tail: None }], route_params: None };
        let id = channelmanager::PaymentId(hash.0);
        manager.send_payment_with_route(route, PaymentHash(hash.0), self.onion(record), id).is_ok()
    }

    /// Read from bytes: LDK makes none with a record of this type.
    fn onion(&self, record: &[u8]) -> RecipientOnionFields {
        let mut records = self.records.clone();
        records.push((Amp::TYPE, record.to_vec()));
        records.sort_unstable();
        let records: Vec<u8> = records.iter().flat_map(Writeable::encode).collect();
        let total_msat = self.total.total_msat.get().to_be_bytes();
        let fields = [(0, &self.total.address.0[..]), (1, &records), (3, &total_msat)];
        let stream: Vec<u8> = fields
            .iter()
            .flat_map(|(kind, value)| {
                [BigSize(*kind).encode(), BigSize(value.len() as u64).encode(), value.to_vec()].concat()
            })
            .collect();
        let bytes = [BigSize(stream.len() as u64).encode(), stream].concat();
        RecipientOnionFields::read(&mut &bytes[..], 0).unwrap()
    }

    /// Money of the payer's in parts that are under way, in msat.
    pub fn in_flight_msat(&self) -> u64 {
        let channels = self.from.channels().list();
        let htlcs = channels.iter().flat_map(|channel| &channel.pending_outbound_htlcs);
        htlcs.map(|htlc| htlc.amount_msat).sum()
    }
}

/// Payee of an AMP invoice, read as a wallet reads it.
pub fn amp_payee(text: &str) -> AmpPayee {
    let reader = Reader { network: Network::Regtest, to_ascii: &|_| None };
    let method = reader.read(text).unwrap().methods.remove(0);
    let Kind::Amp(invoice) = method.kind else { panic!("{method:?}") };
    AmpPayee::invoice(*invoice).unwrap()
}

impl World {
    /// Payment address of an AMP invoice.
    pub fn address_of(invoice: &str) -> [u8; 32] {
        let read: amplet_node::lightning_invoice::SignedRawBolt11Invoice = invoice.parse().unwrap();
        read.raw_invoice().payment_secret().unwrap().0
    }

    /// An AMP invoice for tea, good for an hour.
    pub fn ask_amp(&self, node: &Node, amount_msat: Option<u64>) -> String {
        let amount_msat = amount_msat.map(msat);
        let new = amplet_node::NewInvoice {
            amount_msat,
            description: "tea".into(),
            expiry_secs: 3600,
            metadata: Default::default(),
        };
        let node = node.clone();
        self.platform.run(async move { node.payments().amp_invoice(&new).await }).unwrap()
    }
}
