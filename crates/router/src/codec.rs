//! Reading and writing of bytes for the snapshot and gossip formats; running out is an error, never a panic.

use alloc::vec::Vec;

/// The data ends early.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the data ends at byte {0}, in the middle of an entry: it is truncated, fetch it again")]
pub struct Truncated(pub usize);

/// A cursor over bytes.
pub(crate) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let end = self.at.checked_add(count).ok_or(Truncated(self.data.len()))?;
        let bytes = self.data.get(self.at..end).ok_or(Truncated(self.data.len()))?;
        self.at = end;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_be_bytes)
    }

    /// BOLT 1's `BigSize`; encodings longer than needed are taken as they are.
    pub(crate) fn big_size(&mut self) -> Result<u64, Truncated> {
        Ok(match self.u8()? {
            0xff => self.u64()?,
            0xfe => u64::from(self.u32()?),
            0xfd => u64::from(self.u16()?),
            small => u64::from(small),
        })
    }

    /// Bytes not read yet.
    pub(crate) fn rest(&self) -> usize {
        self.data.len() - self.at
    }
}

/// LEB128: small numbers are short in snapshots.
pub(crate) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

impl Reader<'_> {
    /// The inverse of [`write_number`]; bits above 64 are dropped.
    pub(crate) fn number(&mut self) -> Result<u64, Truncated> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(number)
    }
}
