//! Choices that follow from a seed alone.

/// A stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % (limit as u64).max(1)).unwrap_or_default()
    }

    /// One of a list; `None` if that is empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

/// Bytes that formats treat apart: bounds, signs, beginnings of longer numbers.
const TELLING: [u8; 7] = [0, 1, 0x7f, 0x80, 0xfd, 0xfe, 0xff];

/// Damages data: bytes changed, put in, cut off or repeated, or a stretch of `other` put in.
pub fn damage(dice: &mut Dice, data: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=dice.below(6) {
        let place = dice.below(data.len());
        let byte = match dice.below(3) {
            0 => dice.pick(&TELLING).copied().unwrap_or_default(),
            _ => u8::try_from(dice.below(256)).unwrap_or_default(),
        };
        match dice.below(8) {
            0 => data.truncate(place),
            1 => data.insert(place, byte),
            2 => {
                let is_own = other.is_empty() || dice.below(2) == 0;
                let source = if is_own { data.as_slice() } else { other };
                let start = dice.below(source.len());
                let stretch: Vec<u8> = source.iter().skip(start).take(dice.below(60)).copied().collect();
                data.splice(place..place, stretch);
            }
            3 => {
                let end = (place + dice.below(20)).min(data.len());
                data.drain(place..end);
            }
            _ => {
                let flip = 1 << dice.below(8);
                if let Some(old) = data.get_mut(place) {
                    *old = if byte < 128 { byte } else { *old ^ flip };
                }
            }
        }
    }
}
