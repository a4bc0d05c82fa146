//! Making and revoking keys.

use std::sync::Arc;

use amplet_node::ChangeError;
use amplet_node::budget::{
    BadRules, BudgetError, BudgetId, Holder, Kind, Name, Period, Rules, Window, WindowLimit,
};
use amplet_storage::StoreError;
use amplet_wallet::Ctx;
use tracing::info;

use super::api_keys::{ApiKeys, Key, Spending};
use super::call;
use super::records::{Records, names};
use super::requests::CreateKey;
use super::types::Scope;
use crate::desk::clock::unix_now;
use crate::desk::error::Result;
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::random::random;
use crate::desk::token::{Token, TokenKind};

impl CreateKey {
    fn check(&self) -> Result<()> {
        Name::parse(&self.name).map_err(|error| ApiError::invalid(format!("name: {error}")))?;
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=40).contains(&self.account.len()) || !self.account.bytes().all(allowed) {
            return Err(ApiError::invalid("account: has to be 1 to 40 characters of a-z, 0-9 and -"));
        }
        if self.scopes.is_empty() {
            let all: Vec<&str> = Scope::ALL.iter().map(|(name, _)| *name).collect();
            return Err(ApiError::invalid(format!("scopes: are empty; give some of {}", all.join(", "))));
        }
        match (self.scopes.contains(&Scope::PaymentsSend), &self.spending) {
            (true, None) => Err(ApiError::invalid(
                "spending: is missing; a key with the scope payments:send has a limit: perDayMsat or totalMsat",
            )),
            (false, Some(_)) => Err(ApiError::invalid(
                "spending: is for the scope payments:send; add that scope, or leave spending out",
            )),
            _ => Ok(()),
        }
    }
}

impl Spending {
    fn rules(&self) -> Result<Rules> {
        let window = Window { kind: Kind::Rolling, period: Period::Day };
        let day = self.per_day_msat.map(|limit| WindowLimit { window, limit: limit.into() });
        let rules = Rules {
            per_payment: self.per_payment_msat.map(Into::into),
            windows: day.into_iter().collect(),
            total: self.total_msat.map(Into::into),
            ..Rules::default()
        };
        rules.check(true).map_err(|error| match error {
            BadRules::Unbounded => {
                ApiError::invalid("spending: bounds nothing; give perDayMsat, totalMsat or both")
            }
            other => ApiError::invalid(format!("spending: {other}")),
        })?;
        Ok(rules)
    }
}

/// The holder of a key's budget.
fn holder(id: &str) -> Result<Holder> {
    let id = Name::parse(&format!("api key {id}")).map_err(|error| ApiError::invalid(error.to_string()))?;
    Ok(Holder::App { id })
}

/// The service that makes keys.
pub struct KeyService {
    ctx: Ctx,
    records: Records,
    keys: Arc<ApiKeys>,
}

impl KeyService {
    /// Reads the keys.
    pub(super) async fn open(
        ctx: Ctx,
        records: Records,
        keys: Arc<ApiKeys>,
    ) -> std::result::Result<Self, StoreError> {
        for name in records.list(names::KEYS).await? {
            if let Some(key) = records.load(&name).await? {
                keys.put(key);
            }
        }
        Ok(Self { ctx, records, keys })
    }

    /// Makes a key, and the budget that holds it to its limits, in one transaction. The token is not stored.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`]; [`ApiCode::Internal`].
    pub async fn create(&self, new: CreateKey) -> Result<(Key, Token)> {
        new.check()?;
        let rules = new.spending.as_ref().map(Spending::rules).transpose()?;
        self.records.check()?;
        let token = Token::new(TokenKind::ApiKey, random()?, random()?);
        if self.keys.get(&token.id).is_some() {
            return Err(ApiError::new(ApiCode::Internal, "the new key's id is taken; try again"));
        }
        let mut key = Key {
            id: token.id.clone(),
            name: new.name,
            account: new.account,
            scopes: new.scopes,
            spending: new.spending,
            budget: None,
            secret_hash: token.hash(),
            webhook_secret: call::secret(&random()?),
            created_at: unix_now(),
            revoked_at: None,
        };
        key.scopes.sort_unstable();
        key.scopes.dedup();
        match rules {
            None => self.write_key(&key),
            Some(rules) => {
                let holder = holder(&key.id)?;
                let opened = self.ctx.node.budgets().change(|policy, _| {
                    let (budget, changes) = policy.open(holder, None, rules)?;
                    key.budget = Some(budget.0);
                    self.write_key(&key);
                    Ok(changes)
                });
                opened.await.map_err(|error: ChangeError<BudgetError>| match error {
                    ChangeError::Refused(error) => ApiError::invalid(format!("spending: {error}")),
                    ChangeError::Unsaved(unsaved) => unsaved.into(),
                })?;
            }
        }
        self.records.flushed().await?;
        self.keys.put(key.clone());
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
        info!(
            key = key.id,
            name = key.name,
            account = key.account,
            scopes = scopes.join(","),
            "an API key was made"
        );
        Ok((key, token))
    }

    /// Revokes a key, and closes its budget. Twice is once.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`]; [`ApiCode::StorageFull`]: it is revoked until a restart, and for ever once there is room.
    pub async fn revoke(&self, id: &str) -> Result<()> {
        let Some(key) = self.keys.get(id) else {
            return Err(ApiError::new(ApiCode::NotFound, "there is no key of that id; list them"));
        };
        if key.revoked_at.is_some() {
            return Ok(());
        }
        let revoked = Key { revoked_at: Some(unix_now()), ..(*key).clone() };
        self.write_key(&revoked);
        info!(key = id, name = key.name, account = key.account, "an API key is revoked");
        // Nobody gets in while that is being written.
        self.keys.put(revoked);
        if let Some(budget) = key.budget {
            let closed = self.ctx.node.budgets().stage(|policy, _| policy.close(BudgetId(budget)));
            closed.map_err(|error: BudgetError| ApiError::new(ApiCode::Internal, error.to_string()))?;
        }
        self.records.flushed().await
    }

    fn write_key(&self, key: &Key) {
        self.records.put(format!("{}{}", names::KEYS, key.id), key);
    }
}
