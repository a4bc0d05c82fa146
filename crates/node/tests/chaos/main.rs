//! Chaos: many random lives of a small network, each drawn from a seed, audited to the millisatoshi at its end.
//!
//! Each seed is a test of its own. `AMPLET_CHAOS_SEED` is the first (1), `AMPLET_CHAOS_RUNS` their number (60: CI's) and
//! `AMPLET_CHAOS_ACTS` the length of a life (12); `cargo xtask chaos` builds optimised, for more and longer lives. A life that
//! fails is lived again, and the command that does so printed. What a life does is its seed's alone; how LDK orders what happens at
//! one moment is not (its hash tables are keyed at random), so that two lives of a seed may differ in details.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(not(feature = "std"))]
mod acts;
#[cfg(not(feature = "std"))]
mod audit;
#[cfg(not(feature = "std"))]
mod blocks;
#[cfg(not(feature = "std"))]
mod chain;
#[cfg(not(feature = "std"))]
mod devices;
#[cfg(not(feature = "std"))]
mod dice;
#[cfg(not(feature = "std"))]
mod life;
#[cfg(not(feature = "std"))]
mod perform;
#[cfg(not(feature = "std"))]
mod runner;
#[cfg(not(feature = "std"))]
mod settle;
#[cfg(not(feature = "std"))]
#[path = "../world/mod.rs"]
mod world;

#[cfg(not(feature = "std"))]
fn main() -> std::process::ExitCode {
    runner::main()
}

/// Time is virtual here, and LDK with `std` reads the system's clock.
#[cfg(feature = "std")]
fn main() {
    println!("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}
