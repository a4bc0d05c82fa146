//! `amplet-gateway check`: what it asks and looks at, its words and its exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use amplet_gateway::config::{Config, Live};

use crate::config::{MINIMAL, check, check_with, folder, gateway, text};
use crate::fake_bitcoind::{self, Manner};
use crate::harness::{self, Gateway, WORDS, write_private};

/// Each bitcoind that is of no use or not whole, the exit code of `check`, and what it says.
const BITCOINDS: &[(Manner, i32, &str)] = &[
    (Manner::Well, 0, ""),
    (
        Manner::WrongLogin,
        4,
        "bitcoind refuses the login; correct user and password, or cookie_file, in [bitcoind]",
    ),
    (
        Manner::OtherNetwork,
        4,
        "the chain source is on signet, the configuration says regtest; correct network",
    ),
    (Manner::NoFilterIndex, 4, "bitcoind has no block filters; add blockfilterindex=1 to bitcoin.conf"),
    (Manner::NoBitcoind, 4, "what answers at [bitcoind] url is no Bitcoin Core RPC"),
    (Manner::WarmingUp, 4, "bitcoind: Loading block index… (-28)"),
    (Manner::Frozen, 4, "the chain source does not answer within 15 s"),
    (Manner::Pruned(100), 0, "warning: bitcoind is pruned, its lowest block is 100"),
    (Manner::FiltersBehind(7), 0, "warning: bitcoind's index of block filters is 7 blocks behind"),
];

#[test]
fn check_asks_the_bitcoind_and_names_what_is_wrong_with_it() {
    for (manner, expected, says) in BITCOINDS {
        let dir = folder();
        let (code, _, err) = check_with(dir.path(), MINIMAL, &fake_bitcoind::start(*manner));
        assert_eq!(code, *expected, "{manner:?}: {err}");
        assert!(err.contains(says) && (says.is_empty() == err.is_empty()), "{manner:?}: {err}");
        // What cannot pass by itself ends a gateway that runs, with the same code; for the rest it waits.
        let is_passing = matches!(manner, Manner::WarmingUp | Manner::Frozen);
        if code != 0 && !is_passing {
            let run = gateway(dir.path(), &["--config", "gateway.toml"]);
            assert_eq!(run.status.code(), Some(4), "{manner:?}");
            assert!(text(&run.stderr).contains(says), "{manner:?}: {}", text(&run.stderr));
        }
    }
    let dir = folder();
    let (code, _, err) = check_with(dir.path(), MINIMAL, "http://127.0.0.1:1");
    assert_eq!(code, 4);
    assert!(err.contains("bitcoind cannot be reached") && err.contains("check that it runs"), "{err}");
    fs::remove_file(dir.path().join("cookie")).unwrap();
    let (code, _, err) = check(dir.path(), MINIMAL);
    assert_eq!(code, 4);
    assert!(err.contains("bitcoind's cookie file cookie cannot be read"), "{err}");
}

#[test]
fn blocks_that_a_pruned_bitcoind_has_not_are_missed_by_check() {
    let dir = folder();
    let pruned = fake_bitcoind::start(Manner::Pruned(100));
    let (code, _, err) = check_with(dir.path(), &format!("birthday_height = 99\n{MINIMAL}"), &pruned);
    assert_eq!(code, 4);
    assert!(err.contains("its lowest block is 100, and this node has to read from block 99"), "{err}");
    assert_eq!(check_with(dir.path(), &format!("birthday_height = 100\n{MINIMAL}"), &pruned).0, 0);
}

#[test]
fn check_looks_at_the_data_folder_and_changes_nothing() {
    let dir = folder();
    harness::configure(dir.path(), "");
    let mut running = Gateway::start(dir.path());
    running.wait_for_log("waits for its chain source");
    let (code, _, err) = check(dir.path(), MINIMAL);
    assert_eq!(code, 0, "beside the gateway that runs: {err}");
    running.signal("TERM");
    running.wait();
    let file = dir.path().join("data/node.sqlite");
    let whole = fs::read(&file).unwrap();
    assert_eq!(check(dir.path(), MINIMAL).0, 0);
    assert_eq!(fs::read(&file).unwrap(), whole);

    write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
    let (code, _, err) = check(dir.path(), MINIMAL);
    assert_eq!(code, 5);
    assert!(err.contains("the words in seed_file are not those that"), "{err}");
    write_private(&dir.path().join("seed"), WORDS);

    // A record in the middle.
    let mut damaged = whole.clone();
    let at = damaged.windows(4).rposition(|bytes| bytes.iter().all(|byte| *byte != 0)).unwrap();
    damaged[at] ^= 0xff;
    fs::write(&file, &damaged).unwrap();
    let (code, _, err) = check(dir.path(), MINIMAL);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("is damaged") && err.contains("do not put an older copy in its place"), "{err}");
    fs::write(&file, "not a database, and longer than nothing").unwrap();
    assert_eq!(check(dir.path(), MINIMAL).0, 5);

    fs::remove_dir_all(dir.path().join("data")).unwrap();
    let (code, _, err) = check(dir.path(), MINIMAL);
    assert_eq!(code, 5);
    assert!(err.contains("mount it and start again"), "{err}");
    assert!(!dir.path().join("data").exists());
}

#[test]
fn addresses_that_are_probably_not_meant_are_warned_of() {
    let dir = folder();
    let open = MINIMAL.replacen("127.0.0.1:0", "0.0.0.0:0", 1);
    let announced = format!("{MINIMAL}[node]\nannounce = [\"127.0.0.1:9735\"]");
    for (config, place, says) in [
        (open.clone(), "warning: gateway.toml:2:15: http.listen: ", "put a reverse proxy with TLS before it"),
        (announced, "warning: gateway.toml:6:12: node.announce: ", "leads nobody here"),
    ] {
        let (code, _, err) = check(dir.path(), &config);
        assert!(code == 0 && err.starts_with(place) && err.contains(says), "{code} {err}");
    }
    let proxied = format!("{open}http.public_url = \"https://gateway.example\"\n");
    assert_eq!(check(dir.path(), &proxied), (0, "gateway.toml: ok\n".into(), String::new()));
}

/// Docker and Kubernetes mount secrets as 0444. Nobody but their owner changes them, whatever is configured.
#[test]
fn secrets_that_a_container_mounts_are_read_when_the_configuration_says_so() {
    let dir = folder();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in ["seed", "admin.token"] {
        mode(name, 0o444);
        let (code, _, err) = check(dir.path(), MINIMAL);
        assert_eq!(code, 2);
        assert!(
            err.contains("can be read by others") && err.contains("need secrets_readable = true"),
            "{err}"
        );
        let mounted = format!("secrets_readable = true\n{MINIMAL}");
        assert_eq!(check(dir.path(), &mounted), (0, "gateway.toml: ok\n".into(), String::new()));
        for writable in [0o464, 0o446] {
            mode(name, writable);
            let (code, _, err) = check(dir.path(), &mounted);
            assert!(
                code == 2 && err.contains("can be read or changed by others"),
                "{name} {writable:o}: {err}"
            );
        }
        mode(name, 0o600);
    }
}

/// Each key of `[channels]` with another value. What SIGHUP reports as changed is what has changed, and nothing else.
#[test]
fn what_counts_at_once_is_what_has_changed() {
    const KEYS: [(&str, &str); 20] = [
        ("opens_channels", "true"),
        ("channel_tokens", "\"required\""),
        ("min_capacity_sat", "60000"),
        ("max_capacity_sat", "3000000"),
        ("max_channels_per_peer", "4"),
        ("allowed_wallets", "[\"02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619\"]"),
        ("max_open_channels", "1"),
        ("max_open_sat", "1"),
        ("max_channels_per_hour", "1"),
        ("max_sat_per_hour", "1"),
        ("max_sat_per_day", "1"),
        ("max_sat_per_day_per_address", "1"),
        ("close_idle_after_days", "1"),
        ("close_lost_after_hours", "1"),
        ("max_htlcs_per_channel", "1"),
        ("max_dust_sat_per_channel", "1000"),
        ("zero_conf", "false"),
        ("zero_reserve", "true"),
        ("confirmations", "1"),
        ("zero_fee_commitments", "true"),
    ];
    let dir = folder();
    let file = dir.path().join("gateway.toml");
    for (key, value) in KEYS {
        fs::write(&file, MINIMAL).unwrap();
        let live = Live::new(Config::load(&file).unwrap().0);
        let before = format!("{:?}", live.get().channels);
        fs::write(&file, format!("{MINIMAL}channels.{key} = {value}\n")).unwrap();
        let reloaded = live.reload().unwrap();
        let (name, has_changed) = (format!("channels.{key}"), format!("{:?}", live.get().channels) != before);
        assert_eq!(reloaded.changed.contains(&name), has_changed, "{key}");
        assert_eq!(reloaded.at_restart.contains(&name), !has_changed, "{key}");
    }
}
