//! Order of jobs: some compile, and two run tests, at the same time.
//!
//! Most tests run one suite after the other, so that none disturbs another; those that click in a browser, which mostly wait, run
//! beside them. What they run is compiled meanwhile by two builders, one for native code and one for wasm: linking wasm with fat LTO
//! keeps one core busy only, and what is clicked takes longest, so that wasm goes first. A builder that has compiled its own takes on
//! what either may do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::{Counts, Failure};
use crate::{background, proc, ui};

/// Does its jobs one after the other, beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    /// Compiles native code, in the background.
    Native,
    /// Compiles for browsers, in the background.
    Wasm,
    /// Runs what has been compiled.
    Tester,
    /// Runs what is clicked in a browser.
    Clicker,
    /// The builder that has nothing of its own left to do at the moment.
    FreeBuilder,
}

impl Worker {
    const ALL: [Self; 4] = [Self::Native, Self::Wasm, Self::Tester, Self::Clicker];

    /// Whose jobs it does, the most urgent first.
    const fn serves(self) -> &'static [Self] {
        match self {
            Self::Native => &[Self::Native, Self::FreeBuilder],
            Self::Wasm => &[Self::Wasm, Self::FreeBuilder],
            Self::Tester => &[Self::Tester],
            Self::Clicker => &[Self::Clicker],
            Self::FreeBuilder => &[],
        }
    }

    /// Priority of what it starts, see [`background::work`].
    const fn niceness(self) -> u8 {
        match self {
            Self::Native => 19,
            Self::Wasm => 15,
            Self::Tester | Self::Clicker | Self::FreeBuilder => 0,
        }
    }
}

/// A piece of work.
pub struct Job<'a> {
    /// The step that it belongs to.
    pub step: &'static str,
    /// Worker that does it.
    pub worker: Worker,
    /// The place in the list of the job that must have succeeded before.
    pub needs: Option<usize>,
    /// Does it.
    pub work: Box<dyn FnOnce() -> Result<Counts, Failure> + Send + 'a>,
}

/// Outcome of a job.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Failed ones included.
    pub counts: Counts,
    /// Not counting the time that it waited for its turn.
    pub spent: Duration,
}

/// A job that needs a failed one never begins.
enum State<'a> {
    Waiting(Job<'a>),
    Running,
    Done(Done),
    Failed(Done),
    Dropped,
}

struct Board<'a> {
    states: Mutex<Vec<State<'a>>>,
    changed: Condvar,
}

/// Does all jobs, each worker in the order of the list as far as what they need is done. The answer has the list's order; a
/// job that was not begun, because what it needs failed or because of an interruption, is `None`.
#[must_use]
pub fn run(jobs: Vec<Job<'_>>) -> Vec<Option<Done>> {
    let board =
        Board { states: Mutex::new(jobs.into_iter().map(State::Waiting).collect()), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for worker in Worker::ALL {
            let board = &board;
            scope.spawn(move || background::work(worker.niceness(), || board.serve(worker)));
        }
    });
    let states = board.states.into_inner().unwrap_or_else(PoisonError::into_inner);
    states
        .into_iter()
        .map(|state| match state {
            State::Done(done) | State::Failed(done) => Some(done),
            State::Waiting(_) | State::Running | State::Dropped => None,
        })
        .collect()
}

impl<'a> Board<'a> {
    fn lock(&self) -> MutexGuard<'_, Vec<State<'a>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a worker's jobs until none is left.
    fn serve(&self, worker: Worker) {
        while let Some((at, job)) = self.next(worker) {
            let began = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(job.work))
                .unwrap_or_else(|_| Err(Failure::from(anyhow!("it died, see above"))));
            let spent = began.elapsed();
            let state = match result {
                Ok(counts) => State::Done(Done { counts, spent }),
                Err(Failure { counts, error }) => {
                    ui::line(&format!("✗ {}: {error:#}", job.step));
                    State::Failed(Done { counts, spent })
                }
            };
            if let Some(place) = self.lock().get_mut(at) {
                *place = state;
            }
            self.changed.notify_all();
        }
    }

    /// Waits for the next job that can be done; `None` when there is none left.
    fn next(&self, worker: Worker) -> Option<(usize, Job<'a>)> {
        let mut states = self.lock();
        loop {
            drop_hopeless(&mut states);
            let of = |state: &State<'a>, whose| matches!(state, State::Waiting(job) if job.worker == whose);
            let mine = |state: &State<'a>| worker.serves().iter().any(|whose| of(state, *whose));
            if proc::interrupted() || !states.iter().any(mine) {
                return None;
            }
            let ready = worker.serves().iter().find_map(|whose| {
                let open = |at: &usize| states.get(*at).is_some_and(|state| of(state, *whose));
                (0..states.len()).find(|at| open(at) && is_ready(&states, *at))
            });
            if let Some(at) = ready
                && let Some(place) = states.get_mut(at)
                && let State::Waiting(job) = std::mem::replace(place, State::Running)
            {
                return Some((at, job));
            }
            // Looks up now and then: an interruption does not notify.
            let waited = self.changed.wait_timeout(states, Duration::from_millis(200));
            states = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn is_ready(states: &[State<'_>], at: usize) -> bool {
    let Some(State::Waiting(job)) = states.get(at) else { return false };
    job.needs.is_none_or(|needed| matches!(states.get(needed), Some(State::Done(_))))
}

/// Drops jobs that need one that failed, was dropped, or is not there.
fn drop_hopeless(states: &mut [State<'_>]) {
    let hopeless = |states: &[State<'_>], at: usize| {
        let Some(State::Waiting(Job { needs: Some(needed), .. })) = states.get(at) else { return false };
        matches!(states.get(*needed), None | Some(State::Failed(_) | State::Dropped))
    };
    while let Some(at) = (0..states.len()).find(|at| hopeless(states, *at)) {
        if let Some(place) = states.get_mut(at) {
            *place = State::Dropped;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn job<'a>(
        worker: Worker,
        needs: Option<usize>,
        work: impl FnOnce() -> Result<Counts, Failure> + Send + 'a,
    ) -> Job<'a> {
        Job { step: "step", worker, needs, work: Box::new(work) }
    }

    const PASSED: Counts = Counts { passed: 1, failed: 0, skipped: 0 };

    #[test]
    fn a_tester_takes_what_is_ready_and_waits_for_what_is_not() {
        let order = Mutex::new(Vec::new());
        let note = |name: &'static str| {
            order.lock().unwrap().push(name);
            Ok(PASSED)
        };
        let done = run(vec![
            job(Worker::Tester, Some(2), || note("page")),
            job(Worker::Tester, None, || note("fmt")),
            job(Worker::Wasm, None, || {
                std::thread::sleep(Duration::from_millis(100));
                note("wasm")
            }),
            job(Worker::Native, Some(0), || note("after page")),
        ]);
        assert_eq!(*order.lock().unwrap(), ["fmt", "wasm", "page", "after page"]);
        assert!(done.iter().all(|done| done.unwrap().counts == PASSED));
    }

    #[test]
    fn builders_work_and_pages_are_clicked_while_tests_run() {
        let (to, from) = std::sync::mpsc::channel();
        let (clicks, clicked) = std::sync::mpsc::channel();
        let done = run(vec![
            job(Worker::Tester, None, move || {
                // Sent by the others while this runs.
                for sent in [from, clicked] {
                    sent.recv_timeout(Duration::from_secs(20))
                        .map_err(|error| Failure::from(anyhow!(error)))?;
                }
                Ok(PASSED)
            }),
            job(Worker::Native, None, move || {
                to.send(()).map_err(|error| Failure::from(anyhow!(error)))?;
                Ok(PASSED)
            }),
            job(Worker::Clicker, None, move || {
                clicks.send(()).map_err(|error| Failure::from(anyhow!(error)))?;
                Ok(PASSED)
            }),
        ]);
        assert!(done.iter().all(|done| done.unwrap().counts == PASSED));
    }

    #[test]
    fn a_builder_with_nothing_of_its_own_left_helps_the_other() {
        let order = Mutex::new(Vec::new());
        let note = |name: &'static str| {
            order.lock().unwrap().push(name);
            Ok(PASSED)
        };
        let (to, from) = std::sync::mpsc::channel();
        let done = run(vec![
            // Ends only when the other builder has done what either may do.
            job(Worker::Wasm, None, move || {
                from.recv_timeout(Duration::from_secs(20)).map_err(|error| Failure::from(anyhow!(error)))?;
                Ok(PASSED)
            }),
            job(Worker::FreeBuilder, None, || {
                to.send(()).map_err(|error| Failure::from(anyhow!(error)))?;
                note("either")
            }),
            job(Worker::Native, None, || note("own")),
        ]);
        assert_eq!(*order.lock().unwrap(), ["own", "either"]);
        assert!(done.iter().all(|done| done.unwrap().counts == PASSED));
    }

    #[test]
    fn what_needs_a_failed_job_is_not_begun_and_the_rest_is() {
        let done = run(vec![
            job(Worker::Native, None, || Err(anyhow!("does not compile").into())),
            job(Worker::Tester, Some(0), || panic!("begun")),
            job(Worker::Tester, Some(1), || panic!("begun")),
            job(Worker::Wasm, None, || panic!("a defect")),
            job(Worker::Tester, None, || Ok(PASSED)),
            job(Worker::Tester, Some(99), || panic!("begun")),
        ]);
        let failed: Vec<Option<u64>> = done.iter().map(|done| done.map(|done| done.counts.failed)).collect();
        assert_eq!(failed, [Some(1), None, None, Some(1), Some(0), None]);
    }
}
