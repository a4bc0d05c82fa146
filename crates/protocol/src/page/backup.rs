//! The remote backup of a wallet: how it is set up, and how it stands.

use serde::{Deserialize, Serialize};

/// A backup to be used. It is remembered in the wallet's storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BackupOptions {
    /// Base URL of the server (VSS), http or https: `https://gateway.example/vss`.
    pub url: String,
    /// Mode; `required` by default.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(as = "Option<BackupMode>", optional))]
    pub mode: BackupMode,
    /// Name of this device, as the user's other devices show it: 1 to 64 bytes.
    pub device_name: String,
}

/// What waits for the backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum BackupMode {
    /// Every message to a peer waits until the backup has the state that it rests on: a restored wallet goes on where this one
    /// stopped.
    #[default]
    Required,
    /// Nothing waits, the backup follows: a wallet restored from it finds the money and the history, and its channels rest.
    Lagging,
}

/// State of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// Base URL of the server.
    pub url: String,
    /// Mode.
    pub mode: BackupMode,
    /// Name of this device.
    pub device_name: String,
    /// State.
    pub state: BackupState,
    /// Time since which it is so (seconds since the UNIX epoch).
    pub since: u64,
    /// True if this device may act: it has taken the wallet over from every other one.
    pub active: bool,
    /// Number of records that the backup holds.
    pub records: u32,
    /// Bytes that were sent since the wallet was opened, padding included.
    pub sent_bytes: u64,
    /// Number of requests that they took.
    pub requests: u64,
    /// Reason and remedy, when the state is `unreachable` or `refused`.
    pub error: Option<super::WalletError>,
}

/// State of the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum BackupState {
    /// It has everything.
    Current,
    /// What changed last is on its way.
    Behind,
    /// The server does not answer; it is asked again.
    Unreachable,
    /// The server answers, and does not take what it is sent; it is tried again.
    Refused,
}

/// The device that has taken a wallet over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OtherDevice {
    /// Its name.
    pub name: String,
    /// Time at which it took over (seconds since the UNIX epoch).
    pub since: u64,
}

/// A device that uses a wallet. All of them have its recovery phrase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its id: its public key, in hex.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Time at which it came to the wallet (seconds since the UNIX epoch).
    pub added: u64,
    /// Time at which it opened the wallet last (seconds since the UNIX epoch).
    pub last_seen: u64,
    /// True for the device that was asked.
    #[serde(rename = "this")]
    pub is_this: bool,
}

/// Progress of reading a backup while a wallet is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RestoreProgress {
    /// Number of records that were read.
    pub done: u32,
    /// Number of records in all.
    pub of: u32,
}

/// The bytes of a file: an `Uint8Array` in JavaScript.
#[derive(Clone, PartialEq, Eq)]
pub struct FileBytes(pub Vec<u8>);

crate::ts::shown_as!(FileBytes, "Uint8Array");

/// The length only.
impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({})", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = FileBytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the bytes of a file")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<FileBytes, E> {
                Ok(FileBytes(bytes))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<FileBytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(FileBytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
