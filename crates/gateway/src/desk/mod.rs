//! Services on the node's thread, in the wallet's words: for the operator, for sites, for wallets that ask for channels. Beside that
//! thread: backups of wallets, which need no node.
//!
//! Requests and answers are plain data; no service knows who asks, or over which protocol.

pub mod amount;
pub mod backup;
pub mod boxes;
pub mod channel_budget;
pub mod channel_policy;
pub mod channel_tokens;
pub(crate) mod clock;
pub mod error;
pub mod fees;
pub mod forwards;
pub mod idle;
pub mod merchant;
pub mod operator;
pub mod pairing;
pub mod payments;
pub mod peers;
pub mod proof;
pub(crate) mod random;
pub mod reminders;
pub mod snapshots;
pub mod strangers;
pub mod token;
pub mod upkeep;
pub mod wallets;

use std::rc::Rc;

use self::channel_tokens::ChannelTokens;
use self::merchant::MerchantService;
use self::operator::OperatorService;
use self::snapshots::Snapshots;

/// All services that commands go to.
pub struct Desk {
    /// The operator's.
    pub operator: OperatorService,
    /// Tokens for channels on request.
    pub tokens: Rc<ChannelTokens>,
    /// Of sites.
    pub merchant: Rc<MerchantService>,
    /// Routing data for wallets.
    pub snapshots: Snapshots,
}
