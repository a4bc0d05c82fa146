//! Paying nodes that gave no invoice.

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::{Authorization, Destination, Keysend, PayError, PaymentId, Records};
use amplet_protocol::Msat;
use amplet_protocol::page::{CustomRecord, ErrorCode, FeeQuote, WalletError};
use hex_conservative::FromHex;

use crate::ctx::Ctx;

/// An order to pay a node.
#[derive(Clone, Debug)]
pub struct KeysendOrder {
    /// The payee.
    pub payee: PublicKey,
    /// Amount.
    pub amount_msat: Msat,
    /// Custom records sent along.
    pub records: Records,
}

fn invalid(message: impl Into<String>) -> WalletError {
    WalletError::new(ErrorCode::InvalidInput, message)
}

impl KeysendOrder {
    /// Reads and checks an order; values of records are hex.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`].
    pub fn parse(
        ctx: &Ctx,
        payee: &str,
        amount_msat: Msat,
        records: &[CustomRecord],
    ) -> Result<Self, WalletError> {
        let payee = node_id(ctx, payee)?;
        if amount_msat == Msat::ZERO {
            return Err(invalid("a payment of nothing cannot be sent; say how much to pay"));
        }
        let records = records.iter().map(record).collect::<Result<_, _>>()?;
        Ok(Self { payee, amount_msat, records })
    }

    /// Whom the fee is quoted for.
    #[must_use]
    pub fn destination(&self) -> Destination<'static> {
        Destination::Node(self.payee)
    }

    /// Begins the payment; its outcome comes by [`outcome`](super::pay::outcome).
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent.
    pub async fn begin(
        self,
        ctx: &Ctx,
        max_fee_msat: Msat,
        authorization: &Authorization,
    ) -> Result<PaymentId, PayError> {
        let Self { payee, amount_msat, records } = self;
        let keysend = Keysend { payee, amount_msat, max_fee_msat, records };
        ctx.node.payments().begin(keysend, authorization).await
    }
}

/// Quotes the fee of a payment to a node.
///
/// # Errors
/// [`ErrorCode::InvalidInput`].
pub fn quote(ctx: &Ctx, payee: &str, amount_msat: Msat) -> Result<FeeQuote, WalletError> {
    let order = KeysendOrder::parse(ctx, payee, amount_msat, &[])?;
    Ok(ctx.node.payments().quote_fee(order.destination(), amount_msat))
}

/// Reads the id of another node.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: no public key, or this node's own.
pub fn node_id(ctx: &Ctx, text: &str) -> Result<PublicKey, WalletError> {
    let id: PublicKey = text
        .parse()
        .map_err(|_| invalid("a node id is a public key in 66 hex digits; copy the payee's again"))?;
    if id == ctx.node.node_id() {
        return Err(invalid("this is the id of this wallet's own node; give the payee's"));
    }
    Ok(id)
}

fn record(record: &CustomRecord) -> Result<(u64, Vec<u8>), WalletError> {
    let value = Vec::from_hex(&record.value).map_err(|_| {
        invalid(format!("record {}'s value is not hex, two digits a byte; correct it", record.record_type))
    })?;
    Ok((record.record_type, value))
}
