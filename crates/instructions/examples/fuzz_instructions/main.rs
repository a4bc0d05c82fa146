//! Texts, mutated from the tables of the tests: `cargo run --profile fuzz -p amplet-instructions --example fuzz_instructions
//! -- TARGET SECONDS [SEED]`. Nothing panics, what is read is read alike again, and nothing that is shown turns the text around.

use amplet_fuzz::{Dice, damage, run};
use amplet_instructions::{Instructions, Kind, read, shown};
use amplet_protocol::page::Network;

const TABLES: [&str; 4] = [
    include_str!("../../tests/data/inputs.tsv"),
    include_str!("../../tests/data/bolt11.tsv"),
    include_str!("../../tests/data/bip321.tsv"),
    include_str!("../../tests/data/people.tsv"),
];

fn main() {
    run(&[("instructions", instructions), ("invoices", invoices)]);
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
