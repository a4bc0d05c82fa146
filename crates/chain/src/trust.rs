//! What the wallet has to believe of the chain it sees, to be said to the user (design invariant 7).

use std::collections::BTreeSet;

use crate::source::Source;

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Not asked yet.
    Unknown,
    /// Its headers and filter headers are the ones in use.
    Agrees,
    /// It is on the same chain, but knows fewer blocks.
    Behind,
    /// It is on another chain with less work.
    OtherChain,
    /// Its filter headers differ from those of another source from this height on and neither was refuted: the blocks in
    /// question are fetched whole.
    FiltersDispute {
        /// The first height in dispute.
        height: u32,
    },
    /// It said something that is provably false and is not asked for chain data any more.
    Lied {
        /// What was false, with the proof's height.
        what: String,
    },
    /// It could not be asked.
    Failed {
        /// Why, with the remedy.
        why: String,
    },
}

/// One source in a [`Trust`] report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// Its base URL.
    pub url: String,
    /// How it stands.
    pub state: SourceState,
}

/// How much has to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustLevel {
    /// Nobody has answered yet: what is shown is as old as the last synchronisation.
    Offline,
    /// Headers are checked for work, but one operator alone says which chain is the newest and what the filters are: it
    /// could hide a payment or a channel's closing.
    OneOperator,
    /// At least two operators agree on tip and filters.
    Agreed,
    /// Operators contradict each other; blocks in dispute are fetched whole and looked through here.
    Disputed,
}

/// What remains to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Distinct operators configured. One host and port is taken for one operator.
    pub operators: usize,
    /// Distinct operators that agree with the chain in use.
    pub agreed: usize,
    /// The verdict.
    pub level: TrustLevel,
    /// Each source, in the configured order.
    pub sources: Vec<SourceReport>,
}

/// Sums up how the sources stand.
pub(crate) fn report(sources: &[Source], disputed: bool) -> Trust {
    let operators: BTreeSet<&str> = sources.iter().map(Source::operator).collect();
    let agreeing = sources.iter().filter(|s| s.state() == SourceState::Agrees);
    let agreed = agreeing.map(Source::operator).collect::<BTreeSet<_>>().len();
    let level = match agreed {
        _ if disputed => TrustLevel::Disputed,
        0 => TrustLevel::Offline,
        1 => TrustLevel::OneOperator,
        _ => TrustLevel::Agreed,
    };
    let sources = sources.iter().map(|s| SourceReport { url: s.url().to_string(), state: s.state() });
    Trust { operators: operators.len(), agreed, level, sources: sources.collect() }
}
