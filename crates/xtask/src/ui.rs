//! Progress that a user sees while steps run: one live line on a terminal, a line every 20 seconds in CI.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

/// Interval of signs of life in a log that nobody watches live.
const CI_INTERVAL: Duration = Duration::from_secs(20);
const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

struct Board {
    steps: Vec<Arc<Mutex<State>>>,
    ended: Vec<Ended>,
    drawn: bool,
    last_ci_line: Option<Instant>,
}

static BOARD: Mutex<Board> =
    Mutex::new(Board { steps: Vec::new(), ended: Vec::new(), drawn: false, last_ci_line: None });
static TICKER: Once = Once::new();

struct State {
    name: String,
    usual: Duration,
    began: Instant,
    note: String,
}

/// A step that has ended, for a report.
#[derive(Clone, Debug)]
pub struct Ended {
    /// As it was announced.
    pub name: String,
    /// The moment it began.
    pub began: Instant,
    /// From its beginning to its end.
    pub spent: Duration,
}

/// Notes a piece of work that ends now, without a line of its own.
pub fn record(name: &str, began: Instant) {
    lock(&BOARD).ended.push(Ended { name: name.to_owned(), began, spent: began.elapsed() });
}

/// All steps that have ended so far, in the order of their beginning.
#[must_use]
pub fn ended() -> Vec<Ended> {
    let mut ended = lock(&BOARD).ended.clone();
    ended.sort_by_key(|step| step.began);
    ended
}

/// A named piece of work with the time it usually takes; its end is reported when it is dropped.
pub struct Step {
    state: Arc<Mutex<State>>,
    failed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Step {
    /// Announces the step and puts it on the board.
    #[must_use]
    pub fn begin(name: &str, usual: Duration) -> Self {
        TICKER.call_once(|| {
            std::thread::spawn(|| {
                loop {
                    std::thread::sleep(REDRAW_INTERVAL);
                    tick();
                }
            });
        });
        let state = State { name: name.to_owned(), usual, began: Instant::now(), note: String::new() };
        let state = Arc::new(Mutex::new(state));
        line(&format!("· {name} (usually {})", human(usual)));
        let mut board = lock(&BOARD);
        if board.steps.is_empty() {
            board.last_ci_line = Some(Instant::now());
        }
        board.steps.push(Arc::clone(&state));
        Self { state, failed: true }
    }

    /// The latest sign of progress, such as `123/297`.
    pub fn note(&self, note: &str) {
        lock(&self.state).note = note.to_owned();
    }

    /// Marks the step as having succeeded; a step dropped without this is shown as failed.
    pub fn done(mut self) {
        self.failed = false;
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let state = lock(&self.state);
        let ended = Ended { name: state.name.clone(), began: state.began, spent: state.began.elapsed() };
        // The ticker locks the board first and a step's state second.
        drop(state);
        let mark = if self.failed { "✗" } else { "✓" };
        let text = format!("{mark} {} ({})", ended.name, human(ended.spent));
        let mut board = lock(&BOARD);
        board.steps.retain(|s| !Arc::ptr_eq(s, &self.state));
        board.ended.push(ended);
        drop(board);
        line(&text);
    }
}

/// Prints a line to standard error without tearing the live line.
pub fn line(text: &str) {
    let mut board = lock(&BOARD);
    let mut out = std::io::stderr().lock();
    let clear = if std::mem::take(&mut board.drawn) { "\r\x1b[2K" } else { "" };
    // Nobody to tell if standard error itself is gone.
    let _ = writeln!(out, "{clear}{text}");
}

fn tick() {
    let mut board = lock(&BOARD);
    if board.steps.is_empty() {
        return;
    }
    let texts: Vec<String> = board.steps.iter().map(|s| describe(&lock(s))).collect();
    let mut out = std::io::stderr().lock();
    if out.is_terminal() {
        let text: String = texts.join("  |  ").chars().take(columns()).collect();
        let _ = write!(out, "\r\x1b[2K{text}");
        let _ = out.flush();
        board.drawn = true;
    } else if board.last_ci_line.is_none_or(|at| at.elapsed() >= CI_INTERVAL) {
        board.last_ci_line = Some(Instant::now());
        for text in texts {
            let _ = writeln!(out, "  … {text}");
        }
    }
}

fn columns() -> usize {
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(100).max(20) - 1
}

fn describe(state: &State) -> String {
    let spent = human(state.began.elapsed());
    let note = if state.note.is_empty() { String::new() } else { format!(" {}", state.note) };
    format!("{}{note} · {spent} of about {}", state.name, human(state.usual))
}

/// A duration as people say it: `4 s`, `2 min 10 s`.
#[must_use]
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, 0) => format!("{} ms", duration.as_millis()),
        (0, s) => format!("{s} s"),
        (m, 0) => format!("{m} min"),
        (m, s) => format!("{m} min {s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        assert_eq!(human(Duration::from_millis(40)), "40 ms");
        assert_eq!(human(Duration::from_secs(4)), "4 s");
        assert_eq!(human(Duration::from_secs(120)), "2 min");
        assert_eq!(human(Duration::from_secs(130)), "2 min 10 s");
    }
}
