//! A gateway whose disk is full: it says so, claims what is on-chain all the same, and goes on by itself.
//!
//! Its process is this test's binary, run again with an SQLite whose writes fail while a file is there.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amplet_protocol::page::Request;
use serde_json::{Value, json};

use super::{PATIENCE, RegtestGateway, connected, on_one_thread, spends, usable};
use crate::harness::{Answer, Gateway, request};

/// Environment of the process that is the gateway: the file that fills its disk.
const FULL: &str = "AMPLET_TEST_FULL_DISK";

/// Refusals do not wait for the disk.
const AT_ONCE: Duration = Duration::from_secs(10);

/// SQLite's interface to the system, but for writes: they fail with `SQLITE_FULL` while a file is there.
mod vfs {
    // SQLite is C, and this is its own interface for it.
    #![allow(unsafe_code)]

    use std::ffi::{c_char, c_int, c_void};
    use std::path::PathBuf;
    use std::sync::OnceLock;

    use rusqlite::ffi::{
        SQLITE_FULL, SQLITE_OK, sqlite3_file, sqlite3_int64, sqlite3_vfs, sqlite3_vfs_find,
        sqlite3_vfs_register,
    };

    type Open =
        unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, *mut sqlite3_file, c_int, *mut c_int) -> c_int;
    type Write = unsafe extern "C" fn(*mut sqlite3_file, *const c_void, c_int, sqlite3_int64) -> c_int;

    static FILLED_BY: OnceLock<PathBuf> = OnceLock::new();
    static OPEN: OnceLock<Open> = OnceLock::new();
    static WRITE: OnceLock<Write> = OnceLock::new();

    unsafe extern "C" fn open(
        vfs: *mut sqlite3_vfs,
        name: *const c_char,
        file: *mut sqlite3_file,
        flags: c_int,
        out: *mut c_int,
    ) -> c_int {
        // SAFETY: the arguments are SQLite's, for the function that they go to; an opened file has methods.
        unsafe {
            let code = OPEN.get().unwrap()(vfs, name, file, flags, out);
            if code == SQLITE_OK {
                let mut methods = *(*file).pMethods;
                WRITE.get_or_init(|| methods.xWrite.unwrap());
                methods.xWrite = Some(write);
                (*file).pMethods = Box::leak(Box::new(methods));
            }
            code
        }
    }

    unsafe extern "C" fn write(
        file: *mut sqlite3_file,
        bytes: *const c_void,
        length: c_int,
        at: sqlite3_int64,
    ) -> c_int {
        if FILLED_BY.get().unwrap().exists() {
            return SQLITE_FULL;
        }
        // SAFETY: as above; all files of this interface have the same method.
        unsafe { WRITE.get().unwrap()(file, bytes, length, at) }
    }

    /// Makes it the interface of every database that is opened from now on.
    pub fn register(filled_by: PathBuf) {
        FILLED_BY.set(filled_by).unwrap();
        // SAFETY: SQLite's default interface is there for ever, and so is the copy.
        unsafe {
            let mut vfs = *sqlite3_vfs_find(std::ptr::null());
            OPEN.set(vfs.xOpen.unwrap()).unwrap();
            vfs.xOpen = Some(open);
            vfs.zName = c"filling".as_ptr();
            assert_eq!(sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1), SQLITE_OK);
        }
    }
}

/// The gateway's process; nothing when it is run as a test.
#[test]
fn gateway_on_a_disk_that_fills() {
    let Some(file) = std::env::var_os(FULL) else { return };
    vfs::register(file.into());
    let (config, _) = amplet_gateway::config::Config::load("gateway.toml".as_ref()).unwrap();
    amplet_gateway::logging::start(&config.log);
    amplet_gateway::run::run(config, false).unwrap();
}

fn up(more: &str) -> RegtestGateway {
    let mut regtest = RegtestGateway::spawned("regtest", more, |dir| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "wallets::full_disk::gateway_on_a_disk_that_fills", "--nocapture"]);
        command.env(FULL, dir.join("full")).stdout(Stdio::null());
        Gateway::spawn_as(command, dir)
    });
    regtest.gateway.listen();
    regtest.gateway.wait_for_log("the node is up");
    regtest
}

impl RegtestGateway {
    fn fill(&self) {
        std::fs::write(self.dir.path().join("full"), "").unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.dir.path().join("full")).unwrap();
    }

    /// Checks that a request was refused at once because the disk is full.
    fn is_full(&self, what: &str, ask: impl FnOnce() -> Answer) {
        let began = Instant::now();
        let answer = ask();
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (507, &json!("storageFull")),
            "{what}: {}",
            answer.body
        );
        assert!(answer.json()["message"].as_str().unwrap().contains("space"), "{what}: {}", answer.body);
        assert!(began.elapsed() < AT_ONCE, "{what}");
    }
}

#[test]
fn a_full_disk_is_told_and_claims_go_out_all_the_same() {
    let regtest = up("[channels]\nopens_channels = true");
    regtest.fund(1_000_000);
    let scopes = ["invoices:create", "webhooks", "sessions:create"];
    let new_key = json!({ "name": "shop", "scopes": scopes });
    let key = regtest.ask("POST", "/admin/v1/keys", &new_key)["token"].as_str().unwrap().to_owned();
    on_one_thread(async {
        let (wallet, gateway) = regtest.wallet().await;
        connected(&wallet).await;
        wallet.request(Request::RequestChannel { gateway, capacity_sat: 300_000 }).await.unwrap();
        usable(&regtest).await;
    });
    // The funding is in a block: a channel whose funding is unconfirmed is closed without a commitment on-chain.
    regtest.bitcoind.mine(1).unwrap();
    let commitment = regtest.close_by_force()["txid"].as_str().unwrap().to_owned();
    regtest.bitcoind.mine(1).unwrap();
    regtest.ask("POST", "/admin/v1/sync", &json!({}));
    regtest.health(200);

    let address = regtest.ask("POST", "/admin/v1/address", &json!({}))["address"].clone();
    regtest.fill();
    let began = Instant::now();
    let invoice = json!({ "amountMsat": "1000", "description": "a book" }).to_string();
    regtest
        .is_full("an invoice", || regtest.gateway.admin("POST", "/admin/v1/invoices", None, Some(&invoice)));
    let ill = regtest.health(503);
    assert!(began.elapsed() < AT_ONCE, "it is told");
    let of_storage =
        |health: &Value| health["problems"].as_array().unwrap().iter().any(|it| it["code"] == "storage");
    assert!(of_storage(&ill), "{ill}");
    regtest.is_full("an address", || regtest.gateway.admin("POST", "/admin/v1/address", None, None));
    let token = json!({ "name": "Ann" }).to_string();
    regtest
        .is_full("a token", || regtest.gateway.admin("POST", "/admin/v1/channel-tokens", None, Some(&token)));
    let node = regtest.node_id();
    for (path, body) in [
        ("/admin/v1/keys", new_key),
        ("/admin/v1/fees", json!({ "of": node, "feePpm": 1 })),
        ("/admin/v1/invoices", json!({ "amountMsat": "1000", "amp": true })),
        ("/admin/v1/send", json!({ "address": address, "amountSat": 10_000 })),
    ] {
        let ask = || regtest.gateway.admin("POST", path, None, Some(&body.to_string()));
        regtest.is_full(path, ask);
    }
    for (path, body) in [
        ("/v1/invoices", invoice.clone()),
        ("/v1/sessions", "{}".to_owned()),
        ("/v1/webhooks", json!({ "url": "https://shop.example/paid" }).to_string()),
    ] {
        regtest.is_full(path, || {
            let headers = [&*format!("Authorization: Bearer {key}"), "Content-Type: application/json"];
            request(&regtest.gateway.http, "POST", path, &headers, Some(&body))
        });
    }

    // The delay passes, and nothing can be saved.
    regtest.bitcoind.mine(2016).unwrap();
    let end = Instant::now() + 2 * PATIENCE;
    while !regtest.mempool().iter().any(|waiting| spends(waiting, &commitment)) {
        assert!(Instant::now() < end, "no claim: {}", regtest.gateway.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(of_storage(&regtest.health(503)), "while the disk is full");

    regtest.free();
    assert_eq!(regtest.health(200)["problems"], json!([]));
    regtest.ask("POST", "/admin/v1/invoices", &serde_json::from_str(&invoice).unwrap());
    let tokens = regtest.ask("GET", "/admin/v1/channel-tokens", &json!({}));
    assert_eq!(tokens["tokens"], json!([]), "what was refused is not there");
    regtest.bitcoind.mine(6).unwrap();
    let end = Instant::now() + PATIENCE;
    while regtest.ask("POST", "/admin/v1/sync", &json!({})).is_null()
        || regtest.ask("GET", "/admin/v1/info", &json!({}))["onchainSat"].as_u64().unwrap() < 990_000
    {
        assert!(Instant::now() < end, "the money did not come home: {}", regtest.gateway.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}
