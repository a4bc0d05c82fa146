//! The writes of one step.

use std::collections::BTreeMap;

/// The writes of one step, to be committed all or nothing.
///
/// The last write of a name wins: a `put` after a `remove` leaves the value, a `remove` after a `put` leaves nothing.
/// Since the whole batch becomes visible at one instant, the order across different names cannot be observed and is
/// not recorded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    writes: BTreeMap<String, Option<Vec<u8>>>,
}

impl Batch {
    /// A batch without writes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name` to `value` (which may be empty: an empty value is a value).
    pub fn put(&mut self, name: impl Into<String>, value: Vec<u8>) {
        self.writes.insert(name.into(), Some(value));
    }

    /// Removes `name`; removing a name that does not exist is no error.
    pub fn remove(&mut self, name: impl Into<String>) {
        self.writes.insert(name.into(), None);
    }

    /// Appends the writes of `other`, which count as later than those already here.
    pub fn merge(&mut self, other: Batch) {
        self.writes.extend(other.writes);
    }

    /// True if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The number of distinct names written or removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Each name once, sorted, with its new value, or `None` where it is removed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.writes.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

/// Names and lengths only: values may be secrets.
impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, value.map(<[u8]>::len)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Batch;

    #[test]
    fn the_last_write_of_a_name_wins() {
        let mut batch = Batch::new();
        batch.put("a", vec![1]);
        batch.remove("a");
        batch.remove("b");
        batch.put("b", vec![2]);
        let mut later = Batch::new();
        later.put("a", vec![3]);
        batch.merge(later);
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.iter().collect::<Vec<_>>(), [("a", Some(&[3][..])), ("b", Some(&[2][..]))]);
    }

    #[test]
    fn debug_shows_no_value() {
        let mut batch = Batch::new();
        batch.put("seed", vec![77; 3]);
        assert_eq!(format!("{batch:?}"), r#"{"seed": Some(3)}"#);
    }
}
