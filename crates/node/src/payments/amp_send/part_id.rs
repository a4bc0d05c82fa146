//! Ids of parts, under which LDK keeps them: the set's first 28 bytes and the part's index. So what LDK knows of a part tells whose it is,
//! and no record of ours is needed for that, which could be lost.

use amplet_protocol::PaymentId;

/// Bytes of the set's id in that of a part.
const SET: usize = 28;

/// Id of the part with this index.
pub(super) fn of(set: PaymentId, index: u32) -> PaymentId {
    let mut id = set.0;
    id[SET..].copy_from_slice(&index.to_be_bytes());
    PaymentId(id)
}

/// The lowest and the highest id that a set of this part may have.
pub(super) fn sets(part: PaymentId) -> (PaymentId, PaymentId) {
    (of(part, 0), of(part, u32::MAX))
}

/// Index of a part; `None`: it is none of this set.
pub(super) fn index(set: PaymentId, part: PaymentId) -> Option<u32> {
    let bytes = part.0.last_chunk()?;
    (part != set && of(set, 0) == of(part, 0)).then(|| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_tells_its_set_and_its_index() {
        let set = PaymentId([7; 32]);
        let part = of(set, 258);
        assert_eq!(index(set, part), Some(258));
        assert_eq!(index(PaymentId([8; 32]), part), None);
        let (low, high) = sets(part);
        assert!(low <= set && set <= high);
    }
}
