//! Health: the problems for which money could be at risk, from the node's state and the chain source's.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use amplet_node::{OLD_TIP, expects_blocks};
use amplet_protocol::page::TipAge;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::chain_api::{Source, SourceState};
use super::disk;
use crate::config::Live;
use crate::desk::backup::Backup;
use crate::node::{NodeHandle, NodeStatus, Phase, Problem, ProblemCode};

/// Time without an answer from the chain source after which money could be at risk; a restart takes less.
const SILENT: Duration = Duration::from_secs(60);
/// The same for the node, which may be in the middle of a long poll.
const UNREAD: Duration = Duration::from_secs(180);
/// Blocks that the node may be behind its source while it reads them.
const BEHIND: u32 = 6;

/// The gateway's health.
#[derive(Clone)]
pub struct Health {
    node: NodeHandle,
    source: Source,
    live: Arc<Live>,
    backup: Option<Backup>,
}

/// The chain source as `/health` and `info` show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainSource {
    /// `bitcoind`, or `upstream`: another gateway or block-dn server.
    pub kind: String,
    /// Height of its newest block, as it said last.
    pub height: Option<u32>,
    /// Time in that block's header, in seconds since the UNIX epoch.
    pub tip_time: Option<u64>,
    /// Age of that block, in seconds.
    pub tip_age_secs: Option<u64>,
    /// Seconds since it answered last.
    pub answered_secs_ago: Option<u64>,
    /// True while bitcoind is in its initial download.
    pub initial_download: bool,
}

/// The state of everything, and the verdict.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The node's state.
    pub status: NodeStatus,
    /// The chain source.
    pub source: ChainSource,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
}

impl Verdict {
    /// False if money could be at risk.
    pub fn is_ok(&self) -> bool {
        !self.problems.iter().any(|problem| problem.money_at_risk)
    }
}

impl Health {
    /// The health of this node with this chain source, and of the backups that wallets have here.
    pub fn new(node: NodeHandle, source: Source, live: Arc<Live>, backup: Option<Backup>) -> Self {
        Self { node, source, live, backup }
    }

    /// Returns how everything is now.
    pub fn now(&self) -> Verdict {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (status, state) = (self.node.status(), self.source.state());
        let config = self.live.get();
        let mut problems = assess(&status, state.as_ref(), expects_blocks(config.network), now.as_secs());
        problems.extend(self.backup.as_ref().and_then(Backup::trouble).map(of_backup));
        problems.extend(self.disk());
        Verdict { source: describe(state.as_ref(), &status, now.as_secs()), status, problems }
    }

    /// The problem of a disk that is nearly full, unless nothing can be saved already, which is told by the node.
    fn disk(&self) -> Option<Problem> {
        let config = self.live.get();
        let free_mib = disk::free_mib(&config.data_dir)?;
        disk::problem(free_mib, config.warn_free_mib, &config.data_dir)
    }

    /// Logs when the disk begins to be full, and when there is room again.
    pub async fn watch_disk(self) {
        let mut before = None;
        loop {
            let now = self.disk();
            let change = now.as_ref().map(|problem| problem.money_at_risk);
            match &now {
                Some(problem) if change != before => {
                    warn!(detail = problem.detail.as_deref().unwrap_or_default(), "{}", problem.message);
                }
                None if before.is_some() => info!("the disk of the data folder has room again"),
                _ => {}
            }
            before = change;
            tokio::time::sleep(disk::LOOK_EVERY).await;
        }
    }

    /// Asks the chain source for its newest block now.
    ///
    /// # Errors
    /// Why it did not answer.
    pub async fn refresh(&self) -> Result<(), String> {
        self.source.refresh().await
    }
}

fn describe(state: Option<&SourceState>, status: &NodeStatus, now_secs: u64) -> ChainSource {
    let Some(state) = state else {
        return ChainSource {
            kind: "upstream".into(),
            height: (status.height > 0).then_some(status.height),
            tip_time: None,
            tip_age_secs: None,
            answered_secs_ago: status.read_at.map(|at| now_secs.saturating_sub(at)),
            initial_download: false,
        };
    };
    ChainSource {
        kind: "bitcoind".into(),
        height: state.height,
        tip_time: state.tip_time,
        tip_age_secs: state.tip_time.map(|time| now_secs.saturating_sub(time)),
        answered_secs_ago: state.silent_for().map(|silent| silent.as_secs()),
        initial_download: state.initial_download,
    }
}

/// Finds what is wrong. `source`: bitcoind; `None`: the blocks come from another server, of which only the node knows.
fn assess(
    status: &NodeStatus,
    source: Option<&SourceState>,
    expects_blocks: bool,
    now_secs: u64,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = of_phase(status.phase).into_iter().collect();
    problems.extend(status.problems.iter().cloned());
    let of_source = source.map(|source| of_bitcoind(source, status, expects_blocks, now_secs));
    problems.extend(of_source.unwrap_or_default());
    if status.phase == Phase::Up {
        problems.extend(of_node(status, source.is_none(), now_secs));
    }
    problems
}

/// The gateway's own money does not depend on it.
fn of_backup(trouble: String) -> Problem {
    let message =
        "backups of wallets cannot be read or written; wallets that require theirs wait until they can";
    let problem = Problem::risk(ProblemCode::Backup, message).detail(Some(trouble));
    Problem { money_at_risk: false, ..problem }
}

fn of_phase(phase: Phase) -> Option<Problem> {
    let (code, message) = match phase {
        Phase::Up => return None,
        Phase::Starting => {
            (ProblemCode::NodeStarting, "the node is starting; its log says what it waits for")
        }
        Phase::Stopping => (ProblemCode::NodeStopping, "the gateway is stopping"),
        Phase::Down => (ProblemCode::NodeDown, "the node is down; the log says why, restart the gateway"),
    };
    Some(Problem::risk(code, message))
}

fn of_bitcoind(
    source: &SourceState,
    status: &NodeStatus,
    expects_blocks: bool,
    now_secs: u64,
) -> Option<Problem> {
    let silent = source.silent_for();
    let since = silent.map_or("since the start".into(), |silent| format!("for {} s", silent.as_secs()));
    let asked_for = silent.unwrap_or_else(|| source.followed_for());
    if asked_for >= SILENT || source.error.is_some() {
        let message = format!("bitcoind has not answered {since}; check that it runs and answers by RPC");
        let risk = asked_for >= SILENT;
        return Some(
            Problem { money_at_risk: risk, ..Problem::risk(ProblemCode::ChainSource, message) }
                .detail(source.error.clone()),
        );
    }
    let height = source.height?;
    if expects_blocks && source.initial_download {
        let message = format!(
            "bitcoind is downloading the chain: block {height} of {}; channels are not guarded until it is done",
            source.headers
        );
        return Some(Problem::risk(ProblemCode::InitialDownload, message));
    }
    if status.phase == Phase::Up && (height < status.height || status.on_other_chain) {
        let message = format!(
            "bitcoind is at block {height} of another or shorter chain than the node's, which has read block {}; let bitcoind synchronise, or give it back its data",
            status.height
        );
        return Some(Problem::risk(ProblemCode::ShorterChain, message));
    }
    let age = now_secs.saturating_sub(source.tip_time?);
    let message = format!(
        "the newest block is {} hours old; check bitcoind's peers and this machine's clock",
        age / 3600
    );
    (expects_blocks && age >= OLD_TIP.as_secs()).then(|| Problem::risk(ProblemCode::OldTip, message))
}

/// What the node itself says about its blocks. `alone`: nothing else is known of the chain source.
fn of_node(status: &NodeStatus, alone: bool, now_secs: u64) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(error) = &status.chain_error {
        let unread = status.read_at.map_or(u64::MAX, |at| now_secs.saturating_sub(at));
        let message = "the node's last attempt to read blocks failed; it tries again";
        let problem = Problem::risk(ProblemCode::ChainSource, message).detail(Some(error.clone()));
        problems.push(Problem { money_at_risk: unread >= UNREAD.as_secs(), ..problem });
    }
    if alone && status.tip_age != TipAge::Recent {
        let message = "the newest block is more than three hours old; check the upstream server and this machine's clock";
        problems.push(Problem::risk(ProblemCode::OldTip, message));
    }
    if status.blocks_left > 0 {
        let message = format!("the node has {} blocks left to read", status.blocks_left);
        let problem = Problem::risk(ProblemCode::ReadingBlocks, message);
        problems.push(Problem { money_at_risk: status.blocks_left > BEHIND, ..problem });
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn up() -> NodeStatus {
        NodeStatus {
            phase: Phase::Up,
            height: 150,
            synced: true,
            read_at: Some(NOW),
            ..NodeStatus::default()
        }
    }

    fn bitcoind() -> SourceState {
        let mut state = SourceState::default();
        state.answered(150, 150, Some(NOW - 600), false);
        state
    }

    fn codes(problems: &[Problem]) -> Vec<(ProblemCode, bool)> {
        problems.iter().map(|problem| (problem.code, problem.money_at_risk)).collect()
    }

    fn found(status: &NodeStatus, source: Option<&SourceState>) -> Vec<(ProblemCode, bool)> {
        codes(&assess(status, source, true, NOW))
    }

    #[test]
    fn all_is_well() {
        assert_eq!(found(&up(), Some(&bitcoind())), []);
        assert_eq!(found(&up(), None), []);
    }

    #[test]
    fn a_node_that_is_not_up_is_named_by_its_phase() {
        for (phase, code) in [
            (Phase::Starting, ProblemCode::NodeStarting),
            (Phase::Stopping, ProblemCode::NodeStopping),
            (Phase::Down, ProblemCode::NodeDown),
        ] {
            assert_eq!(found(&NodeStatus { phase, ..up() }, Some(&bitcoind())), [(code, true)]);
        }
    }

    #[test]
    fn a_bitcoind_that_is_dead_or_frozen_puts_money_at_risk_after_a_minute() {
        let mut source = bitcoind();
        source.failed("connection refused".into());
        assert_eq!(found(&up(), Some(&source)), [(ProblemCode::ChainSource, false)], "it restarts, perhaps");
        source.age_by(SILENT);
        assert_eq!(found(&up(), Some(&source)), [(ProblemCode::ChainSource, true)]);
        // Frozen: the question has no answer, not even an error.
        let mut source = bitcoind();
        source.age_by(SILENT);
        assert_eq!(found(&up(), Some(&source)), [(ProblemCode::ChainSource, true)]);
        let mut never = SourceState::default();
        never.age_by(SILENT);
        assert_eq!(found(&up(), Some(&never)), [(ProblemCode::ChainSource, true)]);
    }

    #[test]
    fn what_bitcoind_says_of_its_chain_is_weighed() {
        let with = |height, time, initial| {
            let mut source = SourceState::default();
            source.answered(height, 900, Some(time), initial);
            source
        };
        let old = with(150, NOW - 3 * 3600, false);
        assert_eq!(found(&up(), Some(&old)), [(ProblemCode::OldTip, true)]);
        assert_eq!(codes(&assess(&up(), Some(&old), false, NOW)), [], "regtest");
        let download = with(150, NOW - 600, true);
        assert_eq!(found(&up(), Some(&download)), [(ProblemCode::InitialDownload, true)]);
        assert_eq!(codes(&assess(&up(), Some(&download), false, NOW)), [], "regtest");
        let shorter = with(50, NOW - 600, false);
        assert_eq!(codes(&assess(&up(), Some(&shorter), false, NOW)), [(ProblemCode::ShorterChain, true)]);
        let other = NodeStatus { on_other_chain: true, ..up() };
        assert_eq!(found(&other, Some(&bitcoind())), [(ProblemCode::ShorterChain, true)]);
    }

    #[test]
    fn without_a_bitcoind_the_nodes_own_reading_counts() {
        let failing = NodeStatus { chain_error: Some("no server".into()), ..up() };
        assert_eq!(found(&failing, None), [(ProblemCode::ChainSource, false)]);
        let failing = NodeStatus { read_at: Some(NOW - UNREAD.as_secs()), ..failing };
        assert_eq!(found(&failing, None), [(ProblemCode::ChainSource, true)]);
        let old = NodeStatus { tip_age: TipAge::Old, ..up() };
        assert_eq!(found(&old, None), [(ProblemCode::OldTip, true)]);
        let behind = NodeStatus { blocks_left: 2, ..up() };
        assert_eq!(found(&behind, None), [(ProblemCode::ReadingBlocks, false)]);
        let far = NodeStatus { blocks_left: 2000, ..up() };
        assert_eq!(found(&far, None), [(ProblemCode::ReadingBlocks, true)]);
    }
}
