//! Services on the node's thread, in the wallet's words: for the operator, for sites, for wallets that ask for channels.
//!
//! What they are asked and what they return are plain data; who asks, and over which protocol, they do not know.

pub mod amount;
pub mod channel_policy;
pub mod error;
pub mod merchant;
pub mod operator;
pub mod payments;
pub mod peers;
pub mod snapshots;
pub mod wallets;

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use self::error::ApiError;
use self::merchant::MerchantService;
use self::operator::OperatorService;
use self::snapshots::Snapshots;

type Result<T> = std::result::Result<T, ApiError>;

/// All services that commands go to.
pub struct Desk {
    /// The operator's.
    pub operator: OperatorService,
    /// Of sites.
    pub merchant: Rc<MerchantService>,
    /// Routing data for wallets.
    pub snapshots: Snapshots,
}

/// Seconds since the UNIX epoch.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
