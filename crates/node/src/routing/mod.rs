//! Finding ways for payments, and remembering which were taken.

pub(crate) mod parts;
mod router;

pub use router::NotingRouter;
