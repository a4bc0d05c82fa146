//! Tokens for channels on request: made, listed, revoked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::desk::channel_tokens as desk;
use crate::desk::error::ApiError;
use crate::http::error::Answer;
use crate::http::extract::{Body, Path};
use crate::node::NodeHandle;

/// `POST /admin/v1/channel-tokens`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateToken {
    /// For you: 1 to 80 bytes.
    pub name: String,
    /// Number of channels that it opens; any by default.
    #[serde(default)]
    pub max_channels: Option<u32>,
    /// Capacity of these together, in sat; any by default.
    #[serde(default)]
    pub max_sat: Option<u64>,
    /// Seconds for which it holds; until it is revoked by default.
    #[serde(default)]
    pub expires_in_secs: Option<u64>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenInfo {
    /// For `DELETE /admin/v1/channel-tokens/{id}`; also a part of the token.
    pub id: String,
    /// For you.
    pub name: String,
    /// Number of channels that it opens.
    pub max_channels: Option<u32>,
    /// Capacity of these together, in sat.
    pub max_sat: Option<u64>,
    /// Channels that it has opened.
    pub channels: u32,
    /// Capacity of these, in sat.
    pub sat: u64,
    /// Time of creation, in seconds since the UNIX epoch.
    pub created_at: u64,
    /// Time from which on it opens none.
    pub expires_at: Option<u64>,
    /// Time of revocation.
    pub revoked_at: Option<u64>,
}

impl From<desk::ChannelToken> for TokenInfo {
    fn from(token: desk::ChannelToken) -> Self {
        let desk::ChannelToken {
            id,
            name,
            secret_hash: _,
            max_channels,
            max_sat,
            expires_at,
            created_at,
            revoked_at,
            channels,
            sat,
        } = token;
        Self { id, name, max_channels, max_sat, channels, sat, created_at, expires_at, revoked_at }
    }
}

/// The answer of `POST /admin/v1/channel-tokens`: the secret is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeToken {
    /// The token.
    #[serde(flatten)]
    pub info: TokenInfo,
    /// Its text.
    pub token: String,
    /// The gateway's address with it, to be given to the wallet's user.
    pub address: String,
}

/// `GET /admin/v1/channel-tokens`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// All, the revoked ones included.
    pub tokens: Vec<TokenInfo>,
}

pub(super) async fn create(
    State(node): State<NodeHandle>,
    Body(request): Body<CreateToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    let CreateToken { name, max_channels, max_sat, expires_in_secs } = request;
    let made = desk::CreateChannelToken { name, max_channels, max_sat, expires_in_secs };
    let desk::MadeChannelToken { stored, token, address } = node.ask(made).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { info: stored.into(), token, address })))
}

pub(super) async fn list(State(node): State<NodeHandle>) -> Answer<Tokens> {
    let tokens = node.ask(desk::ListChannelTokens).await?;
    Ok(Json(Tokens { tokens: tokens.into_iter().map(Into::into).collect() }))
}

pub(super) async fn revoke(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    node.ask(desk::RevokeChannelToken { id }).await.map(|()| StatusCode::NO_CONTENT)
}
