//! Gateways as they are configured: addresses, with an operator's token or without.

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_protocol::page::{ErrorCode, Gateway, WalletError};
use amplet_protocol::relay;
use amplet_transport::{PeerAddress, Scheme};

/// Maximum length of a token, in bytes: several times a gateway's.
const MAX_TOKEN: usize = 256;

/// A gateway as it is configured.
pub(super) struct Configured {
    pub address: PeerAddress,
    pub node_id: PublicKey,
    pub chain_url: String,
    pub zero_conf: bool,
    /// Token for channels on request, from the address.
    pub token: Option<String>,
}

pub(super) fn invalid(message: String) -> WalletError {
    WalletError::new(ErrorCode::InvalidInput, message)
}

/// The base URL of a gateway's HTTP side; one reached by TCP has none.
pub(super) fn origin(address: &PeerAddress) -> Option<String> {
    address.endpoint.health_url().map(|health| health.trim_end_matches(relay::HEALTH_PATH).to_owned())
}

/// Reads a configured gateway.
///
/// # Errors
/// [`ErrorCode::InvalidInput`].
pub(super) fn parse_one(gateway: &Gateway) -> Result<Configured, WalletError> {
    let (text, token) = split_token(gateway.address.trim())?;
    let parse = |text: &str| text.parse::<PeerAddress>().map_err(|e| invalid(format!("{e} (in {text:?})")));
    let mut address = parse(text)?;
    if address.endpoint.scheme() != Scheme::Tcp && matches!(address.endpoint.path(), "" | "/") {
        address = parse(&format!("{}{}", text.trim_end_matches('/'), relay::PATH))?;
    }
    let node_id = PublicKey::from_slice(&address.node_id.0).map_err(|_| {
        invalid(format!("{} is not a point of the curve; copy the gateway's address again", address.node_id))
    })?;
    let chain_url = match (&gateway.chain_url, origin(&address)) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(origin)) => origin,
        (None, None) => {
            return Err(invalid(format!(
                "{text:?} has no chain API of its own; add the URL of a block-dn server"
            )));
        }
    };
    Ok(Configured { address, node_id, chain_url, zero_conf: gateway.trust_zero_conf, token })
}

/// Splits the operator's token from a gateway's address: `…#token=…`. A fragment is never sent when a connection is made.
fn split_token(address: &str) -> Result<(&str, Option<String>), WalletError> {
    let Some((address, fragment)) = address.split_once('#') else { return Ok((address, None)) };
    match fragment.strip_prefix("token=") {
        Some(token) if !token.is_empty() && token.len() <= MAX_TOKEN => Ok((address, Some(token.into()))),
        _ => Err(invalid(
            "what follows the # in the gateway's address is not a token; copy the address again".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GATEWAY: &str = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619";

    #[test]
    fn a_token_is_split_from_the_address() {
        let parse =
            |address: String| parse_one(&Gateway { address, chain_url: None, trust_zero_conf: false });
        let with = parse(format!("{GATEWAY}@wss://gateway.example#token=channel_0a_0b")).unwrap();
        let without = parse(format!("{GATEWAY}@wss://gateway.example")).unwrap();
        assert_eq!(
            (&with.address, &with.chain_url),
            (&without.address, &without.chain_url),
            "nothing of it is sent"
        );
        assert_eq!((with.token.as_deref(), without.token), (Some("channel_0a_0b"), None));
        for wrong in ["#", "#token=", "#channel_0a_0b"] {
            let error = parse(format!("{GATEWAY}@wss://gateway.example{wrong}")).err().unwrap();
            assert_eq!(error.code, ErrorCode::InvalidInput, "{wrong}: {error}");
        }
        let long = format!("{GATEWAY}@wss://gateway.example#token={}", "a".repeat(257));
        assert!(parse(long).is_err(), "it has to fit into a message");
    }
}
