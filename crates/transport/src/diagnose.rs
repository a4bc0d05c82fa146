//! Diagnosis of failed connections. A browser reports nothing but close code 1006, so the gateway's `/health` and the
//! browser's own state are consulted, and evaluated here.

use std::time::Duration;

use amplet_protocol::relay::Health;

use crate::{
    AddressSpace, BrowserBlock, ConnectError, Endpoint, FetchError, HttpRequest, HttpResponse, Scheme,
};

/// A request for a gateway's health: a small response, soon, since the user waits for the diagnosis.
pub(crate) fn health_request(url: String) -> HttpRequest {
    HttpRequest::get(url).max_body(4096).timeout(Duration::from_secs(5))
}

/// The facts found after a failed attempt.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The attempt's own error message.
    pub detail: String,
    /// The gateway's response at `/health`; `None` when the endpoint has none.
    pub health: Option<Result<HttpResponse, FetchError>>,
    /// The browser's state of this machine and page.
    pub site: Site,
}

/// A browser's state of this machine and page; the default is a platform that forbids nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Site {
    /// The machine has no network.
    pub offline: bool,
    /// The page was loaded over https.
    pub https: bool,
    /// The address space that the page was loaded from.
    pub space: AddressSpace,
    /// The state of the Local Network Access permission, where the browser has one.
    pub local_network: Option<Permission>,
}

/// The state of a browser's permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))] // only a browser has permissions
pub(crate) enum Permission {
    Granted,
    Ask,
    Denied,
}

impl Site {
    /// The browser's rule that forbids this page to reach `host`, in the clear or not. For use after a failure only: a browser with
    /// other rules may allow it.
    pub(crate) fn blocks(&self, host: &str, clear: bool) -> Option<BrowserBlock> {
        let space = AddressSpace::of(host);
        if space > self.space {
            match self.local_network {
                Some(Permission::Denied) => return Some(BrowserBlock::LocalNetworkDenied),
                Some(Permission::Ask) => return Some(BrowserBlock::LocalNetworkAsk),
                Some(Permission::Granted) => return None,
                None => {}
            }
        }
        // Browsers treat this machine as secure under any scheme.
        (self.https && clear && space != AddressSpace::Loopback).then_some(BrowserBlock::MixedContent)
    }
}

/// The error that fits the facts.
pub(crate) fn diagnose(endpoint: &Endpoint, facts: Facts) -> ConnectError {
    let endpoint = endpoint.clone();
    let failure = match facts.health {
        Some(Ok(response)) => return diagnose_health(endpoint, facts.detail, &response),
        Some(Err(failure)) => failure.to_string(),
        None => facts.detail,
    };
    if facts.site.offline && endpoint.space() == AddressSpace::Public {
        return ConnectError::Offline;
    }
    match facts.site.blocks(endpoint.host(), endpoint.scheme() == Scheme::Ws) {
        Some(why) => ConnectError::NotAllowed { endpoint, why },
        None => ConnectError::GatewayUnreachable { endpoint, detail: failure },
    }
}

fn diagnose_health(endpoint: Endpoint, detail: String, response: &HttpResponse) -> ConnectError {
    match serde_json::from_slice::<Health>(&response.body) {
        Ok(Health { node: false }) => ConnectError::NodeDown { endpoint },
        Ok(Health { node: true }) => ConnectError::Refused { endpoint, detail },
        Err(_) => {
            let detail = format!(
                "{detail}; it is no Amplet gateway, /health answered with status {}",
                response.status
            );
            ConnectError::Refused { endpoint, detail }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WSS: &str = "wss://gateway.example/lightning/v1";
    const WS: &str = "ws://gateway.example/lightning/v1";
    const LAN: &str = "ws://192.168.1.7:9000/lightning/v1";
    const LOOPBACK: &str = "ws://127.0.0.1:9000/lightning/v1";

    fn unreachable() -> Option<Result<HttpResponse, FetchError>> {
        Some(Err(FetchError::Unreachable { url: "u".into(), detail: "failed".into() }))
    }

    fn answer(status: u16, body: &str) -> Option<Result<HttpResponse, FetchError>> {
        Some(Ok(HttpResponse { status, headers: vec![], body: body.into() }))
    }

    fn verdict(endpoint: &str, health: Option<Result<HttpResponse, FetchError>>, site: Site) -> ConnectError {
        diagnose(&endpoint.parse().unwrap(), Facts { detail: "1006".into(), health, site })
    }

    fn blocked(endpoint: &str, site: Site) -> Option<BrowserBlock> {
        match verdict(endpoint, unreachable(), site) {
            ConnectError::NotAllowed { why, .. } => Some(why),
            ConnectError::GatewayUnreachable { .. } => None,
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn health_tells_node_down_from_refused_from_something_else() {
        let site = Site::default();
        assert!(matches!(
            verdict(WSS, answer(503, r#"{"node":false}"#), site),
            ConnectError::NodeDown { .. }
        ));
        assert!(matches!(verdict(WSS, answer(200, r#"{"node":true}"#), site), ConnectError::Refused { .. }));
        let other = verdict(WSS, answer(404, "<html>"), site);
        assert!(matches!(&other, ConnectError::Refused { detail, .. } if detail.contains("404")), "{other}");
    }

    #[test]
    fn silence_is_unreachable_unless_the_browser_explains_it() {
        assert_eq!(blocked(WSS, Site::default()), None);
        assert_eq!(
            verdict(WSS, unreachable(), Site { offline: true, ..Site::default() }),
            ConnectError::Offline
        );
        assert_eq!(blocked(LAN, Site { offline: true, ..Site::default() }), None);
        let https = Site { https: true, ..Site::default() };
        assert_eq!(blocked(WSS, https), None);
        assert_eq!(blocked(WS, https), Some(BrowserBlock::MixedContent));
        assert_eq!(blocked(LAN, https), Some(BrowserBlock::MixedContent));
        assert_eq!(blocked(LOOPBACK, https), None);
    }

    #[test]
    fn the_local_network_permission_explains_local_failures_only() {
        for (permission, why) in [
            (Permission::Ask, Some(BrowserBlock::LocalNetworkAsk)),
            (Permission::Denied, Some(BrowserBlock::LocalNetworkDenied)),
            (Permission::Granted, None),
        ] {
            let site = Site { https: true, local_network: Some(permission), ..Site::default() };
            assert_eq!(blocked(LAN, site), why);
            assert_eq!(blocked(LOOPBACK, site), why);
            assert_eq!(blocked(WSS, site), None);
        }
    }

    #[test]
    fn a_page_of_the_local_network_needs_no_permission_for_it() {
        let ask = |space| Site { space, local_network: Some(Permission::Ask), ..Site::default() };
        assert_eq!(blocked(LAN, ask(AddressSpace::Local)), None);
        assert_eq!(blocked(LOOPBACK, ask(AddressSpace::Local)), Some(BrowserBlock::LocalNetworkAsk));
        assert_eq!(blocked(LAN, ask(AddressSpace::Loopback)), None);
        assert_eq!(blocked(LOOPBACK, ask(AddressSpace::Loopback)), None);
    }

    #[test]
    fn an_endpoint_without_health_keeps_what_the_attempt_said() {
        let error = verdict("wss://node.example/", None, Site::default());
        assert!(
            matches!(&error, ConnectError::GatewayUnreachable { detail, .. } if detail == "1006"),
            "{error}"
        );
    }
}
