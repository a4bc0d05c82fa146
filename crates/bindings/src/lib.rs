//! The engine and the page-side helpers as WebAssembly exports.
//!
//! Artifacts by feature: the worker loads `engine`; a page loads `page` before it, and `words` to create or check a mnemonic;
//! `node` is all of it for Node.js. They are the private side of the npm package: applications use `pkg/`. `router` is for
//! benchmarks and `suite` for tests: they are not published.
//!
//! Floor: a leaf on top of `wallet`. It converts values and errors between JavaScript and Rust, and never acts except when
//! called.

#[cfg(all(feature = "suite", target_arch = "wasm32"))]
pub mod conformance;
#[cfg(any(feature = "engine", feature = "page", feature = "words"))]
mod convert;
#[cfg(all(feature = "engine", target_arch = "wasm32"))]
pub mod engine;
#[cfg(feature = "keys")]
pub mod keys;
#[cfg(feature = "words")]
pub mod mnemonic;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "router")]
pub mod router;
