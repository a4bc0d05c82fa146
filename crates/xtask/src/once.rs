//! Builds that several commands or steps of one run need: the first builds, the others get what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};

type Outcome = Option<Result<(), String>>;

static OUTCOMES: Mutex<BTreeMap<String, Arc<Mutex<Outcome>>>> = Mutex::new(BTreeMap::new());

/// Builds what `name` names unless this process has done so already; who comes meanwhile waits. Sources are not looked at
/// again: nobody changes them while a command runs.
///
/// # Errors
/// That of the build, to whoever asks for it.
pub fn once(name: &str, build: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut outcomes = OUTCOMES.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = Arc::clone(outcomes.entry(name.to_owned()).or_default());
    drop(outcomes);
    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
    let known = outcome.get_or_insert_with(|| build().map_err(|error| format!("{error:#}")));
    known.clone().map_err(|error| anyhow!(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_builds_and_all_get_what_came_of_it() {
        let built = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    once("test: works", || {
                        built.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(50));
                        Ok(())
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(built.load(Ordering::SeqCst), 1);
        for _ in 0..2 {
            let error = once("test: fails", || Err(anyhow!("no compiler"))).unwrap_err();
            assert_eq!(error.to_string(), "no compiler");
        }
    }
}
