//! Waiting for an invoice: until it is decided, or as a stream of server-sent events.

use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::PaymentId;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream;
use tokio::time::Instant;

use super::Api;
use super::auth::unauthorized;
use crate::desk::clock::unix_now;
use crate::desk::error::ApiError;
use crate::desk::merchant::api_keys::Key;
use crate::desk::merchant::requests::GetInvoice;
use crate::desk::merchant::types::Invoice;
use crate::desk::merchant::{Changes, Subject};
use crate::desk::payments::InvoiceState;

/// Pause between signs of life of a stream without changes.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Maximum sleep until an expiry: the clock may be set meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(60);

impl Api {
    pub(super) async fn invoice(&self, key: &Arc<Key>, id: PaymentId) -> Result<Invoice, ApiError> {
        self.node.ask(GetInvoice { account: key.account.clone(), payment_hash: id }).await
    }

    /// The invoice when it is decided, or as it is after `limit`, or when the gateway stops.
    ///
    /// # Errors
    /// The service's; [`ApiCode::Unauthorized`](crate::desk::error::ApiCode::Unauthorized) when the key is revoked meanwhile.
    pub(super) async fn decided(
        &self,
        key: &Arc<Key>,
        id: PaymentId,
        limit: Duration,
    ) -> Result<Invoice, ApiError> {
        let mut changes = self.events.subscribe();
        let end = Instant::now() + limit;
        loop {
            let invoice = self.invoice(key, id).await?;
            if invoice.state != InvoiceState::Open || Instant::now() >= end {
                return Ok(invoice);
            }
            tokio::select! {
                () = changed(&mut changes, &invoice) => {}
                () = tokio::time::sleep_until(end) => {}
                () = self.node.down() => return Ok(invoice),
                () = self.keys.revoked(&key.id) => return Err(unauthorized()),
            }
        }
    }

    /// The invoice now, and whenever its state changes; ends when it is decided.
    pub(super) async fn stream(
        self,
        key: Arc<Key>,
        id: PaymentId,
    ) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, ApiError> {
        let changes = self.events.subscribe();
        let first = self.invoice(&key, id).await?;
        let watch = Watch { api: self, key, id, changes, last: None, next: Some(first) };
        let events = stream::unfold(watch, |mut watch| async move {
            let event = watch.event().await?;
            Some((event, watch))
        });
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
    }
}

/// Resolves when the invoice may have changed: by a payment, or by time.
async fn changed(changes: &mut Changes, invoice: &Invoice) {
    let subject = Subject::Payment(invoice.payment_hash);
    let left =
        Duration::from_secs(invoice.expires_at.saturating_sub(unix_now())).max(Duration::from_millis(200));
    tokio::select! {
        () = changes.of(&subject) => {}
        () = tokio::time::sleep(left.min(MAX_SLEEP)) => {}
    }
}

struct Watch {
    api: Api,
    key: Arc<Key>,
    id: PaymentId,
    changes: Changes,
    /// Sent last.
    last: Option<Invoice>,
    /// To be sent.
    next: Option<Invoice>,
}

impl Watch {
    /// The next event; `None` when the last one was final, the gateway stops, or the key is revoked.
    async fn event(&mut self) -> Option<Result<Event, axum::Error>> {
        if self.last.as_ref().is_some_and(|last| last.state != InvoiceState::Open) {
            return None;
        }
        while self.next.is_none() {
            let last = self.last.as_ref()?;
            tokio::select! {
                () = changed(&mut self.changes, last) => {}
                () = self.api.node.down() => return None,
                () = self.api.keys.revoked(&self.key.id) => return None,
            }
            let now = self.api.invoice(&self.key, self.id).await.ok()?;
            self.next = Some(now).filter(|now| Some(now) != self.last.as_ref());
        }
        let sent = self.next.take()?;
        let event = Event::default().event("invoice").json_data(&sent);
        self.last = Some(sent);
        Some(event)
    }
}
