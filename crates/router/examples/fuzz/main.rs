//! Random and mutated input on the stable toolchain: `cargo run --profile fuzz -p amplet-router --example fuzz -- TARGET
//! SECONDS [SEED]`. Targets: `loader` (CSV, gossip, stored graphs and beliefs), `solver` (graphs, requests and beliefs
//! that nobody would make; each plan is verified), `protocol` (lines of the evaluation). A panic, an overflow, a broken
//! invariant or an input that takes longer than a minute ends it with a non-zero code and the seed that replays it.

mod loader;
mod making;
mod protocol;
mod solver;

use amplet_router::evaluation::Dice;
use std::process::exit;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const USAGE: &str = "usage: fuzz loader|solver|protocol SECONDS [SEED]";

/// Far beyond what any input takes: an endless loop.
const ENDLESS: Duration = Duration::from_secs(60);

type Target = fn(&mut Dice);

/// The seed that runs, and since when.
static RUNNING: Mutex<Option<(u64, Instant)>> = Mutex::new(None);

fn fail(target: &str, seed: u64, how: &str) -> ! {
    eprintln!("{target}: seed {seed} {how}; replay it with: fuzz {target} 0 {seed}");
    exit(1);
}

/// Ends the program when one input takes for ever.
fn watch(target: String) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let running = RUNNING.lock().ok().and_then(|running| *running);
            if let Some((seed, _)) = running.filter(|(_, since)| since.elapsed() > ENDLESS) {
                fail(&target, seed, "does not end");
            }
        }
    });
}

fn main() {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let target: Target = match name.as_str() {
        "loader" => loader::run,
        "solver" => solver::run,
        "protocol" => protocol::run,
        _ => {
            eprintln!("{USAGE}");
            exit(2);
        }
    };
    let numbers: Option<Vec<u64>> = args.map(|arg| arg.parse().ok()).collect();
    let Some((&seconds, seed)) = numbers.as_deref().and_then(<[u64]>::split_first) else {
        eprintln!("{USAGE}");
        exit(2);
    };
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() << 20);
    let first = seed.first().copied().unwrap_or_else(clock);
    println!("{name}: seeds from {first}");
    watch(name.clone());
    let (started, mut runs) = (Instant::now(), 0);
    let mut slowest = Duration::ZERO;
    while runs == 0 || started.elapsed() < Duration::from_secs(seconds) {
        let (seed, since) = (first.wrapping_add(runs), Instant::now());
        if let Ok(mut running) = RUNNING.lock() {
            *running = Some((seed, since));
        }
        if std::panic::catch_unwind(|| target(&mut Dice(seed))).is_err() {
            fail(&name, seed, "fails");
        }
        slowest = slowest.max(since.elapsed());
        runs += 1;
    }
    println!("{name}: {runs} seeds, none failed; the slowest took {slowest:?}");
}
