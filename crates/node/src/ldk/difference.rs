//! The difference between two versions of a record: what to copy of the old one, and what is new.

use std::collections::HashMap;

use bitcoin::hashes::siphash24;

/// Bytes that are looked for as one: what was inserted before them does not matter.
const BLOCK: usize = 32;

/// Returns what [`apply`] makes `new` of, with `old`.
pub(crate) fn between(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = check(new).to_be_bytes().to_vec();
    let places = old.chunks_exact(BLOCK).zip((0_usize..).step_by(BLOCK));
    let places: HashMap<&[u8], usize> = places.collect();
    // `from`: where it goes on in the old one, if nothing was inserted or removed.
    let (mut at, mut from, mut unwritten) = (0_usize, 0_usize, 0_usize);
    while at < new.len() {
        let run = common(rest(old, from), rest(new, at));
        let known = if run >= BLOCK || at.saturating_add(run) == new.len() {
            Some((from, run))
        } else {
            let block = new.get(at..at.saturating_add(BLOCK));
            let place = block.and_then(|block| places.get(block)).copied();
            place.map(|place| (place, common(rest(old, place), rest(new, at))))
        };
        match known {
            Some((place, run)) => {
                write(&mut out, new.get(unwritten..at).unwrap_or_default(), (place, run));
                at = at.saturating_add(run);
                from = place.saturating_add(run);
                unwritten = at;
            }
            None => {
                at = at.saturating_add(1);
                from = from.saturating_add(1);
            }
        }
    }
    if unwritten < new.len() {
        write(&mut out, rest(new, unwritten), (0, 0));
    }
    out
}

/// Returns the new version; `None`: the old one is another, or the difference is not one.
pub(crate) fn apply(old: &[u8], difference: &[u8]) -> Option<Vec<u8>> {
    let (expected, mut left) = difference.split_first_chunk::<8>()?;
    let mut new = Vec::with_capacity(old.len());
    while !left.is_empty() {
        let inserted = read(&mut left)?;
        let (bytes, after) = left.split_at_checked(inserted)?;
        left = after;
        new.extend_from_slice(bytes);
        let (place, run) = (read(&mut left)?, read(&mut left)?);
        new.extend_from_slice(old.get(place..place.checked_add(run)?)?);
    }
    (check(&new).to_be_bytes() == *expected).then_some(new)
}

fn check(bytes: &[u8]) -> u64 {
    siphash24::Hash::hash_to_u64_with_keys(0, 0, bytes)
}

fn rest(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_default()
}

/// Number of bytes with which both begin.
fn common(a: &[u8], b: &[u8]) -> usize {
    const AT_ONCE: usize = 64;
    let equal = a.chunks_exact(AT_ONCE).zip(b.chunks_exact(AT_ONCE)).take_while(|(a, b)| a == b).count();
    let equal = equal.saturating_mul(AT_ONCE);
    let tail = rest(a, equal).iter().zip(rest(b, equal)).take_while(|(a, b)| a == b).count();
    equal.saturating_add(tail)
}

fn write(out: &mut Vec<u8>, inserted: &[u8], (place, run): (usize, usize)) {
    write_number(out, inserted.len());
    out.extend_from_slice(inserted);
    write_number(out, place);
    write_number(out, run);
}

/// Seven bits a byte, the last ones first; the highest bit says that more follow.
fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

fn read(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for shift in (0..u32::BITS).step_by(7) {
        let (byte, after) = bytes.split_first()?;
        *bytes = after;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes of a few kinds, so that blocks repeat.
    fn record() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![3 => 0u8..2, 1 => any::<u8>()], 0..600)
    }

    proptest! {
        #[test]
        fn the_new_version_comes_of_the_old_one(old in record(), new in record()) {
            prop_assert_eq!(apply(&old, &between(&old, &new)), Some(new));
        }

        #[test]
        fn edits_cost_about_their_size(
            old in proptest::collection::vec(any::<u8>(), 4000..8000),
            edits in proptest::collection::vec(
                (any::<prop::sample::Index>(), 0usize..200, proptest::collection::vec(any::<u8>(), 0..200)), 0..5
            ),
        ) {
            let mut new = old.clone();
            let mut inserted = 0;
            for (place, removed, bytes) in edits {
                let from = place.index(new.len());
                let to = (from + removed).min(new.len());
                inserted += bytes.len() + 3 * BLOCK;
                new.splice(from..to, bytes);
            }
            let difference = between(&old, &new);
            prop_assert!(difference.len() <= 32 + inserted, "{} for {inserted}", difference.len());
            prop_assert_eq!(apply(&old, &difference), Some(new));
        }

        #[test]
        fn another_old_version_is_noticed(old in record(), new in record(), at in any::<prop::sample::Index>()) {
            prop_assume!(!old.is_empty());
            let difference = between(&old, &new);
            let mut other = old;
            let place = at.index(other.len());
            other[place] ^= 1;
            let made = apply(&other, &difference);
            prop_assert!(made.is_none() || made == Some(new));
        }

        #[test]
        fn anything_else_is_refused(old in record(), bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(apply(&old, &bytes), None);
        }
    }
}
