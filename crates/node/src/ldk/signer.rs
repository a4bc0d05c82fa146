//! LDK's key manager, with two differences: closed channels pay straight to the on-chain wallet, and randomness is the platform's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::secp256k1::ecdh::SharedSecret;
use bitcoin::secp256k1::ecdsa::{RecoverableSignature, Signature};
use bitcoin::secp256k1::{All, Message, PublicKey, Scalar, Secp256k1, schnorr};
use bitcoin::{ScriptBuf, Transaction, TxOut};
use lightning::ln::inbound_payment::ExpandedKey;
use lightning::ln::msgs::UnsignedGossipMessage;
use lightning::ln::script::ShutdownScript;
use lightning::offers::invoice::UnsignedBolt12Invoice;
use lightning::sign::{
    ChannelSigner, EntropySource, InMemorySigner, KeysManager, NodeSigner, OutputSpender, PeerStorageKey,
    ReceiveAuthKey, Recipient, SignerProvider, SpendableOutputDescriptor,
};
use lightning_invoice::RawBolt11Invoice;

use crate::ldk::bdk::OnchainWallet;
use crate::ldk::fee_limit::sweep_rate;
use crate::ldk::keys::Keys;
use crate::ldk::lost::keys::node_secret;
use crate::ldk::lost::{Found, LostChannels, spend};

/// Signs for the node; see the module.
pub struct Signer {
    keys: KeysManager,
    onchain: Arc<OnchainWallet>,
    /// Of all installations, for what closed channels of lost ones paid.
    all: Keys,
    /// Key ids of channels, open and closed, that LDK has asked keys of.
    channels: Mutex<BTreeSet<[u8; 32]>>,
}

impl Signer {
    /// From LDK's seed. `now`: seconds and nanoseconds, part of the uniqueness of channel keys.
    pub fn new(seed: &[u8; 32], now: (u64, u32), onchain: Arc<OnchainWallet>, all: Keys) -> Self {
        // v2 remote keys come from a small set, so a closed channel's money is found from the seed alone.
        Self { keys: KeysManager::new(seed, now.0, now.1, true), onchain, all, channels: Mutex::default() }
    }

    fn channels(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        self.channels.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// This installation's number.
    pub fn installation(&self) -> u32 {
        self.all.installation()
    }

    /// The signer of a lost installation: it has that node's id. `None`: the number is out of range.
    pub(crate) fn of_installation(&self, number: u32, now: (u64, u32)) -> Option<Self> {
        let all = self.all.of_installation(number);
        Some(Self::new(&*all.lightning_seed().ok()?, now, Arc::clone(&self.onchain), all))
    }

    /// The node id of a lost installation. `None`: the number is out of range.
    pub(crate) fn node_of(&self, number: u32) -> Option<PublicKey> {
        let secret = node_secret(&self.all, number).ok()?;
        Some(secret.public_key(&Secp256k1::signing_only()))
    }

    /// Has further installations looked for; returns whether any of them was not before.
    pub(crate) fn look_for(&self, lost: &LostChannels, numbers: &[u32]) -> bool {
        !numbers.is_empty() && lost.add(&self.all, numbers)
    }

    /// Seals the list of this installation's channels: gives its key, and a secret that is only this installation's.
    pub fn seal_list<T>(&self, seal: impl Fn(&PeerStorageKey, &[u8; 32]) -> Option<T>) -> Option<T> {
        seal(&self.keys.get_peer_storage_key(), &*self.all.lightning_seed().ok()?)
    }

    /// The node id of a lost installation, and the key of its list. `None`: the number is out of range.
    pub fn list_key(&self, number: u32) -> Option<(PublicKey, PeerStorageKey)> {
        let seed = self.all.of_installation(number).lightning_seed().ok()?;
        let keys = KeysManager::new(&seed, 0, 0, true);
        Some((keys.get_node_id(Recipient::Node).ok()?, keys.get_peer_storage_key()))
    }

    /// The sweeper's form of what a closed channel of a lost installation paid.
    pub(crate) fn of_lost(&self, found: &Found) -> Option<SpendableOutputDescriptor> {
        spend::descriptor(&self.all, found.place, found.outpoint, found.sat)
    }

    /// The node id of a lost installation, and its signature over the SHA-256 of `text` of it. `None`: the number is out of range.
    pub fn claim(&self, number: u32, text: impl Fn(&PublicKey) -> String) -> Option<(PublicKey, Signature)> {
        let secp = Secp256k1::signing_only();
        let secret = node_secret(&self.all, number).ok()?;
        let node = secret.public_key(&secp);
        let digest = sha256::Hash::hash(text(&node).as_bytes()).to_byte_array();
        Some((node, secp.sign_ecdsa(&Message::from_digest(digest), &secret)))
    }

    /// Returns whether `point` is our per-commitment point of that index (BOLT 3) in the channel of LDK's "user channel id".
    pub fn owns_point(
        &self,
        user_channel_id: u128,
        index: u64,
        point: &PublicKey,
        secp: &Secp256k1<All>,
    ) -> bool {
        // LDK's key ids end with it.
        let ids: Vec<[u8; 32]> = self
            .channels()
            .iter()
            .filter(|id| id.ends_with(&user_channel_id.to_be_bytes()))
            .copied()
            .collect();
        ids.into_iter().any(|id| {
            let signer = self.keys.derive_channel_signer(id);
            signer.get_per_commitment_point(index, secp).as_ref() == Ok(point)
        })
    }
}

impl EntropySource for Signer {
    fn get_secure_random_bytes(&self) -> [u8; 32] {
        let mut bytes = self.keys.get_secure_random_bytes();
        // The seeded generator alone is sound; the system's randomness is mixed in.
        let mut fresh = [0; 32];
        possiblyrandom::getpossiblyrandom(&mut fresh);
        bytes.iter_mut().zip(fresh).for_each(|(byte, more)| *byte ^= more);
        bytes
    }
}

impl NodeSigner for Signer {
    fn get_expanded_key(&self) -> ExpandedKey {
        self.keys.get_expanded_key()
    }
    fn get_peer_storage_key(&self) -> PeerStorageKey {
        self.keys.get_peer_storage_key()
    }
    fn get_receive_auth_key(&self) -> ReceiveAuthKey {
        self.keys.get_receive_auth_key()
    }
    fn get_node_id(&self, recipient: Recipient) -> Result<PublicKey, ()> {
        self.keys.get_node_id(recipient)
    }
    fn ecdh(
        &self,
        recipient: Recipient,
        other_key: &PublicKey,
        tweak: Option<&Scalar>,
    ) -> Result<SharedSecret, ()> {
        self.keys.ecdh(recipient, other_key, tweak)
    }
    fn sign_invoice(
        &self,
        invoice: &RawBolt11Invoice,
        recipient: Recipient,
    ) -> Result<RecoverableSignature, ()> {
        self.keys.sign_invoice(invoice, recipient)
    }
    fn sign_bolt12_invoice(&self, invoice: &UnsignedBolt12Invoice) -> Result<schnorr::Signature, ()> {
        self.keys.sign_bolt12_invoice(invoice)
    }
    fn sign_gossip_message(&self, message: UnsignedGossipMessage) -> Result<Signature, ()> {
        self.keys.sign_gossip_message(message)
    }
    fn sign_message(&self, message: &[u8]) -> Result<String, ()> {
        self.keys.sign_message(message)
    }
}

impl SignerProvider for Signer {
    type EcdsaSigner = InMemorySigner;

    fn generate_channel_keys_id(&self, inbound: bool, user_channel_id: u128) -> [u8; 32] {
        self.keys.generate_channel_keys_id(inbound, user_channel_id)
    }
    fn derive_channel_signer(&self, channel_keys_id: [u8; 32]) -> InMemorySigner {
        self.channels().insert(channel_keys_id);
        self.keys.derive_channel_signer(channel_keys_id)
    }
    fn get_destination_script(&self, _channel_keys_id: [u8; 32]) -> Result<ScriptBuf, ()> {
        Ok(self.onchain.destination())
    }
    fn get_shutdown_scriptpubkey(&self) -> Result<ShutdownScript, ()> {
        ShutdownScript::try_from(self.onchain.destination()).map_err(|_| ())
    }
}

impl OutputSpender for Signer {
    fn spend_spendable_outputs(
        &self,
        descriptors: &[&SpendableOutputDescriptor],
        outputs: Vec<TxOut>,
        change_destination_script: ScriptBuf,
        feerate_sat_per_1000_weight: u32,
        locktime: Option<LockTime>,
        secp_ctx: &Secp256k1<All>,
    ) -> Result<Transaction, ()> {
        // Static outputs pay to the on-chain wallet already; what is left needs LDK's keys.
        let ours: Vec<&SpendableOutputDescriptor> = descriptors
            .iter()
            .copied()
            .filter(|descriptor| !matches!(descriptor, SpendableOutputDescriptor::StaticOutput { .. }))
            .collect();
        if ours.is_empty() {
            return Err(());
        }
        let (change, rate) = (change_destination_script, feerate_sat_per_1000_weight);
        let rate = sweep_rate(rate, &ours, outputs.clone(), change.clone(), locktime, secp_ctx)?;
        let (lost, own): (Vec<_>, Vec<_>) = ours.iter().partition(|output| spend::place(output).is_some());
        if lost.is_empty() {
            return self.keys.spend_spendable_outputs(&own, outputs, change, rate, locktime, secp_ctx);
        }
        let (psbt, _) = SpendableOutputDescriptor::create_spendable_outputs_psbt(
            secp_ctx, &ours, outputs, change, rate, locktime,
        )?;
        let mut psbt = self.keys.sign_spendable_outputs_psbt(&own, psbt, secp_ctx)?;
        for output in lost.into_iter().filter_map(spend::place) {
            spend::sign_input(&self.all, &mut psbt, output, secp_ctx).ok_or(())?;
        }
        Ok(psbt.extract_tx_unchecked_fee_rate())
    }
}
