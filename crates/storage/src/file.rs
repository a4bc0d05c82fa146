//! A whole store in one file, sealed.
//!
//! Format 1, integers big endian: magic `AmpletBK`, format (1 byte), then sealed (nonce, ciphertext, tag): the number of the store's
//! newest commit (8), and for each record the length of its name (4), its name, the length of its value (4), its value.

use crate::mirror::Record;
use crate::seal::Key;
use crate::{StoreError, random};

const HEAD: &[u8; 9] = b"AmpletBK\x01";

/// Seals records under 32 bytes that nobody else has.
///
/// # Errors
/// [`StoreError::Randomness`].
pub fn seal(key: &[u8; 32], generation: u64, records: &[Record]) -> Result<Vec<u8>, StoreError> {
    let mut plain = generation.to_be_bytes().to_vec();
    for (name, value) in records {
        for part in [name.as_bytes(), value] {
            plain.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            plain.extend(part);
        }
    }
    let sealed = Key(*key).seal(random()?, HEAD, &plain)?;
    Ok([HEAD.as_slice(), &sealed].concat())
}

/// Opens what [`seal`] sealed: the number of the newest commit, and the records.
///
/// # Errors
/// [`StoreError::NewerFormat`]; [`StoreError::Corrupt`]: it is none, it was damaged, or belongs to another key.
pub fn open(key: &[u8; 32], file: &[u8]) -> Result<(u64, Vec<Record>), StoreError> {
    let other = |what: &str| StoreError::Corrupt { name: "the file".into(), what: what.into() };
    let (head, sealed) = file.split_first_chunk::<9>().ok_or_else(|| other("it is no exported wallet"))?;
    if head != HEAD {
        let [magic @ .., format] = head;
        return match HEAD.starts_with(magic) {
            true => Err(StoreError::NewerFormat { found: (*format).into(), supported: 1 }),
            false => Err(other("it is no exported wallet")),
        };
    }
    let plain = Key(*key).open(HEAD, sealed);
    let plain = plain.ok_or_else(|| other("it belongs to another recovery phrase, or was changed"))?;
    read(&plain).ok_or_else(|| other("it cannot be read"))
}

fn read(plain: &[u8]) -> Option<(u64, Vec<Record>)> {
    let (generation, mut rest) = plain.split_first_chunk()?;
    let mut part = || {
        let (length, after) = rest.split_first_chunk()?;
        let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        rest = after;
        Some((part.to_vec(), after.is_empty()))
    };
    let mut records = Vec::new();
    let mut at_end = plain.len() == 8;
    while !at_end {
        let (name, _) = part()?;
        let (value, is_last) = part()?;
        records.push((String::from_utf8(name).ok()?, value));
        at_end = is_last;
    }
    Some((u64::from_be_bytes(*generation), records))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_file_opens_with_its_key_only_and_whole() {
        let key = [5; 32];
        for count in [0_u8, 1, 3] {
            let records: Vec<Record> = (0..count).map(|n| (format!("name/{n}"), vec![n; n.into()])).collect();
            let file = seal(&key, 7, &records).unwrap();
            assert_eq!(open(&key, &file).unwrap(), (7, records));
            assert!(matches!(open(&[6; 32], &file), Err(StoreError::Corrupt { .. })));
            assert!(open(&key, &file[..file.len() - 1]).is_err());
            let mut newer = file.clone();
            newer[8] = 2;
            assert!(matches!(open(&key, &newer), Err(StoreError::NewerFormat { found: 2, supported: 1 })));
        }
        assert!(open(&key, b"something else").is_err());
    }
}
