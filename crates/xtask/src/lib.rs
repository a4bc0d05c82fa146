//! The developer's one entrance: everything that building, testing and showing Amplet needs, what a bare
//! machine lacks included. The commands are in `main.rs`; the regtest network is here for tests to start.

pub mod artifacts;
pub mod background;
pub mod bare;
pub mod bench;
pub mod build;
pub mod cache;
pub mod chaos;
pub mod cli;
pub mod demo;
pub mod deny;
pub mod docs;
pub mod doctor;
pub mod house;
pub mod http;
pub mod interop;
pub mod kin;
pub mod once;
pub mod proc;
pub mod regtest;
pub mod report;
pub mod routing;
pub mod serve;
pub mod size;
pub mod stamp;
pub mod test;
pub mod tools;
pub mod ui;

use std::path::{Path, PathBuf};

/// The repository's folder.
#[must_use]
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, else `target/` of the repository.
#[must_use]
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
