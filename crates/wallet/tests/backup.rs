//! A wallet's backup as a page sees it: set up, restored from, moved, ended, and a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{
    BackupMode, BackupOptions, BackupState, Device, ErrorCode, FileBytes, Network, Notice, OpenOptions,
    Request, SiteRecord, Status, WalletError, Warning,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore, SharedBackend, Store};
use amplet_transport::testing::TestPlatform;
use amplet_transport::{FetchError, HttpResponse, Platform};
use amplet_vss::MemoryServer;
use amplet_wallet::{Response, Wallet};
use futures::FutureExt;
use futures::channel::mpsc::UnboundedReceiver;

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
        let (vss, clock) = (vss.clone(), clock.clone());
        async move {
            let unreachable = || FetchError::Unreachable { url: request.url.clone(), detail: "cut".into() };
            let path = request.url.strip_prefix("https://backup.example").ok_or_else(unreachable)?;
            let (now, headers) = (|| clock.now().as_secs(), request.headers.as_slice());
            let sleep = |time| clock.sleep(time);
            let answer = vss.request_and_wait(path, headers, &request.body, now, sleep).await;
            let answer = answer.map_err(|_| unreachable())?;
            Ok(HttpResponse { status: answer.status, headers: Vec::new(), body: answer.body })
        }
        .boxed_local()
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
    world.platform.advance(Duration::from_secs(2));
    let stopped = stopped(&mut notices).expect("the first one has stopped by itself, within two seconds");
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

impl World {
    fn devices(&self, wallet: &Wallet) -> Vec<Device> {
        match self.ask(wallet, Request::Devices) {
            Ok(Response::Devices(devices)) => devices,
            other => panic!("{other:?}"),
        }
    }
}

/// The reason for which a wallet has stopped.
fn stopped(notices: &mut UnboundedReceiver<Notice>) -> Option<WalletError> {
    std::iter::from_fn(|| notices.try_recv().ok()).find_map(|notice| match notice {
        Notice::Stopped { error } => Some(error),
        _ => None,
    })
}

#[test]
fn devices_are_listed_and_named_and_one_is_removed() {
    let world = world();
    let (phone, laptop) = (MemoryBackend::new(), MemoryBackend::new());
    let fresh = OpenOptions { fresh: true, backup: Some(backup("phone")), ..with_words() };
    let first = world.open(&phone, fresh).unwrap();
    let began = world.platform.now().as_secs();
    world.platform.advance(Duration::from_secs(100));
    let restore = OpenOptions { backup: Some(backup("laptop")), move_here: true, ..with_words() };
    let second = world.open(&laptop, restore).unwrap();
    let devices = world.devices(&second);
    let shown: Vec<(&str, bool, u64)> =
        devices.iter().map(|it| (it.name.as_str(), it.is_this, it.added - began)).collect();
    assert_eq!(shown, [("laptop", true, 100), ("phone", false, 0)]);
    let (laptop_id, phone_id) = (devices[0].id.clone(), devices[1].id.clone());

    // A name given on one is the other's own from its next opening on.
    let rename = |id: &str, name: &str| Request::RenameDevice { id: id.into(), name: name.into() };
    world.ask(&second, rename(&phone_id, "Anna's phone")).unwrap();
    world.ask(&second, rename(&laptop_id, "the laptop")).unwrap();
    for (id, name) in [(phone_id.as_str(), ""), ("x", "x"), (&laptop_id[..64], "x")] {
        assert_eq!(world.ask(&second, rename(id, name)).unwrap_err().code, ErrorCode::InvalidInput);
    }
    assert_eq!(world.status(&second).backup.unwrap().device_name, "the laptop");
    world.platform.advance(Duration::from_secs(1));
    drop(first);
    let first = world.open(&phone, OpenOptions { move_here: true, ..options() }).unwrap();
    assert_eq!(world.status(&first).backup.unwrap().device_name, "Anna's phone");
    let seen = world.devices(&first)[0].last_seen;
    assert_eq!(seen, world.platform.now().as_secs());
    first.abort();
    let second = world.open(&laptop, OpenOptions { move_here: true, ..options() }).unwrap();

    let remove = |id: &str| Request::RemoveDevice { id: id.into() };
    assert_eq!(world.ask(&second, remove(&laptop_id)).unwrap_err().code, ErrorCode::InvalidInput, "itself");
    world.server.set_unreachable(true);
    assert_eq!(world.ask(&second, remove(&phone_id)).unwrap_err().code, ErrorCode::BackupUnreachable);
    assert_eq!(world.devices(&second).len(), 2, "it is not removed");
    world.server.set_unreachable(false);
    world.ask(&second, remove(&phone_id)).unwrap();
    let names: Vec<String> = world.devices(&second).into_iter().map(|device| device.name).collect();
    assert_eq!(names, ["the laptop"]);
    assert_eq!(world.ask(&second, remove(&phone_id)).unwrap_err().code, ErrorCode::InvalidInput);
    // It learns it whichever way it opens, and the wallet stays where it is.
    for move_here in [false, true] {
        let refused = world.open(&phone, OpenOptions { move_here, ..options() }).err().unwrap();
        assert_eq!(refused.code, ErrorCode::DeviceRemoved);
        assert!(refused.message.contains("nothing is lost"), "{}", refused.message);
    }
    world.set(&second, "one").expect("the other one was not disturbed");
    // Without an answer it opens; with the first one its session ends.
    world.server.set_unreachable(true);
    let removed = world.open(&phone, options()).unwrap();
    let mut notices = removed.notices();
    world.server.set_unreachable(false);
    world.platform.advance(Duration::from_secs(12));
    assert_eq!(stopped(&mut notices).expect("it has ended").code, ErrorCode::DeviceRemoved);
    // With the words it may come again, as a device of its own: they are what has to be kept.
    let restore = OpenOptions { backup: Some(backup("phone")), move_here: true, ..with_words() };
    let again = world.open(&MemoryBackend::new(), restore).unwrap();
    assert_eq!(world.get(&again).as_deref(), Some("one"));
    assert_eq!(world.devices(&again).len(), 2);
    assert_ne!(world.devices(&again)[0].id, phone_id);
}

/// Another server, and one that went back to an older copy, are told again.
#[test]
fn a_removed_device_stays_removed_when_its_server_has_forgotten_it() {
    let world = world();
    let (phone, laptop) = (MemoryBackend::new(), MemoryBackend::new());
    let fresh = OpenOptions { fresh: true, backup: Some(backup("phone")), ..with_words() };
    let first = world.open(&phone, fresh).unwrap();
    let restore = OpenOptions { backup: Some(backup("laptop")), move_here: true, ..with_words() };
    let second = world.open(&laptop, restore).unwrap();
    world.platform.advance(Duration::from_secs(2));
    let older = world.server.snapshot();
    let id = world.devices(&second)[1].id.clone();
    world.ask(&second, Request::RemoveDevice { id }).unwrap();
    world.set(&second, "one").unwrap();
    drop(first);
    world.server.restore(older);
    world.platform.advance(Duration::from_secs(30));
    world.set(&second, "two").expect("everything was sent again");
    // The list, which came with it, says so, too.
    let refused = world.open(&phone, OpenOptions { move_here: true, ..options() }).err().unwrap();
    assert_eq!(refused.code, ErrorCode::DeviceRemoved);
    let second = world.open(&laptop, OpenOptions { move_here: true, ..options() }).unwrap();
    world.platform.advance(Duration::from_secs(2));
    let refused = world.open(&phone, OpenOptions { move_here: true, ..options() }).err().unwrap();
    assert_eq!(refused.code, ErrorCode::DeviceRemoved);
    world.set(&second, "three").expect("now the server refuses it before it can take the wallet");
}
