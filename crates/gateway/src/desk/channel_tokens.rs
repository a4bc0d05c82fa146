//! Tokens for channels on request: where the operator requires them, whoever has none gets no channel.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_node::Node;
use amplet_protocol::gateway::TokenProblem;
use amplet_storage::{Store, StoreError};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::clock::unix_now;
use super::error::{ApiCode, ApiError, Result};
use super::random::random;
use super::token::{Token, TokenKind};
use super::upkeep;

/// Names of the records: this, and the token's id.
const RECORDS: &str = "gateway/channel_token/";

/// Maximum length of a name, in bytes.
const MAX_NAME: usize = 80;

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelToken {
    /// Names it: 12 hexadecimal digits.
    pub id: String,
    /// For the operator.
    pub name: String,
    /// [`Token::hash`].
    pub secret_hash: String,
    /// Number of channels that it is for; `None`: any.
    pub max_channels: Option<u32>,
    /// Capacity of these together, in sat; `None`: any.
    pub max_sat: Option<u64>,
    /// Time from which on it opens none, in seconds since the UNIX epoch.
    pub expires_at: Option<u64>,
    /// In seconds since the UNIX epoch.
    pub created_at: u64,
    /// In seconds since the UNIX epoch.
    pub revoked_at: Option<u64>,
    /// Channels that it has opened.
    pub channels: u32,
    /// Capacity of these, in sat.
    pub sat: u64,
}

impl ChannelToken {
    /// Checks whether it opens a channel of `sat` at `now`, in seconds since the UNIX epoch.
    fn check(&self, now: u64, sat: u64) -> std::result::Result<(), TokenProblem> {
        if self.revoked_at.is_some() {
            return Err(TokenProblem::Unknown);
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(TokenProblem::Expired);
        }
        let one_too_many = self.max_channels.is_some_and(|limit| self.channels >= limit);
        if one_too_many || self.max_sat.is_some_and(|limit| self.sat.saturating_add(sat) > limit) {
            return Err(TokenProblem::UsedUp);
        }
        Ok(())
    }
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct CreateChannelToken {
    /// For the operator: 1 to 80 bytes.
    pub name: String,
    /// Number of channels; `None`: any.
    pub max_channels: Option<u32>,
    /// Capacity of these together, in sat; `None`: any.
    pub max_sat: Option<u64>,
    /// Seconds for which it holds; `None`: until it is revoked.
    pub expires_in_secs: Option<u64>,
}

/// All tokens.
#[derive(Clone, Copy, Debug)]
pub struct ListChannelTokens;

/// A token to revoke.
#[derive(Clone, Debug)]
pub struct RevokeChannelToken {
    /// Its id.
    pub id: String,
}

/// A new token, and the address with it for the person whom it is for.
pub struct MadeChannelToken {
    /// As it is stored.
    pub stored: ChannelToken,
    /// As it is shown, once.
    pub token: String,
    /// The gateway's address with it.
    pub address: String,
}

/// All tokens: the operator makes them, and requests for channels are counted to them.
pub struct ChannelTokens {
    node: Node,
    /// The gateway's address, as wallets take it.
    address: String,
    tokens: RefCell<BTreeMap<String, ChannelToken>>,
}

impl ChannelTokens {
    /// Reads what is stored. A record that cannot be read opens no channel, and is left as it is. `relay`: the URL of wallets.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn open(
        node: Node,
        store: &Rc<dyn Store>,
        relay: &str,
    ) -> std::result::Result<Self, StoreError> {
        let mut tokens = BTreeMap::new();
        for name in store.list(RECORDS).await? {
            match upkeep::load::<ChannelToken>(&**store, &name).await {
                Ok(Some(token)) => {
                    tokens.insert(token.id.clone(), token);
                }
                Ok(None) => {}
                Err(error) => warn!(name, %error, "a token for channels cannot be read; make another"),
            }
        }
        let address = format!("{}@{relay}", node.node_id());
        Ok(Self { node, address, tokens: RefCell::new(tokens) })
    }

    /// Makes a token; only its hash is stored.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`], [`ApiCode::StorageFull`].
    pub async fn create(&self, new: CreateChannelToken) -> Result<MadeChannelToken> {
        let CreateChannelToken { name, max_channels, max_sat, expires_in_secs } = new;
        if !(1..=MAX_NAME).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(ApiError::invalid(format!("name: has to be 1 to {MAX_NAME} bytes of text")));
        }
        for (key, is_zero) in [
            ("maxChannels", max_channels == Some(0)),
            ("maxSat", max_sat == Some(0)),
            ("expiresInSecs", expires_in_secs == Some(0)),
        ] {
            if is_zero {
                return Err(ApiError::invalid(format!(
                    "{key}: 0 opens no channel; give more, or leave it out"
                )));
            }
        }
        self.node.ledger().check_saves()?;
        let token = Token::new(TokenKind::Channel, random()?, random()?);
        let now = unix_now();
        let stored = ChannelToken {
            id: token.id.clone(),
            name,
            secret_hash: token.hash(),
            max_channels,
            max_sat,
            expires_at: expires_in_secs.map(|secs| now.saturating_add(secs)),
            created_at: now,
            revoked_at: None,
            channels: 0,
            sat: 0,
        };
        if self.tokens.borrow().contains_key(&stored.id) {
            return Err(ApiError::new(ApiCode::Internal, "the new token's id is taken; try again"));
        }
        self.stage(&stored);
        self.node.ledger().flushed().await?;
        self.tokens.borrow_mut().insert(stored.id.clone(), stored.clone());
        info!(token = stored.id, name = stored.name, "a token for channels was made");
        let token = token.show();
        Ok(MadeChannelToken { address: format!("{}#token={token}", self.address), token, stored })
    }

    /// Returns all tokens, the revoked ones included.
    pub fn list(&self) -> Vec<ChannelToken> {
        self.tokens.borrow().values().cloned().collect()
    }

    /// Revokes a token: it opens no further channel. Twice is once.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`]; [`ApiCode::StorageFull`]: it is revoked until a restart, and for ever once there is room.
    pub async fn revoke(&self, id: &str) -> Result<()> {
        let is_known = self.change(id, |token| {
            token.revoked_at.get_or_insert_with(unix_now);
        });
        if !is_known {
            return Err(ApiError::new(ApiCode::NotFound, "there is no token of that id; list them"));
        }
        info!(token = id, "a token for channels is revoked");
        Ok(self.node.ledger().flushed().await?)
    }

    /// Returns the id of the token that a wallet sent, when it opens a channel of `sat` now. Nothing is counted.
    pub(super) fn check(&self, given: Option<&str>, sat: u64) -> std::result::Result<String, TokenProblem> {
        let given = given.ok_or(TokenProblem::Missing)?;
        let given = Token::parse(TokenKind::Channel, given).ok_or(TokenProblem::Unknown)?;
        let tokens = self.tokens.borrow();
        let stored = tokens.get(&given.id).filter(|stored| given.is(&stored.secret_hash));
        let stored = stored.ok_or(TokenProblem::Unknown)?;
        stored.check(unix_now(), sat)?;
        Ok(stored.id.clone())
    }

    /// Counts a channel of `sat` to a token.
    pub(super) fn count(&self, id: &str, sat: u64) {
        self.change(id, |token| {
            token.channels = token.channels.saturating_add(1);
            token.sat = token.sat.saturating_add(sat);
        });
    }

    /// Counts a channel no more that came to nothing.
    pub(super) fn give_back(&self, id: &str, sat: u64) {
        self.change(id, |token| {
            token.channels = token.channels.saturating_sub(1);
            token.sat = token.sat.saturating_sub(sat);
        });
    }

    /// Changes a token and stages it; returns whether there is one of this id.
    fn change(&self, id: &str, change: impl FnOnce(&mut ChannelToken)) -> bool {
        let mut tokens = self.tokens.borrow_mut();
        let Some(token) = tokens.get_mut(id) else { return false };
        change(token);
        self.stage(token);
        true
    }

    fn stage(&self, token: &ChannelToken) {
        upkeep::stage(&self.node, &format!("{RECORDS}{}", token.id), token);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As the first release wrote it. Frozen.
    const STORED: &str = r#"{"id":"0a0b0c0d0e0f","name":"for Ann","secretHash":"00ff","maxChannels":2,"maxSat":300000,"expiresAt":1000,"createdAt":5,"revokedAt":null,"channels":1,"sat":100000}"#;

    #[test]
    fn a_token_is_for_so_many_channels_so_much_and_so_long() {
        let token: ChannelToken = serde_json::from_str(STORED).unwrap();
        assert_eq!(serde_json::to_string(&token).unwrap(), STORED);
        assert_eq!(token.check(999, 200_000), Ok(()));
        assert_eq!(token.check(999, 200_001), Err(TokenProblem::UsedUp), "more than the rest");
        assert_eq!(token.check(1_000, 200_000), Err(TokenProblem::Expired));
        let used = ChannelToken { channels: 2, ..token.clone() };
        assert_eq!(used.check(999, 1), Err(TokenProblem::UsedUp));
        let revoked = ChannelToken { revoked_at: Some(6), ..token.clone() };
        assert_eq!(revoked.check(999, 1), Err(TokenProblem::Unknown));
        let any =
            ChannelToken { max_channels: None, max_sat: None, expires_at: None, channels: u32::MAX, ..token };
        assert_eq!(any.check(u64::MAX, u64::MAX), Ok(()));
    }
}
