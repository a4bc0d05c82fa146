//! The engine and the page-side helpers as WebAssembly exports.
//!
//! Artifacts by feature: `engine` is what the worker loads, `page` what a page loads before it, `words` what it loads to make
//! or take a mnemonic; `node` is all of it for Node.js. They are the private side of the npm package: people use `pkg/`.
//! `router` is for benchmarks and `suite` for tests:
//! they travel nowhere.

#[cfg(any(feature = "engine", feature = "page", feature = "words"))]
mod convert;
#[cfg(all(feature = "engine", target_arch = "wasm32"))]
pub mod engine;
#[cfg(feature = "keys")]
pub mod keys;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "router")]
pub mod router;
#[cfg(all(feature = "suite", target_arch = "wasm32"))]
pub mod suite;
#[cfg(feature = "words")]
pub mod words;
