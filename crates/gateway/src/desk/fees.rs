//! Terms of forwarding: those of the configuration, and those that the operator gave to a channel or a peer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use amplet_node::{ForwardingTerms, HTLC_DELTA, Node, TermsOf};
use amplet_protocol::{ChannelId, Msat, NodeId};
use amplet_storage::Store;
use bitcoin::secp256k1::PublicKey;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::amount::MsatText;
use super::error::{ApiCode, ApiError, Result};
use super::upkeep;
use crate::config::Live;

/// Record of the terms of channels and peers.
const RECORD: &str = "gateway/fees";

/// Greatest base fee, in msat, and proportional fee, in parts per million; as in the configuration.
const MAX_FEE: u32 = 1_000_000;
/// Greatest number of blocks: HTLCs of more than two weeks are not forwarded.
const MAX_DELTA: u16 = 1_008;
/// Greatest number of channels and peers with terms of their own.
const MAX_OWN: usize = 10_000;

/// Terms on which a channel forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Base fee.
    pub fee_base_msat: MsatText,
    /// Proportional fee, in parts per million.
    pub fee_ppm: u32,
    /// Blocks between the expiries of what comes in and of what leaves.
    pub cltv_delta: u16,
}

/// Terms of one channel, or of all channels with one peer; what is absent is the configuration's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnTerms {
    /// Base fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_base_msat: Option<MsatText>,
    /// Proportional fee, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_ppm: Option<u32>,
    /// Blocks between the expiries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cltv_delta: Option<u16>,
}

/// The terms of one channel or peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnEntry {
    /// The channel's id, or the peer's node id.
    pub of: String,
    /// Its terms.
    #[serde(flatten)]
    pub terms: OwnTerms,
}

/// All terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllTerms {
    /// The configuration's.
    pub default: Terms,
    /// Those of channels and peers.
    pub own: Vec<OwnEntry>,
}

/// Lists all terms.
#[derive(Clone, Copy, Debug)]
pub struct ListTerms;

/// Terms to give to a channel or a peer, in place of those that it has.
#[derive(Clone, Debug)]
pub struct SetTerms {
    /// A channel id or a node id.
    pub of: String,
    /// The terms.
    pub terms: OwnTerms,
}

/// Gives a channel or a peer the configuration's terms again.
#[derive(Clone, Debug)]
pub struct ClearTerms {
    /// A channel id or a node id.
    pub of: String,
}

/// The configuration has changed: what was taken over counts from now on.
#[derive(Clone, Copy, Debug)]
pub struct ApplyConfig;

/// All terms, and whom they are of.
pub struct Fees {
    live: Arc<Live>,
    own: RefCell<BTreeMap<String, OwnTerms>>,
}

impl Fees {
    /// Reads what is stored.
    pub(crate) async fn load(store: &dyn Store, live: Arc<Live>) -> Rc<Self> {
        let own = upkeep::read(store, RECORD).await;
        Rc::new(Self { live, own: RefCell::new(own) })
    }

    /// The configuration's terms.
    pub(crate) fn default_terms(&self) -> ForwardingTerms {
        let config = self.live.get();
        let terms = &config.channels.terms;
        ForwardingTerms { fee_base_msat: terms.fee_base_msat, fee_ppm: terms.fee_ppm, cltv_delta: HTLC_DELTA }
    }

    /// What the node asks.
    pub(crate) fn terms_of(self: &Rc<Self>) -> TermsOf {
        let fees = Rc::clone(self);
        TermsOf(Rc::new(move |channel: &ChannelId, peer: &PublicKey| fees.of(channel, peer)))
    }

    /// A channel's own come before its peer's, and these before the configuration's.
    fn of(&self, channel: &ChannelId, peer: &PublicKey) -> ForwardingTerms {
        let own = self.own.borrow();
        let found = [own.get(&peer.to_string()), own.get(&channel.to_string())];
        found.into_iter().flatten().fold(self.default_terms(), |terms, own| ForwardingTerms {
            fee_base_msat: own
                .fee_base_msat
                .map_or(terms.fee_base_msat, |fee| u32::try_from(fee.0.get()).unwrap_or(MAX_FEE)),
            fee_ppm: own.fee_ppm.unwrap_or(terms.fee_ppm),
            cltv_delta: own.cltv_delta.unwrap_or(terms.cltv_delta),
        })
    }

    /// Returns all terms.
    pub(crate) fn list(&self) -> AllTerms {
        let own = self.own.borrow();
        let own = own.iter().map(|(of, terms)| OwnEntry { of: of.clone(), terms: *terms }).collect();
        AllTerms { default: self.default_terms().into(), own }
    }

    /// Gives a channel or a peer terms; its channels have them at once.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`], [`ApiCode::NotFound`], [`ApiCode::StorageFull`]: all is as it was.
    pub(crate) async fn set(&self, node: &Node, SetTerms { of, terms }: SetTerms) -> Result<()> {
        let of = target(&of)?;
        check(&terms)?;
        let is_known = |id: &ChannelId| node.channels().list().iter().any(|it| it.channel_id.0 == id.0);
        if of.parse::<ChannelId>().is_ok_and(|id| !is_known(&id)) {
            return Err(ApiError::new(
                ApiCode::NotFound,
                "there is no channel of that id; GET /admin/v1/channels lists them",
            ));
        }
        if self.own.borrow().len() >= MAX_OWN && !self.own.borrow().contains_key(&of) {
            return Err(ApiError::invalid(format!(
                "{MAX_OWN} channels and peers have terms of their own; clear some first"
            )));
        }
        info!(of, ?terms, "the operator sets terms of forwarding");
        self.change(node, |own| {
            own.insert(of, terms);
        })
        .await
    }

    /// Gives a channel or a peer the configuration's terms again.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`], [`ApiCode::NotFound`], [`ApiCode::StorageFull`]: all is as it was.
    pub(crate) async fn clear(&self, node: &Node, ClearTerms { of }: ClearTerms) -> Result<()> {
        let of = target(&of)?;
        if !self.own.borrow().contains_key(&of) {
            return Err(ApiError::new(ApiCode::NotFound, "it has no terms of its own; list them"));
        }
        info!(of, "the operator clears terms of forwarding");
        self.change(node, |own| {
            own.remove(&of);
        })
        .await
    }

    async fn change(&self, node: &Node, change: impl FnOnce(&mut BTreeMap<String, OwnTerms>)) -> Result<()> {
        node.ledger().check_saves()?;
        change(&mut self.own.borrow_mut());
        upkeep::stage(node, RECORD, &*self.own.borrow());
        node.channels().apply_terms();
        Ok(node.ledger().flushed().await?)
    }
}

impl From<ForwardingTerms> for Terms {
    fn from(terms: ForwardingTerms) -> Self {
        let ForwardingTerms { fee_base_msat, fee_ppm, cltv_delta } = terms;
        Self { fee_base_msat: MsatText(Msat::up_to_max(fee_base_msat.into())), fee_ppm, cltv_delta }
    }
}

/// A channel id or a node id, as it is stored.
fn target(of: &str) -> Result<String> {
    let channel = of.parse::<ChannelId>().map(|id| id.to_string()).ok();
    let peer = || of.parse::<NodeId>().ok().filter(|id| PublicKey::from_slice(&id.0).is_ok());
    channel.or_else(|| peer().map(|id| id.to_string())).ok_or_else(|| {
        ApiError::invalid(
            "of: is neither a channel id (64 hexadecimal digits) nor a node id (66); copy it again",
        )
    })
}

fn check(terms: &OwnTerms) -> Result<()> {
    let out_of_range =
        |key: &str, range: &str| Err(ApiError::invalid(format!("{key}: is out of range; choose {range}")));
    if terms.fee_base_msat.is_some_and(|fee| fee.0.get() > MAX_FEE.into()) {
        return out_of_range("feeBaseMsat", "0 to 1000000");
    }
    if terms.fee_ppm.is_some_and(|ppm| ppm > MAX_FEE) {
        return out_of_range("feePpm", "0 to 1000000");
    }
    if terms.cltv_delta.is_some_and(|delta| !(HTLC_DELTA..=MAX_DELTA).contains(&delta)) {
        return out_of_range("cltvDelta", "144 to 1008 blocks");
    }
    if *terms == OwnTerms::default() {
        return Err(ApiError::invalid("give feeBaseMsat, feePpm or cltvDelta"));
    }
    Ok(())
}
