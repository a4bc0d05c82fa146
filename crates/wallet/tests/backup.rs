//! A wallet's backup as a page sees it: set up, restored from, moved, ended, and a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{
    BackupMode, BackupOptions, BackupState, ErrorCode, FileBytes, Network, Notice, OpenOptions, Request,
    SiteRecord, Status, WalletError, Warning,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore, SharedBackend, Store};
use amplet_transport::testing::TestPlatform;
use amplet_transport::{FetchError, HttpResponse, Platform};
use amplet_vss::MemoryServer;
use amplet_wallet::{Response, Wallet};
use futures::FutureExt;

const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// The network: a backup's server, and nothing else.
struct World {
    platform: TestPlatform,
    server: MemoryServer,
}

fn world() -> World {
    let platform = TestPlatform::new(11, Duration::from_secs(1_780_000_000));
    let server = MemoryServer::default();
    let (vss, clock) = (server.clone(), platform.clone());
    platform.on_fetch(move |request| {
        let unreachable = |url: &str| FetchError::Unreachable { url: url.into(), detail: "cut".into() };
        let answer = match request.url.strip_prefix("https://backup.example") {
            Some(path) => {
                let header = request.headers.iter().find(|(name, _)| name == "authorization").unwrap();
                let answer = vss.request(path, &header.1, &request.body, clock.now().as_secs());
                answer.map_err(|_| unreachable(&request.url))
            }
            None => Err(unreachable(&request.url)),
        };
        let answer = answer.map(|it| HttpResponse { status: it.status, headers: Vec::new(), body: it.body });
        async move { answer }.boxed_local()
    });
    World { platform, server }
}

fn backup(device: &str) -> BackupOptions {
    let url = "https://backup.example".into();
    BackupOptions { url, mode: BackupMode::Required, device_name: device.into() }
}

fn options() -> OpenOptions {
    OpenOptions {
        name: "main".into(),
        network: Network::Regtest,
        gateways: Vec::new(),
        chain_sources: vec!["http://chain".into()],
        mnemonic: None,
        fresh: false,
        birthday_height: None,
        backup: None,
        file: None,
        move_here: false,
        zero_fee_commitments: false,
    }
}

fn with_words() -> OpenOptions {
    OpenOptions { mnemonic: Some(WORDS.into()), ..options() }
}

impl World {
    fn open(&self, disk: &MemoryBackend, options: OpenOptions) -> Result<Wallet, WalletError> {
        let (own, backend) = (self.platform.clone(), Rc::new(disk.clone()) as SharedBackend);
        let kek = || Kek::from_bytes([7; 32]);
        self.platform.run(async move {
            let store = match SealedStore::key_sources(&backend).await.unwrap() {
                None => SealedStore::create(backend, &KdfParams::external_key(), kek()).await.unwrap(),
                Some(_) => SealedStore::open(backend, kek()).await.unwrap(),
            };
            let store: Rc<dyn Store> = Rc::new(store);
            let steps = Cell::new(0);
            Wallet::open_with(Rc::new(own), store, options, &|_| steps.set(steps.get() + 1)).await
        })
    }

    fn ask(&self, wallet: &Wallet, request: Request) -> Result<Response, WalletError> {
        let wallet = wallet.clone();
        self.platform.run(async move { wallet.request(request).await })
    }

    fn set(&self, wallet: &Wallet, value: &str) -> Result<(), WalletError> {
        let records = vec![SiteRecord { key: "sent/1".into(), value: Some(value.into()) }];
        self.ask(wallet, Request::SetSiteRecords { records }).map(drop)
    }

    fn get(&self, wallet: &Wallet) -> Option<String> {
        match self.ask(wallet, Request::SiteRecord { key: "sent/1".into() }) {
            Ok(Response::SiteRecord(value)) => value,
            other => panic!("{other:?}"),
        }
    }

    fn status(&self, wallet: &Wallet) -> Status {
        match self.ask(wallet, Request::Status) {
            Ok(Response::Status(status)) => *status,
            other => panic!("{other:?}"),
        }
    }

    fn export(&self, wallet: &Wallet) -> FileBytes {
        match self.ask(wallet, Request::ExportBackup) {
            Ok(Response::File(file)) => file,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_wallet_moves_to_another_device_and_the_first_one_says_so() {
    let world = world();
    let (phone, laptop) = (MemoryBackend::new(), MemoryBackend::new());
    let fresh = OpenOptions { fresh: true, backup: Some(backup("phone")), ..with_words() };
    let first = world.open(&phone, fresh).unwrap();
    let mut notices = first.notices();
    world.set(&first, "one").unwrap();
    let status = world.status(&first).backup.unwrap();
    assert!(status.active && status.state == BackupState::Current && status.records > 1);
    assert_eq!(status.device_name, "phone");

    let restore = OpenOptions { backup: Some(backup("laptop")), ..with_words() };
    let refused = world.open(&laptop, restore.clone()).err().unwrap();
    assert_eq!(refused.code, ErrorCode::MovedToAnotherDevice);
    assert_eq!(refused.device.unwrap().name, "phone");
    world.set(&first, "two").expect("the first one was not disturbed");

    let laptop = MemoryBackend::new();
    let second = world.open(&laptop, OpenOptions { move_here: true, ..restore }).unwrap();
    assert_eq!(world.get(&second).as_deref(), Some("two"));
    assert_eq!(world.status(&second).node_id, world.status(&first).node_id, "the same installation");
    assert!(!world.status(&second).warnings.contains(&Warning::OldCopy));
    world.platform.advance(Duration::from_secs(10));
    let stopped = std::iter::from_fn(|| notices.try_recv().ok()).find_map(|notice| match notice {
        Notice::Stopped { error } => Some(error),
        _ => None,
    });
    let stopped = stopped.expect("the first one has stopped by itself");
    assert_eq!(stopped.code, ErrorCode::MovedToAnotherDevice);
    assert_eq!(stopped.device.unwrap().name, "laptop");
    assert!(world.set(&first, "three").is_err());

    // And back, on a disk that knows its backup.
    world.set(&second, "four").unwrap();
    assert_eq!(world.open(&phone, options()).err().unwrap().code, ErrorCode::MovedToAnotherDevice);
    let first = world.open(&phone, OpenOptions { move_here: true, ..options() }).unwrap();
    assert_eq!(world.get(&first).as_deref(), Some("four"));
}

#[test]
fn a_backup_is_set_up_later_and_ended() {
    let world = world();
    let disk = MemoryBackend::new();
    let wallet = world.open(&disk, OpenOptions { fresh: true, ..with_words() }).unwrap();
    world.set(&wallet, "one").unwrap();
    assert_eq!(world.status(&wallet).backup, None);
    let restore = OpenOptions { backup: Some(backup("laptop")), move_here: true, ..with_words() };
    let none = world.open(&MemoryBackend::new(), restore.clone()).err().unwrap();
    assert_eq!(none.code, ErrorCode::BackupNotFound);
    for (url, device) in [("ftp://x", "phone"), ("https://backup.example", "")] {
        let bad = BackupOptions { url: url.into(), device_name: device.into(), ..backup("") };
        let refused = world.ask(&wallet, Request::SetBackup(bad)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
    }
    world.server.set_unreachable(true);
    let refused = world.ask(&wallet, Request::SetBackup(backup("phone"))).unwrap_err();
    assert_eq!(refused.code, ErrorCode::BackupUnreachable);
    world.set(&wallet, "two").expect("nothing waits for a backup that was not set up");
    world.server.set_unreachable(false);
    world.ask(&wallet, Request::SetBackup(backup("phone"))).unwrap();
    let other = world.open(&MemoryBackend::new(), restore.clone()).unwrap();
    assert_eq!(world.get(&other).as_deref(), Some("two"));
    world.ask(&other, Request::EndBackup { abandon: false }).unwrap();
    assert_eq!(world.status(&other).backup, None);
    world.set(&other, "three").unwrap();
    assert_eq!(world.open(&MemoryBackend::new(), restore).err().unwrap().code, ErrorCode::BackupNotFound);
}

#[test]
fn a_file_brings_money_and_history_and_the_channels_rest() {
    let world = world();
    let fresh = OpenOptions { fresh: true, backup: Some(backup("phone")), ..with_words() };
    let wallet = world.open(&MemoryBackend::new(), fresh).unwrap();
    world.set(&wallet, "one").unwrap();
    let file = world.export(&wallet);
    let import = OpenOptions { file: Some(file), ..with_words() };
    let restored = world.open(&MemoryBackend::new(), import.clone()).unwrap();
    assert_eq!(world.get(&restored).as_deref(), Some("one"));
    let status = world.status(&restored);
    assert!(status.warnings.contains(&Warning::OldCopy) && status.backup.is_none());
    // Its backup knows better.
    world.set(&wallet, "two").unwrap();
    let asks = OpenOptions { backup: Some(backup("laptop")), ..import.clone() };
    let refused = world.open(&MemoryBackend::new(), asks).err().unwrap();
    assert_eq!(refused.code, ErrorCode::BackupStale);
    let other = "legal winner thank year wave sausage worth useful legal winner thank yellow".to_owned();
    let refused = world.open(&MemoryBackend::new(), OpenOptions { mnemonic: Some(other), ..import });
    assert_eq!(refused.err().unwrap().code, ErrorCode::Corrupt);
}

#[test]
fn a_wallet_without_its_server_opens_and_can_go_on_alone() {
    let world = world();
    let disk = MemoryBackend::new();
    let fresh = OpenOptions { fresh: true, backup: Some(backup("phone")), ..with_words() };
    let wallet = world.open(&disk, fresh).unwrap();
    world.set(&wallet, "one").unwrap();
    wallet.abort();
    world.server.set_unreachable(true);
    let wallet = world.open(&disk, options()).unwrap();
    world.platform.advance(Duration::from_secs(1));
    assert_eq!(world.get(&wallet).as_deref(), Some("one"));
    let status = world.status(&wallet);
    assert_eq!(status.backup.unwrap().state, BackupState::Unreachable);
    assert_eq!(world.set(&wallet, "two").unwrap_err().code, ErrorCode::BackupUnreachable);
    let refused = world.ask(&wallet, Request::EndBackup { abandon: false }).unwrap_err();
    assert_eq!(refused.code, ErrorCode::BackupUnreachable);
    world.ask(&wallet, Request::EndBackup { abandon: true }).unwrap();
    world.platform.advance(Duration::from_secs(1));
    world.set(&wallet, "two").unwrap();
    assert_eq!(world.get(&wallet).as_deref(), Some("two"));
}
