//! The command line.

use std::path::PathBuf;

use anyhow::{Result, bail};
use lexopt::prelude::{Long, Short, Value, ValueExt};

/// What `--help` prints.
pub const HELP: &str = "\
cargo xtask <command>

  demo [--headless]      a Lightning network on this machine and a wallet page on it;
                         --headless drives the page in Chromium and prints each receipt
  test [--only STEP].. [--list]
                         everything that CI runs
  build                  wasm, npm package, page, gateway
  size                   what a page loads to open a wallet, brotli-11, against its limit
  bench                  start-up and payment times
  regtest [--env-file FILE] [--mine] [--www DIR] [--gateway PROGRAM]
                         the demo's network alone, with a control API on loopback, until its standard
                         input closes or SIGTERM; FILE gets all addresses as JSON
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
        /// In Chromium instead of a person's browser.
        headless: bool,
    },
    /// What CI runs.
    Test {
        /// Only these steps; all if empty.
        only: Vec<String>,
        /// Print the steps instead.
        list: bool,
    },
    /// Everything that people get.
    Build,
    /// What a page loads.
    Size,
    /// How long things take.
    Bench,
    /// The network alone.
    Regtest {
        /// Where to write the addresses.
        env_file: Option<PathBuf>,
        /// Mine while transactions wait.
        mine: bool,
        /// A built page to serve.
        www: Option<PathBuf>,
        /// A ready-made gateway.
        gateway: Option<PathBuf>,
    },
    /// All checks of cargo-deny.
    Deny,
    /// What is installed.
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
        "size" => Command::Size,
        "bench" => Command::Bench,
        "regtest" => Command::Regtest { env_file: None, mine: false, www: None, gateway: None },
        "deny" => Command::Deny,
        "doctor" => Command::Doctor { fetch: false },
        unknown => bail!("no command `{unknown}`\n\n{HELP}"),
    };
    while let Some(argument) = parser.next()? {
        match (&mut command, argument) {
            (_, Long("help") | Short('h')) => return Ok(Command::Help),
            (Command::Demo { headless }, Long("headless")) => *headless = true,
            (Command::Test { only, .. }, Long("only")) => only.push(parser.value()?.string()?),
            (Command::Test { list, .. }, Long("list")) => *list = true,
            (Command::Regtest { env_file, .. }, Long("env-file")) => *env_file = Some(parser.value()?.into()),
            (Command::Regtest { mine, .. }, Long("mine")) => *mine = true,
            (Command::Regtest { www, .. }, Long("www")) => *www = Some(parser.value()?.into()),
            (Command::Regtest { gateway, .. }, Long("gateway")) => *gateway = Some(parser.value()?.into()),
            (Command::Doctor { fetch }, Long("fetch")) => *fetch = true,
            (_, other) => return Err(other.unexpected().into()),
        }
    }
    Ok(command)
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
        for (words, what) in [
            (&["tset"][..], "tset"),
            (&["demo", "--fetch"][..], "--fetch"),
            (&["test", "--only"][..], "--only"),
            (&["build", "more"][..], "more"),
        ] {
            assert!(read(words).unwrap_err().to_string().contains(what));
        }
    }
}
