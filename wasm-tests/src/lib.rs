//! Empty: the tests are in `tests/`, one file per crate.
