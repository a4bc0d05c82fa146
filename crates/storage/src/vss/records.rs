//! Records as the server sees them: keys are HMACs of names, values are names and values together, padded to one of a few lengths and
//! sealed. It learns neither names nor values nor lengths.

use crate::seal::Key;
use crate::{StoreError, random};

/// Minimum length of what is sealed; the lengths are its doubles.
const BUCKET: usize = 512;
/// Length up to which they are; above they are its multiples.
const LARGEST_BUCKET: usize = 1 << 20;

/// Keys of a backup's records, derived from its one key.
pub(super) struct RecordKeys {
    name: Key,
    value: Key,
}

impl RecordKeys {
    pub(super) fn new(key: &Key) -> Self {
        Self {
            name: key.derive(b"amplet backup 1 key of names"),
            value: key.derive(b"amplet backup 1 key of values"),
        }
    }

    /// The server's key of a record: 32 hex digits.
    pub(super) fn key_of(&self, name: &[u8]) -> String {
        self.name.mac(&[name]).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals a record; `None`: it was removed.
    pub(super) fn seal(&self, key: &str, name: &[u8], value: Option<&[u8]>) -> Result<Vec<u8>, StoreError> {
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
        let has_value = [u8::from(value.is_some())];
        let value = value.unwrap_or_default();
        let mut plain = [has_value.as_slice(), &length(name), name, &length(value), value].concat();
        plain.resize(padded(plain.len()), 0);
        self.value.seal(random()?, key.as_bytes(), &plain)
    }

    /// Opens what [`RecordKeys::seal`] sealed.
    pub(super) fn open(&self, key: &str, sealed: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), StoreError> {
        let damaged =
            || StoreError::Corrupt { name: format!("backup {key}"), what: "it does not open".into() };
        let plain = self.value.open(key.as_bytes(), sealed).ok_or_else(damaged)?;
        let (has_value, rest) = plain.split_first().ok_or_else(damaged)?;
        let (name, rest) = part(rest).ok_or_else(damaged)?;
        let (value, _) = part(rest).ok_or_else(damaged)?;
        Ok((name.to_vec(), (*has_value == 1).then(|| value.to_vec())))
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn padded(length: usize) -> usize {
    match length {
        0..=LARGEST_BUCKET => length.max(BUCKET).next_power_of_two(),
        _ => length.next_multiple_of(LARGEST_BUCKET),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_open_and_show_only_their_bucket() {
        let keys = RecordKeys::new(&Key([7; 32]));
        let key = keys.key_of(b"ldk/manager");
        assert_eq!(key.len(), 32);
        assert_ne!(key, keys.key_of(b"ldk/managers"));
        let lengths = [0, 1, 400, 500, 513, 100_000, 1 << 20, 3 << 20].map(|length| {
            let value = vec![9; length];
            let sealed = keys.seal(&key, b"ldk/manager", Some(&value)).unwrap();
            let (name, opened) = keys.open(&key, &sealed).unwrap();
            assert_eq!((name.as_slice(), opened.unwrap().len()), (&b"ldk/manager"[..], length));
            sealed.len() - 40
        });
        assert_eq!(lengths, [512, 512, 512, 1024, 1024, 1 << 17, 2 << 20, 4 << 20]);
        let removed = keys.seal(&key, b"ldk/manager", None).unwrap();
        assert_eq!(keys.open(&key, &removed).unwrap(), (b"ldk/manager".to_vec(), None));
        assert!(keys.open(&keys.key_of(b"another"), &removed).is_err(), "it opens under its own key only");
    }
}
