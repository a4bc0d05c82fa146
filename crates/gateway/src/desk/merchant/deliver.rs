//! Makes the calls that wait, again and again for a day.

use std::rc::Rc;
use std::time::Duration;

use amplet_transport::HttpClient;
use tracing::{debug, warn};

use super::call::{self, Call, Failure};
use super::queues::CallName;
use super::records::{DeliveryRecord, Target};
use super::types::Attempt;
use super::webhooks::WebhookService;
use crate::desk::clock::unix_now;

/// Seconds for which a call is tried.
const GIVE_UP_AFTER: u64 = 24 * 3600;

/// Maximum pause between two attempts, in seconds.
const MAX_PAUSE: u64 = 3600;

/// Makes calls for as long as the node runs.
pub(super) async fn deliver(service: Rc<WebhookService>, http: HttpClient) {
    loop {
        while let Some(call) = service.take_due(unix_now()) {
            let (service, http) = (Rc::clone(&service), http.clone());
            tokio::task::spawn_local(async move {
                service.attempt(&http, &call).await;
                service.calls.borrow_mut().waiting.done(&call);
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
    fn take_due(&self, now: u64) -> Option<CallName> {
        self.calls.borrow_mut().waiting.take_due(now)
    }

    /// Returns the time until the next one is due.
    fn pause(&self, now: u64) -> Duration {
        let next = self.calls.borrow().waiting.next_at().unwrap_or(u64::MAX);
        Duration::from_secs(next.saturating_sub(now).clamp(1, MAX_PAUSE))
    }

    async fn attempt(&self, http: &HttpClient, name: &CallName) {
        let Some(waiting) = self.calls.borrow().waiting.get(name).cloned() else { return };
        let Some((url, secret)) = self.address(&waiting.target) else {
            self.finish(name, &waiting, None);
            return;
        };
        let call = Call { url: &url, secret: &secret, event: &waiting.event, body: &waiting.body };
        let failure = call::make(http, &call, unix_now()).await.err();
        match &failure {
            None => debug!(event = waiting.event, %url, "a webhook was called"),
            Some(Failure { detail: why, .. }) => {
                debug!(event = waiting.event, %url, %why, attempt = waiting.attempts, "a webhook was not reached")
            }
        }
        self.finish(name, &waiting, Some(failure.map(|failure| failure.told)));
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
    fn finish(&self, name: &CallName, call: &DeliveryRecord, outcome: Option<Option<String>>) {
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
        if again && calls.waiting.get(name).is_some() {
            self.records.put(name.name.clone(), &next);
            calls.waiting.put(name.clone(), next);
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
        self.records.stage(|batch| batch.remove(name.name.clone()));
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
