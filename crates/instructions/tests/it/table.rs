//! The frozen tables: name, text, what it is read as. The specifications' vectors (BOLT 11, BOLT 12, BIP 321, BIP 353) are read by a wallet
//! on mainnet, our own and what people paste by one on regtest. The address of BIP 321's examples has a wrong checksum; but for
//! one row another stands in its place, so that the rest of each is read too.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use amplet_instructions::{Instructions, Kind, Method};
use amplet_protocol::page::Network;

use crate::{read, summary};

const INPUTS: &str = include_str!("../data/inputs.tsv");
const TABLES: [(&str, &str); 5] = [
    ("inputs", INPUTS),
    ("bolt11", include_str!("../data/bolt11.tsv")),
    ("bolt12", include_str!("../data/bolt12.tsv")),
    ("bip321", include_str!("../data/bip321.tsv")),
    ("people", include_str!("../data/people.tsv")),
];

fn rows(table: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    table.lines().map(|line| {
        let mut fields = line.splitn(3, '\t');
        (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap())
    })
}

/// The texts of the tables, placeholders and escapes filled in.
pub fn texts() -> Vec<(String, String, String)> {
    let inputs: HashMap<&str, &str> = rows(INPUTS).map(|(name, text, _)| (name, text)).collect();
    let all = TABLES.iter().flat_map(|(table, text)| rows(text).map(move |row| (table, row)));
    let filled = all.map(|(table, (name, text, expected))| {
        (format!("{table}: {name}"), fill(text, &inputs), expected.to_owned())
    });
    filled.collect()
}

/// Fills in `{name}` (`{NAME}`: in upper case; `{name|cut}` and others: damaged) and the escapes `\r`, `\n`, `\u{…}`.
fn fill(text: &str, inputs: &HashMap<&str, &str>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '\\']) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let end =
            if from.starts_with("\\u") || from.starts_with('{') { from.find('}').unwrap() + 1 } else { 2 };
        let (escape, after) = from.split_at(end);
        filled.push_str(&filling(escape, inputs));
        rest = after;
    }
    filled + rest
}

fn filling(escape: &str, inputs: &HashMap<&str, &str>) -> String {
    match escape {
        "\\n" => return "\n".into(),
        "\\r" => return "\r".into(),
        _ => {}
    }
    if let Some(code) = escape.strip_prefix("\\u{") {
        let code = u32::from_str_radix(code.trim_end_matches('}'), 16).unwrap();
        return char::from_u32(code).unwrap().into();
    }
    let inner = escape.trim_matches(['{', '}']);
    let (name, damage) = inner.split_once('|').unwrap_or((inner, ""));
    let text = *inputs.get(name.to_ascii_lowercase().as_str()).unwrap_or_else(|| panic!("no input {name}"));
    let text = if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        text.to_ascii_uppercase()
    } else {
        text.into()
    };
    let (start, end) = text.split_at(text.len() / 2);
    match damage {
        "" => text,
        "split" => format!("{}\r\n{}\r\n{end}", &start[..76], &start[76..]),
        "zwsp" => format!("{start}\u{200b}{end}"),
        "cut" => start.into(),
        "mixed" => format!("{start}{}", end.to_ascii_uppercase()),
        other => panic!("no damage {other}"),
    }
}

fn network(name: &str) -> Network {
    let is_specified = ["bolt11", "bolt12", "bip321"].iter().any(|table| name.starts_with(table));
    if is_specified { Network::Mainnet } else { Network::Regtest }
}

#[test]
fn every_text_of_the_tables_is_read_as_it_says() {
    let mut wrong = Vec::new();
    for (name, text, expected) in texts() {
        let found = match read(&text, network(&name)) {
            Ok(instructions) => summary(&instructions),
            Err(refusal) => format!("refused: {refusal}"),
        };
        if found != expected {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of the table that the package reads too (`pkg/test/unit/lnurl.test.ts`): the address that is asked.
#[test]
fn lnurls_lead_where_the_package_says_too() {
    let mut wrong = Vec::new();
    for (name, text, expected) in rows(include_str!("../data/lnurl.tsv")) {
        let found = read(&fill(text, &HashMap::new()), Network::Regtest).ok().and_then(|found| asked(&found));
        let found = found.as_deref().unwrap_or("refused");
        if found != expected {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The address of an LNURL, or of a Lightning Address (LUD-16).
fn asked(found: &Instructions) -> Option<String> {
    match &found.methods[..] {
        [Method { kind: Kind::Lnurl(lnurl), .. }] => Some(lnurl.url.clone()),
        [Method { kind: Kind::LightningAddress(name), .. }] => {
            let host = name.domain.split(':').next()?;
            let scheme = if host.ends_with(".onion") || host == "127.0.0.1" { "http" } else { "https" };
            Some(format!("{scheme}://{}/.well-known/lnurlp/{}", name.domain, name.user))
        }
        _ => None,
    }
}

#[test]
fn an_invoice_is_for_its_own_network_only() {
    let text = |wanted: &str| texts().into_iter().find(|(name, ..)| name == wanted).unwrap().1;
    let networks = [Network::Mainnet, Network::Testnet4, Network::Signet, Network::Regtest];
    let usable = |text: &str| {
        networks.map(|network| {
            read(text, network).unwrap().methods.iter().all(|method| method.obstacle.is_none())
        })
    };
    assert_eq!(usable(&text("inputs: mainnet")), [true, false, false, false]);
    assert_eq!(usable(&text("inputs: good_10u")), [false, false, false, true]);
    assert_eq!(usable(&text("inputs: simnet")), [false; 4]);
    assert_eq!(usable(&text("inputs: addr0_bc")), [true, false, false, false]);
    assert_eq!(usable(&text("inputs: addr0_tb")), [false, true, true, false]);
    assert_eq!(usable(&text("inputs: addr0_bcrt")), [false, false, false, true]);
    // Base58 addresses of all test networks are alike.
    assert_eq!(usable("mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP"), [false, true, true, true]);
}
