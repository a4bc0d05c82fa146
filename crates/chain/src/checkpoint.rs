//! Where header verification starts.

use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hash_types::FilterHeader;
use bitcoin::hashes::Hash;
use bitcoin::{Network, Work};

use crate::ChainError;
use crate::rules::PERIOD;

/// A block that is taken as given. Everything above it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its height: a multiple of 2016, so that its header is also the start of its difficulty period.
    pub height: u32,
    /// Its header.
    pub header: Header,
    /// Work of the chain up to and including it.
    pub work: Work,
    /// Its BIP 157 filter header.
    pub filter_header: FilterHeader,
}

/// The checkpoints of this release: lines of network, height, header, work and filter header (see
/// `examples/checkpoint.rs`, which makes them from a chain verified from the genesis block on).
const RELEASED: &str = include_str!("../checkpoints.txt");

impl Checkpoint {
    /// The newest checkpoint that this release carries for `network`; its genesis block when it carries none.
    pub fn of(network: Network) -> Self {
        let released = RELEASED.lines().filter_map(|line| Self::parse(network, line));
        released.max_by_key(|c| c.height).unwrap_or_else(|| Self::genesis(network))
    }

    /// The genesis block, whose filter is known without asking anybody.
    pub fn genesis(network: Network) -> Self {
        let block = bitcoin::blockdata::constants::genesis_block(network);
        let filter = genesis_filter(&block);
        Self {
            height: 0,
            header: block.header,
            work: block.header.work(),
            filter_header: filter.filter_header(&FilterHeader::all_zeros()),
        }
    }

    /// The newest checkpoint of this release that is not above `height` (a wallet's birthday).
    pub fn before(network: Network, height: u32) -> Self {
        let released = RELEASED.lines().filter_map(|line| Self::parse(network, line));
        let fitting = released.filter(|c| c.height <= height);
        fitting.max_by_key(|c| c.height).unwrap_or_else(|| Self::genesis(network))
    }

    /// One line of the released list; `None` for other networks and comments.
    fn parse(network: Network, line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        if words.next()? != network.to_core_arg() {
            return None;
        }
        Some(Self {
            height: words.next()?.parse().ok()?,
            header: deserialize_hex(words.next()?).ok()?,
            work: Work::from_unprefixed_hex(words.next()?).ok()?,
            filter_header: words.next()?.parse().ok()?,
        })
    }

    /// This checkpoint as a line of the released list.
    pub fn to_line(&self, network: Network) -> String {
        let header = bitcoin::consensus::encode::serialize_hex(&self.header);
        format!("{} {} {header} {:x} {}", network.to_core_arg(), self.height, self.work, self.filter_header)
    }

    /// Refuses what header verification cannot start from.
    ///
    /// # Errors
    /// [`ChainError::BadCheckpoint`].
    pub(crate) fn check(&self, network: Network) -> Result<(), ChainError> {
        let bad = |what: &str| Err(ChainError::BadCheckpoint { height: self.height, what: what.to_string() });
        if !self.height.is_multiple_of(PERIOD) {
            return bad("its height is no multiple of 2016, so its difficulty period's start is unknown");
        }
        if !self.header.target().is_met_by(self.header.block_hash()) {
            return bad("its header has no proof of work");
        }
        if self.height == 0 && *self != Self::genesis(network) {
            return bad("it is not the genesis block of this network");
        }
        Ok(())
    }
}

/// The filter of a genesis block: its coinbase creates one output and spends none.
fn genesis_filter(block: &bitcoin::Block) -> bitcoin::bip158::BlockFilter {
    use bitcoin::bip158::{BlockFilter, BlockFilterWriter};
    let mut content = Vec::new();
    let mut writer = BlockFilterWriter::new(&mut content, block);
    writer.add_output_scripts();
    // Writing into a vector cannot fail, and the tests compare with the published genesis filters.
    let _ = writer.finish();
    BlockFilter { content }
}
