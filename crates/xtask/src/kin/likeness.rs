//! An order in which like follows like.
//!
//! Two texts are as like as the sets of their four-byte pieces (Jaccard), which is estimated from sketches: of each of 128 hash
//! functions the least value over all pieces (MinHash), cut to a byte.

/// Bytes of a piece. Longer and shorter ones order wasm worse.
const PIECE: usize = 4;
/// Hash functions, 8 in a word of a sketch.
const WORDS: usize = 16;
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// A sketch of a text, with its length in bytes.
struct Sketch {
    least: [u64; WORDS],
    length: usize,
}

impl Sketch {
    fn of(text: &[u8]) -> Self {
        let mut least = [u64::MAX; WORDS * 8];
        for piece in text.windows(PIECE) {
            let mut hash = piece.iter().fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
            for least in &mut least {
                hash = mixed(hash);
                *least = hash.min(*least);
            }
        }
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(least.chunks(8)) {
            *word = bytes.iter().fold(0, |word, least| word << 8 | least & 0xff);
        }
        Self { least: words, length: text.len() }
    }

    /// Counts the hash functions that agree, four points each, less one for each half of a doubling between the lengths.
    fn likeness(&self, other: &Self) -> i64 {
        let pairs = self.least.iter().zip(&other.least);
        let same: i64 = pairs.map(|(ours, theirs)| i64::from(equal_bytes(*ours, *theirs))).sum();
        same * 4 - (self.doublings() - other.doublings()).abs()
    }

    /// Twice the binary logarithm of the length, rounded down.
    fn doublings(&self) -> i64 {
        i64::from((self.length as u64).saturating_add(1).saturating_pow(2).ilog2())
    }
}

/// The next of a sequence of numbers that look random (the finisher of SplitMix64).
const fn mixed(from: u64) -> u64 {
    let mut to = from.wrapping_add(0x9e37_79b9_7f4a_7c15);
    to = (to ^ (to >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    to = (to ^ (to >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    to ^ (to >> 31)
}

/// Counts the places in which two words have the same byte.
const fn equal_bytes(one: u64, other: u64) -> u32 {
    let differing = one ^ other;
    // A byte's high bit is set in each of these unless all of the byte is zero.
    let low = (differing & LOW_BITS).wrapping_add(LOW_BITS);
    (!(low | differing | LOW_BITS)).count_ones()
}

/// Places of `texts`, so that each is followed by the one that is most like it of those that are left; the longest comes first.
pub fn order(texts: &[&[u8]]) -> Vec<usize> {
    let mut left: Vec<(usize, Sketch)> = texts.iter().map(|text| Sketch::of(text)).enumerate().collect();
    left.sort_by_key(|(place, sketch)| (std::cmp::Reverse(sketch.length), *place));
    let mut order = Vec::with_capacity(texts.len());
    let mut next = 0;
    while next < left.len() {
        // Moves none of the others: of what is equally like, the longer one comes first.
        let (place, now) = left.remove(next);
        order.push(place);
        let likest = left
            .iter()
            .enumerate()
            .max_by_key(|(at, (_, other))| (now.likeness(other), std::cmp::Reverse(*at)));
        next = likest.map_or(0, |(at, _)| at);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_follows_like() {
        let texts: [&[u8]; 6] = [
            b"the quick brown fox jumps over the lazy dog",
            b"0123456789abcdefghijklmnopqrstuvwxyz",
            b"the quick brown fox jumps over the lazy cat, and on",
            b"",
            b"0123456789abcdefghijklmnopqrstuv",
            b"the quick brown fox jumps over the lazy cat",
        ];
        assert_eq!(order(&texts), [2, 5, 0, 4, 1, 3]);
        assert_eq!(order(&[]), [0; 0]);
    }

    #[test]
    fn bytes_are_compared_in_their_places() {
        assert_eq!(equal_bytes(0, 0), 8);
        assert_eq!(equal_bytes(0x0102_0304_0506_0708, 0x0102_0304_0506_0708), 8);
        assert_eq!(equal_bytes(0x0102_0304_0506_0708, 0x0202_0380_0506_8708), 5);
        assert_eq!(equal_bytes(u64::MAX, 0x8080_8080_8080_8080), 0);
    }
}
