//! BIP 158 basic filters: checked against their headers, and matched.

use bitcoin::bip158::BlockFilterReader;
use bitcoin::consensus::encode::{VarInt, deserialize_partial};
use bitcoin::hash_types::{FilterHash, FilterHeader};
use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash, ScriptBuf};

/// Golomb-Rice parameter P of basic filters: each element takes more bits than this.
const MIN_ELEMENT_BITS: u64 = 20;

/// The filter header that follows `previous` with this filter (BIP 157).
pub(crate) fn header_of(filter: &[u8], previous: &FilterHeader) -> FilterHeader {
    FilterHash::hash(filter).filter_header(previous)
}

/// True if a block with this filter must be fetched. A filter that cannot be read matches: fetching is always safe.
pub(crate) fn matches(hash: &BlockHash, filter: &[u8], scripts: &[ScriptBuf]) -> bool {
    if scripts.is_empty() {
        return false;
    }
    if !is_readable(filter) {
        return true;
    }
    let query = scripts.iter().filter(|s| !s.is_empty()).map(|s| s.as_bytes());
    BlockFilterReader::new(hash).match_any(&mut &*filter, query).unwrap_or(true)
}

/// True if the filter's length can hold its number of elements (the decoder multiplies it unchecked).
fn is_readable(filter: &[u8]) -> bool {
    let Ok((count, used)) = deserialize_partial::<VarInt>(filter) else { return false };
    let bits = u64::try_from(filter.len().saturating_sub(used)).unwrap_or(u64::MAX).saturating_mul(8);
    count.0.checked_mul(MIN_ELEMENT_BITS).is_some_and(|minimum| minimum <= bits)
}

/// True if a filter misses a script that its block creates: proof that it is false. (The scripts that the block spends are not in
/// the block, so `false` proves nothing.)
pub(crate) fn misses_an_output(block: &Block, filter: &[u8]) -> bool {
    if !is_readable(filter) {
        return true;
    }
    // BIP 158: empty scripts and OP_RETURN outputs are in no filter.
    let outputs = block.txdata.iter().flat_map(|tx| &tx.output).map(|o| &o.script_pubkey);
    let scripts: Vec<&[u8]> =
        outputs.filter(|s| !s.is_empty() && !s.is_op_return()).map(|s| s.as_bytes()).collect();
    let reader = BlockFilterReader::new(&block.block_hash());
    !reader.match_all(&mut &*filter, scripts.into_iter()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use bitcoin::consensus::encode::deserialize_hex;
    use bitcoin::hex::FromHex;

    use super::*;

    /// A vector of BIP 158 (bip-0158/testnet-19.json).
    struct Vector {
        hash: BlockHash,
        block: String,
        spent: Vec<String>,
        previous: FilterHeader,
        filter: String,
        header: FilterHeader,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../tests/data/bip158.json");
        let parse = |v: &serde_json::Value| Vector {
            hash: v["hash"].as_str().unwrap().parse().unwrap(),
            block: v["block"].as_str().unwrap().to_string(),
            spent: v["spent"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_string()).collect(),
            previous: v["previous"].as_str().unwrap().parse().unwrap(),
            filter: v["filter"].as_str().unwrap().to_string(),
            header: v["header"].as_str().unwrap().parse().unwrap(),
        };
        let list: serde_json::Value = serde_json::from_str(text).unwrap();
        list.as_array().unwrap().iter().map(parse).collect()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        Vec::from_hex(hex).unwrap()
    }

    #[test]
    fn published_vectors() {
        for v in vectors() {
            let (block, filter): (Block, _) = (deserialize_hex(&v.block).unwrap(), bytes(&v.filter));
            assert_eq!(header_of(&filter, &v.previous), v.header, "{}", v.hash);
            let outputs = block.txdata.iter().flat_map(|tx| &tx.output).map(|o| o.script_pubkey.clone());
            let outputs = outputs.filter(|s| !s.is_op_return() && !s.is_empty());
            let spent = v.spent.iter().map(|s| ScriptBuf::from_bytes(bytes(s))).filter(|s| !s.is_empty());
            for script in outputs.chain(spent) {
                assert!(matches(&v.hash, &filter, &[script]), "{}", v.hash);
            }
            assert!(!matches(&v.hash, &filter, &[ScriptBuf::from_bytes(vec![0x51; 22])]), "{}", v.hash);
            assert!(!misses_an_output(&block, &filter), "{}", v.hash);
        }
    }

    #[test]
    fn a_false_filter_is_refuted_by_the_block() {
        let all = vectors();
        let block: Block = deserialize_hex(&all[1].block).unwrap();
        assert!(misses_an_output(&block, &[0]), "empty");
        assert!(misses_an_output(&block, &[]), "nothing");
        assert!(misses_an_output(&block, &bytes(&all[2].filter)), "another block's");
    }

    #[test]
    fn an_unreadable_filter_matches() {
        let script = [ScriptBuf::from_bytes(vec![0x51])];
        let hash = vectors()[0].hash;
        for bad in ["", "ff", "ffffffffffffffffff", "fd", "01", "fe00000001ff", "02ffffffff"] {
            assert!(matches(&hash, &bytes(bad), &script), "{bad}");
        }
        assert!(!matches(&hash, &bytes("00"), &script), "an empty filter is a filter");
        assert!(!matches(&hash, &bytes("ff"), &[]), "who looks for nothing finds nothing");
    }

    proptest::proptest! {
        #[test]
        fn no_filter_panics(filter: Vec<u8>, script: Vec<u8>) {
            let hash = BlockHash::all_zeros();
            matches(&hash, &filter, &[ScriptBuf::from_bytes(script)]);
        }
    }
}
