//! Numbers and records as BOLT 1 writes them.

use alloc::vec::Vec;

/// Reads a `bigsize`; `None`: cut off, or longer than need be.
pub(crate) fn bigsize(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, least) = match first {
        0xfd => (2, 0xfd),
        0xfe => (4, 0x1_0000),
        0xff => (8, 0x1_0000_0000),
        small => return Some((u64::from(*small), rest)),
    };
    let (number, rest) = rest.split_at_checked(length)?;
    let number = big_endian(number)?;
    (number >= least).then_some((number, rest))
}

/// Writes a `bigsize`.
pub(crate) fn put_bigsize(number: u64, bytes: &mut Vec<u8>) {
    let [.., a, b] = number.to_be_bytes();
    match number {
        0..0xfd => bytes.push(b),
        0xfd..0x1_0000 => bytes.extend([0xfd, a, b]),
        0x1_0000..0x1_0000_0000 => {
            bytes.push(0xfe);
            bytes.extend(number.to_be_bytes().into_iter().skip(4));
        }
        _ => {
            bytes.push(0xff);
            bytes.extend(number.to_be_bytes());
        }
    }
}

/// Reads a truncated number (`tu32`, `tu64`) of at most `length` bytes; `None`: longer, or it begins with a zero.
pub(crate) fn truncated(bytes: &[u8], length: usize) -> Option<u64> {
    if bytes.len() > length || bytes.first() == Some(&0) {
        return None;
    }
    big_endian(bytes)
}

/// Writes a truncated number.
pub(crate) fn put_truncated(number: u64, bytes: &mut Vec<u8>) {
    bytes.extend(number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0));
}

/// Reads a number of up to 8 bytes.
fn big_endian(bytes: &[u8]) -> Option<u64> {
    let mut padded = [0; 8];
    let start = padded.len().checked_sub(bytes.len())?;
    padded.get_mut(start..)?.copy_from_slice(bytes);
    Some(u64::from_be_bytes(padded))
}

/// Writes a record: type, length, value.
pub(crate) fn put_record(record_type: u64, value: &[u8], bytes: &mut Vec<u8>) {
    put_bigsize(record_type, bytes);
    put_bigsize(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}
