//! What wallet and gateway, and pages and wallet, say to each other: types, versions, limits.

pub mod relay;
