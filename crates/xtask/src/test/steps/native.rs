//! Native tests: the core crates, the gateway.

use anyhow::Result;

use super::{Counts, Failure, StepSpec, in_network, packages, programs, suite, sum};
use crate::build;
use crate::cache::Cache;
use crate::regtest::session::Options;
use crate::tools::{self, Tool, cargo_command};

/// Crates that a browser runs too: tested without LDK's `std`, so never together with the gateway, whose
/// features cargo would unify with theirs.
pub(super) const CORE: [&str; 11] = [
    "amplet-protocol",
    "amplet-instructions",
    "amplet-amp",
    "amplet-budget",
    "amplet-router",
    "amplet-vss",
    "amplet-chain",
    "amplet-storage",
    "amplet-transport",
    "amplet-node",
    "amplet-wallet",
];
/// The gateway switches on `std` in node and wallet, which are tested again that way.
pub(super) const NATIVE: [&str; 6] =
    ["amplet-exit", "amplet-gateway", "amplet-load", "amplet-node", "amplet-wallet", "xtask"];

/// Compiles the core crates' tests, and the gateway that their network is made of.
pub(super) fn build_core(cache: &Cache, spec: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Postgres])?;
    build::gateway(cache, false)?;
    programs::compile(spec, &CORE)
}

pub(super) fn core(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    in_network(cache, Options::default(), |session| programs::run(cache, spec, session))
}

pub(super) fn build_native(cache: &Cache, spec: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind])?;
    build::gateway(cache, false)?;
    programs::compile(spec, &NATIVE)
}

pub(super) fn native(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    in_network(cache, Options::default(), |session| programs::run(cache, spec, session))
}

/// Examples in documentation; what nobody depends on has its own features, see [`CORE`].
pub(super) fn doc(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let parts = [("core", &CORE[..]), ("native", &NATIVE)];
    sum(parts.into_iter().map(|(part, names)| {
        let mut cargo = cargo_command();
        cargo.args(["test", "--doc", "--locked", "--no-fail-fast"]);
        packages(&mut cargo, names);
        suite(cache, spec, part, cargo)
    }))
}
