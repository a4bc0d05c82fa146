//! Conflicts: two sources on one chain with different filters.

use bitcoin::hash_types::FilterHeader;

use crate::filters::header_of;

/// A source whose filter headers differ from ours, without proof that they are false.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// The source.
    pub(crate) url: String,
    /// The first height that differs, above the checkpoint.
    pub(crate) first: u32,
    /// The source's filter header before that, which is ours as well unless that is the checkpoint's.
    pub(crate) before: FilterHeader,
    /// The source's filter headers, from `first` on.
    pub(crate) theirs: Vec<FilterHeader>,
}

impl Conflict {
    /// True if the other source's filter headers contradict this filter. Blocks that it does not know yet are not contradicted.
    pub(crate) fn contradicts(&self, height: u32, filter: &[u8]) -> bool {
        let Some(index) = height.checked_sub(self.first).and_then(|i| usize::try_from(i).ok()) else {
            return false;
        };
        let previous = match index.checked_sub(1) {
            None => Some(&self.before),
            Some(i) => self.theirs.get(i),
        };
        match (previous, self.theirs.get(index)) {
            (Some(previous), Some(theirs)) => header_of(filter, previous) != *theirs,
            _ => false,
        }
    }

    /// The other source's filter header at `height`, where it is known to differ from ours.
    pub(crate) fn header_at(&self, height: u32) -> Option<FilterHeader> {
        let index = usize::try_from(height.checked_sub(self.first)?).ok()?;
        self.theirs.get(index).copied()
    }

    /// The lowest height about which a later report of this conflict says something else, or something new.
    pub(crate) fn first_change(&self, later: &Self) -> u32 {
        let same = self.theirs.iter().zip(&later.theirs).take_while(|(a, b)| a == b).count();
        self.first.saturating_add(u32::try_from(same).unwrap_or(u32::MAX))
    }
}
