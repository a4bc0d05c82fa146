//! The verified headers from the checkpoint to the tip, each with its filter header.

use std::collections::BTreeMap;

use bitcoin::block::Header;
use bitcoin::hash_types::FilterHeader;
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, Network, Work};

use crate::rules::{Ancestors, Rules};
use crate::{BlockId, Checkpoint, HeaderError, POSITION_ANCESTORS, Position, Tip};

/// Maximum number of remembered blocks that left the chain, to find the fork point of a listener that was on them.
const MAX_STALE: usize = 4096;

/// One block of the best chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) header: Header,
    pub(crate) hash: BlockHash,
    /// The work of the chain up to and including it.
    pub(crate) work: Work,
    pub(crate) filter_header: FilterHeader,
}

/// Headers that were verified but are not on the best chain (yet).
#[derive(Debug)]
pub(crate) struct Branch {
    /// Height of the last block shared with the best chain.
    fork: u32,
    blocks: Vec<(Header, BlockHash, Work)>,
}

impl Branch {
    pub(crate) fn fork(&self) -> u32 {
        self.fork
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    pub(crate) fn hashes(&self) -> Vec<BlockHash> {
        self.blocks.iter().map(|(_, hash, _)| *hash).collect()
    }

    /// The work of the whole chain that ends with this branch.
    pub(crate) fn work(&self) -> Option<Work> {
        self.blocks.last().map(|(_, _, work)| *work)
    }
}

/// The best chain, from the checkpoint up. Verified: linking, proof of work, difficulty, times, versions.
pub(crate) struct HeaderChain {
    rules: Rules,
    base: Checkpoint,
    /// `entries[0]` is the checkpoint; never empty.
    entries: Vec<Entry>,
    /// Blocks that left the chain, to their parents. The lowest are dropped first.
    stale: BTreeMap<(u32, BlockHash), BlockHash>,
    /// The lowest height that changed since it was staged last.
    dirty: Option<u32>,
}

impl HeaderChain {
    pub(crate) fn new(network: Network, base: Checkpoint) -> Self {
        let first = Entry {
            header: base.header,
            hash: base.header.block_hash(),
            work: base.work,
            filter_header: base.filter_header.unwrap_or_else(FilterHeader::all_zeros),
        };
        let (entries, dirty) = (vec![first], Some(base.height));
        Self { rules: Rules::new(network), base, entries, stale: BTreeMap::new(), dirty }
    }

    pub(crate) fn network(&self) -> Network {
        self.rules.network()
    }

    pub(crate) fn base(&self) -> &Checkpoint {
        &self.base
    }

    fn last(&self) -> &Entry {
        // The checkpoint's entry is never removed, so the fallback is not reached.
        self.entries.last().unwrap_or(&self.entries[0])
    }

    pub(crate) fn tip(&self) -> Tip {
        let last = self.last();
        Tip { hash: last.hash, height: self.height(), time: last.header.time }
    }

    pub(crate) fn height(&self) -> u32 {
        let above = u32::try_from(self.entries.len()).unwrap_or(u32::MAX).saturating_sub(1);
        self.base.height.saturating_add(above)
    }

    pub(crate) fn work(&self) -> Work {
        self.last().work
    }

    pub(crate) fn entry(&self, height: u32) -> Option<&Entry> {
        let index = height.checked_sub(self.base.height)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn contains(&self, id: BlockId) -> bool {
        self.entry(id.height).is_some_and(|e| e.hash == id.hash)
    }

    /// The height of a block on the best chain.
    pub(crate) fn height_of(&self, hash: &BlockHash) -> Option<u32> {
        let index = self.entries.iter().rposition(|e| e.hash == *hash)?;
        self.base.height.checked_add(u32::try_from(index).ok()?)
    }

    /// The position of the block at `height`.
    pub(crate) fn position(&self, height: u32) -> Option<Position> {
        let hash = self.entry(height)?.hash;
        let ancestors = (1..=POSITION_ANCESTORS).map_while(|back| {
            let below = height.checked_sub(u32::try_from(back).ok()?)?;
            self.entry(below).map(|e| e.hash)
        });
        Some(Position { hash, height, previous: ancestors.collect() })
    }

    /// The last block that `from` shares with the best chain: itself, one of the ancestors it names, or one found over
    /// the blocks that are remembered to have left the chain.
    pub(crate) fn fork_of(&self, from: &Position) -> Option<BlockId> {
        let mut id = from.id();
        let mut named = from.previous.iter();
        loop {
            if self.contains(id) {
                return Some(id);
            }
            let parent = named.next().or_else(|| self.stale.get(&(id.height, id.hash)))?;
            id = BlockId { hash: *parent, height: id.height.checked_sub(1)? };
        }
    }

    /// Verifies headers that follow the block at `fork` of the best chain.
    pub(crate) fn verify(&self, fork: u32, headers: &[Header], now: u64) -> Result<Branch, HeaderError> {
        let Some(start) = self.entry(fork) else {
            return Err(HeaderError::BelowCheckpoint { checkpoint: self.base.height });
        };
        let mut work = start.work;
        let mut view =
            View { chain: self, branch: Branch { fork, blocks: Vec::with_capacity(headers.len()) } };
        let mut height = fork;
        for header in headers {
            height = height.saturating_add(1);
            let hash = self.rules.check(&view, height, header, now)?;
            work = work + header.work();
            view.branch.blocks.push((*header, hash, work));
        }
        Ok(view.branch)
    }

    /// Sets the checkpoint's filter header when the checkpoint came without one.
    pub(crate) fn learn_base(&mut self, filter_header: FilterHeader) {
        if let (None, Some(base)) = (self.base.filter_header, self.entries.first_mut()) {
            base.filter_header = filter_header;
        }
    }

    /// Makes a branch the best chain; `filter_headers` are those of its blocks. Blocks without one are left out. Returns
    /// the fork point when blocks of the old chain left it.
    pub(crate) fn adopt(&mut self, branch: Branch, filter_headers: &[FilterHeader]) -> Option<BlockId> {
        let fork = self.entry(branch.fork)?.hash;
        // Blocks stand on it now: a filter header learned for the checkpoint is final.
        self.base.filter_header = self.entries.first().map(|base| base.filter_header);
        let keep = usize::try_from(branch.fork - self.base.height).ok()?.saturating_add(1);
        let left = self.entries.split_off(keep.min(self.entries.len()));
        self.remember_stale(branch.fork, fork, &left);
        let blocks = branch.blocks.into_iter().zip(filter_headers);
        self.entries.extend(blocks.map(|((header, hash, work), filter_header)| Entry {
            header,
            hash,
            work,
            filter_header: *filter_header,
        }));
        self.mark_dirty(branch.fork.saturating_add(1));
        (!left.is_empty()).then_some(BlockId { hash: fork, height: branch.fork })
    }

    fn remember_stale(&mut self, fork: u32, fork_hash: BlockHash, left: &[Entry]) {
        let (mut height, mut parent) = (fork, fork_hash);
        for entry in left {
            height = height.saturating_add(1);
            self.stale.insert((height, entry.hash), parent);
            parent = entry.hash;
        }
        // The lowest first: positions are near the tip.
        while self.stale.len() > MAX_STALE {
            self.stale.pop_first();
        }
    }

    /// Replaces the filter headers from `from` on, after those in use were proven false.
    pub(crate) fn replace_filter_headers(&mut self, from: u32, filter_headers: &[FilterHeader]) {
        let Some(start) = from.checked_sub(self.base.height).and_then(|i| usize::try_from(i).ok()) else {
            return;
        };
        for (entry, new) in self.entries.iter_mut().skip(start).zip(filter_headers) {
            entry.filter_header = *new;
        }
        self.mark_dirty(from);
    }

    fn mark_dirty(&mut self, height: u32) {
        self.dirty = Some(self.dirty.map_or(height, |d| d.min(height)));
    }

    /// Takes the lowest height that has to be staged.
    pub(crate) fn take_dirty(&mut self) -> Option<u32> {
        self.dirty.take()
    }

    pub(crate) fn stale(&self) -> impl Iterator<Item = (BlockId, BlockHash)> + '_ {
        self.stale.iter().map(|((height, hash), parent)| (BlockId { hash: *hash, height: *height }, *parent))
    }

    /// Restores a stored block (authenticated by the store, so proof of work is not checked again).
    pub(crate) fn restore(&mut self, header: Header, filter_header: FilterHeader) {
        let (hash, work) = (header.block_hash(), self.work() + header.work());
        self.entries.push(Entry { header, hash, work, filter_header });
        self.dirty = None;
    }

    pub(crate) fn restore_stale(&mut self, id: BlockId, parent: BlockHash) {
        self.stale.insert((id.height, id.hash), parent);
    }
}

/// The best chain up to a fork, and a branch above it.
struct View<'a> {
    chain: &'a HeaderChain,
    branch: Branch,
}

impl Ancestors for View<'_> {
    fn header(&self, height: u32) -> Option<&Header> {
        if height <= self.branch.fork {
            return self.chain.entry(height).map(|e| &e.header);
        }
        let index = usize::try_from(height - self.branch.fork - 1).ok()?;
        self.branch.blocks.get(index).map(|(header, _, _)| header)
    }
}
