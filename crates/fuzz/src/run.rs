//! The loop over seeds.

use std::process::exit;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Far beyond what any input takes of a processor: an endless loop.
const ENDLESS: Duration = Duration::from_secs(60);

/// A target: its name, and what it does with a seed.
pub type Target = (&'static str, fn(u64));

/// The seed that runs.
static RUNNING: Mutex<Option<u64>> = Mutex::new(None);

/// Runs the target that the command line names: `fuzz TARGET SECONDS [SEED]`. Without arguments it prints the targets' names,
/// one a line. Ends the program with 0 when nothing failed, with 1 when a seed did, with 2 when the command line is wrong.
pub fn run(targets: &[Target]) -> ! {
    let mut args = std::env::args().skip(1);
    let Some(name) = args.next() else {
        for (name, _) in targets {
            println!("{name}");
        }
        exit(0);
    };
    let numbers: Option<Vec<u64>> = args.map(|arg| arg.parse().ok()).collect();
    let numbers = numbers.as_deref().and_then(<[u64]>::split_first);
    let target = targets.iter().find(|(known, _)| *known == name);
    match (target, numbers) {
        (Some(target), Some((seconds, seed))) => {
            seeds(*target, Duration::from_secs(*seconds), seed.first().copied())
        }
        _ => {
            let names: Vec<&str> = targets.iter().map(|(name, _)| *name).collect();
            eprintln!("usage: fuzz {} SECONDS [SEED]", names.join("|"));
            exit(2);
        }
    }
}

fn seeds((name, target): Target, time: Duration, seed: Option<u64>) -> ! {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() << 20);
    let first = seed.unwrap_or_else(clock);
    println!("{name}: seeds from {first}");
    watch(name);
    let (started, mut runs, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    while runs == 0 || started.elapsed() < time {
        let (seed, since) = (first.wrapping_add(runs), Instant::now());
        if let Ok(mut running) = RUNNING.lock() {
            *running = Some(seed);
        }
        if std::panic::catch_unwind(|| target(seed)).is_err() {
            fail(name, seed, "fails");
        }
        slowest = slowest.max(since.elapsed());
        runs += 1;
    }
    println!("{name}: {runs} seeds, none failed; the slowest took {slowest:?}");
    exit(0);
}

fn fail(target: &str, seed: u64, how: &str) -> ! {
    eprintln!("{target}: seed {seed} {how}; replay it with: fuzz {target} 0 {seed}");
    exit(1);
}

/// Ends the program when one input takes for ever.
fn watch(target: &'static str) {
    let started = Instant::now();
    std::thread::spawn(move || {
        let mut seen = (None, Duration::ZERO);
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let running = RUNNING.lock().ok().and_then(|running| *running);
            let busy = busy().unwrap_or_else(|| started.elapsed());
            match running {
                Some(seed) if seen.0 == running && busy.saturating_sub(seen.1) > ENDLESS => {
                    fail(target, seed, "does not end");
                }
                _ if seen.0 == running => {}
                _ => seen = (running, busy),
            }
        }
    });
}

/// Time that the main thread, where targets run, has had a processor: on a busy machine an input may wait for long. `None`: the system
/// does not say.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}
