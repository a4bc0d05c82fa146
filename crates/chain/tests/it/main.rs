//! The light client against servers in memory: one binary, so that it is linked once.

mod checkpoint;
mod common;
mod conflicts;
mod mempool;
mod misbehaving;
mod random;
mod rescan;
mod send;
mod sync;
mod watch;
