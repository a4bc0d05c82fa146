//! TLV streams and numbers as the BOLTs write them (BOLT 1, "Type-Length-Value Format", "Fundamental Types"), strictly.

/// Bytes of which the beginning is read; `None` of any method: they end too soon, or are not as they have to be.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next bytes, so many.
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// `u16`.
    pub(crate) fn short(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }

    /// `BigSize`, in its shortest form.
    fn big_size(&mut self) -> Option<u64> {
        let (length, minimum) = match self.byte()? {
            0xfd => (2, 0xfd),
            0xfe => (4, 0x1_0000),
            0xff => (8, 0x1_0000_0000),
            small => return Some(u64::from(small)),
        };
        self.take(length).map(number).filter(|number| *number >= minimum)
    }

    /// The next record: its type and value.
    pub(crate) fn record(&mut self) -> Option<(u64, &'a [u8])> {
        let kind = self.big_size()?;
        let length = usize::try_from(self.big_size()?).ok()?;
        Some((kind, self.take(length)?))
    }
}

/// `tu64`: at most eight bytes, without leading zeros.
pub(crate) fn truncated(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8 && bytes.first() != Some(&0)).then(|| number(bytes))
}

/// Of at most eight bytes, big endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BOLT 1, "Appendix A: BigSize Test Vectors".
    #[test]
    fn numbers_have_one_form() {
        for (bytes, expected) in [
            (&[0xfc][..], Some(252)),
            (&[0xfd, 0x00, 0xfd], Some(253)),
            (&[0xfd, 0xff, 0xff], Some(65_535)),
            (&[0xfe, 0x00, 0x01, 0x00, 0x00], Some(65_536)),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff], Some(4_294_967_295)),
            (&[0xff, 0, 0, 0, 1, 0, 0, 0, 0], Some(4_294_967_296)),
            (&[0xff; 9], Some(u64::MAX)),
            (&[0xfd, 0x00, 0xfc], None),
            (&[0xfe, 0x00, 0x00, 0xff, 0xff], None),
            (&[0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], None),
            (&[0xfd, 0x00], None),
            (&[], None),
        ] {
            assert_eq!(Bytes(bytes).big_size(), expected, "{bytes:x?}");
        }
        assert_eq!([&[][..], &[1, 0], &[0, 1], &[1; 9]].map(truncated), [Some(0), Some(256), None, None]);
    }

    #[test]
    fn a_record_ends_inside() {
        let mut bytes = Bytes(&[10, 1, 7, 12, 2, 7]);
        assert_eq!(bytes.record(), Some((10, &[7][..])));
        assert_eq!(bytes.record(), None);
    }
}
