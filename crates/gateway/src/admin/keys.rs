//! API keys for sites: making, listing, revoking.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::routes::{Answer, Body};
use super::{AdminCode, AdminError};
use crate::merchant::Hub;
use crate::merchant::desk::NewKey;
use crate::merchant::error::{ApiCode, ApiError};
use crate::merchant::keys::{Key, Spending};
use crate::merchant::types::Scope;
use crate::node_thread::NodeHandle;

/// `POST /admin/v1/keys`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKey {
    /// For you: 1 to 80 characters.
    pub name: String,
    /// Keys of one account see the same invoices, payments and webhooks: 1 to 40 of a-z, 0-9 and -. `main` by default.
    #[serde(default = "default_account")]
    pub account: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// With `payments:send`, and only with it: what it may spend, fees included.
    #[serde(default)]
    pub spending: Option<Spending>,
}

fn default_account() -> String {
    "main".into()
}

/// A key, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// For `DELETE /admin/v1/keys/{id}`; also a part of the token.
    pub id: String,
    /// For you.
    pub name: String,
    /// Whose invoices, payments and webhooks it sees.
    pub account: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// What it may spend.
    pub spending: Option<Spending>,
    /// When it was made, in seconds since the UNIX epoch.
    pub created_at: u64,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
}

impl From<&Key> for KeyInfo {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            account: key.account.clone(),
            scopes: key.scopes.clone(),
            spending: key.spending,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// The answer of `POST /admin/v1/keys`: the secrets are shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeKey {
    /// The key.
    #[serde(flatten)]
    pub key: KeyInfo,
    /// What the site sends as bearer token.
    pub token: String,
    /// Signs calls to the `webhookUrl` of invoices that this key makes.
    pub webhook_secret: String,
}

/// `GET /admin/v1/keys`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// All, the revoked ones included.
    pub keys: Vec<KeyInfo>,
}

/// What [`NodeHandle`] and [`Hub`] are to these paths.
#[derive(Clone)]
pub(super) struct KeyDesk {
    pub(super) node: NodeHandle,
    pub(super) hub: Hub,
}

pub(super) async fn create(
    State(desk): State<KeyDesk>,
    Body(request): Body<CreateKey>,
) -> Result<(StatusCode, Json<MadeKey>), AdminError> {
    let CreateKey { name, account, scopes, spending } = request;
    let new = NewKey { name, account, scopes, spending };
    let made = desk.node.at_desk(move |desk| async move { desk.create_key(new).await });
    let (key, token) = made.await.map_err(admin_error)?;
    let webhook_secret = key.webhook_secret.clone();
    let made = MadeKey { key: KeyInfo::from(&key), token: token.show(), webhook_secret };
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn list(State(desk): State<KeyDesk>) -> Answer<Keys> {
    desk.node.require_up()?;
    let keys = desk.hub.keys.all();
    Ok(Json(Keys { keys: keys.iter().map(|key| KeyInfo::from(&**key)).collect() }))
}

pub(super) async fn revoke(
    State(desk): State<KeyDesk>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let revoked = desk.node.at_desk(move |desk| async move { desk.revoke_key(&id).await });
    revoked.await.map(|()| StatusCode::NO_CONTENT).map_err(admin_error)
}

fn admin_error(error: ApiError) -> AdminError {
    let code = match error.code {
        ApiCode::NotFound => AdminCode::NotFound,
        ApiCode::InvalidInput => AdminCode::InvalidInput,
        ApiCode::NodeDown => AdminCode::NodeDown,
        _ => AdminCode::Internal,
    };
    AdminError::new(code, error.message)
}
