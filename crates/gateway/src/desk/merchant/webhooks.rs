//! Webhooks: registrations, and the calls that wait to be made.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use amplet_storage::StoreError;
use bitcoin::hex::DisplayHex;
use serde::Serialize;
use tokio::sync::Notify;
use tracing::warn;

use super::api_keys::ApiKeys;
use super::call;
use super::queues::{CallName, MAX_WAITING, Queues};
use super::records::{DeliveryRecord, Records, Target, WebhookRecord, names};
use super::types::{
    CreateWebhook, EventCall, EventName, MadeWebhook, Metadata, Webhook, WebhookState, Webhooks,
};
use crate::desk::clock::unix_now;
use crate::desk::error::{ApiCode, ApiError, Result};
use crate::desk::random::random;

/// Maximum number of webhooks of an account.
const MAX_WEBHOOKS: usize = 16;

/// Webhooks and waiting calls, as they are stored.
#[derive(Default)]
pub(super) struct Calls {
    pub webhooks: BTreeMap<String, WebhookRecord>,
    pub waiting: Queues,
}

impl Calls {
    /// Returns the webhooks of an account that this event goes to.
    fn targets(&self, account: &str, kind: EventName) -> Vec<Target> {
        let wanted = self.webhooks.values().filter(|hook| {
            hook.account == account && (hook.events.is_empty() || hook.events.contains(&kind))
        });
        wanted.map(|hook| Target::Webhook { id: hook.id.clone() }).collect()
    }

    /// Returns the account that a target is of; none has an empty name, which is that of targets that are gone.
    fn account(&self, target: &Target, keys: &ApiKeys) -> String {
        let account = match target {
            Target::Webhook { id } => self.webhooks.get(id).map(|hook| hook.account.clone()),
            Target::Key { id, .. } => keys.get(id).map(|key| key.account.clone()),
        };
        account.unwrap_or_default()
    }
}

/// The service of webhooks.
pub struct WebhookService {
    pub(super) records: Records,
    pub(super) keys: Arc<ApiKeys>,
    /// True if webhooks may be at private addresses.
    private: bool,
    pub(super) calls: RefCell<Calls>,
    /// Notified when a call may be due.
    pub(super) due: Notify,
}

impl WebhookService {
    /// Reads the webhooks, and the calls that wait.
    pub(super) async fn open(
        records: Records,
        keys: Arc<ApiKeys>,
        private: bool,
    ) -> std::result::Result<Self, StoreError> {
        let mut calls = Calls::default();
        for name in records.list(names::WEBHOOKS).await? {
            let hook: Option<WebhookRecord> = records.load(&name).await?;
            calls.webhooks.extend(hook.map(|hook| (hook.id.clone(), hook)));
        }
        for name in records.list(names::DELIVERIES).await? {
            let call: Option<DeliveryRecord> = records.load(&name).await?;
            if let Some(call) = call {
                let account = calls.account(&call.target, &keys);
                calls.waiting.put(CallName { account, name }, call);
            }
        }
        let (calls, due) = (RefCell::new(calls), Notify::new());
        Ok(Self { records, keys, private, calls, due })
    }

    /// Registers a webhook; its secret is shown this once.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`].
    pub async fn create(&self, account: &str, request: CreateWebhook) -> Result<MadeWebhook> {
        self.check_url("url", &request.url)?;
        self.records.check()?;
        let mine = self.calls.borrow().webhooks.values().filter(|hook| hook.account == account).count();
        if mine >= MAX_WEBHOOKS {
            return Err(ApiError::invalid(format!(
                "an account has at most {MAX_WEBHOOKS} webhooks; remove one first"
            )));
        }
        let hook = WebhookRecord {
            id: format!("wh_{}", random::<8>()?.to_lower_hex_string()),
            account: account.to_owned(),
            url: request.url,
            events: request.events,
            secret: call::secret(&random()?),
            created_at: unix_now(),
            last: None,
        };
        self.write_webhook(&hook);
        self.records.flushed().await?;
        self.calls.borrow_mut().webhooks.insert(hook.id.clone(), hook.clone());
        Ok(MadeWebhook { secret: hook.secret.clone(), webhook: shown(&hook) })
    }

    /// An account's webhooks, and how they stand.
    pub fn list(&self, account: &str) -> Webhooks {
        let calls = self.calls.borrow();
        let state = |hook: &WebhookRecord| WebhookState {
            webhook: shown(hook),
            waiting: calls.waiting.count_of(account, &hook.id),
            last_attempt: hook.last.clone(),
        };
        let mine = calls.webhooks.values().filter(|hook| hook.account == account);
        Webhooks { webhooks: mine.map(state).collect() }
    }

    /// Removes a webhook, and what waits for it.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn remove(&self, account: &str, id: &str) -> Result<()> {
        self.own_webhook(account, id)?;
        self.records.check()?;
        {
            let mut calls = self.calls.borrow_mut();
            calls.webhooks.remove(id);
            let gone = calls.waiting.remove_all_of(account, id);
            self.records.stage(|batch| {
                batch.remove(format!("{}{id}", names::WEBHOOKS));
                gone.into_iter().for_each(|name| batch.remove(name));
            });
        }
        self.records.flushed().await?;
        Ok(())
    }

    /// Calls a webhook to try it.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn ping(&self, account: &str, id: &str) -> Result<()> {
        self.own_webhook(account, id)?;
        self.records.check()?;
        let event = format!("evt_{}", random::<8>()?.to_lower_hex_string());
        let targets = vec![Target::Webhook { id: id.to_owned() }];
        self.call_all(&event, EventName::Ping, &Metadata::new(), account, targets);
        self.records.flushed().await?;
        Ok(())
    }

    fn own_webhook(&self, account: &str, id: &str) -> Result<()> {
        let calls = self.calls.borrow();
        if calls.webhooks.get(id).is_some_and(|hook| hook.account == account) {
            return Ok(());
        }
        Err(ApiError::new(ApiCode::NotFound, "this account has no webhook of that id; list them"))
    }

    /// Stages a call to each webhook of an account that an event goes to, and to a target of its own.
    pub(super) fn enqueue<T: Serialize>(
        &self,
        event: &str,
        kind: EventName,
        data: &T,
        account: &str,
        own: Option<Target>,
    ) {
        let mut targets = self.calls.borrow().targets(account, kind);
        targets.extend(own);
        self.call_all(event, kind, data, account, targets);
    }

    /// Stages a call to each target, and notifies the deliverer.
    fn call_all<T: Serialize>(
        &self,
        event: &str,
        kind: EventName,
        data: &T,
        account: &str,
        targets: Vec<Target>,
    ) {
        let now = unix_now();
        let call = EventCall { id: event.to_owned(), kind, created_at: now, data };
        // Plain data: its serialization has no failing case.
        let body = serde_json::to_string(&call).unwrap_or_default();
        for target in targets {
            let name = format!("{}{event}/{}", names::DELIVERIES, target.name());
            if !self.calls.borrow().waiting.has_room(account) {
                warn!(%event, account, "{MAX_WAITING} calls to the webhooks of this account wait already: this one is not made");
                return;
            }
            let call = DeliveryRecord {
                event: event.to_owned(),
                target,
                body: body.clone(),
                created_at: now,
                attempts: 0,
                next_at: now,
            };
            self.records.put(name.clone(), &call);
            let name = CallName { account: account.to_owned(), name };
            self.calls.borrow_mut().waiting.put(name, call);
        }
        self.due.notify_one();
    }

    pub(super) fn write_webhook(&self, hook: &WebhookRecord) {
        self.records.put(format!("{}{}", names::WEBHOOKS, hook.id), hook);
    }

    /// Refuses a URL that would never be called.
    pub(super) fn check_url(&self, field: &str, url: &str) -> Result<()> {
        let private = self.private;
        call::check(url, private).map_err(|what| ApiError::invalid(format!("{field}: {what}")))
    }
}

fn shown(hook: &WebhookRecord) -> Webhook {
    Webhook {
        id: hook.id.clone(),
        url: hook.url.clone(),
        events: hook.events.clone(),
        created_at: hook.created_at,
    }
}
