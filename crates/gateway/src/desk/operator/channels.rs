//! Channels that the operator opens, one or several by one transaction, and closes.

use amplet_node::{ChannelError, NotOpened, OnchainError, OpenChannel as Opening};
use amplet_protocol::{ChannelId, Msat};
use amplet_wallet::actions::channels;
use bitcoin::FeeRate;
use bitcoin::secp256k1::PublicKey;

use super::{OpenChannel, OpenChannels, OperatorService};
use crate::desk::error::{ApiCode, ApiError, Result};

/// Maximum number of channels that one transaction funds.
const MAX_TOGETHER: usize = 50;

impl OperatorService {
    /// Opens channels by one transaction; returns their ids, in this order, once both sides of each have signed it.
    ///
    /// # Errors
    /// [`ApiError`]: not one of them, and nothing was spent.
    pub async fn open_channels(&self, request: OpenChannels) -> Result<Vec<ChannelId>> {
        let OpenChannels { channels, fee_rate } = request;
        if !(1..=MAX_TOGETHER).contains(&channels.len()) {
            let count = channels.len();
            return Err(ApiError::invalid(format!("channels: has {count}; give 1 to {MAX_TOGETHER}")));
        }
        let rate = fee_rate.map(amplet_node::Onchain::parse_fee_rate).transpose();
        let rate = rate.map_err(|error| ApiError::invalid(format!("feeRate: {error}")))?;
        let is_alone = channels.len() == 1;
        let orders = channels.into_iter().enumerate().map(|(at, channel)| {
            let place = if is_alone { String::new() } else { format!("channels[{at}].") };
            order(channel, rate, &place)
        });
        let orders = orders.collect::<Result<Vec<(PublicKey, Opening)>>>()?;
        channels::open_together(&self.ctx, &orders).await.map_err(|failed| not_opened(&failed, is_alone))
    }

    /// Closes a channel.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`], [`ApiCode::InvalidInput`].
    pub fn close_channel(&self, id: ChannelId, force: bool) -> Result<()> {
        channels::close(&self.ctx, id, force).map_err(|error| channel_error(&error))
    }
}

/// What the node is told of a channel, whose fields are at this place of the request.
fn order(channel: OpenChannel, fee_rate: Option<FeeRate>, place: &str) -> Result<(PublicKey, Opening)> {
    let OpenChannel { peer, capacity_sat, push_msat, announce } = channel;
    let peer: PublicKey = peer.parse().map_err(|error| {
        ApiError::invalid(format!(
            "{place}peer: {error}; give the node id of a connected peer, 66 hexadecimal digits"
        ))
    })?;
    match Msat::from_sat(capacity_sat) {
        Ok(capacity) if push_msat <= capacity => {}
        Ok(_) => {
            return Err(ApiError::invalid(format!("{place}pushMsat: is more than the capacity; give less")));
        }
        Err(_) => {
            return Err(ApiError::invalid(format!(
                "{place}capacitySat: is more than all bitcoin; give less"
            )));
        }
    }
    Ok((peer, Opening { capacity_sat, push_msat, announce, zero_reserve: false, fee_rate }))
}

/// Of several channels it says which peers were the reason.
fn not_opened(failed: &NotOpened, is_alone: bool) -> ApiError {
    let error = channel_error(&failed.error);
    if is_alone || failed.peers.is_empty() {
        return error;
    }
    let peers = failed.peers.iter().map(PublicKey::to_string).collect::<Vec<_>>().join(", ");
    let message = format!("none of the channels was opened, because of {peers}: {}", error.message);
    ApiError::new(error.code, message)
}

fn channel_error(error: &ChannelError) -> ApiError {
    let code = match error {
        ChannelError::Unsaved(unsaved) => return unsaved.clone().into(),
        ChannelError::Unknown(_) => ApiCode::NotFound,
        ChannelError::NotConnected | ChannelError::Onchain(_) => ApiCode::NotNow,
        ChannelError::Refused(_) | ChannelError::Timeout => ApiCode::Remote,
        ChannelError::Ldk(_) => ApiCode::InvalidInput,
        ChannelError::Closing | ChannelError::OldCopy => ApiCode::NodeDown,
        ChannelError::Doubted | ChannelError::OtherInstallation => ApiCode::NotNow,
    };
    let message = match error {
        // The node speaks to a wallet's user; these are for an operator.
        ChannelError::NotConnected => {
            "the peer is not connected; connect it with POST /admin/v1/peers, or wait until it comes".into()
        }
        ChannelError::Refused(why) => {
            format!("the peer did not open the channel: {why}; try another amount or peer")
        }
        ChannelError::Timeout => "the peer did not answer in time; nothing was spent, try again later".into(),
        ChannelError::Onchain(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat }) => {
            format!(
                "{needed_sat} sat are needed and {available_sat} sat can be spent beside the reserve of {reserve_sat} sat; \
             deposit more (POST /admin/v1/address), or wait for a confirmation"
            )
        }
        other => other.to_string(),
    };
    ApiError::new(code, message)
}
