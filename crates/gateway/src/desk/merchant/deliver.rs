//! Makes the calls that wait, again and again for a day.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_transport::HttpClient;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::call::{self, Call};
use super::records::{DeliveryRecord, Target};
use super::types::Attempt;
use super::webhooks::WebhookService;
use crate::desk::clock::unix_now;

/// Maximum number of calls in flight.
const MAX_IN_FLIGHT: usize = 16;

/// Seconds for which a call is tried.
const GIVE_UP_AFTER: u64 = 24 * 3600;

/// Maximum pause between two attempts, in seconds.
const MAX_PAUSE: u64 = 3600;

/// Makes calls for as long as the node runs.
pub(super) async fn deliver(service: Rc<WebhookService>, http: HttpClient) {
    let room = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    loop {
        for name in service.take_due(unix_now()) {
            // Never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let (service, http) = (Rc::clone(&service), http.clone());
            tokio::task::spawn_local(async move {
                service.attempt(&http, &name).await;
                service.in_flight.borrow_mut().remove(&name);
                drop(place);
                service.due.notify_one();
            });
        }
        tokio::select! {
            () = service.due.notified() => {}
            () = tokio::time::sleep(service.pause(unix_now())) => {}
        }
    }
}

/// Seconds until the next attempt after so many.
fn pause_after(attempts: u32) -> u64 {
    1_u64.checked_shl(attempts).map_or(MAX_PAUSE, |pause| pause.min(MAX_PAUSE))
}

impl WebhookService {
    /// Takes the calls whose time has come; they are in flight from now on.
    fn take_due(&self, now: u64) -> Vec<String> {
        let calls = self.calls.borrow();
        let mut in_flight = self.in_flight.borrow_mut();
        let due: Vec<String> = calls
            .waiting
            .iter()
            .filter(|(name, call)| call.next_at <= now && !in_flight.contains(*name))
            .map(|(name, _)| name.clone())
            .collect();
        in_flight.extend(due.iter().cloned());
        due
    }

    /// Returns the time until the next one is due.
    fn pause(&self, now: u64) -> Duration {
        let (calls, in_flight): (_, &BTreeSet<String>) = (self.calls.borrow(), &self.in_flight.borrow());
        let idle = calls.waiting.iter().filter(|(name, _)| !in_flight.contains(*name));
        let next = idle.map(|(_, call)| call.next_at).min().unwrap_or(u64::MAX);
        Duration::from_secs(next.saturating_sub(now).clamp(1, MAX_PAUSE))
    }

    async fn attempt(&self, http: &HttpClient, name: &str) {
        let Some(waiting) = self.calls.borrow().waiting.get(name).cloned() else { return };
        let Some((url, secret)) = self.address(&waiting.target) else {
            self.finish(name, &waiting, None);
            return;
        };
        let call = Call { url: &url, secret: &secret, event: &waiting.event, body: &waiting.body };
        let error = call::make(http, &call, unix_now()).await.err();
        match &error {
            None => debug!(event = waiting.event, %url, "a webhook was called"),
            Some(why) => {
                debug!(event = waiting.event, %url, %why, attempt = waiting.attempts, "a webhook was not reached")
            }
        }
        self.finish(name, &waiting, Some(error));
    }

    /// Returns the URL and the signing secret of a target; `None` when it is gone.
    fn address(&self, target: &Target) -> Option<(String, String)> {
        match target {
            Target::Webhook { id } => {
                let calls = self.calls.borrow();
                calls.webhooks.get(id).map(|hook| (hook.url.clone(), hook.secret.clone()))
            }
            Target::Key { id, url } => self.keys.get(id).map(|key| (url.clone(), key.webhook_secret.clone())),
        }
    }

    /// Records the outcome of an attempt: `None`, the target is gone; else its error, if it failed.
    fn finish(&self, name: &str, call: &DeliveryRecord, outcome: Option<Option<String>>) {
        let now = unix_now();
        let mut calls = self.calls.borrow_mut();
        if let (Target::Webhook { id }, Some(error)) = (&call.target, &outcome)
            && let Some(hook) = calls.webhooks.get_mut(id)
        {
            hook.last = Some(Attempt { at: now, error: error.clone() });
            self.write_webhook(hook);
        }
        let failed = matches!(outcome, Some(Some(_)));
        let mut next = call.clone();
        next.attempts = next.attempts.saturating_add(1);
        next.next_at = now.saturating_add(pause_after(call.attempts));
        let again = failed && next.next_at <= call.created_at.saturating_add(GIVE_UP_AFTER);
        if again && calls.waiting.contains_key(name) {
            self.records.put(name.to_owned(), &next);
            calls.waiting.insert(name.to_owned(), next);
            return;
        }
        if failed && !again {
            warn!(
                event = call.event,
                attempts = next.attempts,
                "a webhook was not reached for a day: given up"
            );
        }
        calls.waiting.remove(name);
        self.records.stage(|batch| batch.remove(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pauses: Vec<u64> = (0..14).map(pause_after).collect();
        assert_eq!(pauses[..4], [1, 2, 4, 8]);
        assert_eq!(pauses[11..], [2048, 3600, 3600]);
        assert_eq!(pause_after(1000), 3600);
    }
}
