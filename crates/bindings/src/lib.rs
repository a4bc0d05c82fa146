//! The engine and the page-side helpers as WebAssembly exports.
