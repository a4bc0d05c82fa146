//! How a wallet is opened.

use serde::{Deserialize, Serialize};

use super::{BackupOptions, FileBytes, Gateway, Network};

/// Options to open a wallet. The key is derived by the page beforehand (Argon2id in a throwaway worker).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OpenOptions {
    /// Name of the wallet: 1 to 64 of `a-z 0-9 - _`.
    pub name: String,
    /// Network; refused when the stored wallet is of another.
    pub network: Network,
    /// Gateways, the first preferred.
    pub gateways: Vec<Gateway>,
    /// More chain sources (block-dn base URLs) beside the gateways' own.
    #[serde(default)]
    pub chain_sources: Vec<String>,
    /// Mnemonic (BIP 39, English, 12 or 24 words) to create the wallet from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub mnemonic: Option<String>,
    /// True if `mnemonic` is new, so that nothing before the present tip is searched. Otherwise the chain is searched from
    /// `birthday_height`.
    #[serde(default)]
    pub fresh: bool,
    /// Height to search from, with a restored mnemonic; by default the release's checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub birthday_height: Option<u32>,
    /// Remote backup. With a fresh mnemonic it is set up; with one that is not, the wallet is restored from it: the newest state, whole,
    /// or `backupNotFound`. An opened wallet knows its own: this changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub backup: Option<BackupOptions>,
    /// File of [`super::Request::ExportBackup`] to restore from, with its mnemonic: the money and the history; the channels rest, as after a
    /// restore from a lagging backup. Refused when `backup` is given too and knows a newer state (`backupStale`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub file: Option<FileBytes>,
    /// True to take the wallet over from the device that has it. Otherwise opening is refused while another one has it
    /// (`movedToAnotherDevice`).
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub move_here: bool,
    /// True to negotiate commitments without a fee (BIP 431) with gateways that do too: their fee is paid, from on-chain money, when
    /// a channel is closed by force. At most 114 HTLCs are in flight per direction then, instead of 483. Experimental.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub zero_fee_commitments: bool,
}
