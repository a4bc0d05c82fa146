//! Wallets and gateways with another implementation.

use anyhow::Result;

use super::{Counts, Failure, StepSpec, counted};
use crate::cache::Cache;
use crate::interop;

/// Builds what the scenarios run with; lnd, which takes longest, is in the tool cache from the first time on.
pub(super) fn build(cache: &Cache, _: &StepSpec) -> Result<()> {
    interop::programs(cache).map(drop)
}

pub(super) fn run(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let outcome = interop::scenarios(cache, &interop::programs(cache)?, &[], false)?;
    counted(spec.name, &outcome)
}
