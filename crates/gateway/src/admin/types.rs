//! What the admin API says and hears. JSON; msat as decimal text (a JavaScript number holds 2^53 exactly and no more),
//! sat and everything else as numbers; ids, keys and hashes in hex.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// An amount in msat. Written as decimal text; read from text or from a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Msat(pub u64);

impl Serialize for Msat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Msat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Msat;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an amount in msat as decimal text, as in \"150000\"")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Msat, E> {
                Ok(Msat(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Msat, E> {
                // `parse` would take a leading + as well.
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|_| digits);
                number.map(Msat).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

impl utoipa::PartialSchema for Msat {
    fn schema() -> RefOr<Schema> {
        let schema: Object = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-9]{1,20}$"))
            .description(Some(
                "An amount in millisatoshi as decimal text: a JavaScript number would round it.",
            ))
            .examples(["150000"])
            .build();
        schema.into()
    }
}

impl ToSchema for Msat {}

/// `GET /admin/v1/info`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The node's public key.
    pub node_id: String,
    /// Where it is reached: `<node id>@<URL>`, the relay first.
    pub addresses: Vec<String>,
    /// `mainnet`, `testnet4`, `signet` or `regtest`.
    pub network: String,
    /// The release.
    pub version: String,
    /// Height of the newest block that the node has seen.
    pub height: u32,
    /// Whether that is the source's newest, and the source answers.
    pub synced: bool,
    /// Why the source could not be read last time.
    pub chain_error: Option<String>,
    /// Confirmed on-chain money, in sat.
    pub onchain_sat: u64,
    /// Unconfirmed on-chain money, in sat.
    pub onchain_pending_sat: u64,
    /// The part of the savings held back so that channels can be closed at any fee, in sat.
    pub reserve_sat: u64,
    /// How many channels there are.
    pub channels: usize,
    /// Node ids of the connected peers.
    pub peers: Vec<String>,
    /// WebSockets of wallets now.
    pub connections: usize,
}

/// The answer of `POST /admin/v1/address`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// A fresh address of the on-chain wallet.
    pub address: String,
}

/// `POST /admin/v1/peers`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectPeer {
    /// `<node id>@<URL>`; `tcp://`, `ws://` or `wss://`.
    pub address: String,
}

/// Its answer, once the handshake is done. The connection is kept up, also after a restart, unless the peer made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// The peer's public key.
    pub node_id: String,
}

/// `POST /admin/v1/channels`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenChannel {
    /// Node id of a connected peer.
    pub peer: String,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once.
    #[serde(default)]
    pub push_msat: Msat,
    /// Whether the channel becomes part of the public graph.
    #[serde(default)]
    pub announce: bool,
}

/// Its answer, once the channel has its id. It opens from there on; see its state in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelId {
    /// For `DELETE /admin/v1/channels/{id}`; also the id in the list.
    pub id: String,
}

/// `GET /admin/v1/channels`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    /// All that are open, opening or closing.
    pub channels: Vec<Channel>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id (BOLT 2).
    pub id: String,
    /// Node id of the peer.
    pub peer: String,
    /// `negotiating`, `confirming`, `ready`, `offline` or `closing`.
    pub state: ChannelState,
    /// Whether a payment can use it now.
    pub usable: bool,
    /// Confirmations of the funding transaction.
    pub confirmations: u32,
    /// How many it needs, once known.
    pub confirmations_needed: Option<u32>,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// What can be sent through it.
    pub outbound_msat: Msat,
    /// What can be received through it.
    pub inbound_msat: Msat,
    /// Whether it is part of the public graph.
    pub announced: bool,
    /// `txid:vout` of the funding output, once there is one.
    pub funding: Option<String>,
}

/// Where a channel is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChannelState {
    /// The peers agree on it.
    Negotiating,
    /// Its funding transaction waits for confirmations.
    Confirming,
    /// Usable now.
    Ready,
    /// Open, the peer is not connected.
    Offline,
    /// Being closed.
    Closing,
}

/// The query of `DELETE /admin/v1/channels/{id}`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseChannel {
    /// Without the peer's consent: costs more, and the money is back two weeks later.
    #[serde(default)]
    pub force: bool,
}

/// `POST /admin/v1/invoices`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateInvoice {
    /// Absent: the payer chooses.
    #[serde(default)]
    pub amount_msat: Option<Msat>,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Seconds until it expires; 3600 by default.
    #[serde(default)]
    pub expiry_secs: Option<u32>,
}

/// An invoice of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Its payment hash.
    pub payment_hash: String,
    /// The BOLT 11 text.
    pub invoice: String,
    /// Whether it was paid.
    pub state: InvoiceState,
    /// The amount asked for; absent: the payer chooses.
    pub amount_msat: Option<Msat>,
    /// What arrived, once paid.
    pub received_msat: Option<Msat>,
    /// What it is for.
    pub description: String,
    /// When it expires, in seconds since the UNIX epoch.
    pub expires_at: u64,
    /// When it was paid, in seconds since the UNIX epoch.
    pub paid_at: Option<u64>,
}

/// Whether an invoice was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InvoiceState {
    /// Not yet.
    Open,
    /// Yes.
    Paid,
    /// Nobody paid it in time.
    Expired,
}

/// `POST /admin/v1/payments`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pay {
    /// A BOLT 11 invoice.
    pub invoice: String,
    /// For invoices without amount, and only for those.
    #[serde(default)]
    pub amount_msat: Option<Msat>,
    /// Greatest routing fee; 1 % and at least 50 sat by default.
    #[serde(default)]
    pub max_fee_msat: Option<Msat>,
}

/// `POST /admin/v1/keysend`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendKeysend {
    /// Node id of the payee.
    pub payee: String,
    /// What it gets.
    pub amount_msat: Msat,
    /// Greatest routing fee; 1 % and at least 50 sat by default.
    #[serde(default)]
    pub max_fee_msat: Option<Msat>,
    /// Told to the payee.
    #[serde(default)]
    pub records: Vec<CustomRecord>,
}

/// A custom record (TLV) of a keysend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomRecord {
    /// From 65536 on.
    #[serde(rename = "type")]
    pub record_type: u64,
    /// In hex.
    pub value: String,
}

/// A payment by this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its payment hash.
    pub payment_hash: String,
    /// The outcome.
    pub state: PaymentState,
    /// What the payee gets.
    pub amount_msat: Msat,
    /// Paid on top of it; absent until known.
    pub fee_msat: Option<Msat>,
    /// Proof of payment.
    pub preimage: Option<String>,
    /// Channels crossed by the longest part.
    pub hops: Option<u32>,
    /// Milliseconds from the request to the proof.
    pub duration_ms: Option<u64>,
    /// Why it failed, and what to do.
    pub error: Option<super::AdminError>,
}

/// The outcome of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PaymentState {
    /// Not decided yet: ask again at `GET /admin/v1/payments/{hash}`.
    Pending,
    /// Done, with proof.
    Succeeded,
    /// No funds left this node.
    Failed,
}

/// The answer of `POST /admin/v1/sync`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// Height of the newest block that the node has seen.
    pub height: u32,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_amount_survives(amount: u64) {
            let text = serde_json::to_string(&Msat(amount)).unwrap();
            prop_assert_eq!(&text, &format!("\"{amount}\""));
            prop_assert_eq!(serde_json::from_str::<Msat>(&text).unwrap(), Msat(amount));
            prop_assert_eq!(serde_json::from_str::<Msat>(&amount.to_string()).unwrap(), Msat(amount));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in [
            "\"\"",
            "\"-1\"",
            "\"+1\"",
            "\"1.5\"",
            "\"1e3\"",
            "-1",
            "1.5",
            "null",
            "\"18446744073709551616\"",
        ] {
            let error = serde_json::from_str::<Msat>(wrong).unwrap_err().to_string();
            assert!(error.contains("msat") || wrong.starts_with('n'), "{wrong}: {error}");
        }
    }
}
