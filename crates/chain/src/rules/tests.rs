#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::collections::BTreeMap;

use bitcoin::TxMerkleNode;
use bitcoin::block::Version;
use bitcoin::blockdata::constants::genesis_block;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::Hash;

use super::*;

/// Mainnet's blocks 1 and 2.
const BLOCK_1: &str = "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000\
    982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299";
const BLOCK_2: &str = "010000004860eb18bf1b1620e37e9490fc8a427514416fd75159ab86688e9a8300000000\
    d5fdcc541e25de1c7a5addedf24858b8bb665c9f36ef744ee42c316022c90f9bb0bc6649ffff001d08d2bd61";
/// Long after those blocks.
const NOW: u64 = 1_800_000_000;

struct Known(BTreeMap<u32, Header>);

impl Ancestors for Known {
    fn header(&self, height: u32) -> Option<&Header> {
        self.0.get(&height)
    }
}

fn mainnet() -> (Rules, Known) {
    let headers = [genesis_block(Network::Bitcoin).header, header(BLOCK_1), header(BLOCK_2)];
    (Rules::new(Network::Bitcoin), Known((0..).zip(headers).collect()))
}

fn header(hex: &str) -> Header {
    deserialize_hex(hex).unwrap()
}

/// A header for the rules that look at time and bits only.
fn plain(time: u32, bits: u32) -> Header {
    Header {
        version: Version::from_consensus(4),
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits: CompactTarget::from_consensus(bits),
        nonce: 0,
    }
}

#[test]
fn mainnet_blocks_pass() {
    let (rules, known) = mainnet();
    let hash = rules.check(&known, 1, &header(BLOCK_1), NOW).unwrap();
    assert_eq!(hash.to_string(), "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048");
    let hash = rules.check(&known, 2, &header(BLOCK_2), NOW).unwrap();
    assert_eq!(hash.to_string(), "000000006a625f06636b8bb6ac7b960a8d03705d1ace08b1a19da3fdcc99ddbd");
}

#[test]
fn what_is_wrong_with_a_header_is_named() {
    let (rules, known) = mainnet();
    let check = |height, header: &Header, now| rules.check(&known, height, header, now);
    let good = header(BLOCK_2);
    assert_eq!(check(1, &good, NOW), Err(HeaderError::NotLinked { height: 1 }));
    assert_eq!(check(9, &good, NOW), Err(HeaderError::NotLinked { height: 9 }));
    assert_eq!(check(0, &good, NOW), Err(HeaderError::NotLinked { height: 0 }));
    let bad = Header { nonce: good.nonce + 1, ..good };
    assert!(matches!(check(2, &bad, NOW), Err(HeaderError::NoWork { height: 2, .. })));
    let bad = Header { bits: CompactTarget::from_consensus(0x207f_ffff), ..good };
    let (network, found, expected) = (Network::Bitcoin, 0x207f_ffff, 0x1d00_ffff);
    let error = HeaderError::WrongBits { height: 2, network, found, expected };
    assert_eq!(check(2, &bad, NOW), Err(error));
    let now = u64::from(good.time) - 7201;
    assert_eq!(check(2, &good, now), Err(HeaderError::Future { height: 2, time: good.time, now }));
    check(2, &good, now + 1).unwrap();
}

#[test]
fn a_time_at_the_median_is_too_old() {
    let rules = Rules::new(Network::Bitcoin);
    let times = [50, 10, 90, 20, 80, 30, 70, 40, 60, 5, 100];
    let known = Known((100..).zip(times.map(|t| plain(t, 0x1d00_ffff))).collect());
    assert_eq!(median_time(&known, 111), Some(50));
    assert_eq!(median_time(&known, 110), None, "not all 11 are known");
    let parent = known.0[&110];
    let error = HeaderError::TooOld { height: 111, time: 50, median: 50 };
    assert_eq!(rules.check_time(&known, &parent, 111, 50, NOW), Err(error));
    rules.check_time(&known, &parent, 111, 51, NOW).unwrap();
}

#[test]
fn near_the_genesis_block_the_median_is_over_what_there_is() {
    let known = Known((0..).zip([10, 30, 20].map(|t| plain(t, 0x1d00_ffff))).collect());
    assert_eq!(median_time(&known, 1), Some(10));
    assert_eq!(median_time(&known, 3), Some(20));
}

/// Mainnet's retargets, by the time of a period's first and last block, its bits, and the bits that followed.
#[test]
fn mainnet_retargets() {
    let rules = Rules::new(Network::Bitcoin);
    let cases = [
        (2016, 1_231_006_505, 1_233_061_996, 0x1d00_ffff, 0x1d00_ffff),
        (32_256, 1_261_130_161, 1_262_152_739, 0x1d00_ffff, 0x1d00_d86a),
        // Four times slower, and four times faster, is the most.
        (68_544, 1_279_008_237, 1_279_297_671, 0x1c05_a3f4, 0x1c01_68fd),
        (46_368, 1_263_163_443, 1_269_211_443, 0x1c38_7f6f, 0x1d00_e1fd),
    ];
    for (height, first, last, bits, expected) in cases {
        let known = Known([(height - PERIOD, plain(first, bits)), (height - 1, plain(last, bits))].into());
        let next = rules.next_bits(&known, &known.0[&(height - 1)], height, last + 600);
        assert_eq!(next.to_consensus(), expected, "at {height}");
        let within = rules.next_bits(&known, &known.0[&(height - 1)], height + 1, last + 999_999);
        assert_eq!(within.to_consensus(), bits, "inside a period the bits stay");
    }
}

/// The 20-minute exception: such a block has the least difficulty, the one after it the difficulty from before.
#[test]
fn test_networks_allow_slow_blocks() {
    const LIMIT: u32 = 0x1d00_ffff;
    for network in [Network::Testnet, Network::Testnet4] {
        let rules = Rules::new(network);
        let bits = [0x1c05_a3f4, 0x1c05_a3f4, LIMIT, LIMIT];
        let known = Known(
            (2015..).zip([plain(0, LIMIT)]).chain((2016..).zip(bits.map(|b| plain(1000, b)))).collect(),
        );
        let next = |time| rules.next_bits(&known, &known.0[&2019], 2020, time).to_consensus();
        assert_eq!(next(1000 + 1201), LIMIT, "late");
        assert_eq!(next(1000 + 1200), 0x1c05_a3f4, "in time: the last regular difficulty");
    }
    let rules = Rules::new(Network::Testnet4);
    let known = Known([(2016, plain(0, LIMIT)), (2017, plain(0, LIMIT))].into());
    assert_eq!(
        rules.next_bits(&known, &known.0[&2017], 2018, 1).to_consensus(),
        LIMIT,
        "stops at the period's start"
    );
}

/// BIP 94: a new period is computed from the first block of the old one, where no exception is possible; on testnet3 from
/// the last, which resets the difficulty when that used the exception.
#[test]
fn testnet4_keeps_its_difficulty() {
    const LIMIT: u32 = 0x1d00_ffff;
    let known = Known([(2016, plain(0, 0x1c05_a3f4)), (4031, plain(1_209_600, LIMIT))].into());
    let next =
        |network| Rules::new(network).next_bits(&known, &known.0[&4031], 4032, 1_209_700).to_consensus();
    assert_eq!(next(Network::Testnet4), 0x1c05_a3f4);
    assert_eq!(next(Network::Testnet), LIMIT);
}

#[test]
fn testnet4_refuses_a_timewarp() {
    let known = Known((4000..4032).map(|h| (h, plain(10_000 + h, 0x1d00_ffff))).collect());
    let parent = plain(50_000, 0x1d00_ffff);
    let check = |network, time| Rules::new(network).check_time(&known, &parent, 4032, time, NOW);
    let error = HeaderError::Timewarp { height: 4032, time: 49_399, parent: 50_000 };
    assert_eq!(check(Network::Testnet4, 49_399), Err(error));
    assert_eq!(check(Network::Testnet4, 49_400), Ok(()));
    assert_eq!(check(Network::Bitcoin, 49_399), Ok(()));
}

#[test]
fn signet_and_regtest_have_their_own_limits() {
    let regtest = Rules::new(Network::Regtest);
    let known = Known([(2016, plain(0, 0x207f_ffff)), (4031, plain(9, 0x207f_ffff))].into());
    assert_eq!(regtest.next_bits(&known, &known.0[&4031], 4032, 99_999).to_consensus(), 0x207f_ffff);
    let signet = Rules::new(Network::Signet);
    let genesis = genesis_block(Network::Signet).header;
    let known = Known([(0, genesis), (2015, plain(genesis.time + 9_999_999, 0x1e03_77ae))].into());
    assert_eq!(
        signet.next_bits(&known, &known.0[&2015], 2016, 0).to_consensus(),
        0x1e03_77ae,
        "not above the limit"
    );
    assert_eq!(signet.next_bits(&known, &known.0[&2015], 2017, u32::MAX).to_consensus(), 0x1e03_77ae);
}

#[test]
fn old_versions_are_refused_where_they_have_ended() {
    let rules = Rules::new(Network::Bitcoin);
    let version = |v| Header { version: Version::from_consensus(v), ..plain(0, 0) };
    assert!(rules.check_version(227_930, &version(1)).is_ok());
    assert!(rules.check_version(227_931, &version(1)).is_err());
    assert!(rules.check_version(388_380, &version(3)).is_ok());
    assert!(rules.check_version(388_381, &version(3)).is_err());
    assert!(rules.check_version(900_000, &version(0x2000_0000)).is_ok());
    assert!(Rules::new(Network::Regtest).check_version(1, &version(3)).is_err());
}
