//! On-chain addresses, and the networks that things are for.

use alloc::string::{String, ToString};

use amplet_protocol::page::Network;
use bitcoin::address::NetworkUnchecked;

/// An on-chain address, written as it is usually: bech32 in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub text: String,
    /// True if it belongs to the wallet's network.
    pub usable: bool,
    /// Networks that it belongs to, for a message.
    pub networks: &'static str,
}

/// The name of a network, for a message.
#[must_use]
pub const fn network_name(network: Network) -> &'static str {
    match network {
        Network::Mainnet => "mainnet",
        Network::Testnet4 => "testnet",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}

pub(crate) const fn of_bitcoin(network: Network) -> bitcoin::Network {
    match network {
        Network::Mainnet => bitcoin::Network::Bitcoin,
        Network::Testnet4 => bitcoin::Network::Testnet4,
        Network::Signet => bitcoin::Network::Signet,
        Network::Regtest => bitcoin::Network::Regtest,
    }
}

/// Reads an address of any network, in any case where its form allows that; `None`: it is none.
pub(crate) fn read(text: &str, network: Network) -> Option<Address> {
    // The longest has 90 characters (BIP 173).
    if text.len() > 100 {
        return None;
    }
    let address: bitcoin::Address<NetworkUnchecked> = text.parse().ok()?;
    let of = |network| address.is_valid_for_network(of_bitcoin(network));
    let networks = match (of(Network::Mainnet), of(Network::Signet), of(Network::Regtest)) {
        (true, ..) => "mainnet",
        (_, true, true) => "a test network",
        (_, true, _) => "testnet or signet",
        _ => "regtest",
    };
    let usable = of(network);
    Some(Address { text: address.assume_checked().to_string(), usable, networks })
}
