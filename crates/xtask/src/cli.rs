//! The command line.

use std::path::PathBuf;

use anyhow::{Result, bail};
use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::bench::load;
use crate::chaos;
use crate::routing::PUBLIC_SEED;

/// Text that `--help` prints.
pub const HELP: &str = "\
cargo xtask <command>

  demo [--headless]      a Lightning network on this machine, a wallet page and four sites that are paid;
                         --headless drives the page in Chromium and prints each receipt
  test [--only STEP].. [--list]
                         everything that CI runs, tests beside what compiles; a table says where the time went
  build                  wasm, npm package, page, extension, gateway, amplet-regtest for npm
  docs                   the documentation site, in target/docs: guides, whose code is compiled, and the references
  size                   what a page loads to open a wallet, brotli-11, against its limit
  bench [--only PART].. [OPTIONS]
                         router: CPU per plan, native, Node and Chromium, and whether their plans are the same;
                         page: start-up and payment times; extension: paid content after a click, the popup;
                         stream: ten payments a second for ten minutes, twice: memory and storage (25 minutes);
                         amp: payments in 1 to 1,000 parts over three gateways, from a tab and natively, and one cut half-way;
                         gateway: payments, their times and memory with 200 wallets, 10,000 idle WebSockets and 2,000 hostile
                         connections (10 minutes); soak: all of it at once, and memory has to be flat (13 minutes);
                         smaller: --wallets N --idle N --hostile N --seconds N (of a phase) --pause-ms N --soak MINUTES;
                         --debug: unoptimised programs
  eval-routing [--seed N] [--quick]
                         the router through the evaluation in ../shared/eval/routing, beside the figures set for it, and
                         relative to what can be had; an error where that is no longer as good as it was; seven minutes;
                         --quick: 40 payments a row instead of 200, and never an error for a figure
  chaos [--seed S] [--runs N] [--acts N] [--profile NAME] [--browser]
                         N random lives (100) of a small network in memory, drawn from the seeds from S (1) on: payments,
                         crashes, full disks, lying sources, absences; audited to the millisatoshi;
                         --browser: of a wallet in Chromium on the regtest network, half a minute each: tab, browser, device,
                         gateways, bitcoind, network and backup die or fail, also inside commits
  interop lnd [WORD]..   a real lnd on the regtest network: invoices, held invoices, AMP, channels of a wallet's own with
                         it, opened and closed from either side; only the scenarios with one of the words in their names
  regtest [--output FILE] [--mine] [--examples] [--www DIR] [--gateway PROGRAM] [--gateways N]
                         the demo's network alone, with a control API on loopback, until its standard
                         input closes or SIGTERM; FILE gets all addresses as JSON;
                         --examples: the sites of examples/, too; --gateways: N of them (2)
  deny                   licences, bans, sources and security advisories of all dependencies
  doctor [--fetch]       what is installed, what is missing, how it would be got; --fetch gets it

Tools are kept in ~/.cache/amplet (AMPLET_CACHE); see docs/tools.md.
";

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// The demo.
    Demo {
        /// In Chromium instead of a user's browser.
        headless: bool,
    },
    /// Everything that CI runs.
    Test {
        /// Only these steps; all if empty.
        only: Vec<String>,
        /// Print the steps instead.
        list: bool,
    },
    /// Everything that people get.
    Build,
    /// The documentation site.
    Docs,
    /// Size of what a page loads.
    Size,
    /// Times of what a user waits for.
    Bench {
        /// Only these parts; all if empty.
        only: Vec<String>,
        /// What a gateway is loaded with.
        load: load::Options,
    },
    /// Evaluation of the router.
    EvalRouting {
        /// Of the scenario.
        seed: u64,
        /// Fewer payments.
        quick: bool,
    },
    /// Random lives of a network.
    Chaos(chaos::Options),
    /// Scenarios with another implementation.
    Interop {
        /// Parts of names of scenarios; all if empty.
        words: Vec<String>,
    },
    /// The network alone.
    Regtest {
        /// File to write the addresses to.
        env_file: Option<PathBuf>,
        /// Mine while transactions wait.
        mine: bool,
        /// Serve the example sites.
        examples: bool,
        /// A built page to serve.
        www: Option<PathBuf>,
        /// A ready-made gateway.
        gateway: Option<PathBuf>,
        /// Number of gateways.
        gateways: usize,
    },
    /// All checks of cargo-deny.
    Deny,
    /// Report of what is installed.
    Doctor {
        /// Get what is missing.
        fetch: bool,
    },
}

/// Reads the command line.
///
/// # Errors
/// Names the word that is wrong.
pub fn parse(mut parser: lexopt::Parser) -> Result<Command> {
    let name = match parser.next()? {
        None | Some(Long("help") | Short('h')) => return Ok(Command::Help),
        Some(Value(value)) => value.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    let mut command = match name.as_str() {
        "help" => Command::Help,
        "demo" => Command::Demo { headless: false },
        "test" => Command::Test { only: Vec::new(), list: false },
        "build" => Command::Build,
        "docs" => Command::Docs,
        "size" => Command::Size,
        "bench" => Command::Bench { only: Vec::new(), load: load::Options::default() },
        "eval-routing" => Command::EvalRouting { seed: PUBLIC_SEED, quick: false },
        "chaos" => Command::Chaos(chaos::Options::default()),
        "interop" => interop(&mut parser)?,
        "regtest" => Command::Regtest {
            env_file: None,
            mine: false,
            examples: false,
            www: None,
            gateway: None,
            gateways: 2,
        },
        "deny" => Command::Deny,
        "doctor" => Command::Doctor { fetch: false },
        unknown => bail!("no command `{unknown}`\n\n{HELP}"),
    };
    while let Some(argument) = parser.next()? {
        match (&mut command, argument) {
            (_, Long("help") | Short('h')) => return Ok(Command::Help),
            (Command::Demo { headless }, Long("headless")) => *headless = true,
            (Command::Test { only, .. } | Command::Bench { only, .. }, Long("only")) => {
                only.push(parser.value()?.string()?);
            }
            (Command::Test { list, .. }, Long("list")) => *list = true,
            (Command::Interop { words }, Value(word)) => words.push(word.string()?),
            (Command::Regtest { env_file, .. }, Long("output")) => *env_file = Some(parser.value()?.into()),
            (Command::Regtest { mine, .. }, Long("mine")) => *mine = true,
            (Command::Regtest { examples, .. }, Long("examples")) => *examples = true,
            (Command::Regtest { www, .. }, Long("www")) => *www = Some(parser.value()?.into()),
            (Command::Regtest { gateway, .. }, Long("gateway")) => *gateway = Some(parser.value()?.into()),
            (Command::Regtest { gateways, .. }, Long("gateways")) => {
                *gateways = parser.value()?.parse()?;
                if *gateways < 2 {
                    bail!("--gateways {gateways}: a network has two or more");
                }
            }
            (Command::EvalRouting { seed, .. }, Long("seed")) => *seed = parser.value()?.parse()?,
            (Command::EvalRouting { quick, .. }, Long("quick")) => *quick = true,
            (Command::Chaos(options), Long("seed")) => options.seed = parser.value()?.parse()?,
            (Command::Chaos(options), Long("runs")) => options.runs = parser.value()?.parse()?,
            (Command::Chaos(options), Long("acts")) => options.acts = parser.value()?.parse()?,
            (Command::Chaos(options), Long("browser")) => options.browser = true,
            (Command::Chaos(options), Long("profile")) => options.profile = parser.value()?.string()?,
            (Command::Bench { load, .. }, Long("wallets")) => load.wallets = parser.value()?.parse()?,
            (Command::Bench { load, .. }, Long("idle")) => load.idle = parser.value()?.parse()?,
            (Command::Bench { load, .. }, Long("hostile")) => load.hostile = parser.value()?.parse()?,
            (Command::Bench { load, .. }, Long("seconds")) => load.seconds = parser.value()?.parse()?,
            (Command::Bench { load, .. }, Long("pause-ms")) => load.pause_ms = parser.value()?.parse()?,
            (Command::Bench { load, .. }, Long("soak")) => load.soak = parser.value()?.parse()?,
            (Command::Bench { load, .. }, Long("debug")) => load.debug = true,
            (Command::Doctor { fetch }, Long("fetch")) => *fetch = true,
            (_, other) => return Err(other.unexpected().into()),
        }
    }
    Ok(command)
}

/// The command whose next word is the implementation.
fn interop(parser: &mut lexopt::Parser) -> Result<Command> {
    match parser.next()? {
        Some(Value(name)) if name == "lnd" => Ok(Command::Interop { words: Vec::new() }),
        Some(Long("help") | Short('h')) => Ok(Command::Help),
        Some(Value(name)) => bail!("no implementation {name:?}: there is lnd"),
        Some(other) => Err(other.unexpected().into()),
        None => bail!("interop with whom? There is lnd: `cargo xtask interop lnd`"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(words: &[&str]) -> Result<Command> {
        parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn commands_are_read_and_mistakes_named() {
        assert_eq!(read(&[]).unwrap(), Command::Help);
        assert_eq!(read(&["demo", "--headless"]).unwrap(), Command::Demo { headless: true });
        let only = vec!["fmt".to_owned(), "wasm".to_owned()];
        assert_eq!(
            read(&["test", "--only", "fmt", "--only=wasm"]).unwrap(),
            Command::Test { only, list: false }
        );
        assert_eq!(
            read(&["eval-routing", "--seed", "7", "--quick"]).unwrap(),
            Command::EvalRouting { seed: 7, quick: true }
        );
        let load = load::Options { wallets: 3, debug: true, ..load::Options::default() };
        let only = vec!["soak".to_owned()];
        assert_eq!(
            read(&["bench", "--only=soak", "--wallets", "3", "--debug"]).unwrap(),
            Command::Bench { only, load }
        );
        let options = chaos::Options { seed: 7, runs: 2_000, ..chaos::Options::default() };
        assert_eq!(read(&["chaos", "--seed", "7", "--runs=2000"]).unwrap(), Command::Chaos(options));
        let options = chaos::Options { runs: 3, browser: true, ..chaos::Options::default() };
        assert_eq!(read(&["chaos", "--browser", "--runs", "3"]).unwrap(), Command::Chaos(options));
        let words = vec!["hold".to_owned()];
        assert_eq!(read(&["interop", "lnd", "hold"]).unwrap(), Command::Interop { words });
        for (words, what) in [
            (&["interop"][..], "lnd"),
            (&["interop", "eclair"][..], "eclair"),
            (&["eval-routing", "--seed", "x"][..], "x"),
            (&["tset"][..], "tset"),
            (&["demo", "--fetch"][..], "--fetch"),
            (&["regtest", "--gateways", "1"][..], "two or more"),
            (&["test", "--only"][..], "--only"),
            (&["build", "more"][..], "more"),
        ] {
            assert!(read(words).unwrap_err().to_string().contains(what));
        }
    }
}
