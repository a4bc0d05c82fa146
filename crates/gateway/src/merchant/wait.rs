//! Waiting for an invoice: until it is decided, or as a stream of server-sent events.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream;
use tokio::time::Instant;

use super::Api;
use super::error::ApiError;
use super::hub::News;
use super::keys::Key;
use super::types::Invoice;
use crate::admin::types::InvoiceState;

/// How often a stream without news shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest sleep until an expiry: what the clock does meanwhile is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Api {
    pub(super) async fn invoice(&self, key: &Arc<Key>, hash: &str) -> Result<Invoice, ApiError> {
        let (key, hash) = (Arc::clone(key), hash.to_owned());
        self.node.at_desk(move |desk| async move { desk.invoice(&key.account, &hash).await }).await
    }

    /// The invoice when it is decided, or as it is after `limit`, or when the gateway stops.
    pub(super) async fn decided(
        &self,
        key: &Arc<Key>,
        hash: &str,
        limit: Duration,
    ) -> Result<Invoice, ApiError> {
        let mut news = self.hub.listen();
        let end = Instant::now() + limit;
        loop {
            let invoice = self.invoice(key, hash).await?;
            if invoice.state != InvoiceState::Open || Instant::now() >= end {
                return Ok(invoice);
            }
            tokio::select! {
                () = changed(&mut news, &invoice) => {}
                () = tokio::time::sleep_until(end) => {}
                () = self.node.down() => return Ok(invoice),
            }
        }
    }

    /// The invoice now, and whenever its state changes; ends when it is decided.
    pub(super) async fn stream(
        self,
        key: Arc<Key>,
        hash: String,
    ) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, ApiError> {
        let news = self.hub.listen();
        let first = self.invoice(&key, &hash).await?;
        let watch = Watch { api: self, key, hash, news, last: None, next: Some(first) };
        let events = stream::unfold(watch, |mut watch| async move {
            let event = watch.event().await?;
            Some((event, watch))
        });
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
    }
}

/// Resolves when the invoice may have changed: by a payment, or by time.
async fn changed(news: &mut News, invoice: &Invoice) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let left = Duration::from_secs(invoice.expires_at.saturating_sub(now)).max(Duration::from_millis(200));
    tokio::select! {
        () = news.of(&invoice.payment_hash) => {}
        () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
    }
}

struct Watch {
    api: Api,
    key: Arc<Key>,
    hash: String,
    news: News,
    /// Told last.
    last: Option<Invoice>,
    /// To be told.
    next: Option<Invoice>,
}

impl Watch {
    /// The next event; `None` when the last one said all there will be, or the gateway stops.
    async fn event(&mut self) -> Option<Result<Event, axum::Error>> {
        if self.last.as_ref().is_some_and(|last| last.state != InvoiceState::Open) {
            return None;
        }
        while self.next.is_none() {
            let last = self.last.as_ref()?;
            tokio::select! {
                () = changed(&mut self.news, last) => {}
                () = self.api.node.down() => return None,
            }
            let now = self.api.invoice(&self.key, &self.hash).await.ok()?;
            self.next = Some(now).filter(|now| Some(now) != self.last.as_ref());
        }
        let told = self.next.take()?;
        let event = Event::default().event("invoice").json_data(&told);
        self.last = Some(told);
        Some(event)
    }
}
