//! Runs lives, each in a process of its own: one that crashes or never ends is one failed test.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::acts::{NODES, draw};
use crate::audit::{audit, is_lightning};
use crate::dice::Dice;
use crate::life::Life;

/// A life that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(300);
/// Acts of a life at the end of which it may be waited for what closed channels pay.
const LONG: u64 = 20;
/// Lines of a failed life that are shown.
const SHOWN: usize = 60;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")),
        Err(_) => default,
    }
}

fn acts() -> u64 {
    number("AMPLET_CHAOS_ACTS", 12)
}

pub fn main() -> ExitCode {
    if std::env::var("AMPLET_CHAOS_LIFE").is_ok() {
        return live(number("AMPLET_CHAOS_LIFE", 0));
    }
    let first = number("AMPLET_CHAOS_SEED", 1);
    let seeds = first..first + number("AMPLET_CHAOS_RUNS", 60);
    // As libtest: a test whose name has one of these in it.
    let filters: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |seed: &u64| {
        let name = format!("seed_{seed}");
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
    };
    let seeds: Vec<u64> = seeds.filter(wanted).collect();
    if std::env::args().any(|word| word == "--list") {
        seeds.iter().for_each(|seed| println!("seed_{seed}: test"));
        return ExitCode::SUCCESS;
    }
    run(&seeds)
}

/// The life of a seed, in this process.
fn live(seed: u64) -> ExitCode {
    let mut dice = Dice::new(seed);
    // Weeks of blocks take a while, which is for long lives.
    let (two_sources, to_the_end) = (dice.once_in(3), dice.once_in(4) && acts() >= LONG);
    let backups = dice.once_in(2);
    let acts = draw(&mut dice, usize::try_from(acts()).unwrap(), backups);
    println!(
        "seed {seed}, {} acts, two sources: {two_sources}, backups: {backups}, to the end: {to_the_end}",
        acts.len()
    );
    let (mut planned, mut done) = (DefaultHasher::new(), DefaultHasher::new());
    let mut life = Life::new(two_sources, backups);
    for (number, act) in acts.iter().enumerate() {
        let act_text = format!("{act:?}");
        act_text.hash(&mut planned);
        println!("{number}: {act_text}");
        let outcome = life.step(act);
        outcome.hash(&mut done);
        println!("    {outcome}");
    }
    let under_way = life.settle(to_the_end);
    let (faults, excused) = audit(&life, under_way);
    count_payments(&mut life);
    life.facts.counts.insert("excused".to_owned(), excused.len() as u64);
    for what in &excused {
        println!("excused: {what}");
    }
    for (what, count) in &life.facts.counts {
        println!("count {what}: {count}");
    }
    println!("digest {:016x} {:016x}", planned.finish(), done.finish());
    for fault in &faults {
        println!("FAULT: {fault}");
    }
    ExitCode::from(u8::from(!faults.is_empty()))
}

fn count_payments(life: &mut Life) {
    for name in NODES {
        for payment in life.history(name).iter().filter(|payment| is_lightning(payment)) {
            let direction = format!("{:?}", payment.direction).to_lowercase();
            let status: String =
                format!("{:?}", payment.status).chars().take_while(char::is_ascii_alphabetic).collect();
            life.facts.count(format!("payment {direction} {}", status.to_lowercase()));
        }
    }
}

/// End of a life.
struct Lived {
    sound: bool,
    output: String,
}

impl Lived {
    fn digests(&self) -> Option<(&str, &str)> {
        self.output.lines().find_map(|line| line.strip_prefix("digest ")?.split_once(' '))
    }

    fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.output.lines().filter_map(|line| line.strip_prefix("count ")?.rsplit_once(": "));
        counts.filter_map(|(what, count)| Some((what, count.parse().ok()?)))
    }
}

/// The life of a seed, in another process.
fn spawn(seed: u64) -> Lived {
    let file = std::env::temp_dir().join(format!("amplet-chaos-{}-{seed}", std::process::id()));
    let output = std::fs::File::create(&file).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("AMPLET_CHAOS_LIFE", seed.to_string())
        .stdin(Stdio::null())
        .stderr(output.try_clone().unwrap())
        .stdout(output)
        .spawn()
        .unwrap();
    let began = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if began.elapsed() > LIMIT => {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    std::fs::remove_file(&file).unwrap();
    if status.is_none() {
        text.push_str("FAULT: it did not end\n");
    }
    Lived { sound: status.is_some_and(|status| status.success()), output: text }
}

/// What all lives came to.
#[derive(Default)]
struct Sum {
    passed: usize,
    failed: Vec<u64>,
    counts: BTreeMap<String, u64>,
}

fn run(seeds: &[u64]) -> ExitCode {
    let began = Instant::now();
    println!("\nrunning {} tests", seeds.len());
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Sum::default()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lived = spawn(*seed);
                    // The first is lived twice: the same seed has to do the same.
                    let agrees = Some(seed) != seeds.first() || same(*seed, &lived);
                    let again = (!lived.sound).then(|| spawn(*seed));
                    report(&mut sum.lock().unwrap(), *seed, &lived, agrees, again.as_ref());
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    for (what, count) in &sum.counts {
        println!("  {what}: {count}");
    }
    for seed in &sum.failed {
        println!("  again: cargo xtask chaos --seed {seed} --runs 1 --acts {}", acts());
    }
    let result = if sum.failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        sum.passed,
        sum.failed.len(),
        began.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(!sum.failed.is_empty()) * 101)
}

fn same(seed: u64, lived: &Lived) -> bool {
    let again = spawn(seed);
    let (one, two) = (lived.digests(), again.digests());
    println!("seed {seed} twice: acts and outcomes {one:?} and {two:?}");
    one.map(|digests| digests.0) == two.map(|digests| digests.0)
}

fn report(sum: &mut Sum, seed: u64, lived: &Lived, agrees: bool, again: Option<&Lived>) {
    for (what, count) in lived.counts() {
        *sum.counts.entry(what.to_owned()).or_default() += count;
    }
    if lived.sound && agrees {
        sum.passed += 1;
        println!("test seed_{seed} ... ok");
        return;
    }
    sum.failed.push(seed);
    println!("test seed_{seed} ... FAILED");
    let lines: Vec<&str> = lived.output.lines().filter(|line| !line.starts_with("count ")).collect();
    for line in &lines[lines.len().saturating_sub(SHOWN)..] {
        println!("    {line}");
    }
    match again.map(|again| again.sound) {
        Some(true) => println!("    lived again, it was sound"),
        Some(false) => println!("    lived again, it failed again"),
        None => println!("    lived again, it did other acts"),
    }
}
