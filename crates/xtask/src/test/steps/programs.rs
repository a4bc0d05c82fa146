//! Native test programs: compiled by cargo, then run without it, because it would wait for whoever compiles meanwhile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::{Counts, Failure, StepSpec, packages, sum};
use crate::cache::Cache;
use crate::regtest::session::Session;
use crate::tools::cargo_command;
use crate::ui::{self, Step};
use crate::{proc, root, target_dir};

/// A compiled test program.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// Package and target.
    name: String,
    file: PathBuf,
    /// Of its package: where cargo would run it.
    folder: PathBuf,
}

/// File with cargo's messages about a step's programs: beside the programs, because runs in other checkouts share the cache.
fn messages(spec: &StepSpec) -> PathBuf {
    target_dir().join("programs").join(format!("{}.log", spec.name))
}

/// Compiles the tests of packages.
pub(super) fn compile(spec: &StepSpec, names: &[&str]) -> Result<()> {
    let step = Step::begin(&format!("{} (build)", spec.name), spec.usual);
    let mut cargo = cargo_command();
    cargo.args(["test", "--no-run", "--locked", "--message-format", "json-render-diagnostics"]);
    packages(&mut cargo, names);
    let outcome = proc::watch(cargo, &step, &messages(spec), spec.limit, false)?;
    if outcome.success {
        step.done();
        return Ok(());
    }
    let text = outcome.text()?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
    let end = lines.get(lines.len().saturating_sub(120)..).unwrap_or_default().join("\n    ");
    let how = if outcome.timed_out { "took too long" } else { "failed" };
    bail!("compiling the tests {how}; the end of {}:\n    {end}", outcome.log.display())
}

/// Runs what [`compile`] made, one program after the other, whether or not one fails.
pub(super) fn run(cache: &Cache, spec: &StepSpec, session: &Session) -> Result<Counts, Failure> {
    let messages = messages(spec);
    let text =
        std::fs::read_to_string(&messages).with_context(|| format!("cannot read {}", messages.display()))?;
    let programs = programs(&text)?;
    let step = Step::begin(spec.name, spec.usual);
    let total = sum(programs.iter().map(|program| one(cache, spec, session, &step, program)))?;
    step.done();
    Ok(total)
}

fn one(
    cache: &Cache,
    spec: &StepSpec,
    session: &Session,
    step: &Step,
    program: &Program,
) -> Result<Counts, Failure> {
    let began = Instant::now();
    let mut command = Command::new(&program.file);
    command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
    session.tell(&mut command);
    let name = format!("{}: {}", spec.name, program.name);
    let log = cache.log(&format!("test-{}-{}", spec.name, program.name.replace(' ', "-")));
    let seen = |text: &str| Some(format!("{}: {}", program.name, proc::test_name(text)?));
    let outcome = proc::watch_lines(command, step, &log, spec.limit, (false, &seen))?;
    ui::record(&name, began);
    let text = outcome.text()?;
    let mut counts = Counts::read(&text);
    if outcome.success {
        return Ok(counts);
    }
    counts.failed = counts.failed.max(1);
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.get(lines.len().saturating_sub(120)..).unwrap_or_default().join("\n    ");
    let how = if outcome.timed_out { "did not end in time" } else { "failed" };
    Err(Failure { counts, error: anyhow!("{name} {how}; the end of {}:\n    {end}", log.display()) })
}

/// The test programs that cargo's messages name.
fn programs(messages: &str) -> Result<Vec<Program>> {
    let found: Vec<Program> = messages.lines().filter_map(program).collect();
    if found.is_empty() {
        bail!("cargo named no test program: has the form of its messages changed?");
    }
    Ok(found)
}

fn program(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    // Examples are compiled, and are no tests.
    if text("/reason")? != "compiler-artifact" || !message.pointer("/profile/test")?.as_bool()? {
        return None;
    }
    let kind = text("/target/kind/0")?;
    let folder = Path::new(text("/manifest_path")?).parent()?.to_owned();
    let package = folder.strip_prefix(root()).unwrap_or(&folder).file_name()?.to_string_lossy().into_owned();
    let name = match kind {
        "test" => format!("{package} {}", text("/target/name")?),
        kind => format!("{package} {kind}"),
    };
    Some(Program { name, file: PathBuf::from(text("/executable")?), folder })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn message(kind: &str, name: &str, test: bool, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","manifest_path":"/w/crates/node/Cargo.toml","target":{{"kind":["{kind}"],"name":"{name}"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
        )
    }

    #[test]
    fn test_programs_are_found_among_cargos_messages() {
        let messages = [
            "   Compiling amplet-node v0.1.0".to_owned(),
            message("lib", "amplet_node", false, "null"),
            message("lib", "amplet_node", true, r#""/t/amplet_node-1""#),
            message("test", "payments", true, r#""/t/payments-2""#),
            message("example", "fixture", false, r#""/t/fixture-3""#),
            message("bin", "amplet-gateway", false, r#""/t/amplet-gateway""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let folder = PathBuf::from("/w/crates/node");
        let expected = [
            Program { name: "node lib".into(), file: "/t/amplet_node-1".into(), folder: folder.clone() },
            Program { name: "node payments".into(), file: "/t/payments-2".into(), folder },
        ];
        assert_eq!(programs(&messages).unwrap(), expected);
        assert!(programs("   Compiling amplet-node v0.1.0").is_err());
    }
}
