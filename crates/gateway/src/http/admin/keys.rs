//! API keys of sites: made, listed, revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::desk::error::ApiError;
use crate::desk::merchant::api_keys::{ApiKeys, Key, Spending};
use crate::desk::merchant::requests::{self, RevokeKey};
use crate::desk::merchant::types::Scope;
use crate::http::error::Answer;
use crate::http::extract::{Body, Path};
use crate::node::NodeHandle;

/// `POST /admin/v1/keys`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKey {
    /// For you: 1 to 80 characters.
    pub name: String,
    /// Keys of one account see the same invoices, payments and webhooks: 1 to 40 of a-z, 0-9 and -. `main` by default.
    #[serde(default = "default_account")]
    pub account: String,
    /// Scopes.
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
    /// Its account.
    pub account: String,
    /// Scopes.
    pub scopes: Vec<Scope>,
    /// Spending limits.
    pub spending: Option<Spending>,
    /// Time of creation, in seconds since the UNIX epoch.
    pub created_at: u64,
    /// Time of revocation.
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
    /// The bearer token of the site.
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

/// State that these paths share: the node, which makes keys, and the keys.
#[derive(Clone)]
pub(super) struct Keyring {
    pub(super) node: NodeHandle,
    pub(super) keys: Arc<ApiKeys>,
}

pub(super) async fn create(
    State(keyring): State<Keyring>,
    Body(request): Body<CreateKey>,
) -> Result<(StatusCode, Json<MadeKey>), ApiError> {
    let CreateKey { name, account, scopes, spending } = request;
    let (key, token) = keyring.node.ask(requests::CreateKey { name, account, scopes, spending }).await?;
    let webhook_secret = key.webhook_secret.clone();
    let made = MadeKey { key: KeyInfo::from(&key), token: token.show(), webhook_secret };
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn list(State(keyring): State<Keyring>) -> Answer<Keys> {
    keyring.node.require_up()?;
    let keys = keyring.keys.all();
    Ok(Json(Keys { keys: keys.iter().map(|key| KeyInfo::from(&**key)).collect() }))
}

pub(super) async fn revoke(
    State(keyring): State<Keyring>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    keyring.node.ask(RevokeKey { id }).await.map(|()| StatusCode::NO_CONTENT)
}
