//! The one configuration file: TOML, every key checked, every finding with its place and remedy.

mod backup;
mod channels;
mod document;
mod files;
mod live;
mod ports;
mod rates;
mod reach;
mod sections;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use amplet_node::lightning::ln::msgs::SocketAddress as PublicAddress;
use amplet_transport::{Endpoint, PeerAddress};
use bip39::Mnemonic;
use bitcoin::Network;

pub use backup::{Database, Roots, postgres};
pub use channels::{ChannelSection, GivingLimits};
pub use document::{Problem, Severity};
pub use live::{Live, Reloaded};
pub(crate) use ports::explain;
pub use rates::RatesSection;

/// Largest configuration file, in bytes.
const MAX_FILE: usize = 1 << 20;

/// Errors of loading a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({source}); check the path given to --config, or write a first one with `amplet-gateway init`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is larger than any configuration: probably another file.
    #[error("{}: is larger than 1 MiB; this is not a configuration file, check the path given to --config", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// Something in it is wrong: one line per finding, in the order of the file.
    #[error("{}", list(.0))]
    Wrong(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// A text that never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A checked configuration. Paths are absolute or relative to the working directory, ready to use.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// The Bitcoin network.
    pub network: Network,
    /// Folder of the node's database.
    pub data_dir: PathBuf,
    /// File of the node's seed.
    pub seed_file: PathBuf,
    /// The node's seed.
    pub seed: Seed,
    /// For a restored seed with a new data folder: the height from which the chain is searched for its money.
    pub birthday_height: Option<u32>,
    /// The Lightning node.
    pub node: NodeSection,
    /// The side of wallets and browsers.
    pub http: HttpSection,
    /// The operator's side.
    pub admin: AdminSection,
    /// The source of blocks.
    pub chain: ChainSection,
    /// On what terms there are channels.
    pub channels: ChannelSection,
    /// The API for sites.
    pub merchant: MerchantSection,
    /// Prices in other currencies.
    pub rates: RatesSection,
    /// Backups of wallets.
    pub backup: BackupSection,
    /// Logs.
    pub log: LogSection,
    /// Free space of the data folder's disk below which it is warned, in MiB.
    pub warn_free_mib: u64,
    /// Values as the file has them, by their keys with sections: to find what has changed. Secrets are in files, but for bitcoind's
    /// password, of which only a change is of interest.
    values: Values,
}

/// See [`Config::values`].
#[derive(Clone, Default)]
struct Values(BTreeMap<String, String>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(values)")
    }
}

/// The mnemonic, which never shows in logs.
#[derive(Clone)]
pub struct Seed(pub Mnemonic);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(seed)")
    }
}

/// `[node]`
#[derive(Clone, Debug)]
pub struct NodeSection {
    /// Name in the public graph (BOLT 7), at most 32 bytes.
    pub alias: String,
    /// Addresses at which other nodes reach it by TCP.
    pub listen: Vec<SocketAddr>,
    /// Addresses in the public graph (BOLT 7).
    pub announce: Vec<PublicAddress>,
    /// Persistent peers.
    pub peers: Vec<PeerAddress>,
    /// Other nodes that wallets reach through the WebSocket.
    pub relays: Vec<PeerAddress>,
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct HttpSection {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Under which URL the world reaches that.
    pub public: Option<PublicUrl>,
    /// Folder of the web wallet.
    pub www: Option<PathBuf>,
    /// WebSockets at a time.
    pub max_connections: usize,
    /// WebSockets at a time of one client address.
    pub max_connections_per_ip: usize,
    /// Requests that are answered at a time.
    pub max_requests: usize,
    /// The same of one client address.
    pub max_requests_per_ip: usize,
    /// Of these, those that may wait for something to happen.
    pub max_waits: usize,
    /// The same of one client address.
    pub max_waits_per_ip: usize,
    /// Memory for answers that are not taken yet, in MiB.
    pub max_answers_mib: usize,
    /// The same of one client address.
    pub max_answers_mib_per_ip: usize,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// An `http(s)://` base URL and what it is as a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Without a slash at its end.
    pub base: String,
    /// The relay below it.
    pub relay: Endpoint,
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct AdminSection {
    /// Address to listen on; a loopback address.
    pub listen: SocketAddr,
    /// The bearer token of requests.
    pub token: Secret,
    /// A token that reads the node's state and changes nothing.
    pub read_token: Option<Secret>,
}

/// `[bitcoind]` or `[chain]`
#[derive(Clone, Debug)]
pub enum ChainSection {
    /// A Bitcoin Core of the operator.
    Bitcoind {
        /// RPC URL.
        url: String,
        /// The login.
        login: Login,
    },
    /// Passed through from another block-dn server.
    Upstream(String),
}

/// Login to a Bitcoin Core.
#[derive(Clone, Debug)]
pub enum Login {
    /// The file that Bitcoin Core writes at each start.
    CookieFile(PathBuf),
    /// `rpcauth` or `rpcuser`.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// `[merchant]`
#[derive(Clone, Copy, Debug)]
pub struct MerchantSection {
    /// True if the API for sites is served.
    pub enabled: bool,
    /// Requests of one key on average; twice that at once.
    pub requests_per_second: u32,
    /// Requests with a key that are answered at a time, those that wait included.
    pub max_requests: usize,
    /// The same of one key.
    pub max_requests_per_key: usize,
    /// True if webhooks may be plain HTTP, and lead to this machine and its network.
    pub private_webhooks: bool,
}

/// `[backup]`
#[derive(Clone, Debug)]
pub struct BackupSection {
    /// True if wallets may keep their backups here.
    pub enabled: bool,
    /// URL of a PostgreSQL database for them; without it they are in a file of the data folder.
    pub postgres: Option<Secret>,
    /// Maximum of one wallet, in MiB.
    pub max_mib_per_wallet: u64,
    /// Maximum number of keys of one wallet.
    pub max_keys_per_wallet: u64,
    /// Maximum of all wallets, in MiB.
    pub max_total_mib: u64,
    /// Backups that one address may begin in a day.
    pub max_new_per_day_per_address: u64,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct LogSection {
    /// The maximum level that is written.
    pub level: tracing::Level,
    /// Format of lines.
    pub format: LogFormat,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for an operator.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Reads and checks a file, and the seed and token files that it names. The warnings come with the configuration.
    ///
    /// # Errors
    /// [`ConfigError`]; when the contents are wrong it carries every finding, not only the first.
    pub fn load(file: &Path) -> Result<(Self, Vec<Problem>), ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.to_path_buf(), source };
        if std::fs::metadata(file).map_err(unreadable)?.len() > MAX_FILE as u64 {
            return Err(ConfigError::TooLarge { file: file.to_path_buf() });
        }
        let bytes = std::fs::read(file).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(file, &error))?;
        Self::read(file, &text)
    }

    /// Checks `text` as the contents of `file`, to whose folder relative paths belong.
    fn read(file: &Path, text: &str) -> Result<(Self, Vec<Problem>), ConfigError> {
        let findings = document::Findings::new(file, text);
        let table = document::parse(&findings);
        if findings.any() {
            // Of the rest of the file nobody knows what it says.
            return Err(ConfigError::Wrong(findings.into_problems()));
        }
        let config = sections::read(file, &document::Section::root(&findings, &table));
        let values = Values(document::values(table.get_ref()));
        let problems = findings.into_problems();
        let (errors, warnings): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| problem.severity == Severity::Error);
        match config {
            Some(config) if errors.is_empty() => Ok((Self { values, ..config }, warnings)),
            _ => Err(ConfigError::Wrong(errors)),
        }
    }

    /// Tries to listen on every configured address; returns what would go wrong.
    pub fn check_ports(&self) -> Vec<(Severity, String)> {
        ports::try_all(self)
    }

    /// The URL under which wallets reach their backups, if there are any.
    pub fn backup_url(&self, listening: SocketAddr) -> Option<String> {
        let own = || format!("http://{listening}");
        let base = self.http.public.as_ref().map_or_else(own, |public| public.base.clone());
        self.backup.enabled.then(|| format!("{base}{}", amplet_vss::PREFIX))
    }

    /// The address under which wallets reach the relay.
    pub fn relay(&self, listening: SocketAddr) -> String {
        match &self.http.public {
            Some(public) => public.relay.to_string(),
            None => format!("ws://{listening}{}", amplet_protocol::relay::PATH),
        }
    }
}

fn not_utf8(file: &Path, error: &std::string::FromUtf8Error) -> ConfigError {
    let good = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
    let (line, column) = document::position(&text, text.len());
    ConfigError::Wrong(vec![Problem {
        severity: Severity::Error,
        file: file.to_path_buf(),
        line,
        column,
        key: String::new(),
        what: "is not UTF-8 here".into(),
        remedy: "save the file as UTF-8".into(),
    }])
}

/// A network's name in the configuration.
pub fn network_name(network: bitcoin::Network) -> &'static str {
    use bitcoin::Network;
    match network {
        Network::Bitcoin => "mainnet",
        Network::Testnet | Network::Testnet4 => "testnet4",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}
