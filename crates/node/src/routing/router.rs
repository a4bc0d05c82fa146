//! LDK's router, and a note of the parts that it plans.

use bitcoin::secp256k1::{PublicKey, Secp256k1, Signing, Verification};
use lightning::blinded_path::payment::{BlindedPaymentPath, ReceiveTlvs};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::channelmanager::PaymentId;
use lightning::routing::router::{InFlightHtlcs, Route, RouteParameters, Router};
use lightning::sign::ReceiveAuthKey;
use lightning::types::payment::PaymentHash;

use super::parts::{Planned, describe};
use crate::types::LdkRouter;

/// Finds routes by LDK's router.
pub struct NotingRouter {
    router: LdkRouter,
    /// Parts that no record has yet.
    pub planned: Planned,
}

impl NotingRouter {
    /// Around LDK's.
    pub fn new(router: LdkRouter) -> Self {
        Self { router, planned: Planned::default() }
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
        self.planned.add(id, route.paths.iter().map(|path| describe(path, None)));
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
