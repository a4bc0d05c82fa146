//! Sections of the configuration: their keys, values and defaults.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use amplet_protocol::relay;
use amplet_transport::{Endpoint, PeerAddress};
use bitcoin::Network;

use super::document::Section;
use super::files::Readers;
use super::{
    AdminSection, ChainSection, Config, HttpSection, LogFormat, LogSection, Login, MerchantSection,
    NodeSection, PublicAddress, PublicUrl, Secret, Seed, Severity, Values, backup, channels, files, ports,
    rates, reach,
};

const SOCKET: &str = "give an address and a port, as in \"127.0.0.1:8080\" or \"[::1]:8080\"";
const URL: &str = "give a URL, as in \"https://gateway.example\"";

/// Reads everything. `None`: something without which there is no configuration is missing or wrong; it was reported.
pub(super) fn read(file: &Path, root: &Section<'_, '_>) -> Option<Config> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let network = network(root);
    let data_dir = data_dir(root, folder);
    let seed_file = path(root, "seed_file", "seed", folder);
    let readers = if root.flag("secrets_readable", false) { Readers::Anybody } else { Readers::Own };
    let seed = seed_file.as_deref().and_then(|file| seed(root, file, readers));
    let birthday_height = birthday(root);
    let node = node(&root.section("node"));
    let http = http(&root.section("http"), folder);
    let admin = admin(&root.section("admin"), folder, readers);
    let chain = chain(root, file, readers);
    let channels = channels::read(&root.section("channels"));
    let merchant = merchant(&root.section("merchant"));
    let rates = rates::read(&root.section("rates"), network);
    let backup = backup::read(&root.section("backup"), file, readers);
    let log = log(&root.section("log"));
    let warn_free_mib = root.number("warn_free_mib", 0..=1_000_000_000, 1_024);
    if let (Some(node), Some(http), Some(admin)) = (&node, &http, &admin) {
        ports::distinct(root, node, http, admin);
    }
    root.finish();
    Some(Config {
        file: file.to_path_buf(),
        network: network?,
        data_dir: data_dir?,
        seed: seed?,
        seed_file: seed_file?,
        birthday_height,
        node: node?,
        http: http?,
        admin: admin?,
        chain: chain?,
        channels,
        merchant,
        rates,
        backup,
        log,
        warn_free_mib,
        values: Values::default(),
    })
}

fn network(root: &Section<'_, '_>) -> Option<Network> {
    root.required("network", "regtest")?;
    let names = [
        ("mainnet", Some(Network::Bitcoin)),
        ("testnet4", Some(Network::Testnet4)),
        ("signet", Some(Network::Signet)),
        ("regtest", Some(Network::Regtest)),
    ];
    root.choice("network", &names, None)
}

fn path(section: &Section<'_, '_>, key: &'static str, default: &str, folder: &Path) -> Option<PathBuf> {
    match section.text(key) {
        Some("") => {
            section.error(key, "is empty", "give a path, or leave the key out");
            None
        }
        Some(text) => Some(folder.join(text)),
        None if section.has(key) => None,
        None => Some(folder.join(default)),
    }
}

fn data_dir(root: &Section<'_, '_>, folder: &Path) -> Option<PathBuf> {
    let dir = path(root, "data_dir", "data", folder)?;
    files::check_data_dir(&dir)
        .map_err(|wrong| root.error("data_dir", wrong.what, wrong.remedy))
        .ok()
        .map(|()| dir)
}

fn seed(root: &Section<'_, '_>, file: &Path, readers: Readers) -> Option<Seed> {
    files::read_seed(file, readers).map_err(|wrong| root.error("seed_file", wrong.what, wrong.remedy)).ok()
}

fn socket(section: &Section<'_, '_>, key: &'static str, default: &str) -> Option<SocketAddr> {
    if !section.has(key) {
        section.text(key);
        return default.parse().ok();
    }
    section.parsed(key, SOCKET, str::parse::<SocketAddr>)
}

/// What a peer's address looks like.
const PEER: &str = "give a node id, an @ and a URL, as in \"02ab…@tcp://192.0.2.1:9735\"";

fn node(section: &Section<'_, '_>) -> Option<NodeSection> {
    let alias = section.text("alias").unwrap_or_default().to_owned();
    if alias.len() > 32 {
        section.error("alias", format!("has {} bytes of UTF-8", alias.len()), "shorten it to 32 at most");
    }
    if alias.chars().any(char::is_control) {
        section.error("alias", "has a control character", "use letters, digits and punctuation");
    }
    let node = NodeSection {
        alias,
        listen: section.list("listen", SOCKET, str::parse::<SocketAddr>),
        announce: section.list("announce", "give host and port, as in \"203.0.113.7:9735\"", |text| {
            text.parse::<PublicAddress>().map_err(|error| format!("{error:?}"))
        }),
        peers: section.list("peers", PEER, str::parse::<PeerAddress>),
        relays: section.list("relays", PEER, str::parse::<PeerAddress>),
    };
    reach::warn_of_announced(section, &node.announce);
    section.finish();
    Some(node)
}

fn http(section: &Section<'_, '_>, folder: &Path) -> Option<HttpSection> {
    let listen = socket(section, "listen", "127.0.0.1:8080");
    let public = section.parsed("public_url", URL, public_url);
    let www = section.text("www").map(|text| folder.join(text));
    if let Some(wrong) = www.as_deref().and_then(|www| files::check_www(www).err()) {
        section.error("www", wrong.what, wrong.remedy);
    }
    reach::warn_of_plain_http(section, listen, public.as_ref());
    let trusted_proxies = section.list(
        "trusted_proxies",
        "give the proxy's IP address, as in \"127.0.0.1\"",
        str::parse::<IpAddr>,
    );
    let [max_connections, max_connections_per_ip] =
        limits(section, ["max_connections", "max_connections_per_ip"], [1_000, 16]);
    let [max_requests, max_requests_per_ip] =
        limits(section, ["max_requests", "max_requests_per_ip"], [1_024, 64]);
    let [max_waits, max_waits_per_ip] = limits(section, ["max_waits", "max_waits_per_ip"], [512, 32]);
    let [max_answers_mib, max_answers_mib_per_ip] =
        limits(section, ["max_answers_mib", "max_answers_mib_per_ip"], [256, 16]);
    section.finish();
    Some(HttpSection {
        listen: listen?,
        public,
        www,
        max_connections,
        max_connections_per_ip,
        max_requests,
        max_requests_per_ip,
        max_waits,
        max_waits_per_ip,
        max_answers_mib,
        max_answers_mib_per_ip,
        trusted_proxies,
    })
}

/// A limit of all, and one of each that is not above it.
fn limits(section: &Section<'_, '_>, keys: [&'static str; 2], defaults: [u64; 2]) -> [usize; 2] {
    let ([all_key, each_key], [all_default, each_default]) = (keys, defaults);
    let all = section.number(all_key, 1..=100_000, all_default);
    let each = section.number(each_key, 1..=100_000, each_default);
    if section.has(each_key) && each > all {
        section.error(
            each_key,
            format!("{each} is above {all_key} ({all})"),
            format!("lower it, or raise {all_key}"),
        );
    }
    [all, each].map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// An `http(s)://host[:port][/prefix]` without query.
fn public_url(text: &str) -> Result<PublicUrl, String> {
    let base = text.trim_end_matches('/');
    let websocket = match base.split_once("://") {
        Some(("https", rest)) => format!("wss://{rest}"),
        Some(("http", rest)) => format!("ws://{rest}"),
        _ => return Err("a URL begins with https:// or http://".into()),
    };
    if base.contains(['?', '@']) {
        return Err("no login and no ?query can be part of it".into());
    }
    let relay: Endpoint =
        format!("{websocket}{}", relay::PATH).parse().map_err(|error| format!("{error}"))?;
    Ok(PublicUrl { base: base.to_owned(), relay })
}

fn admin(section: &Section<'_, '_>, folder: &Path, readers: Readers) -> Option<AdminSection> {
    let listen = socket(section, "listen", "127.0.0.1:8081");
    if let Some(listen) = listen.filter(|listen| !listen.ip().is_loopback()) {
        section.error(
            "listen",
            format!("{} is not a loopback address, and whoever reaches this moves money", listen.ip()),
            "use 127.0.0.1 or [::1]; from elsewhere use an SSH tunnel",
        );
    }
    let token = path(section, "token_file", "admin.token", folder).and_then(|file| {
        let read = files::read_token(&file, readers);
        read.map_err(|wrong| section.error("token_file", wrong.what, wrong.remedy)).ok()
    });
    let read_token = section.text("read_token_file").and_then(|file| {
        let read = files::read_token(&folder.join(file), readers);
        read.map_err(|wrong| section.error("read_token_file", wrong.what, wrong.remedy)).ok()
    });
    if read_token.is_some() && read_token == token {
        section.error(
            "read_token_file",
            "holds the same token as token_file, which moves money",
            "make another: openssl rand -hex 32",
        );
    }
    section.finish();
    Some(AdminSection { listen: listen?, token: token?, read_token })
}

fn chain(root: &Section<'_, '_>, file: &Path, readers: Readers) -> Option<ChainSection> {
    let (bitcoind, upstream) = (root.section("bitcoind"), root.section("chain"));
    match (bitcoind.exists(), upstream.exists()) {
        (true, true) => {
            root.error(
                "chain",
                "stands beside [bitcoind]",
                "keep one of them: blocks come from one place, and bitcoind is the better one",
            );
            None
        }
        (false, true) => {
            let url = upstream.required("upstream", "https://block-dn.org");
            let url = url.and_then(|_| upstream.parsed("upstream", URL, public_url));
            upstream.finish();
            url.map(|url| ChainSection::Upstream(url.base))
        }
        (true, false) => bitcoind_section(&bitcoind, file, readers),
        (false, false) => {
            root.error(
                "bitcoind",
                "is missing, so there are no blocks",
                "add a section [bitcoind] with url and cookie_file, or [chain] with upstream = \"https://…\"",
            );
            None
        }
    }
}

fn bitcoind_section(section: &Section<'_, '_>, file: &Path, readers: Readers) -> Option<ChainSection> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let url = section.required("url", "http://127.0.0.1:8332");
    let url = url.and_then(|_| section.parsed("url", URL, public_url));
    let cookie = section.text("cookie_file").map(|text| folder.join(text));
    let (user, password) = (section.text("user"), section.text("password"));
    if let Some(cookie) = cookie.as_deref().filter(|cookie| !cookie.exists()) {
        section.report(
            Severity::Warning,
            "cookie_file",
            format!("{} is not there yet", cookie.display()),
            "start bitcoind, which writes it, or correct the path",
        );
    }
    if let Some(wrong) = password.and_then(|_| files::check_private(file, readers).err()) {
        section.error("password", wrong.what, wrong.remedy);
    }
    let login = match (cookie, user, password) {
        (Some(file), None, None) => Some(Login::CookieFile(file)),
        (None, Some(user), Some(password)) => {
            Some(Login::Password { user: user.to_owned(), password: Secret::new(password) })
        }
        (Some(_), _, _) => {
            let key = if user.is_some() { "user" } else { "password" };
            section.error(key, "stands beside cookie_file", "keep one way to log in");
            None
        }
        (None, Some(_), None) => {
            section.error("user", "has no password beside it", "add password = \"…\"");
            None
        }
        (None, None, Some(_)) => {
            section.error("password", "has no user beside it", "add user = \"…\"");
            None
        }
        (None, None, None) => {
            section.error(
                "cookie_file",
                "is missing",
                "add cookie_file = \"/path/to/bitcoin/.cookie\", or user and password",
            );
            None
        }
    };
    section.finish();
    Some(ChainSection::Bitcoind { url: url?.base, login: login? })
}

fn merchant(section: &Section<'_, '_>) -> MerchantSection {
    let [max_requests, max_requests_per_key] =
        limits(section, ["max_requests", "max_requests_per_key"], [4_000, 1_000]);
    let merchant = MerchantSection {
        max_requests,
        max_requests_per_key,
        enabled: section.flag("enabled", true),
        requests_per_second: small(section.number("requests_per_second", 1..=10_000, 50)),
        private_webhooks: section.flag("private_webhooks", false),
    };
    section.finish();
    merchant
}

/// The height of a block.
fn birthday(root: &Section<'_, '_>) -> Option<u32> {
    let is_set = root.has("birthday_height");
    let height = root.number("birthday_height", 0..=100_000_000, 0);
    is_set.then(|| small(height))
}

/// A number whose range was checked to fit.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn log(section: &Section<'_, '_>) -> LogSection {
    use tracing::Level;
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let log = LogSection {
        level: section.choice("level", &levels, Level::INFO),
        format: section.choice("format", &formats, LogFormat::Text),
    };
    section.finish();
    log
}
