//! The lease: one record of the server that every write replaces, in the same transaction. It says which device may write, and what
//! the backup holds.

use crate::StoreError;

/// Key of its record.
pub(super) const KEY: &str = "lease";

const FORMAT: u8 = 1;
const COMPLETE: u8 = 1;
const LAGGING: u8 = 2;

/// A session's id: of one device, from taking over to losing the wallet.
pub type Session = [u8; 16];

/// The lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Number of takeovers so far.
    pub epoch: u64,
    /// The session that took over last, and may write.
    pub session: Session,
    /// Name of its device.
    pub device: String,
    /// Time at which it took over, in seconds since the UNIX epoch.
    pub since: u64,
    /// The store's global version after the write of this record.
    pub global: i64,
    /// The session that wrote what the backup holds.
    pub writer: Session,
    /// What the backup holds.
    pub head: Head,
    /// False while a write of several requests is under way: the backup holds a part of it.
    pub complete: bool,
}

/// What a backup holds, as its writer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of the newest commit.
    pub generation: u64,
    /// Number of records.
    pub records: u32,
    /// The device did not wait for the backup: it may have gone further than this.
    pub lagging: bool,
}

impl Lease {
    pub(super) fn encode(&self) -> Vec<u8> {
        let complete = if self.complete { COMPLETE } else { 0 };
        let lagging = if self.head.lagging { LAGGING } else { 0 };
        [
            &[FORMAT, complete | lagging],
            self.epoch.to_be_bytes().as_slice(),
            &self.session,
            &self.since.to_be_bytes(),
            &self.global.to_be_bytes(),
            &self.writer,
            &self.head.generation.to_be_bytes(),
            &self.head.records.to_be_bytes(),
            self.device.as_bytes(),
        ]
        .concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let (format, rest) = bytes.split_first().ok_or_else(damaged)?;
        if *format != FORMAT {
            return Err(StoreError::NewerFormat { found: (*format).into(), supported: FORMAT.into() });
        }
        let (flags, rest) = rest.split_first().ok_or_else(damaged)?;
        let mut reader = Reader(rest);
        Ok(Self {
            epoch: u64::from_be_bytes(reader.take()?),
            session: reader.take()?,
            since: u64::from_be_bytes(reader.take()?),
            global: i64::from_be_bytes(reader.take()?),
            writer: reader.take()?,
            head: Head {
                generation: u64::from_be_bytes(reader.take()?),
                records: u32::from_be_bytes(reader.take()?),
                lagging: flags & LAGGING != 0,
            },
            complete: flags & COMPLETE != 0,
            device: String::from_utf8_lossy(reader.0).into_owned(),
        })
    }
}

fn damaged() -> StoreError {
    StoreError::Corrupt { name: "the backup's lease".into(), what: "it is cut short".into() }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_lease_is_read_as_it_was_written() {
        let head = Head { generation: 7, records: 9, lagging: true };
        let (session, writer) = ([1; 16], [2; 16]);
        let device = "Anna's phone".to_owned();
        let lease = Lease { epoch: 3, session, device, since: 5, global: 8, writer, head, complete: false };
        assert_eq!(Lease::decode(&lease.encode()).unwrap(), lease);
        assert!(Lease::decode(&lease.encode()[..40]).is_err());
        assert!(matches!(Lease::decode(&[2, 0]), Err(StoreError::NewerFormat { found: 2, .. })));
    }
}
