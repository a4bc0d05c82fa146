//! The engine and the page-side helpers as WebAssembly exports.
//!
//! Artifacts by feature: `engine` is what the worker loads, `page` what a page loads before it. Both are the private
//! side of the npm package: people use `pkg/`. `router` is for benchmarks and travels nowhere.

#[cfg(any(feature = "engine", feature = "page"))]
mod convert;
#[cfg(all(feature = "engine", target_arch = "wasm32"))]
pub mod engine;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "router")]
pub mod router;
