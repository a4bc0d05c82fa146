//! The stores against the suite and the frozen fixtures: one binary, so that it is linked once.

mod conformance;
mod devices;
mod formats;
mod large;
mod mirror;
mod overlapping;
mod restored;
mod vss;
