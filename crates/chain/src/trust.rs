//! Trust that remains in the sources of the chain, to be shown to the user.

use std::collections::BTreeSet;

use crate::source::{Source, SourceState};

/// One source in a [`Trust`] report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// Its base URL.
    pub url: String,
    /// Its state.
    pub state: SourceState,
}

/// The amount of trust that the chain in use needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustLevel {
    /// No source has responded yet: what is shown is as old as the last synchronisation.
    Offline,
    /// Headers are checked for work, but tip and filters come from one operator alone, who could hide a payment or the closing
    /// of a channel.
    OneOperator,
    /// At least two operators agree on tip and filters.
    Agreed,
    /// Operators contradict each other; the blocks concerned are fetched whole and looked through here.
    Conflict,
}

/// A report of the trust that remains, see [`Chain::trust`](crate::Chain::trust).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Number of distinct operators configured. One host and port counts as one operator.
    pub operators: usize,
    /// Number of distinct operators that agree with the chain in use.
    pub agreed: usize,
    /// The verdict.
    pub level: TrustLevel,
    /// Each source, in the configured order.
    pub sources: Vec<SourceReport>,
}

/// Sums up the states of the sources.
pub(crate) fn report(sources: &[Source], conflicting: bool) -> Trust {
    let operators: BTreeSet<&str> = sources.iter().map(Source::operator).collect();
    let agreeing = sources.iter().filter(|s| s.state() == SourceState::Agrees);
    let agreed = agreeing.map(Source::operator).collect::<BTreeSet<_>>().len();
    let level = match agreed {
        _ if conflicting => TrustLevel::Conflict,
        0 => TrustLevel::Offline,
        1 => TrustLevel::OneOperator,
        _ => TrustLevel::Agreed,
    };
    let sources = sources.iter().map(|s| SourceReport { url: s.url().to_string(), state: s.state() });
    Trust { operators: operators.len(), agreed, level, sources: sources.collect() }
}
