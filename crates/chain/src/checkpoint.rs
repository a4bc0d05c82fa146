//! Checkpoints: the blocks that header verification starts from.

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
    /// Its BIP 157 filter header. `None`: it is learned from the first source; sources are compared by their filters anyway.
    pub filter_header: Option<FilterHeader>,
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

    /// The genesis block, whose filter is known without a request.
    pub fn genesis(network: Network) -> Self {
        let block = bitcoin::blockdata::constants::genesis_block(network);
        let filter = genesis_filter(&block);
        Self {
            height: 0,
            header: block.header,
            work: block.header.work(),
            filter_header: Some(filter.filter_header(&FilterHeader::all_zeros())),
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
            filter_header: match words.next()? {
                "-" => None,
                text => Some(text.parse().ok()?),
            },
        })
    }

    /// This checkpoint as a line of the released list.
    pub fn to_line(&self, network: Network) -> String {
        let header = bitcoin::consensus::encode::serialize_hex(&self.header);
        let filter_header = self.filter_header.map_or("-".to_string(), |f| f.to_string());
        format!("{} {} {header} {:x} {filter_header}", network.to_core_arg(), self.height, self.work)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALL: [Network; 5] =
        [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet, Network::Regtest];

    /// As published in BIP 158 (testnet3) and given by Bitcoin Core's `getblockfilter`.
    #[test]
    fn genesis_filter_headers_are_the_published_ones() {
        let cases = [
            (Network::Bitcoin, "02c2392180d0ce2b5b6f8b08d39a11ffe831c673311a3ecf77b97fc3f0303c9f"),
            (Network::Testnet, "21584579b7eb08997773e5aeff3a7f932700042d0ed2a6129012b7d7ae81b750"),
        ];
        for (network, expected) in cases {
            assert_eq!(
                Checkpoint::genesis(network).filter_header.unwrap().to_string(),
                expected,
                "{network}"
            );
        }
    }

    #[test]
    fn each_released_line_is_a_usable_checkpoint() {
        for line in RELEASED.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let found: Vec<_> = ALL.iter().filter_map(|n| Some((*n, Checkpoint::parse(*n, line)?))).collect();
            assert_eq!(found.len(), 1, "{line}");
            for (network, checkpoint) in found {
                checkpoint.check(network).unwrap();
            }
        }
    }

    /// Bitcoin Core 27 publishes the work of the chain up to block 824,000 (`nMinimumChainWork`), 1472 blocks of one difficulty
    /// above mainnet's checkpoint.
    #[test]
    fn mainnets_checkpoint_has_the_published_work() {
        let checkpoint = Checkpoint::before(Network::Bitcoin, 822_528);
        assert_eq!(checkpoint.height, 822_528);
        let hash = "00000000000000000001daacd23f9cb40c69ba923085618a5f9dbdd4d97e93a";
        assert_eq!(
            checkpoint.header.block_hash().to_string().trim_start_matches('0'),
            hash.trim_start_matches('0')
        );
        let published = Work::from_unprefixed_hex("63c4ebd298db40af57541800").unwrap();
        let work = (0..1472).fold(checkpoint.work, |work, _| work + checkpoint.header.work());
        assert_eq!(work, published);
        assert_eq!(Checkpoint::before(Network::Bitcoin, 822_527).height, 0);
        assert_eq!(Checkpoint::of(Network::Bitcoin).height, 822_528);
    }

    #[test]
    fn a_line_reads_back() {
        for network in ALL {
            let genesis = Checkpoint::genesis(network);
            genesis.check(network).unwrap();
            let bare = Checkpoint { filter_header: None, ..genesis.clone() };
            assert_eq!(Checkpoint::parse(network, &bare.to_line(network)), Some(bare));
            assert_eq!(Checkpoint::parse(network, &genesis.to_line(network)), Some(genesis));
        }
        assert_eq!(Checkpoint::parse(Network::Bitcoin, "# comment"), None);
    }

    #[test]
    fn unusable_checkpoints_are_refused() {
        let genesis = Checkpoint::genesis(Network::Bitcoin);
        let odd = Checkpoint { height: 2015, ..genesis.clone() };
        assert!(matches!(odd.check(Network::Bitcoin), Err(ChainError::BadCheckpoint { height: 2015, .. })));
        assert!(genesis.check(Network::Signet).is_err());
        let mut idle = Checkpoint { height: 2016, ..genesis };
        idle.header.nonce += 1;
        assert!(idle.check(Network::Bitcoin).is_err());
    }
}
