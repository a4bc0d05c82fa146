//! Cases for [`SealedStore`] on every backend.

use super::{Interrupted, Lab, abandon_after};
use crate::kdf::{self, KdfParams, Kek};
use crate::{Batch, KeySource, MAX_NAME_BYTES, SealedStore, SharedBackend, Store, StoreError, Write};
use futures::FutureExt;
use std::cell::RefCell;
use std::rc::Rc;

/// Parameters that are cheap enough for a test.
fn cheap(salt: u8) -> KdfParams {
    KdfParams::argon2id(8, 1, 1, [salt; kdf::SALT_BYTES]).unwrap()
}

fn kek(passphrase: &str) -> Kek {
    kdf::derive(passphrase, &cheap(1)).unwrap()
}

async fn backend(lab: &dyn Lab, wallet: &str) -> SharedBackend {
    lab.open(&format!("sealed {wallet}")).await.unwrap()
}

async fn create(lab: &dyn Lab, wallet: &str) -> SealedStore {
    SealedStore::create(backend(lab, wallet).await, &cheap(1), kek("right")).await.unwrap()
}

async fn open(lab: &dyn Lab, wallet: &str) -> SealedStore {
    SealedStore::open(backend(lab, wallet).await, kek("right")).await.unwrap()
}

fn batch<const N: usize>(puts: [(&str, &[u8]); N]) -> Batch {
    let mut batch = Batch::new();
    puts.into_iter().for_each(|(name, value)| batch.put(name, value.to_vec()));
    batch
}

/// Puts, removals and replacements, the empty value among them.
pub async fn writes_and_reads(lab: &dyn Lab) {
    let store = create(lab, "writes").await;
    store
        .commit(batch([("ldk/manager", b"m1"), ("a", b""), ("b", b"x")]))
        .await
        .unwrap()
        .durable()
        .await
        .unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"");
    let mut next = batch([("ldk/manager", b"m2")]);
    next.remove("b");
    next.remove("never there");
    store.commit(next).await.unwrap().durable().await.unwrap();
    assert_eq!(store.get("ldk/manager").await.unwrap().unwrap(), b"m2");
    assert_eq!(store.get("b").await.unwrap(), None);
    let large = vec![7; 4 << 20];
    store.commit(batch([("large", &large)])).await.unwrap().durable().await.unwrap();
    assert!(store.get("large").await.unwrap().unwrap() == large);
}

/// Once there is a receipt the batch can be read here; once that is durable, by the next process too. An empty batch has both
/// moments as well.
pub async fn a_receipt_has_two_moments(lab: &dyn Lab) {
    let store = create(lab, "receipt").await;
    let first = store.commit(batch([("a", b"1")])).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"1", "local");
    let second = store.commit(batch([("b", b"2")])).await.unwrap();
    store.commit(Batch::new()).await.unwrap().durable().await.unwrap();
    second.durable().await.unwrap();
    first.durable().await.unwrap();
    drop(store);
    let store = open(lab, "receipt").await;
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"1", "durable");
    assert_eq!(store.get("b").await.unwrap().unwrap(), b"2", "durable");
}

/// A writer may act once it has opened the store, and no more once it is known to be fenced off.
pub async fn ready_to_act(lab: &dyn Lab) {
    let first = create(lab, "ready").await;
    first.ready().await.unwrap();
    let second = open(lab, "ready").await;
    second.ready().await.unwrap();
    let fenced = first.commit(batch([("a", b"stale")])).await.unwrap_err();
    assert!(fenced.is_fenced());
    assert!(first.ready().await.unwrap_err().is_fenced());
    second.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    second.ready().await.unwrap();
}

/// Unicode, control characters, a name of maximum length, names that are prefixes of each other or only look alike.
pub async fn names_of_every_kind(lab: &dyn Lab) {
    let store = create(lab, "names").await;
    let maximum = "x".repeat(MAX_NAME_BYTES);
    let names = ["a", "a/", "a/b", "header", "caf\u{e9}", "cafe\u{301}", "支払い/⚡", "\0\n", &maximum];
    let mut all = Batch::new();
    names.iter().for_each(|name| all.put(*name, name.as_bytes().to_vec()));
    store.commit(all).await.unwrap().durable().await.unwrap();
    for name in names {
        assert_eq!(store.get(name).await.unwrap().unwrap(), name.as_bytes());
    }
    assert_eq!(store.list("").await.unwrap().len(), names.len());
    assert_eq!(store.list("caf\u{e9}").await.unwrap(), ["caf\u{e9}"]);
}

/// Full names, sorted, of the prefix only; what was committed since they were listed first included.
pub async fn lists_by_prefix(lab: &dyn Lab) {
    let store = create(lab, "lists").await;
    assert!(store.list("").await.unwrap().is_empty(), "the header is no name");
    let mut all = Batch::new();
    for number in (0..1000).rev() {
        all.put(format!("ldk/monitor/{number:03}"), vec![1]);
    }
    all.put("ldk/manager", vec![2]);
    all.put("wallet/payment/1", vec![3]);
    store.commit(all).await.unwrap().durable().await.unwrap();
    let expected: Vec<String> = (0..1000).map(|number| format!("ldk/monitor/{number:03}")).collect();
    assert_eq!(store.list("ldk/monitor/").await.unwrap(), expected);
    assert_eq!(store.list("").await.unwrap().len(), 1002);
    assert_eq!(store.list("wallet/").await.unwrap(), ["wallet/payment/1"]);
    assert!(store.list("nothing/").await.unwrap().is_empty());
    let mut changed = Batch::new();
    changed.remove("ldk/monitor/007");
    changed.put("ldk/monitor/007b", vec![1]);
    changed.put("wallet/payment/1", vec![4]);
    store.commit(changed).await.unwrap().durable().await.unwrap();
    assert_eq!(store.list("ldk/monitor/007").await.unwrap(), ["ldk/monitor/007b"]);
    assert_eq!(store.list("wallet/").await.unwrap(), ["wallet/payment/1"]);
    assert_eq!(store.list("").await.unwrap().len(), 1002);
}

/// One for each batch that was written, however many names; none for an empty batch or a refused one.
pub async fn counts_its_commits(lab: &dyn Lab) {
    let store = create(lab, "counts").await;
    assert_eq!(store.commits(), 0);
    store.commit(batch([("a", b"1"), ("b", b"2"), ("c", b"3")])).await.unwrap().durable().await.unwrap();
    store.commit(Batch::new()).await.unwrap().durable().await.unwrap();
    store.commit(batch([("", b"1")])).await.unwrap_err();
    assert_eq!(store.commits(), 1);
}

/// Committed values are there after the process ended, with and without close.
pub async fn reopened_with_its_key(lab: &dyn Lab) {
    assert_eq!(SealedStore::key_sources(&backend(lab, "reopened").await).await.unwrap(), None);
    let missing = SealedStore::open(backend(lab, "reopened").await, kek("right")).await.err().unwrap();
    assert!(matches!(missing, StoreError::NotFound { .. }));
    let store = create(lab, "reopened").await;
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    drop(store);
    let store = open(lab, "reopened").await;
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"1");
    store.commit(batch([("a", b"2")])).await.unwrap().durable().await.unwrap();
    store.close().await;
    let sources = SealedStore::key_sources(&backend(lab, "reopened").await).await.unwrap().unwrap();
    assert_eq!(sources, [(&cheap(1)).into()]);
    assert_eq!(open(lab, "reopened").await.get("a").await.unwrap().unwrap(), b"2");
}

/// A wrong passphrase is reported as such, and does not fence off a writer that has the wallet open.
pub async fn a_wrong_key_disturbs_nobody(lab: &dyn Lab) {
    let store = create(lab, "wrong").await;
    let wrong = SealedStore::open(backend(lab, "wrong").await, kek("wrong")).await.err().unwrap();
    assert!(matches!(wrong, StoreError::WrongPassphrase));
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
}

/// A second creation is refused and does not disturb the first; of two at once exactly one wins.
pub async fn creating_twice(lab: &dyn Lab) {
    let store = create(lab, "twice").await;
    let again =
        SealedStore::create(backend(lab, "twice").await, &cheap(2), kek("other")).await.err().unwrap();
    assert!(matches!(again, StoreError::AlreadyExists { .. }));
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    let (one, two) = (backend(lab, "at once").await, backend(lab, "at once").await);
    let (one, two) = futures::future::join(
        SealedStore::create(one, &cheap(1), kek("right")),
        SealedStore::create(two, &cheap(1), kek("right")),
    )
    .await;
    assert!(one.is_ok() != two.is_ok(), "{:?} {:?}", one.err(), two.err());
    open(lab, "at once").await.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
}

/// The backend of `wallet`, in which `event` happens just before its first takeover.
async fn interrupted(
    lab: &dyn Lab,
    wallet: &str,
    event: impl Future<Output = ()> + 'static,
) -> SharedBackend {
    let inner = backend(lab, wallet).await;
    Rc::new(Interrupted { inner, first: RefCell::new(Some(event.boxed_local())) })
}

/// A wallet made by another tab between this creation's look and its takeover is not overwritten.
pub async fn a_creation_between(lab: &dyn Lab) {
    let other = backend(lab, "between").await;
    let event = async {
        let store = SealedStore::create(other, &cheap(1), kek("right")).await.unwrap();
        store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    };
    let late = interrupted(lab, "between", event).await;
    let refused = SealedStore::create(late, &cheap(1), kek("other")).await.err().unwrap();
    assert!(matches!(refused, StoreError::AlreadyExists { .. }), "{refused}");
    assert_eq!(open(lab, "between").await.get("a").await.unwrap().unwrap(), b"1");
}

/// A passphrase changed by another tab between this opening's look and its takeover counts.
pub async fn a_change_between(lab: &dyn Lab) {
    let store = create(lab, "change between").await;
    let event = async move { store.put_key((&cheap(1)).into(), kek("new")).await.unwrap() };
    let late = interrupted(lab, "change between", event).await;
    let refused = SealedStore::open(late, kek("right")).await.err().unwrap();
    assert!(matches!(refused, StoreError::WrongPassphrase), "{refused}");
    let store = SealedStore::open(backend(lab, "change between").await, kek("new")).await.unwrap();
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
}

/// Once fenced, a store refuses everything: it holds stale state.
pub async fn an_older_writer_stops(lab: &dyn Lab) {
    let first = create(lab, "older").await;
    first.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    let second = open(lab, "older").await;
    assert_eq!(second.epoch(), first.epoch() + 1);
    let fenced = first.commit(batch([("a", b"stale")])).await.unwrap_err();
    assert!(fenced.is_fenced() && !fenced.is_retryable());
    assert!(first.get("a").await.unwrap_err().is_fenced());
    assert!(first.list("").await.unwrap_err().is_fenced());
    assert!(first.commit(Batch::new()).await.unwrap_err().is_fenced());
    assert!(first.put_key((&cheap(2)).into(), kek("x")).await.unwrap_err().is_fenced());
    assert_eq!(first.commits(), 1);
    assert_eq!(second.get("a").await.unwrap().unwrap(), b"1");
    second.commit(batch([("a", b"2")])).await.unwrap().durable().await.unwrap();
}

/// The old passphrase opens no more, the new one does, the records are untouched; one transaction.
pub async fn a_new_passphrase(lab: &dyn Lab) {
    let store = create(lab, "changed").await;
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    let new = kdf::derive("new", &cheap(2)).unwrap();
    store.put_key((&cheap(2)).into(), new.clone()).await.unwrap();
    assert_eq!(store.commits(), 2);
    store.commit(batch([("b", b"2")])).await.unwrap().durable().await.unwrap();
    let old = SealedStore::open(backend(lab, "changed").await, kek("right")).await.err().unwrap();
    assert!(matches!(old, StoreError::WrongPassphrase));
    let store = SealedStore::open(backend(lab, "changed").await, new).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"1");
    assert_eq!(store.get("b").await.unwrap().unwrap(), b"2");
}

/// Each passkey opens the wallet until it is removed, beside the passphrase or without one; the last stays. One transaction each.
pub async fn passkeys(lab: &dyn Lab) {
    let passkey = |number: u8| (KeySource::Passkey(vec![number; 60]), Kek::from_bytes([number; 32]));
    let ((one, key_one), (two, key_two)) = (passkey(1), passkey(2));
    let place = || backend(lab, "passkeys");
    let store = SealedStore::create(place().await, one.clone(), key_one.clone()).await.unwrap();
    let alone = store.remove_key(&one).await.unwrap_err();
    assert!(matches!(alone, StoreError::InvalidKeySource { .. }), "{alone}");
    // At once: neither is lost.
    let added = store.put_key(two.clone(), key_two.clone());
    let (added, given) = futures::future::join(added, store.put_key((&cheap(1)).into(), kek("right"))).await;
    added.and(given).unwrap();
    assert_eq!(store.commits(), 2);
    let all = [one.clone(), two, (&cheap(1)).into()];
    assert_eq!(SealedStore::key_sources(&place().await).await.unwrap().unwrap(), all);
    store.remove_key(&one).await.unwrap();
    assert!(store.remove_key(&one).await.is_err(), "it is gone");
    assert!(!store.fits(&key_one) && store.fits(&key_two) && store.fits(&kek("right")));
    let removed = SealedStore::open(place().await, key_one).await.err().unwrap();
    assert!(matches!(removed, StoreError::WrongPassphrase), "{removed}");
    let store = SealedStore::open(place().await, key_two.clone()).await.unwrap();
    store.remove_key(&(&cheap(1)).into()).await.unwrap();
    store.close().await;
    assert!(!store.fits(&key_two), "closed");
    assert!(SealedStore::open(place().await, kek("right")).await.is_err());
    SealedStore::open(place().await, key_two).await.unwrap();
}

/// Records without their header are a damaged wallet, not an empty place for a new one.
pub async fn a_lost_header(lab: &dyn Lab) {
    let store = create(lab, "lost").await;
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    let raw = backend(lab, "lost").await;
    let epoch = raw.take_over().await.unwrap();
    raw.commit(vec![Write { name: b"header".to_vec(), value: None }], epoch).await.unwrap();
    let results = [
        SealedStore::key_sources(&raw).await.err().unwrap(),
        SealedStore::open(raw.clone(), kek("right")).await.err().unwrap(),
        SealedStore::create(raw.clone(), &cheap(1), kek("right")).await.err().unwrap(),
    ];
    for error in results {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
    assert_eq!(raw.names().await.unwrap().len(), 1);
}

/// Neither names nor values can be read in the backend.
pub async fn nothing_readable_is_stored(lab: &dyn Lab) {
    let store = create(lab, "hidden").await;
    store
        .commit(batch([("ldk/manager", b"a secret of some length")]))
        .await
        .unwrap()
        .durable()
        .await
        .unwrap();
    let raw = backend(lab, "hidden").await;
    for name in raw.names().await.unwrap() {
        let value = raw.read(&name).await.unwrap().unwrap();
        for bytes in [name, value] {
            for part in [&b"ldk"[..], b"manager", b"secret"] {
                assert!(!bytes.windows(part.len()).any(|window| window == part));
            }
        }
    }
}

/// A value moved to another name, and a damaged one, are reported as corruption of that name.
pub async fn values_cannot_be_swapped(lab: &dyn Lab) {
    let store = create(lab, "swapped").await;
    store.commit(batch([("a", b"1"), ("b", b"2")])).await.unwrap().durable().await.unwrap();
    let raw = backend(lab, "swapped").await;
    let names: Vec<_> = raw.names().await.unwrap().into_iter().filter(|name| name != b"header").collect();
    let mut values = Vec::new();
    for name in &names {
        values.push(raw.read(name).await.unwrap());
    }
    let epoch = raw.take_over().await.unwrap();
    let writes = names.into_iter().zip(values.into_iter().rev());
    raw.commit(writes.map(|(name, value)| Write { name, value }).collect(), epoch).await.unwrap();
    for name in ["a", "b"] {
        let error = store.get(name).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { name: found, .. } if found == name));
    }
    // A name that is none of this wallet's is passed over, and the others are listed.
    let store = open(lab, "swapped").await;
    let epoch = raw.take_over().await.unwrap();
    raw.commit(vec![Write { name: b"not sealed".to_vec(), value: Some(vec![1]) }], epoch).await.unwrap();
    assert_eq!(store.list("").await.unwrap(), ["a", "b"]);
}

/// A batch whose commit was dropped half-way is there as a whole or not at all, and the store continues to work.
pub async fn abandoned_commits(lab: &dyn Lab) {
    let store = create(lab, "abandoned").await;
    store.commit(batch([("a", b"0"), ("b", b"0")])).await.unwrap().durable().await.unwrap();
    for polls in 1..6 {
        let value = [u8::try_from(polls).unwrap()];
        let _ = abandon_after(polls, store.commit(batch([("a", &value), ("b", &value)]))).await;
        assert_eq!(store.get("a").await.unwrap(), store.get("b").await.unwrap());
        store.commit(batch([("c", &value)])).await.unwrap().durable().await.unwrap();
    }
}

/// What is read beside a writer disturbs nobody, and writes nothing.
pub async fn a_view_of_a_running_wallet(lab: &dyn Lab) {
    let nothing = SealedStore::view(backend(lab, "view").await, &kek("right")).await.err().unwrap();
    assert!(matches!(nothing, StoreError::NotFound { .. }));
    let store = create(lab, "view").await;
    store.commit(batch([("a", b"1")])).await.unwrap().durable().await.unwrap();
    let wrong = SealedStore::view(backend(lab, "view").await, &kek("wrong")).await.err().unwrap();
    assert!(matches!(wrong, StoreError::WrongPassphrase));
    let view = SealedStore::view(backend(lab, "view").await, &kek("right")).await.unwrap();
    assert_eq!(view.get("a").await.unwrap().unwrap(), b"1");
    assert_eq!(view.list("").await.unwrap(), ["a"]);
    store.commit(batch([("a", b"3"), ("b", b"1")])).await.unwrap().durable().await.unwrap();
    assert_eq!(view.list("").await.unwrap(), ["a", "b"]);
    assert!(view.commit(batch([("a", b"2")])).await.unwrap_err().is_fenced());
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"3");
}

/// Empty and overlong names are refused, with nothing of their batch written.
pub async fn bad_names(lab: &dyn Lab) {
    let store = create(lab, "bad").await;
    for name in ["", &"é".repeat(MAX_NAME_BYTES)] {
        let error = store.commit(batch([("good", b"1"), (name, b"2")])).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidName { bytes } if bytes == name.len()));
        assert!(matches!(store.get(name).await, Err(StoreError::InvalidName { .. })));
    }
    assert!(store.list("").await.unwrap().is_empty());
}

/// A closed store returns `Closed` from every call.
pub async fn closed_is_closed(lab: &dyn Lab) {
    let store = create(lab, "closed").await;
    store.close().await;
    store.close().await;
    assert!(matches!(store.get("a").await, Err(StoreError::Closed)));
    assert!(matches!(store.list("").await, Err(StoreError::Closed)));
    assert!(matches!(store.ready().await, Err(StoreError::Closed)));
    assert!(matches!(store.commit(batch([("a", b"1")])).await, Err(StoreError::Closed)));
    assert!(matches!(store.put_key((&cheap(1)).into(), kek("x")).await, Err(StoreError::Closed)));
}
