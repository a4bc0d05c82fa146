//! Addresses as users and QR codes give them.
#![allow(clippy::unwrap_used)]

use amplet_protocol::NodeId;
use amplet_transport::{AddressError, AddressSpace, Endpoint, PeerAddress, Scheme};
use proptest::prelude::*;

const ID: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

fn endpoint(text: &str) -> Result<Endpoint, AddressError> {
    text.parse()
}

#[test]
fn good_addresses_come_apart_and_together() {
    for (text, scheme, host, port, path, shown) in [
        ("wss://gateway.example/lightning/v1", Scheme::Wss, "gateway.example", 443, "/lightning/v1", None),
        ("ws://127.0.0.1:9735", Scheme::Ws, "127.0.0.1", 9735, "/", Some("ws://127.0.0.1:9735/")),
        ("tcp://home.local:9735", Scheme::Tcp, "home.local", 9735, "", None),
        (
            "WSS://Gateway.Example:443",
            Scheme::Wss,
            "gateway.example",
            443,
            "/",
            Some("wss://gateway.example/"),
        ),
        ("ws://[::1]:80/x?y=1", Scheme::Ws, "::1", 80, "/x?y=1", Some("ws://[::1]/x?y=1")),
        ("tcp://[2001:db8::1]:9735/", Scheme::Tcp, "2001:db8::1", 9735, "", Some("tcp://[2001:db8::1]:9735")),
        (
            "wss://xn--bcher-kva.example?token=a",
            Scheme::Wss,
            "xn--bcher-kva.example",
            443,
            "/?token=a",
            Some("wss://xn--bcher-kva.example/?token=a"),
        ),
    ] {
        let parsed = endpoint(text).unwrap();
        assert_eq!(
            (parsed.scheme(), parsed.host(), parsed.port(), parsed.path()),
            (scheme, host, port, path),
            "{text}"
        );
        assert_eq!(parsed.to_string(), shown.unwrap_or(text), "{text}");
        let peer: PeerAddress = format!(" {ID}@{text}\n").parse().unwrap();
        assert_eq!(peer.to_string(), format!("{ID}@{parsed}"));
    }
}

#[test]
fn bad_addresses_are_errors_that_name_the_defect() {
    use AddressError as E;
    type Expected = fn(&AddressError) -> bool;
    let cases: &[(&str, Expected)] = &[
        ("", |e| matches!(e, E::Scheme)),
        ("https://gateway.example", |e| matches!(e, E::Scheme)),
        ("wss:/gateway.example", |e| matches!(e, E::Scheme)),
        ("wss://", |e| matches!(e, E::Host(_))),
        ("wss:///path", |e| matches!(e, E::Host(_))),
        ("wss://user:pass@gateway.example", |e| matches!(e, E::Port(_))),
        ("wss://user@gateway.example", |e| matches!(e, E::Host(_))),
        ("wss://gate way.example", |e| matches!(e, E::Host(_))),
        ("wss://bücher.example", |e| matches!(e, E::Host(_))),
        ("wss://-gateway.example", |e| matches!(e, E::Host(_))),
        ("wss://gateway..example", |e| matches!(e, E::Host(_))),
        ("ws://1.2.3", |e| matches!(e, E::Host(_))),
        ("ws://256.1.1.1", |e| matches!(e, E::Host(_))),
        ("ws://0x7f.1", |e| matches!(e, E::Host(_))),
        ("ws://[::1", |e| matches!(e, E::Host(_))),
        ("ws://[zz]", |e| matches!(e, E::Host(_))),
        ("ws://::1", |e| matches!(e, E::Host(_) | E::Port(_))),
        ("ws://[::1]x", |e| matches!(e, E::Port(_))),
        ("ws://host:", |e| matches!(e, E::Port(_))),
        ("ws://host:0", |e| matches!(e, E::Port(_))),
        ("ws://host:65536", |e| matches!(e, E::Port(_))),
        ("ws://host:+80", |e| matches!(e, E::Port(_))),
        ("tcp://host", |e| matches!(e, E::NoPort(_))),
        ("tcp://host:1/path", |e| matches!(e, E::Path(_))),
        ("ws://host/a b", |e| matches!(e, E::Path(_))),
        ("ws://host/#part", |e| matches!(e, E::Path(_))),
        ("ws://host/ü", |e| matches!(e, E::Path(_))),
    ];
    for (text, expected) in cases {
        let error = endpoint(text).unwrap_err();
        assert!(expected(&error), "{text:?}: {error:?}");
    }
    assert_eq!(endpoint(&format!("ws://{}", "a".repeat(3000))), Err(E::TooLong(3005)));
}

fn peer(id: &str) -> Result<PeerAddress, AddressError> {
    format!("{id}@wss://gateway.example").parse()
}

#[test]
fn bad_node_ids_are_errors_that_name_the_defect() {
    assert_eq!("wss://gateway.example".parse::<PeerAddress>(), Err(AddressError::NoNodeId));
    for id in ["", "02", &ID[1..], &format!("{ID}00"), &ID.replace('7', "g"), "@", &"é".repeat(33)] {
        assert!(matches!(peer(id), Err(AddressError::NodeIdForm(_))), "{id}");
    }
    assert_eq!(peer(&format!("04{}", &ID[2..])), Err(AddressError::NodeIdPrefix(4)));
    assert_eq!(peer(&ID.to_uppercase()).unwrap().node_id.to_string(), ID);
}

#[test]
fn a_relay_is_known_by_its_path_and_has_health_beside_it() {
    for (text, health) in [
        ("wss://gateway.example/lightning/v1", Some("https://gateway.example/health")),
        ("ws://127.0.0.1:9000/lightning/v1", Some("http://127.0.0.1:9000/health")),
        ("wss://host/behind/lightning/v1?token=t", Some("https://host/behind/health")),
        ("ws://[::1]:9000/lightning/v1", Some("http://[::1]:9000/health")),
        ("wss://host/", None),
        ("wss://host/lightning/v10", None),
        ("wss://host/?a=/lightning/v1", None),
        ("tcp://host:9735", None),
    ] {
        let parsed = endpoint(text).unwrap();
        assert_eq!(parsed.health_url().as_deref(), health, "{text}");
        assert_eq!(parsed.is_relay(), health.is_some(), "{text}");
    }
}

#[test]
fn the_space_of_a_host_follows_from_its_name() {
    use AddressSpace::{Local, Loopback, Public};
    for (space, hosts) in [
        (Loopback, ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "a.localhost"].as_slice()),
        (
            Local,
            &["10.1.2.3", "172.31.0.1", "192.168.0.9", "169.254.1.1", "[fd00::1]", "[fe80::1]", "node.local"],
        ),
        (
            Public,
            &["8.8.8.8", "172.32.0.1", "[2001:db8::1]", "local", "notlocal.example", "localhost.example"],
        ),
    ] {
        for host in hosts {
            assert_eq!(endpoint(&format!("ws://{host}")).unwrap().space(), space, "{host}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_what_is_shown_parses_to_the_same(text in "(wss|ws|tcp)?(://)?\\PC{0,60}") {
        if let Ok(parsed) = endpoint(&text) {
            prop_assert_eq!(endpoint(&parsed.to_string()), Ok(parsed));
        }
        let _ = text.parse::<PeerAddress>();
    }

    #[test]
    fn valid_parts_always_parse(
        scheme in "wss|ws|tcp", host in "[a-z][a-z0-9]{0,20}(\\.[a-z][a-z0-9]{0,10}){0,3}", port in 1u16.., tail in any::<[u8; 32]>(),
    ) {
        let mut id = [2; 33];
        id[1..].copy_from_slice(&tail);
        let text = format!("{}@{scheme}://{host}:{port}", NodeId(id));
        let parsed: PeerAddress = text.parse().unwrap();
        prop_assert_eq!(parsed.endpoint.port(), port);
        prop_assert_eq!(parsed.endpoint.host(), host);
        prop_assert_eq!(parsed.node_id, NodeId(id));
        prop_assert_eq!(parsed.to_string().parse::<PeerAddress>(), Ok(parsed));
    }
}
