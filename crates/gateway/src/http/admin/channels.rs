//! Channels that the operator opens.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::types::{ChannelId, OpenChannel};
use crate::desk::amount::MsatText;
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::operator as desk;
use crate::http::error::Answer;
use crate::http::extract::Body;
use crate::node::NodeHandle;

/// `POST /admin/v1/channels/batch`: all of these channels are opened by one transaction, or none is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenChannels {
    /// 1 to 50.
    pub channels: Vec<NewChannel>,
    /// Fee rate of the transaction, in sat per 1000 vB; within an hour by default.
    #[serde(default)]
    pub fee_rate: Option<u64>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewChannel {
    /// Node id of a connected peer.
    pub peer: String,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once.
    #[serde(default)]
    pub push_msat: MsatText,
    /// True to announce the channel to the public graph.
    #[serde(default)]
    pub announce: bool,
}

/// The answer, once both sides of each channel have signed the transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelIds {
    /// The channels' ids, in the order of the request.
    pub ids: Vec<amplet_protocol::ChannelId>,
}

pub(super) async fn open(
    State(node): State<NodeHandle>,
    Body(request): Body<OpenChannel>,
) -> Answer<ChannelId> {
    let OpenChannel { peer, capacity_sat, push_msat, announce, fee_rate } = request;
    let channels = vec![NewChannel { peer, capacity_sat, push_msat, announce }.into()];
    let ids = node.ask(desk::OpenChannels { channels, fee_rate }).await?;
    let id = ids.first().copied();
    let id = id.ok_or_else(|| ApiError::new(ApiCode::Internal, "no channel was made; report this defect"))?;
    Ok(Json(ChannelId { id }))
}

pub(super) async fn open_together(
    State(node): State<NodeHandle>,
    Body(OpenChannels { channels, fee_rate }): Body<OpenChannels>,
) -> Answer<ChannelIds> {
    let channels = channels.into_iter().map(Into::into).collect();
    node.ask(desk::OpenChannels { channels, fee_rate }).await.map(|ids| Json(ChannelIds { ids }))
}

impl From<NewChannel> for desk::OpenChannel {
    fn from(NewChannel { peer, capacity_sat, push_msat, announce }: NewChannel) -> Self {
        Self { peer, capacity_sat, push_msat: push_msat.into(), announce }
    }
}

impl From<desk::OpenChannel> for NewChannel {
    fn from(desk::OpenChannel { peer, capacity_sat, push_msat, announce }: desk::OpenChannel) -> Self {
        Self { peer, capacity_sat, push_msat: push_msat.into(), announce }
    }
}
