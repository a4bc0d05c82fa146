//! The identity of a wallet, stored beside its money: network, mnemonic, installation, birthday.

use amplet_node::LOST_INSTALLATIONS;
use amplet_node::keys::{Keys, Mnemonic, parse_mnemonic};
use amplet_protocol::page::{ErrorCode, Network, OpenOptions, WalletError};
use amplet_storage::{Batch, Store};
use amplet_transport::Platform;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::convert::network;

const NAME: &str = "wallet/identity";
const FORMAT: u32 = 1;

/// Stored sealed, like everything.
#[derive(Serialize, Deserialize, Zeroize)]
pub struct Identity {
    v: u32,
    #[zeroize(skip)]
    pub network: Network,
    pub mnemonic: String,
    pub installation: u32,
    /// No block at or below this height is searched for on-chain money.
    pub birthday: Option<u32>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl Identity {
    /// The stored identity; with a mnemonic in `options`, a new one, committed.
    pub async fn load_or_create(
        platform: &dyn Platform,
        store: &dyn Store,
        options: &OpenOptions,
    ) -> Result<Self, WalletError> {
        let stored = store.get(NAME).await.map_err(|e| WalletError::from(&e))?;
        match (stored, &options.mnemonic) {
            (Some(bytes), None) => Self::read(&bytes, options),
            (Some(bytes), Some(mnemonic)) => {
                // Creation was interrupted after this record: the same mnemonic may go on, another may not.
                let identity = Self::read(&bytes, options)?;
                let given = parsed(mnemonic)?.to_string();
                if identity.mnemonic != given {
                    let message = "a wallet of this name exists already; choose another name, or delete that wallet first";
                    return Err(WalletError::new(ErrorCode::WalletExists, message));
                }
                Ok(identity)
            }
            (None, Some(mnemonic)) => Self::create(platform, store, options, mnemonic).await,
            (None, None) => Err(incomplete()),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, WalletError> {
        let identity: Self = serde_json::from_slice(bytes).map_err(|e| {
            WalletError::new(
                ErrorCode::Corrupt,
                "the wallet's identity record is damaged; restore it from its recovery phrase",
            )
            .caused_by(&e)
        })?;
        if identity.v > FORMAT {
            let message = "this wallet was written by a newer release of Amplet; update to open it";
            return Err(WalletError::new(ErrorCode::NewerFormat, message));
        }
        Ok(identity)
    }

    fn read(bytes: &[u8], options: &OpenOptions) -> Result<Self, WalletError> {
        let identity = Self::parse(bytes)?;
        if identity.network != options.network {
            let message = format!(
                "this wallet is on {}, not on {}; open it with its own network, or choose another name",
                network(identity.network),
                network(options.network)
            );
            return Err(WalletError::new(ErrorCode::WrongNetwork, message));
        }
        Ok(identity)
    }

    async fn create(
        platform: &dyn Platform,
        store: &dyn Store,
        options: &OpenOptions,
        mnemonic: &str,
    ) -> Result<Self, WalletError> {
        let mnemonic = parsed(mnemonic)?.to_string();
        // The same mnemonic on two devices must never act as one Lightning node. A fresh mnemonic takes 0; a restored one a
        // number that no other installation has taken but with probability 2^-31.
        let installation = if options.fresh {
            0
        } else {
            let mut random = [0; 4];
            platform.random(&mut random);
            (u32::from_le_bytes(random) >> 1).max(LOST_INSTALLATIONS.end)
        };
        let identity = Self {
            v: FORMAT,
            network: options.network,
            mnemonic,
            installation,
            birthday: options.birthday_height,
        };
        identity.keys()?;
        let bytes = serde_json::to_vec(&identity).map_err(|e| {
            WalletError::new(ErrorCode::Internal, "the identity could not be written").caused_by(&e)
        })?;
        let mut batch = Batch::new();
        batch.put(NAME, bytes);
        let receipt = store.commit(batch).await.map_err(|e| WalletError::from(&e))?;
        receipt.durable().await.map_err(|e| WalletError::from(&e))?;
        Ok(identity)
    }

    /// The stored one.
    pub async fn stored(store: &dyn Store) -> Result<Self, WalletError> {
        let bytes = store.get(NAME).await.map_err(|e| WalletError::from(&e))?;
        Self::parse(&bytes.ok_or_else(incomplete)?)
    }

    /// Returns the words of the wallet in `store`, whatever its network.
    pub async fn words(store: &dyn Store) -> Result<Zeroizing<String>, WalletError> {
        let mut identity = Self::stored(store).await?;
        Ok(Zeroizing::new(std::mem::take(&mut identity.mnemonic)))
    }

    /// Installations whose channels are looked for: those of a phrase that was restored, by which others may have had channels.
    pub fn lost(&self) -> Vec<u32> {
        let is_restored = self.installation >= LOST_INSTALLATIONS.end;
        if is_restored { LOST_INSTALLATIONS.collect() } else { Vec::new() }
    }

    /// Derives every key.
    pub fn keys(&self) -> Result<Keys, WalletError> {
        keys(&self.mnemonic, network(self.network), self.installation)
    }
}

/// Derives the keys of an installation of the wallet with this mnemonic.
pub fn keys(mnemonic: &str, network: bitcoin::Network, installation: u32) -> Result<Keys, WalletError> {
    let keys = Keys::new(&parsed(mnemonic)?, network, installation);
    keys.map_err(|e| WalletError::new(ErrorCode::Internal, e.to_string()))
}

fn incomplete() -> WalletError {
    let message = "this wallet was not created completely; delete it and create or restore it again";
    WalletError::new(ErrorCode::WalletNotFound, message)
}

fn parsed(mnemonic: &str) -> Result<Mnemonic, WalletError> {
    parse_mnemonic(mnemonic).map_err(|e| WalletError::new(ErrorCode::InvalidMnemonic, e.to_string()))
}
