//! Records of sites: kept in the wallet's own store, bounded, and gone with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{ErrorCode, Network, OpenOptions, Request, SiteRecord, WalletError};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore, SharedBackend, Store};
use amplet_transport::testing::TestPlatform;
use amplet_wallet::{Response, Wallet};

const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// A wallet without a network, on a disk that outlives it.
struct User {
    platform: TestPlatform,
    disk: MemoryBackend,
    wallet: Wallet,
}

fn kek() -> Kek {
    Kek::from_bytes([7; 32])
}

fn options(mnemonic: Option<String>) -> OpenOptions {
    OpenOptions {
        name: "main".into(),
        network: Network::Regtest,
        gateways: Vec::new(),
        chain_sources: vec!["http://chain".into()],
        mnemonic,
        fresh: false,
        birthday_height: None,
        backup: None,
        file: None,
        move_here: false,
        zero_fee_commitments: false,
    }
}

impl User {
    fn create() -> Self {
        let (platform, disk) =
            (TestPlatform::new(11, Duration::from_secs(1_780_000_000)), MemoryBackend::new());
        let backend: SharedBackend = Rc::new(disk.clone());
        let store =
            async move { SealedStore::create(backend, &KdfParams::external_key(), kek()).await.unwrap() };
        let wallet = open(&platform, store, Some(WORDS.into()));
        Self { platform, disk, wallet }
    }

    /// The wallet is opened again, beside the former one.
    fn reopen(&self) -> Self {
        let backend: SharedBackend = Rc::new(self.disk.clone());
        let store = async move { SealedStore::open(backend, kek()).await.unwrap() };
        let wallet = open(&self.platform, store, None);
        Self { platform: self.platform.clone(), disk: self.disk.clone(), wallet }
    }

    /// Names of the records as they are stored, unsealed.
    fn names(&self) -> Vec<String> {
        let backend: SharedBackend = Rc::new(self.disk.clone());
        self.platform.run(async move {
            let store = SealedStore::view(backend, &kek()).await.unwrap();
            store.list("site/").await.unwrap()
        })
    }

    fn try_ask(&self, request: Request) -> Result<Response, WalletError> {
        let wallet = self.wallet.clone();
        self.platform.run(async move { wallet.request(request).await })
    }

    fn set(&self, records: &[(&str, Option<&str>)]) -> Result<(), WalletError> {
        let record = |(key, value): &(&str, Option<&str>)| SiteRecord {
            key: (*key).to_owned(),
            value: value.map(str::to_owned),
        };
        let records = records.iter().map(record).collect();
        self.try_ask(Request::SetSiteRecords { records }).map(|answer| assert_eq!(answer, Response::None))
    }

    fn get(&self, key: &str) -> Option<String> {
        match self.try_ask(Request::SiteRecord { key: key.into() }) {
            Ok(Response::SiteRecord(value)) => value,
            other => panic!("{other:?}"),
        }
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        match self.try_ask(Request::SiteRecordKeys { prefix: prefix.into() }) {
            Ok(Response::Texts(keys)) => keys,
            other => panic!("{other:?}"),
        }
    }
}

fn open(
    platform: &TestPlatform,
    store: impl Future<Output = SealedStore> + 'static,
    words: Option<String>,
) -> Wallet {
    let own = platform.clone();
    platform.run(async move {
        let store: Rc<dyn Store> = Rc::new(store.await);
        Wallet::open(Rc::new(own), store, options(words)).await.unwrap()
    })
}

#[test]
fn what_was_set_is_there_after_a_restart() {
    let user = User::create();
    let shop = "grant/https://shop.example https://shop.example";
    user.set(&[(shop, Some("{}")), ("sent/1", Some("")), ("sent/2", Some("two"))]).unwrap();
    user.set(&[("sent/2", None), ("sent/3", Some("three"))]).unwrap();
    let user = user.reopen();
    assert_eq!(user.get(shop).as_deref(), Some("{}"));
    assert_eq!((user.get("sent/1").as_deref(), user.get("sent/2")), (Some(""), None));
    assert_eq!(user.keys("sent/"), ["sent/1", "sent/3"]);
    assert_eq!(user.keys(""), [shop, "sent/1", "sent/3"], "nothing of the wallet's own");
    let names = user.names();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.len() % 64 == 0), "their lengths tell nothing: {names:?}");
}

#[test]
fn what_is_out_of_bounds_is_refused_with_all_that_came_with_it() {
    let user = User::create();
    let long = |bytes| "x".repeat(bytes);
    let (key, value) = (long(SiteRecord::MAX_KEY), long(SiteRecord::MAX_VALUE));
    user.set(&[(&key, Some(&value))]).unwrap();
    for (key, value) in [
        (String::new(), "1".to_owned()),
        (long(SiteRecord::MAX_KEY + 1), "1".to_owned()),
        ("a\nb".to_owned(), "1".to_owned()),
        ("a".to_owned(), long(SiteRecord::MAX_VALUE + 1)),
    ] {
        let error = user.set(&[("good", Some("1")), (&key, Some(&value))]).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidInput, "{error}");
    }
    assert_eq!(user.keys(""), [key]);
}

#[test]
fn there_are_only_so_many() {
    let user = User::create();
    let all: Vec<SiteRecord> = (0..SiteRecord::MAX_RECORDS)
        .map(|at| SiteRecord { key: format!("sent/{at}"), value: Some(String::new()) })
        .collect();
    user.try_ask(Request::SetSiteRecords { records: all }).unwrap();
    assert_eq!(user.set(&[("more", Some(""))]).unwrap_err().code, ErrorCode::StorageFull);
    user.set(&[("sent/0", None), ("more", Some(""))]).unwrap();
    user.set(&[("more", Some("changed"))]).unwrap();
    assert_eq!(user.get("more").as_deref(), Some("changed"));
}

#[test]
fn a_wallet_that_was_taken_over_answers_as_to_anything_else() {
    let first = User::create();
    first.set(&[("a", Some("1"))]).unwrap();
    let second = first.reopen();
    let fenced = first.set(&[("a", Some("2"))]).unwrap_err().code;
    assert_eq!(fenced, first.try_ask(Request::NewAddress).unwrap_err().code);
    assert_eq!(second.get("a").as_deref(), Some("1"));
    second.try_ask(Request::Close).unwrap();
    assert_eq!(second.set(&[("a", Some("3"))]).unwrap_err().code, ErrorCode::Closed);
}
