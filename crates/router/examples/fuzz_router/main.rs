//! Random and mutated input on the stable toolchain: `cargo run --profile fuzz -p amplet-router --example fuzz_router -- TARGET
//! SECONDS [SEED]`. Targets: `loader` (CSV, gossip, stored graphs and beliefs), `solver` (graphs, requests and beliefs that
//! nobody would make; each plan is verified), `protocol` (lines of the evaluation).

mod loader;
mod making;
mod protocol;
mod solver;

use amplet_router::evaluation::Dice;

fn main() {
    amplet_fuzz::run(&[
        ("loader", |seed| loader::run(&mut Dice(seed))),
        ("solver", |seed| solver::run(&mut Dice(seed))),
        ("protocol", |seed| protocol::run(&mut Dice(seed))),
    ]);
}
