//! What a device knows of its backup: a record of its own, written with every commit.

use crate::{Session, StoreError};
use std::collections::BTreeSet;

/// Name of the record.
pub(super) const NAME: &str = "backup/state";

/// Beginnings of the names that stay on the device: what is its own, and what is large and can be fetched or learnt again.
const LOCAL: [&str; 4] = ["backup/", "routing/", "ldk/graph", "node/lost_keys/"];

const FORMAT: u8 = 1;
/// Maximum number of names that are listed; of more, everything is sent again.
const MAX_NAMES: usize = 2_000;
/// Maximum number of sessions.
const MAX_SESSIONS: usize = 16;

/// Returns whether a record is not part of the backup.
pub(super) fn stays_local(name: &str) -> bool {
    LOCAL.iter().any(|beginning| name.starts_with(beginning))
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Number of this device's newest commit.
    pub generation: u64,
    /// Number of the newest one that the backup has confirmed.
    pub durable: u64,
    /// The server's sequence at that time.
    pub sequence: i64,
    /// Sessions whose writes this device has: the first wrote what the backup held last, the others may have taken over since.
    pub sessions: Vec<Session>,
    /// Names whose newest values the backup may lack; `None`: all.
    pub unsent: Option<BTreeSet<String>>,
}

impl State {
    /// Notes names that the backup may lack.
    pub fn note<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        if let Some(unsent) = &mut self.unsent {
            unsent.extend(names.map(str::to_owned));
        }
        if self.unsent.as_ref().is_some_and(|unsent| unsent.len() > MAX_NAMES) {
            self.unsent = None;
        }
    }

    /// Notes a session that is about to take over.
    pub fn push_session(&mut self, session: Session) {
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.remove(1);
        }
        self.sessions.push(session);
    }

    pub fn encode(&self) -> Vec<u8> {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let mut bytes = vec![FORMAT, u8::from(self.unsent.is_some())];
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.durable.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(length(self.sessions.len()));
        self.sessions.iter().for_each(|session| bytes.extend(session));
        for name in self.unsent.iter().flatten() {
            bytes.extend(length(name.len()));
            bytes.extend(name.as_bytes());
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::Corrupt { name: NAME.into(), what: "it cannot be read".into() };
        let (format, rest) = bytes.split_first().ok_or_else(damaged)?;
        if *format != FORMAT {
            return Err(StoreError::NewerFormat { found: (*format).into(), supported: FORMAT.into() });
        }
        Self::read(rest).ok_or_else(damaged)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (has_list, mut rest) = bytes.split_first()?;
        let generation = u64::from_be_bytes(take(&mut rest)?);
        let durable = u64::from_be_bytes(take(&mut rest)?);
        let sequence = i64::from_be_bytes(take(&mut rest)?);
        let count = u32::from_be_bytes(take(&mut rest)?);
        let sessions = (0..count).map(|_| take(&mut rest)).collect::<Option<Vec<Session>>>()?;
        let mut unsent = BTreeSet::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(take(&mut rest)?);
            let (name, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            unsent.insert(String::from_utf8(name.to_vec()).ok()?);
            rest = after;
        }
        let unsent = (*has_list == 1).then_some(unsent);
        Some(Self { generation, durable, sequence, sessions, unsent })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let mut state = State { generation: 3, durable: 2, sequence: 9, ..State::default() };
        assert_eq!(State::decode(&state.encode()).unwrap(), state);
        state.unsent = Some(BTreeSet::new());
        state.push_session([4; 16]);
        state.note(["ldk/manager", "b"].into_iter());
        assert_eq!(State::decode(&state.encode()).unwrap(), state);
        let bytes = state.encode();
        assert!((1..bytes.len()).all(|end| State::decode(&bytes[..end]).is_err_or_shorter(&state)));
        let many: Vec<String> = (0..=MAX_NAMES).map(|number| number.to_string()).collect();
        state.note(many.iter().map(String::as_str));
        assert_eq!(state.unsent, None);
    }

    trait Shorter {
        fn is_err_or_shorter(&self, whole: &State) -> bool;
    }

    impl Shorter for Result<State, StoreError> {
        fn is_err_or_shorter(&self, whole: &State) -> bool {
            self.as_ref().map_or(true, |read| read != whole)
        }
    }
}
