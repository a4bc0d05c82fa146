//! Stores that die or take their time, for the tests of what stands on them.

mod killable;
mod through;

pub use killable::Killable;
pub use through::{Committed, through};
