//! Parts of AMP sets, which LDK refuses, as payments of one part, which it takes.
//!
//! The onion's last layer is opened with the node's key, its payload changed, and the layer closed again under the same shared secret:
//! what LDK answers is encrypted for the payer as ever. What a part says of its set goes along as `payment_metadata`, to which LDK's
//! payment secret commits, so that nobody else can write it; LDK stores it with the HTLC and gives it back with its events.

use amplet_amp::Payload;
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use bitcoin::secp256k1::ecdh::SharedSecret;
use chacha20_poly1305::chacha20::{ChaCha20, Key, Nonce};
use lightning::ln::msgs::UpdateAddHTLC;
use lightning::sign::{NodeSigner, Recipient};
use lightning::types::payment::PaymentHash;

use crate::ldk::signer::Signer;
use crate::ldk::types::ChannelManager;

/// Seconds for which LDK takes what is made here. It is there at once, but a block may come in between.
const EXPIRY: u32 = 3600;

/// An onion's hop data (BOLT 4, "Packet Structure").
type HopData = [u8; 1300];

/// Keys of an onion's layer (BOLT 4, "Key Generation").
struct Layer {
    rho: [u8; 32],
    mu: [u8; 32],
}

impl Layer {
    fn new(secret: &SharedSecret) -> Self {
        let key = |kind: &[u8]| {
            let mut engine = HmacEngine::<sha256::Hash>::new(kind);
            engine.input(secret.as_ref());
            Hmac::from_engine(engine).to_byte_array()
        };
        Self { rho: key(b"rho"), mu: key(b"mu") }
    }

    /// Encrypts, or decrypts.
    fn crypt(&self, hop_data: &mut HopData) {
        ChaCha20::new(Key::new(self.rho), Nonce::new([0; 12]), 0).apply_keystream(hop_data);
    }

    fn hmac(&self, hop_data: &HopData, hash: PaymentHash) -> [u8; 32] {
        let mut engine = HmacEngine::<sha256::Hash>::new(&self.mu);
        engine.input(hop_data);
        engine.input(&hash.0);
        Hmac::from_engine(engine).to_byte_array()
    }
}

/// A part of an AMP set as a payment of one part. `None`: it is none, or one that LDK is to refuse for its payload (type 14, which it
/// does not know).
pub(super) fn in_one_part(
    htlc: &UpdateAddHTLC,
    signer: &Signer,
    manager: &ChannelManager,
) -> Option<UpdateAddHTLC> {
    let packet = &htlc.onion_routing_packet;
    // A blinded path has no place for AMP.
    let key =
        packet.public_key.as_ref().ok().filter(|_| packet.version == 0 && htlc.blinding_point.is_none())?;
    let layer = Layer::new(&signer.ecdh(Recipient::Node, key, None).ok()?);
    let hash = htlc.payment_hash;
    let mut hop_data = packet.hop_data;
    if layer.hmac(&hop_data, hash) != packet.hmac {
        return None;
    }
    layer.crypt(&mut hop_data);
    let payload = match Payload::read(&hop_data)? {
        Ok(payload) => payload,
        Err(fault) => {
            log::warn!("payment {hash}: a part of an AMP set is refused: {fault}");
            return None;
        }
    };
    let (amount_msat, kept) = (payload.amount_msat().get(), payload.kept().write());
    let made = manager.create_inbound_payment_for_hash(hash, Some(amount_msat), EXPIRY, None, Some(kept));
    let (secret, metadata) = made.ok()?;
    let changed = payload.in_one_part(secret.0, &metadata?);
    let Some(place) = hop_data.get_mut(..changed.len()) else {
        log::warn!("payment {hash}: a part of an AMP set is refused: its payload leaves no room");
        return None;
    };
    place.copy_from_slice(&changed);
    layer.crypt(&mut hop_data);
    let mut htlc = htlc.clone();
    htlc.onion_routing_packet.hop_data = hop_data;
    htlc.onion_routing_packet.hmac = layer.hmac(&hop_data, hash);
    Some(htlc)
}
