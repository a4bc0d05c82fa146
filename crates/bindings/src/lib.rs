//! The engine and the page-side helpers as WebAssembly exports.
//!
//! Two artifacts by feature: `engine` is what the worker loads, `page` what a page loads before it. Both are the private
//! side of the npm package: people use `pkg/`.

mod convert;
#[cfg(all(feature = "engine", target_arch = "wasm32"))]
pub mod engine;
#[cfg(feature = "page")]
pub mod page;
