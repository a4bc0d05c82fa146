//! What the crates' fuzz examples share (`crates/*/examples/fuzz_*`): random and mutated input on the stable toolchain. What is read in
//! TypeScript is fuzzed there, in the same way (`pkg/test/fuzz`).
//!
//! A target is a function of a seed. A panic, an overflow, a broken invariant or an input that takes longer than a minute ends
//! the program with a non-zero code and the seed that replays it.

mod dice;
mod run;

pub use dice::{Dice, damage};
pub use run::{Target, run};
