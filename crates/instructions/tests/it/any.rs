//! What holds for every text.
#![allow(clippy::unwrap_used)]

use amplet_instructions::{Kind, shown};
use amplet_protocol::page::{MAX_TEXT, Network};
use proptest::prelude::*;

use crate::read;
use crate::table::texts;

/// Read, and all that it says checked.
fn check(text: &str) {
    for network in [Network::Mainnet, Network::Regtest] {
        let messages: Vec<String> = match read(text, network) {
            Err(refusal) => vec![refusal.to_string()],
            Ok(found) => {
                assert!(!found.methods.is_empty(), "{text:?}");
                let obstacles = found.methods.iter().filter_map(|method| method.obstacle.as_ref());
                let said = obstacles.map(ToString::to_string).chain(found.label).chain(found.message);
                let described = found.methods.iter().filter_map(|method| match &method.kind {
                    Kind::Bolt11(invoice) | Kind::Amp(invoice) => Some(invoice.description.clone()),
                    Kind::Offer(offer) => Some(offer.description.clone() + &offer.issuer),
                    Kind::Lnurl(lnurl) => Some(lnurl.url.clone()),
                    Kind::Bip353(name) | Kind::LightningAddress(name) => Some(name.to_string()),
                    _ => None,
                });
                said.chain(described).collect()
            }
        };
        for message in messages {
            assert_eq!(shown(&message), message.trim(), "of {text:?}");
        }
    }
}

/// Two texts of the tables, one put into the other.
fn grafted() -> impl Strategy<Value = String> {
    let all: Vec<String> = texts().into_iter().map(|(_, text, _)| text).collect();
    let text = proptest::sample::select(all);
    (text.clone(), text, any::<prop::sample::Index>(), any::<prop::sample::Index>(), "\\PC{0,3}").prop_map(
        |(one, other, at, from, noise)| {
            let mut chars: Vec<char> = one.chars().collect();
            let piece: Vec<char> = other.chars().skip(from.index(other.chars().count())).take(40).collect();
            let place = at.index(chars.len());
            chars.splice(
                place..(place + piece.len() / 2).min(chars.len()),
                piece.into_iter().chain(noise.chars()),
            );
            chars.into_iter().collect()
        },
    )
}

proptest! {
    #[test]
    fn any_string_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_sentence_of_pieces_is_read_or_refused(text in grafted()) {
        check(&text);
    }

    #[test]
    fn any_link_is_read_or_refused(keys in prop::collection::vec(("(req-)?(amount|label|lightning|bc|tb|bcrt|lno|pop|x)", "[0-9a-z.%@ ]{0,12}"), 0..6)) {
        let query: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
        check(&format!("bitcoin:?{}", query.join("&")));
    }

    #[test]
    fn any_name_is_read_or_refused(text in "[₿⚡]?[a-zA-Zé+.]{0,5}@{1,2}[\\PC]{0,9}[.]{0,2}[a-zü]{0,4}(:[0-9]{1,6})?") {
        check(&text);
    }

    #[test]
    fn sats_of_links_are_read_exactly(sat in 1u64..=2_100_000_000_000_000) {
        let address = "bcrt1qznd5zwx4dghvlvggsx5muw2dnuepnpdju45zne";
        let text = format!("bitcoin:{address}?amount={}.{:08}", sat / 100_000_000, sat % 100_000_000);
        prop_assert_eq!(read(&text, Network::Regtest).unwrap().amount_sat, Some(sat));
    }
}

/// Bech32 and schemes have no case; keys have none (BIP 321). What has one: labels, and addresses in base58.
#[test]
fn upper_and_lower_case_are_one() {
    let mut compared = 0;
    for (name, text, _) in texts() {
        let cased = ["label", "message", "175tW", "1A1zP", "mixed", "%", "LUD", "web"];
        if cased.iter().any(|word| name.contains(word) || text.contains(word)) {
            continue;
        }
        let (lower, upper) = (text.to_ascii_lowercase(), text.to_ascii_uppercase());
        let read = |text: &str| {
            read(text, Network::Regtest).map_err(|refusal| refusal.to_string().to_ascii_lowercase())
        };
        assert_eq!(read(&lower), read(&upper), "{name}");
        compared += 1;
    }
    assert!(compared > 60, "{compared} texts compared");
}

#[test]
fn a_long_text_is_refused_unread_and_the_longest_is_read_soon() {
    assert!(read(&"x".repeat(MAX_TEXT + 1), Network::Regtest).is_err());
    for word in ["ln ", "lnbc1 ", "bitcoin: ", "a@b.c ", "lightning:lnbc1q ", "lnurl1q ", "é", "@", "%"] {
        check(&word.repeat(MAX_TEXT / word.len()));
    }
}
