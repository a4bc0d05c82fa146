//! The router through its public interface: one binary, so that it is linked once.

mod adapter;
mod crumbs;
mod evaluation;
mod knowledge;
mod planning;
mod quote;
mod work;
