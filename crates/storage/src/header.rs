//! The header, the one record that is not sealed: it holds the data key, wrapped once for each passphrase and passkey.
//!
//! Format 2, integers big endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `AmpletKV` |
//! | 2 | format |
//! | 1 | number of slots, 1 to 17 |
//! | | the slots |
//! | 32 | seal: HMAC of all the above under a key derived from the data key; a slot that was removed cannot be put back |
//! | 32 | SHA-256 of all the above; detects damage |
//!
//! A slot:
//!
//! | bytes | what |
//! |---|---|
//! | 2 | length of the source |
//! | | source of the KEK ([`KeySource::to_bytes`]) |
//! | 32 | key check: HMAC of `AmpletKV`, 0, 1 and the source under a key derived from the KEK; detects a wrong passphrase |
//! | 72 | the data key sealed under another key derived from the KEK (nonce, ciphertext, tag), authenticating the same |
//!
//! Format 1 had one slot, its source always of 29 bytes, without number, length and seal: 175 bytes. It is read, and rewritten at
//! the first change of what opens the wallet.
//!
//! Every later format retains the first two fields and the last, so that "newer" and "damaged" can always be distinguished.

use crate::StoreError;
use crate::kdf::{KdfParams, Kek};
use crate::seal::Key;
use crate::slot::{CHECK, KeySource, Slot, WRAPPED};
use sha2::{Digest, Sha256};

/// The name under which the header lies. Sealed names are longer.
pub(crate) const HEADER_NAME: &[u8] = b"header";

/// The format this release writes, and the newest that it reads.
pub(crate) const FORMAT: u16 = 2;

const MAGIC: &[u8; 8] = b"AmpletKV";
/// A passphrase and sixteen passkeys.
const MAX_SLOTS: usize = 17;
const SEAL_LABEL: &[u8] = b"amplet storage 2 header key";

/// A header whose damage check has passed.
#[derive(Clone)]
pub(crate) struct Header {
    slots: Vec<Slot>,
    /// `None` in format 1.
    seal: Option<[u8; 32]>,
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt { name: "header".into(), what: what.to_owned() }
}

impl Header {
    /// The first header of a wallet.
    pub(crate) fn new(source: KeySource, kek: &Kek, data_key: &Key) -> Result<Self, StoreError> {
        Self { slots: Vec::new(), seal: None }.with(source, kek, data_key)
    }

    /// With one more slot. One with the same source is replaced, and one for a passphrase by one for a passphrase.
    pub(crate) fn with(&self, source: KeySource, kek: &Kek, data_key: &Key) -> Result<Self, StoreError> {
        let mut slots: Vec<Slot> =
            self.slots.iter().filter(|slot| !slot.source.excludes(&source)).cloned().collect();
        if slots.len() >= MAX_SLOTS {
            let what = "this wallet has its sixteen passkeys: remove one before you add another";
            return Err(StoreError::InvalidKeySource { what });
        }
        slots.push(Slot::wrap(source, kek, data_key)?);
        Ok(Self::sealed(slots, data_key))
    }

    /// Without the slot of `source`.
    pub(crate) fn without(&self, source: &KeySource, data_key: &Key) -> Result<Self, StoreError> {
        let slots: Vec<Slot> = self.slots.iter().filter(|slot| slot.source != *source).cloned().collect();
        if slots.len() == self.slots.len() {
            let what = "that does not open this wallet (any more): look which passkeys it has";
            return Err(StoreError::InvalidKeySource { what });
        }
        if slots.is_empty() {
            let what =
                "nothing else opens this wallet: add a passphrase or another passkey before you remove it";
            return Err(StoreError::InvalidKeySource { what });
        }
        Ok(Self::sealed(slots, data_key))
    }

    fn sealed(slots: Vec<Slot>, data_key: &Key) -> Self {
        let seal = data_key.derive(SEAL_LABEL).mac(&[&body(&slots)]);
        Self { slots, seal: Some(seal) }
    }

    /// The record, in format 2; only of a header that was made or changed here.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut header = body(&self.slots);
        header.extend(self.seal.unwrap_or_default());
        let digest: [u8; 32] = Sha256::digest(&header).into();
        header.extend(digest);
        header
    }

    /// Reads a header; needs no secret.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let (body, digest) = bytes.split_last_chunk::<32>().ok_or_else(|| damaged("it is cut short"))?;
        let rest = body.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not start with AmpletKV"))?;
        let (format, rest) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut short"))?;
        // Before the format, so that a damaged format is not taken for a newer one.
        if <[u8; 32]>::from(Sha256::digest(body)) != *digest {
            return Err(damaged("its checksum is wrong"));
        }
        let length = || damaged("it has the wrong length");
        match u16::from_be_bytes(*format) {
            0 => Err(damaged("it has format 0, which was never written")),
            1 => {
                let (slot, rest) = read_slot(rest, KdfParams::BYTES)?;
                if rest.is_empty() { Ok(Self { slots: vec![slot], seal: None }) } else { Err(length()) }
            }
            FORMAT => {
                let (count, mut rest) = rest.split_first().ok_or_else(length)?;
                let mut slots = Vec::new();
                for _ in 0..*count {
                    let (bytes, after) = rest.split_first_chunk().ok_or_else(length)?;
                    let (slot, after) = read_slot(after, u16::from_be_bytes(*bytes).into())?;
                    slots.push(slot);
                    rest = after;
                }
                if slots.is_empty() {
                    return Err(damaged("it has nothing that opens it"));
                }
                let seal = rest.try_into().map_err(|_| length())?;
                Ok(Self { slots, seal: Some(seal) })
            }
            found => Err(StoreError::NewerFormat { found: found.into(), supported: FORMAT.into() }),
        }
    }

    /// Sources of the keys that open the wallet, oldest first.
    pub(crate) fn sources(&self) -> Vec<KeySource> {
        self.slots.iter().map(|slot| slot.source.clone()).collect()
    }

    /// True if `kek` opens the wallet.
    pub(crate) fn fits(&self, kek: &Kek) -> bool {
        self.slots.iter().any(|slot| slot.fits(kek))
    }

    /// The data key, if `kek` is one of those that open the wallet.
    pub(crate) fn unwrap(&self, kek: &Kek) -> Result<Key, StoreError> {
        let slot = self.slots.iter().find(|slot| slot.fits(kek)).ok_or(StoreError::WrongPassphrase)?;
        let key = slot
            .unwrap(kek)
            .ok_or_else(|| damaged("its wrapped key does not open, though the passphrase is right"))?;
        match &self.seal {
            Some(seal) if !key.derive(SEAL_LABEL).mac_is(&[&body(&self.slots)], seal) => {
                Err(damaged("its slots are not those that were written together"))
            }
            _ => Ok(key),
        }
    }
}

/// All before the seal, in format 2.
fn body(slots: &[Slot]) -> Vec<u8> {
    let mut bytes = [MAGIC.as_slice(), &FORMAT.to_be_bytes()].concat();
    bytes.push(u8::try_from(slots.len()).unwrap_or(u8::MAX));
    for slot in slots {
        let source = slot.source.to_bytes();
        bytes.extend(u16::try_from(source.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend([source.as_slice(), &slot.check, &slot.wrapped].concat());
    }
    bytes
}

/// A slot whose source has `length` bytes, and what comes after it.
fn read_slot(bytes: &[u8], length: usize) -> Result<(Slot, &[u8]), StoreError> {
    let cut = || damaged("it has the wrong length");
    let (source, rest) = bytes.split_at_checked(length).ok_or_else(cut)?;
    let (check, rest) = rest.split_first_chunk::<CHECK>().ok_or_else(cut)?;
    let (wrapped, rest) = rest.split_first_chunk::<WRAPPED>().ok_or_else(cut)?;
    let source = KeySource::from_bytes(source).map_err(|error| damaged(&error.to_string()))?;
    Ok((Slot { source, check: *check, wrapped: *wrapped }, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::slot::{DOMAIN, MAX_PASSKEY};
    use proptest::prelude::*;

    const LENGTH: usize = 8 + 2 + 1 + SLOT + 32 + 32;
    const SLOT: usize = 2 + KdfParams::BYTES + CHECK + WRAPPED;

    fn kdf(salt: u8) -> KeySource {
        KeySource::Kdf(KdfParams::argon2id(8, 1, 1, [salt; 16]).unwrap())
    }

    fn passkey(number: u8) -> KeySource {
        KeySource::Passkey(vec![number; 5])
    }

    const DATA: Key = Key([2; 32]);

    fn kek(byte: u8) -> Kek {
        Kek::from_bytes([byte; 32])
    }

    fn header() -> Vec<u8> {
        Header::new(kdf(5), &kek(1), &DATA).unwrap().to_bytes()
    }

    /// With its checksum made right again, as a tamperer would.
    fn checked(mut header: Vec<u8>) -> Vec<u8> {
        let end = header.len() - 32;
        let digest = Sha256::digest(&header[..end]);
        header[end..].copy_from_slice(&digest);
        header
    }

    fn tampered(at: usize) -> Vec<u8> {
        let mut header = header();
        header[at] ^= 1;
        checked(header)
    }

    /// As format 1 wrote it.
    fn format_1() -> Vec<u8> {
        let slot = Slot::wrap(kdf(5), &kek(1), &DATA).unwrap();
        let source = slot.source.to_bytes();
        let mut header = [DOMAIN.as_slice(), &source, &slot.check, &slot.wrapped].concat();
        header.extend([0; 32]);
        checked(header)
    }

    #[test]
    fn the_right_key_opens_and_a_wrong_one_is_told_from_damage() {
        assert_eq!(header().len(), LENGTH);
        let parsed = Header::parse(&header()).unwrap();
        assert_eq!(parsed.sources(), [kdf(5)]);
        assert_eq!(parsed.unwrap(&kek(1)).unwrap().0, DATA.0);
        assert!(parsed.fits(&kek(1)) && !parsed.fits(&kek(9)));
        assert!(matches!(parsed.unwrap(&kek(9)), Err(StoreError::WrongPassphrase)));
    }

    #[test]
    fn a_changed_wrapped_key_is_damage_even_under_a_right_checksum() {
        let wrapped = LENGTH - 64 - WRAPPED;
        for at in [wrapped, wrapped + 24, wrapped + WRAPPED - 1] {
            let parsed = Header::parse(&tampered(at)).unwrap();
            assert!(matches!(parsed.unwrap(&kek(1)), Err(StoreError::Corrupt { .. })));
        }
    }

    #[test]
    fn changed_derivation_costs_do_not_pass_as_the_same_wallet() {
        let parsed = Header::parse(&tampered(17)).unwrap();
        assert!(matches!(parsed.unwrap(&kek(1)), Err(StoreError::WrongPassphrase)));
    }

    #[test]
    fn a_newer_format_is_named_and_a_damaged_format_field_is_not_taken_for_one() {
        let newer = Header::parse(&tampered(8));
        assert!(matches!(newer, Err(StoreError::NewerFormat { found: 258, supported: 2 })));
        let mut damaged = header();
        damaged[8] ^= 1;
        assert!(matches!(Header::parse(&damaged), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn format_1_opens_and_its_passphrase_goes_on_to_open_format_2() {
        assert_eq!(format_1().len(), 175);
        let old = Header::parse(&format_1()).unwrap();
        assert_eq!(old.unwrap(&kek(1)).unwrap().0, DATA.0);
        let changed = old.with(passkey(3), &kek(3), &DATA).unwrap().to_bytes();
        assert_eq!(changed[8..10], [0, 2]);
        let changed = Header::parse(&changed).unwrap();
        assert_eq!(changed.sources(), [kdf(5), passkey(3)]);
        for key in [1, 3] {
            assert_eq!(changed.unwrap(&kek(key)).unwrap().0, DATA.0);
        }
    }

    #[test]
    fn a_removed_slot_that_is_put_back_is_damage() {
        let one = Header::new(kdf(5), &kek(1), &DATA).unwrap();
        let two = one.with(passkey(3), &kek(3), &DATA).unwrap().to_bytes();
        let mut spliced = one.to_bytes();
        spliced[10] = 2;
        let second = 8 + 2 + 1 + SLOT;
        spliced.splice(second..second, two[second..two.len() - 64].iter().copied());
        let spliced = Header::parse(&checked(spliced)).unwrap();
        for key in [1, 3] {
            assert!(matches!(spliced.unwrap(&kek(key)), Err(StoreError::Corrupt { .. })));
        }
    }

    #[test]
    fn there_is_room_for_a_passphrase_and_sixteen_passkeys() {
        let mut header = Header::new(kdf(5), &kek(1), &DATA).unwrap();
        for number in 0..16 {
            header = header.with(KeySource::Passkey(vec![number; MAX_PASSKEY]), &kek(3), &DATA).unwrap();
        }
        let full = header.with(passkey(99), &kek(3), &DATA);
        assert!(matches!(full, Err(StoreError::InvalidKeySource { .. })));
        header = header.with(kdf(6), &kek(7), &DATA).unwrap();
        assert_eq!(Header::parse(&header.to_bytes()).unwrap().sources(), header.sources());
    }

    #[derive(Clone, Copy, Debug)]
    enum Change {
        Put(u8),
        Remove(u8),
    }

    /// 0 to 2 are passphrases, the others passkeys.
    fn source(number: u8) -> KeySource {
        if number < 3 { kdf(number) } else { passkey(number) }
    }

    proptest! {
        #[test]
        fn what_was_added_and_not_removed_opens_and_nothing_else_does(
            changes in prop::collection::vec(
                (any::<bool>(), 0u8..7)
                    .prop_map(|(put, number)| if put { Change::Put(number) } else { Change::Remove(number) }),
                0..20,
            ),
        ) {
            let mut header = Header::parse(&format_1()).unwrap();
            // The first passphrase's key is 1, that of each other source its number and 10.
            let mut open: Vec<(KeySource, u8)> = vec![(kdf(5), 1)];
            for change in changes {
                match change {
                    Change::Put(number) => {
                        header = header.with(source(number), &kek(number + 10), &DATA).unwrap();
                        open.retain(|(other, _)| !other.excludes(&source(number)));
                        open.push((source(number), number + 10));
                    }
                    Change::Remove(number) => {
                        let is_there = open.iter().any(|(other, _)| *other == source(number));
                        let removed = header.without(&source(number), &DATA);
                        prop_assert_eq!(removed.is_ok(), is_there && open.len() > 1);
                        if let Ok(removed) = removed {
                            header = removed;
                            open.retain(|(other, _)| *other != source(number));
                        }
                    }
                }
                let read = Header::parse(&header.to_bytes());
                let read = if header.seal.is_some() { read.unwrap() } else { header.clone() };
                for key in 0..20 {
                    let opens = open.iter().any(|(_, other)| *other == key);
                    prop_assert_eq!(read.fits(&kek(key)), opens);
                    match read.unwrap(&kek(key)) {
                        Ok(data) => prop_assert!(opens && data.0 == DATA.0),
                        Err(error) => prop_assert!(!opens && matches!(error, StoreError::WrongPassphrase)),
                    }
                }
            }
        }

        #[test]
        fn any_flipped_bit_is_seen(at in 0usize..LENGTH, bit in 0u8..8) {
            let mut header = header();
            header[at] ^= 1 << bit;
            let is_corrupt = matches!(Header::parse(&header), Err(StoreError::Corrupt { .. }));
            prop_assert!(is_corrupt);
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Header::parse(&bytes).is_err());
            let body = [&b"AmpletKV\x00\x02"[..], &bytes, &[0; 32]].concat();
            let read = Header::parse(&checked(body));
            prop_assert!(read.is_err() || read.is_ok_and(|header| !header.fits(&kek(1))));
        }

        #[test]
        fn a_cut_header_is_refused(len in 0usize..LENGTH) {
            prop_assert!(Header::parse(&header()[..len]).is_err());
        }
    }
}
