//! The budgets through their public interface: one binary, so that it is linked once.
#![allow(clippy::unwrap_used)]

mod budgets;
mod calendar;
mod common;
mod left;
mod model;
mod reports;
mod stored;
