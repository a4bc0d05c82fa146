//! The router's evaluation program, natively and in wasm: CPU per plan, and whether the plans are the same.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::artifacts::{self, Purpose};
use crate::cache::Cache;
use crate::routing::{self, median, quantile};
use crate::tools::{self, Tool, npm};
use crate::ui::{self, Step};
use crate::{proc, root, target_dir};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Question asked of all, and one's answer.
struct Answers {
    name: &'static str,
    lines: Vec<Value>,
}

/// Records a conversation natively and repeats it in Node and in headless Chromium.
///
/// # Errors
/// When one of them does not run, or answers differently.
pub fn run(cache: &Cache) -> Result<()> {
    tools::ensure(cache, &[Tool::Node, Tool::Browser])?;
    let program = routing::program(cache)?;
    artifacts::build(cache, Purpose::Release, &[artifacts::ROUTER])?;
    npm::install(cache)?;
    let folder = target_dir().join("bench-router");
    let data = prepare(cache, &folder)?;
    let questions = folder.join("questions.jsonl");
    let step = Step::begin("plans, natively", Duration::from_secs(15));
    let mut native = Command::new(program);
    native.arg("--record").arg(&folder);
    proc::run(native, &step, &cache.log("bench-router-native"), LIMIT)?;
    step.done();
    let mut all = vec![Answers { name: "native", lines: read(&folder.join("answers.jsonl"))? }];
    for (name, script) in [("Node", "node.mjs"), ("Chromium", "chromium.mjs")] {
        let step = Step::begin(&format!("plans, wasm in {name}"), Duration::from_secs(25));
        let mut node = Command::new("node");
        node.arg(root().join("wasm-tests/router").join(script)).arg(artifacts::ROUTER.folder()).arg(&folder);
        let output = folder.join(format!("{name}.jsonl"));
        proc::filter(node, &questions, &output, LIMIT)?;
        all.push(Answers { name, lines: read(&output)? });
        step.done();
    }
    print(&read(&questions)?, &all, data);
    let [native, others @ ..] = all.as_slice() else { bail!("nothing was measured") };
    others.iter().try_for_each(|other| compare(native, other))?;
    println!("all {} answers are the same in all three", native.lines.len());
    Ok(())
}

/// Puts the real graph into the folder, or sees to it that the program makes one up; says which.
fn prepare(cache: &Cache, folder: &Path) -> Result<&'static str> {
    crate::cache::remove(folder)?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let Some(packed) = routing::data() else {
        ui::line(&format!("  {}: a made-up graph of its size instead", routing::no_data()));
        return Ok("a made-up graph");
    };
    routing::unpack(cache, &packed, &folder.join("graph.csv"))?;
    Ok("the mainnet graph")
}

fn read(path: &PathBuf) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    lines.with_context(|| format!("{} is not made of JSON lines", path.display()))
}

fn ms(answer: &Value) -> f64 {
    answer.get("ms").and_then(Value::as_f64).unwrap_or(0.0)
}

/// Everything but the time.
fn compare(native: &Answers, other: &Answers) -> Result<()> {
    let timeless = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().map(|fields| fields.remove("ms"));
        line
    };
    if native.lines.len() != other.lines.len() {
        bail!("{} answers natively, {} in {}", native.lines.len(), other.lines.len(), other.name);
    }
    let differing = native.lines.iter().zip(&other.lines).position(|(a, b)| timeless(a) != timeless(b));
    if let Some(line) = differing {
        bail!("{} plans differently from native code: line {} of its answers", other.name, line + 1);
    }
    Ok(())
}

fn print(questions: &[Value], all: &[Answers], data: &str) {
    println!("router on {data}; native and Node: CPU, Chromium: wall clock; ms");
    println!(
        "{:<34} {:<9} {:>8} {:>8} {:>8} {:>12} {:>6}",
        "", "", "median", "p95", "slowest", "x native", "goal"
    );
    let amount = |question: &Value| question.pointer("/pay/amount_msat").and_then(Value::as_u64);
    let mut amounts: Vec<u64> = questions.iter().filter_map(amount).collect();
    amounts.dedup();
    // Goals of the issue, median ms natively; wasm may take twice that.
    for (amount_msat, goal) in amounts.into_iter().zip([10.0, 10.0, 15.0]) {
        let name = format!("first plan of {} sat", amount_msat / 1000);
        row(questions, all, (&name, goal), |question| amount(question) == Some(amount_msat));
    }
    row(questions, all, ("any plan", f64::INFINITY), |question| {
        question.get("pay").or(question.get("result")).is_some()
    });
    row(questions, all, ("load from storage", 150.0), |question| question.get("measure").is_some());
    let stored =
        all.first().into_iter().flat_map(|native| &native.lines).find(|a| a.get("memory_bytes").is_some());
    let megabytes = |name| stored.and_then(|s| s.get(name)).and_then(Value::as_f64).unwrap_or(f64::NAN) / 1e6;
    println!(
        "graph: {:.1} MB in memory (goal 20), {:.1} MB stored",
        megabytes("memory_bytes"),
        megabytes("stored_bytes")
    );
}

fn row(questions: &[Value], all: &[Answers], (what, goal): (&str, f64), chosen: impl Fn(&Value) -> bool) {
    let mut base = f64::NAN;
    for (place, Answers { name, lines }) in all.iter().enumerate() {
        let asked = questions.iter().zip(lines).filter(|(question, _)| chosen(question));
        let mut times: Vec<f64> = asked.map(|(_, answer)| ms(answer)).collect();
        let middle = median(&mut times);
        let (what, goal) = if place == 0 { (what, goal) } else { ("", 2.0 * goal) };
        if place == 0 {
            base = middle;
        }
        let goal = if goal.is_finite() { format!("{goal:.0}") } else { String::new() };
        println!(
            "{what:<34} {name:<9} {middle:>8.2} {:>8.2} {:>8.2} {:>12.2} {goal:>6}",
            quantile(&mut times, 0.95),
            quantile(&mut times, 1.0),
            middle / base
        );
    }
}
