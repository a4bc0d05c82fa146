//! The stores against the suite and the frozen fixtures: one binary, so that it is linked once.

mod conformance;
mod formats;
mod mirror;
mod vss;
