//! The command line and the configuration, as an operator meets them: a process, its exit code, its words.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::fake_bitcoind::{self, Manner};
use crate::harness::{self, WORDS, write_private};

pub fn gateway(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amplet-gateway")).args(args).current_dir(dir).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder with good secrets.
pub fn folder() -> tempfile::TempDir {
    let dir = harness::folder();
    fs::write(dir.path().join("cookie"), "__cookie__:x").unwrap();
    fs::create_dir(dir.path().join("www")).unwrap();
    dir
}

/// The shortest configuration, on ports that the system picks.
pub const MINIMAL: &str = "network = \"regtest\"\nhttp.listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"\n\
                       bitcoind = { url = \"http://127.0.0.1:18443\", cookie_file = \"cookie\" }\n";

/// Checks a configuration; its bitcoind answers.
pub fn check(dir: &Path, config: &str) -> (i32, String, String) {
    static BITCOIND: OnceLock<String> = OnceLock::new();
    check_with(dir, config, BITCOIND.get_or_init(|| fake_bitcoind::start(Manner::Well)))
}

pub fn check_with(dir: &Path, config: &str, bitcoind: &str) -> (i32, String, String) {
    let config = config.replace("http://127.0.0.1:18443", bitcoind);
    fs::write(dir.join("gateway.toml"), config).unwrap();
    let output = gateway(dir, &["check", "--config", "gateway.toml"]);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_short_configuration_is_enough() {
    let dir = folder();
    let (code, out, err) = check(dir.path(), MINIMAL);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "gateway.toml: ok\n", ""));
}

#[test]
fn what_init_writes_passes_the_check_and_is_never_overwritten() {
    for network in ["mainnet", "testnet4", "signet", "regtest"] {
        let dir = tempfile::tempdir().unwrap();
        let output = gateway(dir.path(), &["init", "--dir", "new/gw", "--network", network]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let read = |name: &str| fs::read_to_string(dir.path().join("new/gw").join(name)).unwrap();
        assert_eq!(read("seed").split_whitespace().count(), 24);
        assert_eq!(read("admin.token").trim().len(), 64);
        let output = gateway(dir.path(), &["check", "-c", "new/gw/gateway.toml"]);
        let err = text(&output.stderr);
        // All is well but that there is no bitcoind here.
        assert_eq!(output.status.code(), Some(4), "{err}");
        let wrong: Vec<&str> = err.lines().filter(|line| !line.starts_with("warning: ")).collect();
        let folder = if network == "mainnet" { String::new() } else { format!("{network}/") };
        let cookie = format!("bitcoind's cookie file /var/lib/bitcoind/{folder}.cookie cannot be read");
        assert!(wrong.len() == 1 && wrong[0].starts_with(&cookie), "{err}");
        assert!(err.contains("gateway.toml:29:15: bitcoind.cookie_file: "), "{err}");

        let seed = read("seed");
        let again = gateway(dir.path(), &["init", "--dir", "new/gw", "--network", network]);
        assert_eq!(again.status.code(), Some(1));
        assert!(text(&again.stderr).contains("exists already, and nothing is overwritten"));
        fs::remove_file(dir.path().join("new/gw/gateway.toml")).unwrap();
        assert_eq!(gateway(dir.path(), &["init", "--dir", "new/gw"]).status.code(), Some(1));
        assert_eq!(read("seed"), seed);
        assert!(!dir.path().join("new/gw/gateway.toml").exists(), "init wrote beside an existing seed");
    }
}

#[test]
fn what_init_writes_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    assert!(gateway(dir.path(), &["init", "--dir", "gw"]).status.success());
    for name in ["gw", "gw/seed", "gw/admin.token", "gw/gateway.toml"] {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[test]
fn every_key_that_the_example_shows_is_known() {
    let dir = folder();
    let root = env!("CARGO_MANIFEST_DIR");
    fs::write(dir.path().join("www/index.html"), "").unwrap();
    write_private(&dir.path().join("read"), &"b2".repeat(32));
    let example = fs::read_to_string(format!("{root}/src/gateway.example.toml")).unwrap();
    // Everything uncommented but what excludes something else; paths made to exist.
    let all: String = example
        .replace("@NETWORK@", "regtest")
        .replace("@RPC_PORT@", "18443")
        .replace("/var/lib/bitcoind/@COOKIE@", "cookie")
        .replace("read.token", "read")
        .replace("/usr/share/amplet/www", "www")
        .replace("0.0.0.0:9735", "127.0.0.1:0")
        .replace("<node id>", "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619")
        .lines()
        .filter(|line| !["#user", "#password", "#[chain]", "#upstream"].iter().any(|no| line.starts_with(no)))
        // The check connects to that database: `vss::door` has one.
        .filter(|line| !line.starts_with("#postgres"))
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(all.contains("\nfee_ppm = 500\n"));
    let (code, _, err) = check(dir.path(), &all);
    let errors: Vec<&str> = err.lines().filter(|line| !line.starts_with("warning: ")).collect();
    assert_eq!((code, errors), (0, vec![]));
}

/// Each broken configuration, and all that is said about it: place, key, what, remedy.
const BROKEN: &[(&str, &str)] = &[
    ("", "gateway.toml:1:1: bitcoind: is missing, so there are no blocks; add a section [bitcoind]"),
    ("", "gateway.toml:1:1: network: is missing; add network = \"regtest\""),
    ("network = regtest", "gateway.toml:1:11: "),
    ("network = \"regtest\"\n[http\nlisten = 1", "gateway.toml:2:6: "),
    ("network = \"regtest\"\nnetwork = \"signet\"", "gateway.toml:2:1: duplicate key"),
    (
        "network = \"testnet\"",
        "gateway.toml:1:11: network: \"testnet\" is not known; give one of mainnet, testnet4, signet, regtest",
    ),
    ("network = 1", "gateway.toml:1:11: network: is a whole number, not text; put it in \"quotes\""),
    ("\n\nnetwrok = \"regtest\"", "gateway.toml:3:1: netwrok: is not known; did you mean network?"),
    (
        "colour = \"red\"",
        "gateway.toml:1:1: colour: is not known; remove it; known here: admin, backup, birthday_height, bitcoind, chain, channels, data_dir, http, log, merchant, network, node, rates, secrets_readable, seed_file, warn_free_mib",
    ),
    (
        "http = 1",
        "gateway.toml:1:8: http: is a whole number, not a section; write it as a section: [http] on a line of its own",
    ),
    (
        "[http]\nlisten = \"localhost\"",
        "gateway.toml:2:10: http.listen: \"localhost\": invalid socket address syntax; give an address and a port",
    ),
    (
        "[http]\npublic_url = \"gateway.example\"",
        "gateway.toml:2:14: http.public_url: \"gateway.example\": a URL begins with https:// or http://; give a URL",
    ),
    ("[http]\npublic_url = \"https://u:p@gateway.example\"", "gateway.toml:2:14: http.public_url: "),
    (
        "[http]\nmax_connections = 0",
        "gateway.toml:2:19: http.max_connections: 0 is out of range; give a whole number from 1 to 100000",
    ),
    ("[http]\nmax_connections = 99999999999999999999999999999999999999999999", "is out of range"),
    ("[http]\nmax_connections = -5", "-5 is out of range"),
    (
        "[http]\nmax_connections = 1.5",
        "gateway.toml:2:19: http.max_connections: is a number with a point, not a whole number",
    ),
    (
        "[http]\nmax_connections = 5\nmax_connections_per_ip = 6",
        "gateway.toml:3:26: http.max_connections_per_ip: 6 is above max_connections (5); lower it",
    ),
    (
        "[http]\ntrusted_proxies = \"127.0.0.1\"",
        "gateway.toml:2:19: http.trusted_proxies: is text, not a list; put it in brackets",
    ),
    (
        "[http]\ntrusted_proxies = [\n  \"127.0.0.1\",\n  \"proxy\",\n]",
        "gateway.toml:4:3: http.trusted_proxies[1]: \"proxy\": invalid IP address syntax; give the proxy's IP address",
    ),
    (
        "[http]\nwww = \"nowhere\"",
        "gateway.toml:2:7: http.www: there is no index.html in nowhere; give the folder of the built web wallet",
    ),
    (
        "[admin]\nlisten = \"0.0.0.0:8081\"",
        "gateway.toml:2:10: admin.listen: 0.0.0.0 is not a loopback address, and whoever reaches this moves money; use 127.0.0.1",
    ),
    (
        "[admin]\nlisten = \"127.0.0.1:8080\"",
        "gateway.toml:2:10: admin.listen: 127.0.0.1:8080 is already taken by http.listen; give each its own port",
    ),
    (
        "[node]\nlisten = [\"0.0.0.0:8081\"]",
        "gateway.toml:2:10: node.listen: 0.0.0.0:8081 is already taken by admin.listen",
    ),
    (
        "[node]\nalias = \"a name that is longer than the graph allows\"",
        "gateway.toml:2:9: node.alias: has 43 bytes of UTF-8; shorten it to 32 at most",
    ),
    ("[node]\npeers = [\"02ab@tcp://192.0.2.1:9735\"]", "gateway.toml:2:10: node.peers[0]: "),
    ("[node]\nannounce = [\"203.0.113.7\"]", "gateway.toml:2:13: node.announce[0]: "),
    (
        "[bitcoind]\ncookie_file = \"cookie\"",
        "gateway.toml:1:1: bitcoind.url: is missing; add url = \"http://127.0.0.1:8332\"",
    ),
    (
        "[bitcoind]\nurl = \"http://127.0.0.1:1\"",
        "gateway.toml:1:1: bitcoind.cookie_file: is missing; add cookie_file",
    ),
    (
        "[bitcoind]\nurl = \"http://127.0.0.1:1\"\nuser = \"me\"",
        "gateway.toml:3:8: bitcoind.user: has no password beside it; add password",
    ),
    (
        "[bitcoind]\nurl = \"http://127.0.0.1:1\"\npassword = \"x\"",
        "gateway.toml:3:12: bitcoind.password: has no user beside it",
    ),
    (
        "[bitcoind]\nurl = \"http://127.0.0.1:1\"\ncookie_file = \"cookie\"\nuser = \"me\"",
        "gateway.toml:4:8: bitcoind.user: stands beside cookie_file; keep one way to log in",
    ),
    (
        "[bitcoind]\nurl = \"http://127.0.0.1:1\"\ncookie_file = \"cookie\"\n[chain]\nupstream = \"https://block-dn.org\"",
        "gateway.toml:4:1: chain: stands beside [bitcoind]; keep one of them",
    ),
    ("[chain]", "gateway.toml:1:1: chain.upstream: is missing; add upstream = \"https://block-dn.org\""),
    (
        "[channels]\nfee_ppm = 2_000_000",
        "gateway.toml:2:11: channels.fee_ppm: 2000000 is out of range; give a whole number from 0 to 1000000",
    ),
    (
        "[channels]\nopens_channels = \"yes\"",
        "gateway.toml:2:18: channels.opens_channels: is text, not true or false; write true or false, without quotes",
    ),
    (
        "[channels]\nmin_capacity_sat = 3000000",
        "gateway.toml:2:20: channels.min_capacity_sat: the smallest capacity, 3000000 sat, is above the greatest, 2000000 sat",
    ),
    (
        "[log]\nlevel = \"loud\"",
        "gateway.toml:2:9: log.level: \"loud\" is not known; give one of error, warn, info, debug, trace",
    ),
    (
        "# Ärger\n[log]\nformat = \"ünknown\"\n",
        "gateway.toml:3:10: log.format: \"ünknown\" is not known; give one of text, json",
    ),
    (
        "seed_file = \"nowhere\"",
        "gateway.toml:1:13: seed_file: nowhere cannot be read (No such file or directory (os error 2)); `amplet-gateway init` makes a new one",
    ),
    ("seed_file = \"\"", "gateway.toml:1:13: seed_file: is empty; give a path"),
    ("seed_file = \"www\"", "gateway.toml:1:13: seed_file: www is not a file"),
    ("data_dir = \"cookie\"", "gateway.toml:1:12: data_dir: cookie is not a folder"),
    (
        "data_dir = \"no/such/folder\"",
        "gateway.toml:1:12: data_dir: the folder no/such does not exist; make it first: mkdir -p no/such",
    ),
    (
        "[admin]\ntoken_file = \"cookie\"",
        "gateway.toml:2:14: admin.token_file: cookie can be read by others; run: chmod 600 cookie; a container's secrets",
    ),
];

#[test]
fn what_is_wrong_is_named_with_its_place_and_remedy() {
    let dir = folder();
    for (config, expected) in BROKEN {
        let (code, out, err) = check(dir.path(), config);
        assert_eq!((code, out.as_str()), (2, ""), "{config}");
        assert!(
            err.contains(expected),
            "--- configuration\n{config}\n--- expected\n{expected}\n--- said\n{err}"
        );
        let run = gateway(dir.path(), &["--config", "gateway.toml"]);
        assert_eq!(
            (run.status.code(), text(&run.stderr)),
            (Some(2), err),
            "running says the same as checking"
        );
    }
}

#[test]
fn everything_wrong_is_said_at_once_in_the_order_of_the_file() {
    let dir = folder();
    let (_, _, err) = check(dir.path(), "network = 1\n[log]\nlevel = 2\n[http]\nwhat = 3\n");
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 4, "{err}");
    for (line, start) in lines.iter().zip([
        "gateway.toml:1:1: bitcoind",
        "gateway.toml:1:11: network",
        "gateway.toml:3:9: log.level",
        "gateway.toml:5:1: http.what",
    ]) {
        assert!(line.starts_with(start), "{err}");
    }
}

#[test]
fn a_wrong_seed_is_refused_without_showing_it() {
    let dir = folder();
    let seed = dir.path().join("seed");
    let cases = [
        (WORDS.replace("about", "abandon"), "do not belong together (checksum)"),
        (WORDS.replace("about", "zebrafish"), "word 12 in seed is not in the BIP 39 list"),
        ("abandon about".to_owned(), "seed holds 2 words; a seed has 12 or 24"),
        ("x".repeat(5000), "is larger than 4096 bytes"),
    ];
    for (words, expected) in cases {
        write_private(&seed, &words);
        let (code, _, err) = check(dir.path(), MINIMAL);
        assert_eq!(code, 2);
        assert!(err.starts_with("gateway.toml:1:1: seed_file: ") && err.contains(expected), "{err}");
        assert!(!err.contains("zebrafish") && !err.contains("abandon"), "{err}");
    }
    fs::write(&seed, [0xff, 0xfe]).unwrap();
    assert_eq!(check(dir.path(), MINIMAL).0, 2);
    write_private(&seed, WORDS);
    mode(&seed, 0o644);
    assert!(check(dir.path(), MINIMAL).2.contains("chmod 600 seed"));
    mode(&seed, 0o640);
    assert_eq!(check(dir.path(), MINIMAL).0, 0);
}

#[test]
fn a_weak_token_is_refused() {
    let dir = folder();
    for token in ["", "short", "thirty-two characters, but spaces!"] {
        write_private(&dir.path().join("admin.token"), token);
        let (code, _, err) = check(dir.path(), MINIMAL);
        assert_eq!(code, 2);
        assert!(
            err.contains("is not 32 or more printable characters; `amplet-gateway init` writes one"),
            "{err}"
        );
    }
}

#[test]
fn a_taken_port_is_a_warning_and_a_foreign_address_an_error() {
    let dir = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = MINIMAL.replacen("127.0.0.1:0", &address.to_string(), 1);
    let (code, _, err) = check(dir.path(), &config);
    assert_eq!(code, 0);
    assert!(
        err.starts_with(&format!("warning: gateway.toml: http.listen: cannot listen on {address} ")),
        "{err}"
    );
    let (code, _, err) = check(dir.path(), &MINIMAL.replacen("127.0.0.1:0", "192.0.2.1:0", 1));
    assert_eq!(code, 2);
    assert!(err.contains("this machine has no such address"), "{err}");
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let dir = folder();
    let missing = gateway(dir.path(), &["check", "--config", "none.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("check the path given to --config"));
    fs::write(dir.path().join("gateway.toml"), vec![b'#'; 2 << 20]).unwrap();
    let large = gateway(dir.path(), &["check", "--config", "gateway.toml"]);
    assert!(text(&large.stderr).contains("is larger than 1 MiB"));
    fs::write(dir.path().join("gateway.toml"), b"# fine\nnetwork = \"\xff\"").unwrap();
    let latin = gateway(dir.path(), &["check", "--config", "gateway.toml"]);
    assert!(text(&latin.stderr).starts_with("gateway.toml:2:12: is not UTF-8 here; save the file as UTF-8"));
}

#[test]
fn the_command_line_explains_itself() {
    let dir = folder();
    let help = gateway(dir.path(), &["--help"]);
    assert!(help.status.success());
    for word in ["--config", "check", "init", "SIGTERM", "Exit codes"] {
        assert!(text(&help.stdout).contains(word), "{word}");
    }
    let version = gateway(dir.path(), &["--version"]);
    assert_eq!(text(&version.stdout), format!("amplet-gateway {}\n", env!("CARGO_PKG_VERSION")));
    for wrong in [&["--confg", "x"][..], &["--config"], &[], &["check"], &["init", "--network", "testnet3"]] {
        assert_eq!(gateway(dir.path(), wrong).status.code(), Some(2), "{wrong:?}");
    }
}
