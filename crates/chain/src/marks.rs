//! State of looking again (`rescan`) as it is kept and stored: the height to go on at, under `chain/rescan`, and how far each lasting
//! dispute has been looked through, under `chain/disputes`.

use amplet_storage::{Store, get_unless_damaged};
use bitcoin::hash_types::FilterHeader;
use bitcoin::hashes::Hash;

use crate::ChainError;

pub(crate) const CURSOR: &str = "chain/rescan";
pub(crate) const DISPUTES: &str = "chain/disputes";

/// Extent to which a dispute has been looked through: no block up to `height` needs another look as long as both filter headers at that
/// height, which commit to all filters below, are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LookedThrough {
    pub(crate) url: String,
    pub(crate) height: u32,
    pub(crate) ours: FilterHeader,
    pub(crate) theirs: FilterHeader,
}

/// State of looking again.
#[derive(Debug, Default)]
pub(crate) struct Rescans {
    /// Height of the next block to look through.
    pub(crate) next: Option<u32>,
    pub(crate) looked_through: Vec<LookedThrough>,
    /// It has changed since it was staged last.
    pub(crate) dirty: bool,
}

impl Rescans {
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, ChainError> {
        let next = get_unless_damaged(store, CURSOR)
            .await?
            .and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)));
        let looked_through = decode(&get_unless_damaged(store, DISPUTES).await?.unwrap_or_default());
        Ok(Self { next, looked_through, dirty: false })
    }

    /// Asks for the blocks from a height on.
    pub(crate) fn ask(&mut self, from: u32) {
        let next = Some(self.next.map_or(from, |next| next.min(from)));
        self.dirty |= next != self.next;
        self.next = next;
    }
}

/// For each: height u32, our filter header 32, theirs 32, length of the URL u16, the URL (integers little-endian).
pub(crate) fn encode(marks: impl Iterator<Item = LookedThrough>) -> Vec<u8> {
    let mut out = Vec::new();
    for mark in marks {
        let Ok(length) = u16::try_from(mark.url.len()) else { continue };
        out.extend(mark.height.to_le_bytes());
        out.extend(mark.ours.as_byte_array());
        out.extend(mark.theirs.as_byte_array());
        out.extend(length.to_le_bytes());
        out.extend(mark.url.as_bytes());
    }
    out
}

/// Marks that cannot be read are left out: those blocks are looked through once more.
fn decode(mut bytes: &[u8]) -> Vec<LookedThrough> {
    let mut out = Vec::new();
    while let Some((mark, rest)) = decode_one(bytes) {
        out.push(mark);
        bytes = rest;
    }
    out
}

fn decode_one(bytes: &[u8]) -> Option<(LookedThrough, &[u8])> {
    let (height, rest) = bytes.split_first_chunk::<4>()?;
    let (ours, rest) = rest.split_first_chunk::<32>()?;
    let (theirs, rest) = rest.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (url, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let mark = LookedThrough {
        url: String::from_utf8(url.to_vec()).ok()?,
        height: u32::from_le_bytes(*height),
        ours: FilterHeader::from_byte_array(*ours),
        theirs: FilterHeader::from_byte_array(*theirs),
    };
    Some((mark, rest))
}
