//! LDK's router, and a note of how long each payment's longest path is.

use std::cell::RefCell;
use std::collections::HashMap;

use bitcoin::secp256k1::{PublicKey, Secp256k1, Signing, Verification};
use lightning::blinded_path::payment::{BlindedPaymentPath, ReceiveTlvs};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::channelmanager::PaymentId;
use lightning::routing::router::{InFlightHtlcs, Route, RouteParameters, Router};
use lightning::sign::ReceiveAuthKey;
use lightning::types::payment::PaymentHash;

use crate::types::LdkRouter;

/// Finds routes by LDK's router.
pub struct NotingRouter {
    router: LdkRouter,
    hops: RefCell<HashMap<PaymentId, u32>>,
}

impl NotingRouter {
    /// Around LDK's.
    pub fn new(router: LdkRouter) -> Self {
        Self { router, hops: RefCell::default() }
    }

    /// Channels crossed by the longest part of a payment that was routed since the node was opened; forgets it.
    pub fn take_hops(&self, id: &PaymentId) -> Option<u32> {
        self.hops.borrow_mut().remove(id)
    }
}

impl Router for NotingRouter {
    fn find_route(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: Option<&[&ChannelDetails]>,
        inflight: InFlightHtlcs,
    ) -> Result<Route, &'static str> {
        self.router.find_route(payer, params, first_hops, inflight)
    }

    fn find_route_with_id(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: Option<&[&ChannelDetails]>,
        inflight: InFlightHtlcs,
        hash: PaymentHash,
        id: PaymentId,
    ) -> Result<Route, &'static str> {
        let route = self.router.find_route_with_id(payer, params, first_hops, inflight, hash, id)?;
        let longest = route.paths.iter().map(|path| path.hops.len()).max().unwrap_or(0);
        let mut hops = self.hops.borrow_mut();
        let entry = hops.entry(id).or_insert(0);
        *entry = (*entry).max(u32::try_from(longest).unwrap_or(u32::MAX));
        Ok(route)
    }

    fn create_blinded_payment_paths<T: Signing + Verification>(
        &self,
        recipient: PublicKey,
        key: ReceiveAuthKey,
        first_hops: Vec<ChannelDetails>,
        tlvs: ReceiveTlvs,
        amount_msats: Option<u64>,
        secp: &Secp256k1<T>,
    ) -> Result<Vec<BlindedPaymentPath>, ()> {
        self.router.create_blinded_payment_paths(recipient, key, first_hops, tlvs, amount_msats, secp)
    }
}
