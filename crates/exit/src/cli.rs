//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Parser};

/// Brings the money of an Amplet wallet or gateway home with nothing but its recovery phrase: no project, gateway or backup needed.
///
/// Finds the savings (BIP 86, and BIP 84) and what channels paid when their peers closed them, by any Bitcoin Core or Esplora
/// server, and sends it to an address. With the file that the wallet exported (--kit) it also lists the channels, brings home what closes of
/// the wallet's own left, and closes channels when it is told to. The phrase is asked for, or read from standard input; never give it as
/// an argument.
#[derive(Debug, Parser)]
#[command(name = "amplet-exit", version, arg_required_else_help = true)]
#[command(group(ArgGroup::new("server").required(true).args(["bitcoind", "esplora"])))]
#[command(
    after_help = "Look first, send later:\n  amplet-exit --bitcoind http://127.0.0.1:8332 --cookie-file ~/.bitcoin/.cookie\n  amplet-exit --bitcoind http://127.0.0.1:8332 --cookie-file ~/.bitcoin/.cookie --to bc1… --send\n\nWith a kit, look, ask the peers to close, and only then:\n  amplet-exit … --kit wallet.amplet --to bc1… --send --force-close\nRun it again without --force-close until all is home; it says from which block on. Without --force-close no channel is closed. Exit codes: 0 money was found (and sent, with --send), 1 failed, 2 wrong command line or phrase, 3 there is no money."
)]
pub struct Cli {
    /// The network: bitcoin, testnet4, signet or regtest.
    #[arg(long, default_value = "bitcoin")]
    pub network: bitcoin::Network,
    /// URL of a Bitcoin Core's RPC. A pruned one is fine: its coins are searched, not its blocks.
    #[arg(long, value_name = "URL")]
    pub bitcoind: Option<String>,
    /// Its cookie file.
    #[arg(long, value_name = "FILE", requires = "bitcoind")]
    pub cookie_file: Option<PathBuf>,
    /// Its RPC user, with --rpc-password-file in place of a cookie file.
    #[arg(long, value_name = "NAME", requires = "rpc_password_file", conflicts_with = "cookie_file")]
    pub rpc_user: Option<String>,
    /// File with its RPC password.
    #[arg(long, value_name = "FILE", requires = "rpc_user")]
    pub rpc_password_file: Option<PathBuf>,
    /// Base URL of an Esplora server. It learns which addresses are yours; a Bitcoin Core of your own does not tell.
    #[arg(long, value_name = "URL")]
    pub esplora: Option<String>,
    /// Address that gets everything. Without it the money is only listed.
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Fee rate, in sat/vB; by default what the server estimates for six blocks.
    #[arg(long, value_name = "RATE")]
    pub fee_rate: Option<f64>,
    /// Broadcast. Without it the transactions are only made and shown.
    #[arg(long, requires = "to")]
    pub send: bool,
    /// The file that the wallet exported, opened by the same phrase. What happened since is read from the server: with Bitcoin Core every
    /// block since the export, if a channel is closed (none may be pruned).
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
    /// Close the kit's open channels with the newest state in the file. DANGER: if the wallet was used after the export, that state is
    /// revoked, and the peer takes the whole channel. Ask the peers to close first.
    #[arg(long, requires_all = ["kit", "to"])]
    pub force_close: bool,
    /// Installations whose closed channels are looked for, such as 0-19 or 0,7: each is 2,000 scripts. A gateway's is 0; a wallet
    /// that was restored from a phrase has a number of its own, which its diagnostics show.
    #[arg(long, value_name = "NUMBERS", default_value = "0-19", value_parser = numbers)]
    pub installations: Numbers,
    /// Addresses of the savings that are looked at: with Bitcoin Core all of them, with Esplora so many unused ones in a row.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub addresses: u32,
}

/// Numbers of installations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub Vec<u32>);

/// Reads numbers and ranges.
fn numbers(text: &str) -> Result<Numbers, String> {
    let wrong = || format!("{text:?} is not a list of numbers below 2147483648, such as 0-19 or 0,7");
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|it| it >> 31 == 0).ok_or_else(wrong);
    let mut all = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (number(from)?, number(to)?);
        if to.saturating_sub(from) >= 1_000 {
            return Err(format!("{part} are more than 1,000 installations"));
        }
        all.extend(from..=to);
    }
    all.sort_unstable();
    all.dedup();
    if all.is_empty() { Err(wrong()) } else { Ok(Numbers(all)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_and_ranges_of_numbers_are_read() {
        assert_eq!(numbers("0-3").unwrap().0, [0, 1, 2, 3]);
        assert_eq!(numbers("7, 0,2-3").unwrap().0, [0, 2, 3, 7]);
        for wrong in ["", "x", "3-1", "2147483648", "0-1000", "-1"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
    }
}
