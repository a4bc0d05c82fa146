//! BIP 158 basic filters: checked against their headers, and matched.

use bitcoin::bip158::BlockFilterReader;
use bitcoin::consensus::encode::{VarInt, deserialize_partial};
use bitcoin::hash_types::{FilterHash, FilterHeader};
use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash, ScriptBuf};

/// Golomb-Rice parameter P of basic filters: each element takes more than so many bits.
const MIN_ELEMENT_BITS: u64 = 20;

/// The filter header that follows `previous` with this filter (BIP 157).
pub(crate) fn header_of(filter: &[u8], previous: &FilterHeader) -> FilterHeader {
    FilterHash::hash(filter).filter_header(previous)
}

/// Whether a block with this filter must be fetched. A filter that cannot be read says yes: looking is always safe.
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

/// Whether the number of elements is one that the filter's length can hold (the decoder multiplies it unchecked).
fn is_readable(filter: &[u8]) -> bool {
    let Ok((count, used)) = deserialize_partial::<VarInt>(filter) else { return false };
    let bits = u64::try_from(filter.len().saturating_sub(used)).unwrap_or(u64::MAX).saturating_mul(8);
    count.0.checked_mul(MIN_ELEMENT_BITS).is_some_and(|least| least <= bits)
}

/// Whether a filter claims to be of a block and yet misses a script that the block creates: proof that it is false. (Scripts
/// that the block spends cannot be told from the block alone, so silence proves nothing.)
pub(crate) fn misses_an_output(block: &Block, filter: &[u8]) -> bool {
    if !is_readable(filter) {
        return true;
    }
    let outputs = block.txdata.iter().flat_map(|tx| &tx.output).map(|o| &o.script_pubkey);
    let scripts: Vec<&[u8]> =
        outputs.filter(|s| !s.is_empty() && !s.is_op_return()).map(|s| s.as_bytes()).collect();
    let reader = BlockFilterReader::new(&block.block_hash());
    !reader.match_all(&mut &*filter, scripts.into_iter()).unwrap_or(false)
}
