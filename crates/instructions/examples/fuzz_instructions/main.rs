//! Texts, mutated from the tables of the tests: `cargo run --profile fuzz -p amplet-instructions --example fuzz_instructions
//! -- TARGET SECONDS [SEED]`. Nothing panics, what is read is read alike again, and nothing that is shown turns the text around.

use amplet_fuzz::{Dice, damage, run};
use amplet_instructions::{Instructions, Kind, Reader, Refusal, ascii_domain, shown};
use amplet_protocol::page::Network;

const TABLES: [&str; 5] = [
    include_str!("../../tests/data/inputs.tsv"),
    include_str!("../../tests/data/bolt11.tsv"),
    include_str!("../../tests/data/bolt12.tsv"),
    include_str!("../../tests/data/bip321.tsv"),
    include_str!("../../tests/data/people.tsv"),
];

fn main() {
    run(&[("instructions", instructions), ("invoices", invoices), ("offers", offers)]);
}

fn read(text: &str, network: Network) -> Result<Instructions, Refusal> {
    Reader { network, to_ascii: &ascii_domain }.read(text)
}

fn text(dice: &mut Dice) -> &'static str {
    let rows: Vec<&str> = TABLES.iter().flat_map(|table| table.lines()).collect();
    dice.pick(&rows).and_then(|row| row.split('\t').nth(1)).unwrap_or_default()
}

/// Any text.
fn instructions(seed: u64) {
    let mut dice = Dice(seed);
    let mut bytes = text(&mut dice).as_bytes().to_vec();
    for _ in 0..dice.below(3) {
        bytes.push(b' ');
        bytes.extend_from_slice(text(&mut dice).as_bytes());
    }
    let other = text(&mut dice);
    damage(&mut dice, &mut bytes, other.as_bytes());
    check(&String::from_utf8_lossy(&bytes));
}

/// Invoices with a right checksum and damage inside, which is what gets beyond the first check.
fn invoices(seed: u64) {
    let mut dice = Dice(seed);
    let invoice = std::iter::repeat_with(|| text(&mut dice)).take(1000).find(|text| text.starts_with("ln"));
    let Some((hrp, data)) = invoice.and_then(|text| text.rsplit_once('1')) else { return };
    let mut hrp = hrp.as_bytes().to_vec();
    let mut data: Vec<u8> = data.bytes().take(data.len().saturating_sub(6)).collect();
    let other = text(&mut dice);
    damage(&mut dice, &mut data, other.as_bytes());
    if dice.below(3) == 0 {
        damage(&mut dice, &mut hrp, b"lnbctbs0123456789munp");
    }
    let text = with_checksum(&String::from_utf8_lossy(&hrp), &String::from_utf8_lossy(&data));
    check(&text.unwrap_or_default());
}

fn with_checksum(hrp: &str, data: &str) -> Option<String> {
    use bech32::{Bech32, Fe32, Fe32IterExt as _, Hrp};
    let hrp = Hrp::parse(hrp).ok()?;
    let data: Vec<Fe32> = data.chars().filter_map(|c| Fe32::from_char(c).ok()).collect();
    Some(data.into_iter().with_checksum::<Bech32>(&hrp).chars().collect())
}

/// Offers whose records are damaged, and sometimes what is in them: any bytes are bech32 without a checksum.
fn offers(seed: u64) {
    use bech32::primitives::decode::CheckedHrpstring;
    use bech32::{Hrp, NoChecksum};
    let mut dice = Dice(seed);
    let bytes = |dice: &mut Dice| {
        let offer = std::iter::repeat_with(|| text(dice)).take(1000).find(|text| text.starts_with("lno1"))?;
        Some(CheckedHrpstring::new::<NoChecksum>(offer).ok()?.byte_iter().collect::<Vec<u8>>())
    };
    let mut offer = bytes(&mut dice).unwrap_or_default();
    let other = bytes(&mut dice).unwrap_or_default();
    damage(&mut dice, &mut offer, &other);
    // Records in their order get beyond the second check.
    if dice.below(2) == 0 {
        offer = ascending(&offer);
    }
    let hrp = Hrp::parse_unchecked("lno");
    check(&bech32::encode::<NoChecksum>(hrp, &offer).unwrap_or_default());
}

/// The records whose type and length take a byte each, sorted by type, each type once.
fn ascending(bytes: &[u8]) -> Vec<u8> {
    let mut records = std::collections::BTreeMap::new();
    let mut rest = bytes;
    while let [kind, length, behind @ ..] = rest {
        let (value, after) = behind.split_at(usize::from(*length).min(behind.len()));
        records.entry(*kind).or_insert(value);
        rest = after;
    }
    let written = records.into_iter().flat_map(|(kind, value)| {
        [kind, u8::try_from(value.len()).unwrap_or_default()].into_iter().chain(value.iter().copied())
    });
    written.collect()
}

fn check(text: &str) {
    for network in [Network::Mainnet, Network::Testnet4, Network::Signet, Network::Regtest] {
        match read(text, network) {
            Err(refusal) => assert_safe(&refusal.to_string()),
            Ok(found) => reread(&found, network),
        }
    }
}

fn assert_safe(message: &str) {
    assert_eq!(shown(message), message.trim());
}

fn reread(found: &Instructions, network: Network) {
    assert!(!found.methods.is_empty());
    for method in &found.methods {
        if let Some(obstacle) = &method.obstacle {
            assert_safe(&obstacle.to_string());
        }
        let written = match &method.kind {
            Kind::Bolt11(invoice) | Kind::Amp(invoice) => {
                assert_safe(&invoice.description);
                invoice.text.clone()
            }
            Kind::Offer(offer) => {
                assert_safe(&offer.description);
                assert_safe(&offer.issuer);
                offer.text.clone()
            }
            Kind::Onchain(address) => address.text.clone(),
            Kind::LightningAddress(name) => name.to_string(),
            Kind::Bip353(name) => format!("₿{name}"),
            Kind::Bolt12(_) | Kind::Lnurl(_) | Kind::SilentPayment(_) | Kind::Unreadable => continue,
        };
        let again = read(&written, network).unwrap_or_else(|refusal| panic!("{written}: {refusal}"));
        assert_eq!(again.methods.len(), 1);
        assert!(again.methods.iter().all(|again| again.kind == method.kind), "{written}");
    }
}
