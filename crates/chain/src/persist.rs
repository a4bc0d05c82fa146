//! The stored form of the headers: a descriptor, and chunks of 256 blocks, so that a new block rewrites 20 kB at most.
//!
//! `chain/meta` (format 1, integers little-endian): format u32 | genesis hash 32 | checkpoint height u32 | checkpoint
//! header 80 | checkpoint work 32 | checkpoint filter header 32 (zeros: not known yet) | tip height u32 | tip hash 32 | stale blocks: count u32,
//! then height u32, hash 32, parent 32 each.
//! `chain/headers/<n>`: for each block above the checkpoint at heights 256 n to 256 n + 255: version, Merkle root, time,
//! bits, nonce (48 bytes; the parent's hash is implied), filter header 32.

use amplet_storage::{Batch, Store, get_unless_damaged};
use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hash_types::FilterHeader;
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, CompactTarget, Network, TxMerkleNode, Work};
use futures::future::join_all;

use crate::headers::{Entry, HeaderChain};
use crate::{BlockId, ChainError, Checkpoint};

const FORMAT: u32 = 1;
const META: &str = "chain/meta";
const CHUNK: u32 = 256;
const RECORD: usize = 80;

fn chunk_name(n: u32) -> String {
    format!("chain/headers/{n:08}")
}

/// Stages what changed since the last call.
pub(crate) fn stage(chain: &mut HeaderChain, batch: &mut Batch) {
    let Some(from) = chain.take_dirty() else { return };
    batch.put(META, encode_meta(chain));
    let first_block = chain.base().height.saturating_add(1);
    for n in from.max(first_block) / CHUNK..=chain.height() / CHUNK {
        let start = n.saturating_mul(CHUNK).max(first_block);
        let end = n.saturating_add(1).saturating_mul(CHUNK);
        let entries = (start..end).map_while(|height| chain.entry(height));
        let mut bytes = Vec::with_capacity(RECORD * 256);
        entries.for_each(|entry| encode_entry(entry, &mut bytes));
        batch.put(chunk_name(n), bytes);
    }
}

fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    let header = serialize(&entry.header);
    let (version, rest) = header.split_at(4);
    out.extend_from_slice(version);
    out.extend(rest.iter().skip(32));
    out.extend_from_slice(entry.filter_header.as_byte_array());
}

fn encode_meta(chain: &HeaderChain) -> Vec<u8> {
    let (base, tip) = (chain.base(), chain.tip());
    let mut out = Vec::new();
    out.extend(FORMAT.to_le_bytes());
    out.extend(genesis_hash(chain.network()).as_byte_array());
    out.extend(base.height.to_le_bytes());
    out.extend(serialize(&base.header));
    out.extend(base.work.to_be_bytes());
    out.extend(base.filter_header.unwrap_or_else(FilterHeader::all_zeros).as_byte_array());
    out.extend(tip.height.to_le_bytes());
    out.extend(tip.hash.as_byte_array());
    let stale: Vec<_> = chain.stale().collect();
    out.extend(u32::try_from(stale.len()).unwrap_or(0).to_le_bytes());
    for (id, parent) in stale {
        out.extend(id.height.to_le_bytes());
        out.extend(id.hash.as_byte_array());
        out.extend(parent.as_byte_array());
    }
    out
}

pub(crate) fn genesis_hash(network: Network) -> BlockHash {
    bitcoin::blockdata::constants::genesis_block(network).block_hash()
}

/// Loads the stored chain; `None` when nothing is stored, or when what is stored does not hold together (headers can
/// always be fetched again, so that is no reason to refuse to start).
pub(crate) async fn load(store: &dyn Store, network: Network) -> Result<Option<HeaderChain>, ChainError> {
    let Some(bytes) = get_unless_damaged(store, META).await? else { return Ok(None) };
    let Some(meta) = Meta::decode(&bytes)? else {
        log::warn!("the stored headers' descriptor is unreadable; headers are fetched again");
        return Ok(None);
    };
    if meta.genesis != genesis_hash(network) {
        let found = format!("the chain with genesis block {}", meta.genesis);
        // Not fetched again, as damaged headers are: this wallet belongs to another network.
        return Err(ChainError::OtherNetwork { found, expected: network });
    }
    let first_block = meta.base.height.saturating_add(1);
    let names: Vec<String> = (first_block / CHUNK..=meta.tip.height / CHUNK).map(chunk_name).collect();
    let chunks = join_all(names.iter().map(|name| get_unless_damaged(store, name))).await;
    let mut chain = HeaderChain::new(network, meta.base);
    for chunk in chunks {
        restore_chunk(&mut chain, &chunk?.unwrap_or_default(), meta.tip.height);
    }
    if chain.tip().id() != meta.tip {
        log::warn!("the stored headers do not reach their tip; headers are fetched again");
        return Ok(None);
    }
    meta.stale.into_iter().for_each(|(id, parent)| chain.restore_stale(id, parent));
    Ok(Some(chain))
}

/// Appends the blocks of a chunk, up to height `until`. The parent's hash is implied, so a damaged chunk changes the tip's hash.
fn restore_chunk(chain: &mut HeaderChain, bytes: &[u8], until: u32) {
    for record in bytes.chunks_exact(RECORD) {
        if chain.height() >= until {
            return;
        }
        let mut reader = Reader(record);
        let Some((header, filter_header)) = decode_entry(&mut reader, chain.tip().hash) else { return };
        chain.restore(header, filter_header);
    }
}

fn decode_entry(reader: &mut Reader<'_>, parent: BlockHash) -> Option<(Header, FilterHeader)> {
    let header = Header {
        version: Version::from_consensus(i32::from_le_bytes(reader.array()?)),
        prev_blockhash: parent,
        merkle_root: TxMerkleNode::from_byte_array(reader.array()?),
        time: reader.u32()?,
        bits: CompactTarget::from_consensus(reader.u32()?),
        nonce: reader.u32()?,
    };
    Some((header, FilterHeader::from_byte_array(reader.array()?)))
}

struct Meta {
    genesis: BlockHash,
    base: Checkpoint,
    tip: BlockId,
    stale: Vec<(BlockId, BlockHash)>,
}

impl Meta {
    /// `Ok(None)`: not readable.
    fn decode(bytes: &[u8]) -> Result<Option<Self>, ChainError> {
        let mut reader = Reader(bytes);
        match reader.u32() {
            Some(FORMAT) => Ok(Self::decode_v1(&mut reader)),
            Some(found) if found > FORMAT => Err(ChainError::NewerFormat { found, supported: FORMAT }),
            _ => Ok(None),
        }
    }

    fn decode_v1(reader: &mut Reader<'_>) -> Option<Self> {
        let genesis = reader.hash()?;
        let base = Checkpoint {
            height: reader.u32()?,
            header: deserialize(reader.take(80)?).ok()?,
            work: Work::from_be_bytes(reader.array()?),
            filter_header: Some(FilterHeader::from_byte_array(reader.array()?))
                .filter(|f| *f != FilterHeader::all_zeros()),
        };
        let tip = BlockId { height: reader.u32()?, hash: reader.hash()? };
        let count = reader.u32()?;
        let mut stale = Vec::new();
        for _ in 0..count {
            let id = BlockId { height: reader.u32()?, hash: reader.hash()? };
            stale.push((id, reader.hash()?));
        }
        Some(Self { genesis, base, tip, stale })
    }
}

/// Reads from the front of a slice.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn hash(&mut self) -> Option<BlockHash> {
        self.array().map(BlockHash::from_byte_array)
    }
}
