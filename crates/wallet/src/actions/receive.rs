//! Asking for money.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use amplet_instructions::{Invoice, Kind};
use amplet_node::NewInvoice;
use amplet_node::lightning::ln::channel_state::ChannelDetails;
use amplet_protocol::page::{
    ChannelOnDemand, ErrorCode, MAX_DESCRIPTION, MAX_METADATA, PaymentRequest, WalletError,
};
use amplet_protocol::{Msat, PaymentId};

use crate::ctx::Ctx;
use crate::errors;
use crate::gateways::{Gateways, is_open};

/// Default seconds for which an invoice is payable.
pub const DEFAULT_EXPIRY_SECS: u32 = 3600;

/// Expiries that a wallet offers, in seconds: a week at most; money that comes later than that is asked for again.
pub const WALLET_EXPIRY_SECS: RangeInclusive<u32> = 60..=7 * 24 * 3600;

/// Maximum length of a name and of a value of metadata, in characters.
const MAX_NAME: usize = 40;
const MAX_VALUE: usize = 500;

/// An invoice to make.
#[derive(Clone, Debug)]
pub struct InvoiceOrder {
    /// Amount; `None`: the payer chooses.
    pub amount_msat: Option<Msat>,
    /// Purpose: at most 639 bytes (BOLT 11).
    pub description: String,
    /// Seconds until it expires; [`DEFAULT_EXPIRY_SECS`] by default.
    pub expiry_secs: Option<u32>,
    /// What the application says of it, see [`amplet_protocol::page::Request::Receive`].
    pub metadata: BTreeMap<String, String>,
}

impl InvoiceOrder {
    /// Checks it; `expiry_secs` are the expiries that are taken.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`].
    pub fn check(self, expiry_secs: RangeInclusive<u32>) -> Result<NewInvoice, WalletError> {
        let Self { amount_msat, description, expiry_secs: expiry, metadata } = self;
        let invalid = |message: String| WalletError::new(ErrorCode::InvalidInput, message);
        if description.len() > MAX_DESCRIPTION {
            return Err(invalid(format!("a description has at most {MAX_DESCRIPTION} bytes; shorten it")));
        }
        let expiry = expiry.unwrap_or(DEFAULT_EXPIRY_SECS);
        if !expiry_secs.contains(&expiry) {
            return Err(invalid(format!(
                "an invoice is payable for {} to {} seconds; choose between",
                expiry_secs.start(),
                expiry_secs.end()
            )));
        }
        if amount_msat == Some(Msat::ZERO) {
            return Err(invalid("the amount is zero; give another, or none".into()));
        }
        if !fits(&metadata) {
            return Err(invalid(format!(
                "metadata has at most {MAX_METADATA} names of 1 to {MAX_NAME} characters, with values of at most {MAX_VALUE}; keep the rest yourself, under the payment's id"
            )));
        }
        Ok(NewInvoice { amount_msat, description, expiry_secs: expiry, metadata })
    }
}

/// Returns whether metadata is small enough to be kept with a payment.
fn fits(metadata: &BTreeMap<String, String>) -> bool {
    metadata.len() <= MAX_METADATA
        && metadata.iter().all(|(name, value)| {
            (1..=MAX_NAME).contains(&name.chars().count()) && value.chars().count() <= MAX_VALUE
        })
}

/// Makes an AMP invoice, which may be paid any number of times until it expires.
///
/// # Errors
/// LDK's.
pub async fn amp_invoice(ctx: &Ctx, new: &NewInvoice) -> Result<Invoice, WalletError> {
    let text = ctx.node.payments().amp_invoice(new).await.map_err(|e| errors::pay(&e))?;
    let made = ctx.read(&text).ok().and_then(|found| found.methods.into_iter().next());
    match made.map(|method| method.kind) {
        Some(Kind::Amp(invoice)) => Ok(*invoice),
        _ => Err(WalletError::new(ErrorCode::Internal, "the invoice that was made cannot be read")),
    }
}

/// Makes an invoice; with `amp`, one for AMP; before that, `on_demand`, a channel through which it can be paid.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]; LDK's; as [`Gateways::make_room`]: there is no invoice then.
pub(crate) async fn receive(
    ctx: &Ctx,
    gateways: &Gateways,
    order: InvoiceOrder,
    amp: bool,
    on_demand: ChannelOnDemand,
) -> Result<PaymentRequest, WalletError> {
    let new = order.check(WALLET_EXPIRY_SECS)?;
    if amp && !new.metadata.is_empty() {
        let message = "an AMP invoice takes no metadata: it may be paid many times; leave it out";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let amount_msat = new.amount_msat.unwrap_or(Msat::from(1));
    let channel = match on_demand {
        ChannelOnDemand::Never => None,
        ChannelOnDemand::IfNeeded => gateways.make_room(ctx, amount_msat).await?,
    };
    let missing = Room::of(ctx).missing(amount_msat);
    if amp {
        let Invoice { text, payment_hash, expires_at, .. } = amp_invoice(ctx, &new).await?;
        return Ok(PaymentRequest { payment_hash, expires_at, missing, channel, invoice: text });
    }
    let invoice = ctx.node.payments().invoice(&new).await.map_err(|e| errors::pay(&e))?;
    Ok(PaymentRequest {
        payment_hash: PaymentId(invoice.payment_hash().0),
        expires_at: invoice.expires_at().map_or(u64::MAX, |at| at.as_secs()),
        missing,
        channel,
        invoice: invoice.to_string(),
    })
}

/// Amounts that may arrive through the channels.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    /// Now.
    now_msat: Msat,
    /// When the gateways are back whose channels are ready.
    away_msat: Msat,
    /// When channels are confirmed that wait for blocks, whether or not their gateways are there.
    unconfirmed_msat: Msat,
    /// There is a channel.
    any: bool,
}

impl Room {
    fn of(ctx: &Ctx) -> Self {
        let channels = ctx.node.channels().list();
        let sum = |counted: &dyn Fn(&ChannelDetails) -> bool| -> Msat {
            let counted = channels.iter().filter(|it| !it.is_usable && is_open(it) && counted(it));
            counted.map(|it| Msat::up_to_max(it.inbound_capacity_msat)).sum()
        };
        Self {
            now_msat: ctx.node.channels().balance().receivable_msat,
            away_msat: sum(&|it| it.is_channel_ready),
            unconfirmed_msat: sum(&|it| !it.is_channel_ready),
            any: !channels.is_empty(),
        }
    }

    /// The reason why the amount cannot arrive now: what has to come about so that it can.
    fn missing(&self, amount_msat: Msat) -> Option<WalletError> {
        let with_away_msat = self.now_msat.plus_up_to_max(self.away_msat);
        let (code, message) = if self.now_msat >= amount_msat {
            return None;
        } else if !self.any {
            (
                ErrorCode::InsufficientInbound,
                "there is no channel yet: ask a gateway for one, or open one from your savings and spend from it first".to_owned(),
            )
        } else if with_away_msat >= amount_msat {
            (
                ErrorCode::GatewayOffline,
                "the channel's gateway is not connected: the payment can arrive once it is".to_owned(),
            )
        } else if with_away_msat.plus_up_to_max(self.unconfirmed_msat) >= amount_msat {
            (
                ErrorCode::ChannelUnavailable,
                "the channel is not confirmed yet: the payment can arrive once it is".to_owned(),
            )
        } else {
            let sat = self.now_msat.to_sat_floor();
            (
                ErrorCode::InsufficientInbound,
                format!(
                    "{sat} sat can arrive now: ask for less, spend some first, or ask a gateway for another channel"
                ),
            )
        };
        Some(WalletError::new(code, message))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn code(room: Room, sat: u64) -> Option<ErrorCode> {
        room.missing(Msat::from_sat(sat).unwrap()).map(|error| error.code)
    }

    #[test]
    fn what_is_missing_is_what_has_to_come_about() {
        let sat = |sat| Msat::from_sat(sat).unwrap();
        assert_eq!(code(Room::default(), 1), Some(ErrorCode::InsufficientInbound));
        let waits = Room { unconfirmed_msat: sat(100), any: true, ..Room::default() };
        assert_eq!(code(waits, 100), Some(ErrorCode::ChannelUnavailable));
        assert_eq!(code(waits, 101), Some(ErrorCode::InsufficientInbound));
        let away = Room { away_msat: sat(50), ..waits };
        assert_eq!(code(away, 50), Some(ErrorCode::GatewayOffline));
        assert_eq!(code(away, 51), Some(ErrorCode::ChannelUnavailable));
        let all = Room { now_msat: sat(10), ..away };
        assert_eq!(
            [10, 60, 160, 161].map(|sat| code(all, sat)),
            [
                None,
                Some(ErrorCode::GatewayOffline),
                Some(ErrorCode::ChannelUnavailable),
                Some(ErrorCode::InsufficientInbound),
            ]
        );
        // One's own money, all on one's own side: waiting brings no room.
        assert_eq!(code(Room { any: true, ..Room::default() }, 1), Some(ErrorCode::InsufficientInbound));
    }
}
