//! Errors of the chain, each with its remedy.

use amplet_storage::StoreError;
use amplet_transport::FetchError;
use bitcoin::{BlockHash, Network};

use crate::Position;

/// A header that the rules of its network forbid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It does not follow the header before it.
    #[error("header {height} does not follow the one before it")]
    NotLinked {
        /// Its height.
        height: u32,
    },
    /// Its hash does not meet the target that it claims.
    #[error("header {height} has no proof of work: hash {hash} is above its target")]
    NoWork {
        /// Its height.
        height: u32,
        /// Its hash.
        hash: BlockHash,
    },
    /// It claims another difficulty than the rules require.
    #[error(
        "header {height} claims the difficulty bits {found:#010x}, the rules of {network} give {expected:#010x}"
    )]
    WrongBits {
        /// Its height.
        height: u32,
        /// The network.
        network: Network,
        /// Compact target in the header.
        found: u32,
        /// Compact target by the rules.
        expected: u32,
    },
    /// Its time is not after the median of the 11 blocks before it.
    #[error("header {height} has time {time}, not after the median {median} of the 11 before it")]
    TooOld {
        /// Its height.
        height: u32,
        /// Its time, in seconds since the UNIX epoch.
        time: u32,
        /// The median.
        median: u32,
    },
    /// First block of a difficulty period, more than 10 minutes before the last of the period before (BIP 94).
    #[error(
        "header {height} has time {time}, more than 10 minutes before its parent's ({parent}) at the start of a difficulty period"
    )]
    Timewarp {
        /// Its height.
        height: u32,
        /// Its time.
        time: u32,
        /// Its parent's time.
        parent: u32,
    },
    /// Its time is more than two hours ahead of this device's clock.
    #[error(
        "header {height} has time {time}, more than 2 hours ahead of this device's clock ({now}); if the clock is wrong, set it"
    )]
    Future {
        /// Its height.
        height: u32,
        /// Its time.
        time: u32,
        /// This device's time.
        now: u64,
    },
    /// The chain leaves ours below the checkpoint.
    #[error(
        "the offered chain leaves ours below the checkpoint at height {checkpoint}; it cannot be the same network's best chain"
    )]
    BelowCheckpoint {
        /// The checkpoint's height.
        checkpoint: u32,
    },
    /// Old block versions have ended on this network (BIP 34, 65, 66).
    #[error("header {height} has version {version}, which this network no longer accepts")]
    OldVersion {
        /// Its height.
        height: u32,
        /// Its version.
        version: i32,
    },
}

/// A failed request to a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No response.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Others had responded and it was not waited for any longer.
    #[error("the server is much slower than the others and was not waited for")]
    Late,
    /// A response without success.
    #[error("{path} was answered with status {status}: {text}")]
    Status {
        /// The path requested.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The start of the response's text.
        text: String,
    },
    /// It serves another network.
    #[error("the server serves {found}, this wallet is on {expected}; configure a server for {expected}")]
    WrongNetwork {
        /// Name or genesis hash of the network it serves.
        found: String,
        /// The wallet's network.
        expected: Network,
    },
    /// The response is not of the documented form.
    #[error("the answer to {path} is not of the block-dn API: {what}")]
    Malformed {
        /// The path requested.
        path: String,
        /// The defect.
        what: String,
    },
    /// A header breaks the rules.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A filter does not belong to the filter headers.
    #[error("the filter of block {height} does not fit its filter header")]
    Filter {
        /// Height of the block.
        height: u32,
    },
    /// A block is not the one requested, or its contents do not fit its header.
    #[error("block {hash} was answered with something else: {what}")]
    Block {
        /// The block requested.
        hash: BlockHash,
        /// The defect.
        what: String,
    },
    /// Its chain changed between two requests (a reorganisation on its side), or a response was cut short; the next poll sees it.
    #[error("the server's chain changed while it was read, or its answer was cut short; it is asked again")]
    Moved,
    /// It has not reached the checkpoint yet.
    #[error(
        "the server is still synchronising: it is at height {height}, the checkpoint is at {checkpoint}; wait, or configure another server"
    )]
    Syncing {
        /// The height it has reached.
        height: u32,
        /// The checkpoint's height.
        checkpoint: u32,
    },
    /// It refused a transaction.
    #[error("the server refused the transaction: {text}")]
    Rejected {
        /// The reason, as far as it is recognised.
        reason: RejectReason,
        /// The source's own message.
        text: String,
    },
    /// It served false filters in this session.
    #[error(
        "the server was caught with false filters and is not asked any more; remove it from the configuration"
    )]
    Distrusted,
}

impl SourceError {
    /// True if this proves that the source is broken or hostile, rather than absent or busy.
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Header(e) if !matches!(e, HeaderError::Future { .. }))
            || matches!(self, Self::Block { .. })
    }
}

/// Each source's error when all failed, as one text.
fn failures(list: &[(String, SourceError)]) -> String {
    list.iter().map(|(url, e)| format!("{url}: {e}")).collect::<Vec<_>>().join("; ")
}

/// A failed operation of the chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored by a newer release. Nothing was touched.
    #[error(
        "the stored headers have format {found}, this release knows formats up to {supported}: update to the newer release"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format known.
        supported: u32,
    },
    /// The stored headers belong to another network.
    #[error(
        "the stored headers are of {found}, this wallet is on {expected}: open it with the network it was made for"
    )]
    OtherNetwork {
        /// The stored network.
        found: String,
        /// The network asked for.
        expected: Network,
    },
    /// A source's address cannot be used.
    #[error("the chain server address {url:?} cannot be used: {what}")]
    BadUrl {
        /// The address.
        url: String,
        /// The defect.
        what: String,
    },
    /// No source was given.
    #[error("no chain server is configured; add the address of a gateway or of a block-dn server")]
    NoSources,
    /// The checkpoint given is not usable.
    #[error("the checkpoint at height {height} cannot be used: {what}")]
    BadCheckpoint {
        /// Its height.
        height: u32,
        /// The defect.
        what: String,
    },
    /// Every source failed. The wallet continues with what it knows and tries again.
    #[error("no chain server could help ({}); check the network, or configure another server", failures(.0))]
    Sources(Vec<(String, SourceError)>),
    /// The block is not on the best chain as it is known now.
    #[error("block {hash} at height {height} is not on the best chain; poll, then go on from the new tip")]
    NotOnChain {
        /// Its hash.
        hash: BlockHash,
        /// Its height.
        height: u32,
    },
    /// No block of a position is on the best chain: the sources serve another chain, or the stored headers are damaged.
    #[error(
        "the chain servers' chain holds neither block {hash} at height {height}, up to which this wallet has read, nor any of the blocks before it that are known: they serve another chain. Nothing was changed; configure another chain server, and the wallet goes on from that block"
    )]
    NoFork {
        /// The position's block.
        hash: BlockHash,
        /// Its height.
        height: u32,
    },
    /// The request is for something below the checkpoint.
    #[error(
        "height {height} is below the checkpoint at {checkpoint}; open the chain with an earlier checkpoint"
    )]
    BelowCheckpoint {
        /// The height asked for.
        height: u32,
        /// The checkpoint's height.
        checkpoint: u32,
    },
}

/// Synchronisation of a listener that stopped before the tip. Nothing was skipped: continue from `reached`.
#[derive(Debug, thiserror::Error)]
#[error("synchronisation stopped at block {}: {error}", reached.height)]
pub struct SyncError {
    /// The last block that the listener has received (its fork point when only the disconnection was reported).
    pub reached: Position,
    /// The reason.
    #[source]
    pub error: ChainError,
}

/// The reason for which the network rejects a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// An input is unknown, spent already, or its parent was never seen.
    MissingInputs,
    /// Another transaction that spends the same coin is there and pays enough to stay.
    Conflict,
    /// The fee rate is below what the server's node relays or keeps.
    FeeTooLow,
    /// Not final yet: a lock time or sequence lock has not been reached.
    NotFinal,
    /// An output is below the dust limit.
    Dust,
    /// Too many or too large unconfirmed relatives.
    ChainLimits,
    /// The fee is above the server's own safety limit.
    FeeTooHigh,
    /// Against consensus rules, or unreadable.
    Invalid,
    /// Anything else.
    Other,
}

/// A broadcast that no source took.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BroadcastError {
    /// Nothing to send.
    #[error("there is no transaction to broadcast")]
    Empty,
    /// Every configured source responded, and refused it. A source that refuses may relay it all the same.
    #[error("every chain server refused the transaction: {text}")]
    Rejected {
        /// The reason, as far as it is recognised.
        reason: RejectReason,
        /// The first source's own message.
        text: String,
    },
    /// No source took it, and not all of them refused it: it may be on its way or not.
    #[error("no chain server confirmed the transaction ({}); it is kept and sent again", failures(.0))]
    Unknown(Vec<(String, SourceError)>),
}
