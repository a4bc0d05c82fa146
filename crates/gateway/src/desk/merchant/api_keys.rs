//! API keys: credentials of a request. The secret is stored as a hash only.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::types::Scope;
use crate::desk::amount::MsatText;
use crate::desk::token::Token;

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Names it: 12 hexadecimal digits.
    pub id: String,
    /// For the operator.
    pub name: String,
    /// Account: keys of one account see the same invoices, payments and webhooks.
    pub account: String,
    /// Scopes.
    pub scopes: Vec<Scope>,
    /// Spending limits.
    pub spending: Option<Spending>,
    /// The budget that holds it to that.
    #[serde(rename = "purse")] // in records of format 1
    pub budget: Option<u32>,
    /// [`Token::hash`].
    pub secret_hash: String,
    /// Signs calls to the `webhookUrl` of its invoices.
    pub webhook_secret: String,
    /// In seconds since the UNIX epoch.
    pub created_at: u64,
    /// In seconds since the UNIX epoch.
    pub revoked_at: Option<u64>,
}

impl Key {
    /// Returns whether it has this scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The limits of a key that may send payments, fees included. At least one of a day's and the total is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spending {
    /// Of one payment.
    #[serde(default)]
    pub per_payment_msat: Option<MsatText>,
    /// Of any 24 hours.
    #[serde(default)]
    pub per_day_msat: Option<MsatText>,
    /// Ever.
    #[serde(default)]
    pub total_msat: Option<MsatText>,
}

/// All keys: written by the node's thread, read by the others.
#[derive(Default)]
pub struct ApiKeys {
    by_id: RwLock<BTreeMap<String, Arc<Key>>>,
    /// Notified when one is revoked.
    revoked: watch::Sender<()>,
}

impl ApiKeys {
    /// Returns the key that a token opens, unless it was revoked.
    pub fn open(&self, token: &Token) -> Option<Arc<Key>> {
        let key = self.get(&token.id)?;
        (token.is(&key.secret_hash) && key.revoked_at.is_none()).then_some(key)
    }

    /// Returns a key by its id, revoked or not.
    pub fn get(&self, id: &str) -> Option<Arc<Key>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Returns all keys.
    pub fn all(&self) -> Vec<Arc<Key>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Resolves when the key of this id is revoked.
    pub async fn revoked(&self, id: &str) {
        let mut changes = self.revoked.subscribe();
        while self.get(id).is_some_and(|key| key.revoked_at.is_none()) {
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Adds a key, or replaces it.
    pub fn put(&self, key: Key) {
        let is_revoked = key.revoked_at.is_some();
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(key.id.clone(), Arc::new(key));
        if is_revoked {
            self.revoked.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;

    use super::*;
    use crate::desk::token::TokenKind;

    #[test]
    fn a_token_opens_its_key_until_it_is_revoked() {
        let token = Token::new(TokenKind::ApiKey, [1; 6], [2; 32]);
        let key = Key {
            id: token.id.clone(),
            name: "shop".into(),
            account: "shop".into(),
            scopes: vec![Scope::InvoicesCreate],
            spending: None,
            budget: None,
            secret_hash: token.hash(),
            webhook_secret: String::new(),
            created_at: 1,
            revoked_at: None,
        };
        let ring = ApiKeys::default();
        ring.put(key.clone());
        let shown = Token::parse(TokenKind::ApiKey, &token.show()).unwrap();
        let opened = ring.open(&shown).unwrap();
        assert!(opened.has(Scope::InvoicesCreate) && !opened.has(Scope::PaymentsSend));
        assert!(ring.open(&Token::new(TokenKind::ApiKey, [1; 6], [3; 32])).is_none(), "another secret");
        assert!(ring.open(&Token::new(TokenKind::ApiKey, [2; 6], [2; 32])).is_none(), "another id");
        let waits = ring.revoked(&token.id);
        futures::pin_mut!(waits);
        assert!(waits.as_mut().now_or_never().is_none());
        ring.put(Key { revoked_at: Some(2), ..key });
        assert!(waits.now_or_never().is_some());
        assert!(ring.open(&shown).is_none(), "revoked");
        assert!(ring.get(&token.id).is_some());
    }
}
