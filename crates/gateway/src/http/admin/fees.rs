//! Terms of forwarding, of channels and peers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::desk::amount::MsatText;
use crate::desk::error::ApiError;
use crate::desk::fees::{AllTerms, ClearTerms, ListTerms, OwnTerms, SetTerms};
use crate::http::error::Answer;
use crate::http::extract::{Body, Path};
use crate::node::NodeHandle;

/// `POST /admin/v1/fees`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetFees {
    /// A channel's id, or a peer's node id.
    pub of: String,
    /// Base fee; the configuration's by default, as with the others.
    #[serde(default)]
    pub fee_base_msat: Option<MsatText>,
    /// Proportional fee, in parts per million.
    #[serde(default)]
    pub fee_ppm: Option<u32>,
    /// Blocks between the expiries of what comes in and of what leaves: 144 to 1008.
    #[serde(default)]
    pub cltv_delta: Option<u16>,
}

pub(super) async fn list(State(node): State<NodeHandle>) -> Answer<AllTerms> {
    node.ask(ListTerms).await.map(Json)
}

pub(super) async fn set(State(node): State<NodeHandle>, Body(request): Body<SetFees>) -> Answer<AllTerms> {
    let SetFees { of, fee_base_msat, fee_ppm, cltv_delta } = request;
    node.ask(SetTerms { of, terms: OwnTerms { fee_base_msat, fee_ppm, cltv_delta } }).await?;
    node.ask(ListTerms).await.map(Json)
}

pub(super) async fn clear(
    State(node): State<NodeHandle>,
    Path(of): Path<String>,
) -> Result<StatusCode, ApiError> {
    node.ask(ClearTerms { of }).await.map(|()| StatusCode::NO_CONTENT)
}
