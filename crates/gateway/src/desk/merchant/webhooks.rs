//! Webhooks: registrations, and the calls that wait to be made.

use std::collections::BTreeMap;

use amplet_protocol::page::{Event, EventKind};
use bitcoin::hex::DisplayHex;
use serde::Serialize;
use tracing::{error, warn};

use super::records::{self, DeliveryRecord, InvoiceRecord, PaymentRecord, Target, WebhookRecord, names};
use super::types::{
    CreateWebhook, EventCall, EventName, MadeWebhook, Metadata, Webhook, WebhookState, Webhooks,
};
use super::{MerchantService, call, random};
use crate::desk::clock::unix_now;
use crate::desk::error::Result;
use crate::desk::error::{ApiCode, ApiError};

/// Maximum number of webhooks of an account.
const MAX_WEBHOOKS: usize = 16;

/// Maximum number of calls that wait. Beyond it none is added: a site that was away so long lists its invoices.
const MAX_WAITING: usize = 50_000;

/// Webhooks and waiting calls, as they are stored.
#[derive(Default)]
pub(super) struct Calls {
    pub webhooks: BTreeMap<String, WebhookRecord>,
    pub waiting: BTreeMap<String, DeliveryRecord>,
}

impl Calls {
    /// Returns the webhooks of an account that this event goes to.
    fn targets(&self, account: &str, kind: EventName) -> Vec<Target> {
        let wanted = self.webhooks.values().filter(|hook| {
            hook.account == account && (hook.events.is_empty() || hook.events.contains(&kind))
        });
        wanted.map(|hook| Target::Webhook { id: hook.id.clone() }).collect()
    }
}

impl MerchantService {
    /// Registers a webhook; its secret is shown this once.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`].
    pub async fn create_webhook(&self, account: &str, request: CreateWebhook) -> Result<MadeWebhook> {
        self.check_url("url", &request.url)?;
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
        self.ctx.node.ledger().flushed().await;
        self.calls.borrow_mut().webhooks.insert(hook.id.clone(), hook.clone());
        Ok(MadeWebhook { secret: hook.secret.clone(), webhook: shown(&hook) })
    }

    /// An account's webhooks, and how they stand.
    pub fn webhooks(&self, account: &str) -> Webhooks {
        let calls = self.calls.borrow();
        let state = |hook: &WebhookRecord| WebhookState {
            webhook: shown(hook),
            waiting: calls.waiting.values().filter(|call| call.target.is(&hook.id)).count(),
            last_attempt: hook.last.clone(),
        };
        let mine = calls.webhooks.values().filter(|hook| hook.account == account);
        Webhooks { webhooks: mine.map(state).collect() }
    }

    /// Removes a webhook, and what waits for it.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn remove_webhook(&self, account: &str, id: &str) -> Result<()> {
        self.own_webhook(account, id)?;
        {
            let mut calls = self.calls.borrow_mut();
            calls.webhooks.remove(id);
            let gone: Vec<String> = calls
                .waiting
                .iter()
                .filter(|(_, call)| call.target.is(id))
                .map(|(name, _)| name.clone())
                .collect();
            gone.iter().for_each(|name| drop(calls.waiting.remove(name)));
            self.ctx.node.ledger().stage(|batch| {
                batch.remove(format!("{}{id}", names::WEBHOOKS));
                gone.into_iter().for_each(|name| batch.remove(name));
            });
        }
        self.ctx.node.ledger().flushed().await;
        Ok(())
    }

    /// Calls a webhook to try it.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn ping(&self, account: &str, id: &str) -> Result<()> {
        self.own_webhook(account, id)?;
        let event = format!("evt_{}", random::<8>()?.to_lower_hex_string());
        let targets = vec![Target::Webhook { id: id.to_owned() }];
        self.enqueue(&event, EventName::Ping, &Metadata::new(), targets);
        self.ctx.node.ledger().flushed().await;
        Ok(())
    }

    fn own_webhook(&self, account: &str, id: &str) -> Result<()> {
        let calls = self.calls.borrow();
        if calls.webhooks.get(id).is_some_and(|hook| hook.account == account) {
            return Ok(());
        }
        Err(ApiError::new(ApiCode::NotFound, "this account has no webhook of that id; list them"))
    }

    /// Stages calls to the webhooks that an event of the node concerns: acknowledge the event before the next await, and both
    /// are one transaction. Returns `false` when the event must not be acknowledged.
    pub async fn handle_event(&self, event: &Event) -> bool {
        let name = format!("evt_{:016x}", event.id);
        let handled = match &event.kind {
            EventKind::PaymentReceived { payment } => self.received(&name, &payment.id.to_string()).await,
            EventKind::PaymentSent { payment } => {
                self.ended(&name, &payment.id.to_string(), EventName::PaymentSucceeded).await
            }
            EventKind::PaymentFailed { payment } => {
                self.ended(&name, &payment.id.to_string(), EventName::PaymentFailed).await
            }
            _ => Ok(()),
        };
        if let Err(error) = &handled {
            error!(%error, event = event.id, "an event cannot be told to its site before the gateway is restarted");
        }
        handled.is_ok()
    }

    async fn received(&self, event: &str, hash: &str) -> Result<()> {
        let Some((account, number)) = self.by_hash.borrow().get(hash).cloned() else { return Ok(()) };
        let name = names::invoice(&account, number, hash);
        let record: InvoiceRecord = self.read(&name).await?;
        let invoice = self.invoice(&account, hash).await?;
        let mut targets = self.calls.borrow().targets(&account, EventName::InvoicePaid);
        targets.extend(record.webhook_url.map(|url| Target::Key { id: record.key, url }));
        self.enqueue(event, EventName::InvoicePaid, &invoice, targets);
        Ok(())
    }

    async fn ended(&self, event: &str, hash: &str, kind: EventName) -> Result<()> {
        let name = format!("{}{hash}", names::PAYMENTS);
        let Some(record) = self.find::<PaymentRecord>(&name).await? else { return Ok(()) };
        let payment = self.payment(&record.account, hash, std::time::Duration::ZERO).await?;
        let targets = self.calls.borrow().targets(&record.account, kind);
        self.enqueue(event, kind, &payment, targets);
        Ok(())
    }

    /// Stages a call to each target, and notifies the deliverer.
    fn enqueue<T: Serialize>(&self, event: &str, kind: EventName, data: &T, targets: Vec<Target>) {
        let now = unix_now();
        let call = EventCall { id: event.to_owned(), kind, created_at: now, data };
        // Plain data: its serialization has no failing case.
        let body = serde_json::to_string(&call).unwrap_or_default();
        for target in targets {
            let name = format!("{}{event}/{}", names::DELIVERIES, target.name());
            if self.calls.borrow().waiting.len() >= MAX_WAITING {
                warn!(%event, "{MAX_WAITING} calls to webhooks wait already: this one is not made");
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
            self.ctx.node.ledger().stage(|batch| records::put(batch, name.clone(), &call));
            self.calls.borrow_mut().waiting.insert(name, call);
        }
        self.due.notify_one();
    }

    pub(super) fn write_webhook(&self, hook: &WebhookRecord) {
        self.ctx
            .node
            .ledger()
            .stage(|batch| records::put(batch, format!("{}{}", names::WEBHOOKS, hook.id), hook));
    }

    /// Refuses a URL that would never be called.
    pub(super) fn check_url(&self, field: &str, url: &str) -> Result<()> {
        let private = self.private_webhooks;
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
