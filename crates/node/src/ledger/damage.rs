//! Records that cannot be read: they are named, passed over and left as they are.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::LedgerError;

/// Names of the records that could not be read in this session.
#[derive(Default)]
pub(crate) struct Damaged(RefCell<BTreeSet<String>>);

impl Damaged {
    /// Passes over a record that cannot be read; other errors stay errors. `None`: passed over.
    pub fn pass_over<T>(&self, name: &str, read: Result<T, LedgerError>) -> Result<Option<T>, LedgerError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_damage() => {
                self.add(name, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Notes a record that cannot be read.
    pub fn add(&self, name: &str, error: &dyn std::fmt::Display) {
        if self.0.borrow_mut().insert(name.to_owned()) {
            log::error!("{error}; it is kept as it is, and everything else goes on");
        }
    }

    /// Their names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.0.borrow().iter().cloned().collect()
    }
}
