//! Decoding of the block-dn API's responses. Nothing here trusts their contents.

use amplet_protocol::chain::{FILTER_HEADER_BYTES, HEADER_BYTES, Status};
use bitcoin::block::Header;
use bitcoin::consensus::encode::{VarInt, deserialize, deserialize_partial};
use bitcoin::hash_types::FilterHeader;
use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash, TxOut};

use crate::SourceError;

/// The parts of a status that the client uses, checked.
#[derive(Clone, Debug)]
pub(crate) struct SourceStatus {
    pub(crate) genesis: BlockHash,
    pub(crate) height: u32,
    pub(crate) hash: BlockHash,
    pub(crate) filter_header: FilterHeader,
    pub(crate) filter_height: u32,
    pub(crate) headers_per_file: u32,
    pub(crate) filters_per_file: u32,
    /// Parts of files can be asked for.
    pub(crate) ranges: bool,
    /// Status requests can wait.
    pub(crate) waits: bool,
    /// Shows unconfirmed transactions.
    pub(crate) shows_mempool: bool,
}

/// Maximum number of entries per file in a status: larger files would not fit into a browser's memory.
const MAX_ENTRIES: u32 = 1_000_000;

pub(crate) fn status(path: &str, body: &[u8]) -> Result<SourceStatus, SourceError> {
    let malformed = |what: String| SourceError::Malformed { path: path.to_string(), what };
    let raw: Status = serde_json::from_slice(body).map_err(|e| malformed(e.to_string()))?;
    let hash = |name: &str, text: &str| {
        text.parse::<BlockHash>().map_err(|_| malformed(format!("{name} is no block hash: {text:.80}")))
    };
    for entries in [raw.entries_per_header_file, raw.entries_per_filter_file] {
        if entries == 0 || entries > MAX_ENTRIES {
            return Err(malformed(format!("{entries} entries per file")));
        }
    }
    let filter_header = raw.best_filter_header.parse::<FilterHeader>();
    Ok(SourceStatus {
        genesis: hash("chain_genesis_hash", &raw.chain_genesis_hash)?,
        height: raw.best_block_height,
        hash: hash("best_block_hash", &raw.best_block_hash)?,
        filter_header: filter_header.map_err(|_| malformed("best_filter_header is no hash".to_string()))?,
        filter_height: raw.best_filter_height,
        headers_per_file: raw.entries_per_header_file,
        filters_per_file: raw.entries_per_filter_file,
        ranges: raw.has(amplet_protocol::chain::EXT_RANGE),
        waits: raw.has(amplet_protocol::chain::EXT_WAIT),
        shows_mempool: raw.has(amplet_protocol::chain::EXT_MEMPOOL),
    })
}

/// Splits a file of fixed-size entries; `max` is the number it may hold.
fn entries<'a, T>(
    path: &str,
    body: &'a [u8],
    size: usize,
    max: u32,
    read: impl Fn(&'a [u8]) -> Option<T>,
) -> Result<Vec<T>, SourceError> {
    let malformed = |what: String| SourceError::Malformed { path: path.to_string(), what };
    if !body.len().is_multiple_of(size) {
        return Err(malformed(format!("{} bytes are no multiple of {size}: truncated", body.len())));
    }
    if body.len() / size > usize::try_from(max).unwrap_or(usize::MAX) {
        return Err(malformed(format!("{} entries where the maximum is {max}", body.len() / size)));
    }
    let read = |chunk| read(chunk).ok_or_else(|| malformed("an entry cannot be read".to_string()));
    body.chunks_exact(size).map(read).collect()
}

pub(crate) fn headers(path: &str, body: &[u8], max: u32) -> Result<Vec<Header>, SourceError> {
    entries(path, body, HEADER_BYTES, max, |chunk| deserialize(chunk).ok())
}

pub(crate) fn filter_headers(path: &str, body: &[u8], max: u32) -> Result<Vec<FilterHeader>, SourceError> {
    let read = |chunk: &[u8]| Some(FilterHeader::from_byte_array(chunk.try_into().ok()?));
    entries(path, body, FILTER_HEADER_BYTES, max, read)
}

/// Splits a file of filters; a file that ends inside a filter is refused.
pub(crate) fn filters(path: &str, body: &[u8], max: u32) -> Result<Vec<Vec<u8>>, SourceError> {
    let malformed = |what: String| SourceError::Malformed { path: path.to_string(), what };
    let (mut rest, mut out) = (body, Vec::new());
    while !rest.is_empty() {
        if out.len() >= usize::try_from(max).unwrap_or(usize::MAX) {
            return Err(malformed(format!("more than {max} filters")));
        }
        let cut = || malformed(format!("truncated in filter {}", out.len()));
        let (length, used) = deserialize_partial::<VarInt>(rest).map_err(|_| cut())?;
        let tail = rest.get(used..).ok_or_else(cut)?;
        let length = usize::try_from(length.0).map_err(|_| cut())?;
        let (filter, tail) = tail.split_at_checked(length).ok_or_else(cut)?;
        out.push(filter.to_vec());
        rest = tail;
    }
    Ok(out)
}

/// Time of mainnet's block 481,824, from which a committed witness must be there (BIP 141); later than on the test networks.
const SEGWIT_TIME: u32 = 1_503_539_857;

/// True if a block commits to witnesses but has none, not even the coinbase's: preimages may be hidden that way.
fn is_stripped(block: &Block) -> bool {
    let is_commitment = |o: &TxOut| {
        let script = o.script_pubkey.as_bytes();
        script.len() >= 38 && script.starts_with(&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed])
    };
    let Some(coinbase) = block.txdata.first() else { return true };
    let bare = coinbase.input.iter().all(|i| i.witness.is_empty());
    block.header.time >= SEGWIT_TIME && bare && coinbase.output.iter().any(is_commitment)
}

/// Reads a block and checks that it is the one with this header, whole and unaltered.
///
/// Besides the Merkle root this refuses repeated transactions (a list with its end doubled has the same root,
/// CVE-2012-2459) and checks the witness commitment of BIP 141.
pub(crate) fn block(hash: BlockHash, header: Option<&Header>, body: &[u8]) -> Result<Block, SourceError> {
    let bad = |what: &str| SourceError::Block { hash, what: what.to_string() };
    let block: Block = deserialize(body).map_err(|e| bad(&format!("it cannot be read: {e}")))?;
    if block.block_hash() != hash || header.is_some_and(|h| *h != block.header) {
        return Err(bad("its header is another one"));
    }
    let coinbase_first = block.txdata.first().is_some_and(|tx| tx.is_coinbase());
    if !coinbase_first || block.txdata.iter().skip(1).any(|tx| tx.is_coinbase()) {
        return Err(bad("it does not have one coinbase transaction, at its start"));
    }
    if !block.check_merkle_root() {
        return Err(bad("its transactions do not have the header's Merkle root"));
    }
    let mut seen = std::collections::HashSet::new();
    if !block.txdata.iter().all(|tx| seen.insert(tx.compute_txid())) {
        return Err(bad("a transaction is there twice"));
    }
    if is_stripped(&block) || !block.check_witness_commitment() {
        return Err(bad("its witnesses do not fit its witness commitment"));
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_answer_panics(body: Vec<u8>, max in 0u32..9) {
            let _ = status("/status", &body);
            let _ = headers("/headers/0", &body, max);
            let _ = filter_headers("/filter-headers/0", &body, max);
            let _ = filters("/filters/0", &body, max);
            let _ = block(BlockHash::all_zeros(), None, &body);
        }

        #[test]
        fn filters_are_split_as_they_were_joined(list: Vec<Vec<u8>>) {
            let join = |f: &Vec<u8>| {
                let length = VarInt(u64::try_from(f.len()).unwrap());
                [bitcoin::consensus::encode::serialize(&length), f.clone()].concat()
            };
            let file: Vec<u8> = list.iter().flat_map(join).collect();
            assert_eq!(filters("/filters/0", &file, 100_000).unwrap(), list);
            if !file.is_empty() {
                assert!(filters("/filters/0", file.split_last().unwrap().1, 100_000).is_err() || list.last().unwrap().is_empty());
            }
        }
    }

    #[test]
    fn truncated_and_oversized_files_are_refused() {
        assert!(headers("/headers/0", &[0; 81], 9).is_err());
        assert!(headers("/headers/0", &[0; 160], 1).is_err());
        assert!(filter_headers("/filter-headers/0", &[0; 31], 9).is_err());
        assert!(filters("/filters/0", &[5, 1, 2], 9).is_err());
        assert!(filters("/filters/0", &[0xff; 9], 9).is_err(), "a length beyond memory");
        assert!(filters("/filters/0", &[0, 0, 0], 2).is_err());
    }
}
