//! `amplet-gateway check`: tries what `run` will need, and starts nothing.

use std::path::Path;

use crate::config::{Config, Problem, Severity};
use crate::desk::backup;
use crate::http::chain_api::{self, Probed};
use crate::node::{self, NodeThreadError};
use crate::run::exit;

/// Something that is wrong, or that the operator should know.
#[derive(Debug)]
struct Finding {
    /// Exit code; `None`: a warning.
    code: Option<u8>,
    text: String,
}

/// What came of a check.
#[derive(Debug)]
pub struct Checked {
    /// Sentences, each with its remedy.
    pub lines: Vec<String>,
    /// The exit code, 0 when the gateway can run.
    pub code: u8,
}

/// Checks a configuration that was read, with its warnings.
#[must_use]
pub fn run(config: &Config, warnings: &[Problem]) -> Checked {
    let mut findings: Vec<Finding> =
        warnings.iter().map(|warning| Finding { code: None, text: warning.to_string() }).collect();
    findings.extend(ports(config));
    let (probed, of_source) = source(config);
    findings.extend(of_source);
    findings.extend(data(config, probed));
    findings.extend(backup(config));
    let code = findings.iter().filter_map(|finding| finding.code).min().unwrap_or(0);
    let line = |Finding { code, text }| match code {
        None => format!("warning: {text}"),
        Some(_) => text,
    };
    Checked { lines: findings.into_iter().map(line).collect(), code }
}

fn ports(config: &Config) -> Vec<Finding> {
    let findings = config.check_ports().into_iter();
    let finding = |(severity, what): (Severity, String)| Finding {
        code: (severity == Severity::Error).then_some(exit::WRONG_USE),
        text: format!("{}: {what}", config.file.display()),
    };
    findings.map(finding).collect()
}

/// Connects to the database of wallets' backups, where that is another program.
fn backup(config: &Config) -> Option<Finding> {
    let error = backup::check(config).err()?;
    Some(Finding { code: Some(exit::WRONG_USE), text: format!("{}: {error}", config.file.display()) })
}

/// Asks the chain source.
fn source(config: &Config) -> (Option<Probed>, Vec<Finding>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let probed = match runtime {
        Ok(runtime) => runtime.block_on(chain_api::probe(config)).map_err(|error| error.to_string()),
        Err(error) => Err(format!("the system gives no timers ({error}); free memory or processes")),
    };
    let probed = match probed {
        Ok(probed) => probed,
        Err(text) => return (None, vec![Finding { code: Some(exit::CHAIN), text }]),
    };
    let mut findings = Vec::new();
    if probed.initial_download {
        let text = "bitcoind is in its initial download; the gateway guards no channel until it is done";
        findings.push(Finding { code: None, text: text.into() });
    }
    if probed.lacks_filters > 0 {
        let text = format!(
            "bitcoind's index of block filters is {} blocks behind; the gateway stands there until it is built",
            probed.lacks_filters
        );
        findings.push(Finding { code: None, text });
    }
    if let Some(lowest) = probed.lowest_block {
        let text = format!(
            "bitcoind is pruned, its lowest block is {lowest}: wallets that are restored do not find older money through this gateway"
        );
        findings.push(Finding { code: None, text });
    }
    (Some(probed), findings)
}

/// Looks at the data folder and, with what is known of the chain source, at where the node would go on.
fn data(config: &Config, probed: Option<Probed>) -> Vec<Finding> {
    let finding =
        |error: &NodeThreadError| Finding { code: Some(exit::of_node(error)), text: error.to_string() };
    let next_block = match node::check_data(config) {
        Ok(next_block) => next_block,
        Err(error) => return vec![finding(&error)],
    };
    let lowest = probed.and_then(|probed| probed.lowest_block);
    match (next_block.or(config.birthday_height), lowest) {
        (Some(from), Some(lowest)) if lowest > from => {
            vec![finding(&NodeThreadError::Pruned { lowest, from })]
        }
        _ => Vec::new(),
    }
}

/// What is shown when all is well.
#[must_use]
pub fn ok(file: &Path) -> String {
    format!("{}: ok", file.display())
}
