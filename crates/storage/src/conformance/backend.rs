//! Cases for every [`Backend`](crate::Backend).

use super::{Lab, abandon_after};
use crate::{SharedBackend, StoreError, Write};
use futures::future::join;

fn put(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Write {
    Write { name: name.as_ref().to_vec(), value: Some(value.as_ref().to_vec()) }
}

fn remove(name: &str) -> Write {
    Write { name: name.into(), value: None }
}

async fn open(lab: &dyn Lab, wallet: &str) -> (SharedBackend, u64) {
    let backend = lab.open(wallet).await.unwrap();
    let epoch = backend.take_over().await.unwrap();
    (backend, epoch)
}

async fn names(backend: &SharedBackend) -> Vec<Vec<u8>> {
    let mut names = backend.names().await.unwrap();
    names.sort();
    names
}

fn is_fenced(result: &Result<(), StoreError>, mine: u64, now: u64) -> bool {
    matches!(result, Err(StoreError::Fenced { mine: m, now: n }) if (*m, *n) == (mine, now))
}

/// Values come back as they were, the empty one too; a removed name is gone.
pub async fn reads_what_was_committed(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "reads").await;
    backend.commit(vec![put("a", "1"), put("b", ""), put("c", [0, 255, 0])], epoch).await.unwrap();
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"1");
    assert_eq!(backend.read(b"b").await.unwrap().unwrap(), b"", "an empty value is a value");
    assert_eq!(backend.read(b"c").await.unwrap().unwrap(), [0, 255, 0]);
    backend.commit(vec![remove("a"), remove("never there"), put("b", "2")], epoch).await.unwrap();
    assert_eq!(backend.read(b"a").await.unwrap(), None);
    assert_eq!(backend.read(b"b").await.unwrap().unwrap(), b"2");
    assert_eq!(names(&backend).await, [b"b", b"c"]);
}

/// Within one commit the last write of a name wins, puts and removals mixed.
pub async fn the_last_write_wins(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "last").await;
    let writes = vec![
        put("twice", "1"),
        put("twice", "2"),
        put("gone", "1"),
        remove("gone"),
        remove("back"),
        put("back", "3"),
    ];
    backend.commit(writes, epoch).await.unwrap();
    assert_eq!(backend.read(b"twice").await.unwrap().unwrap(), b"2");
    assert_eq!(backend.read(b"gone").await.unwrap(), None);
    assert_eq!(backend.read(b"back").await.unwrap().unwrap(), b"3");
}

/// Names are bytes: zeros, 0xff, prefixes of each other, not UTF-8.
pub async fn any_bytes_are_names(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "bytes").await;
    let all: Vec<Vec<u8>> =
        vec![vec![0], vec![0, 0], vec![0xc3], vec![255; 40], b"a".to_vec(), b"a\0".to_vec()];
    let writes = all.iter().map(|name| put(name, name)).collect();
    backend.commit(writes, epoch).await.unwrap();
    for name in &all {
        assert_eq!(backend.read(name).await.unwrap().as_ref(), Some(name));
    }
    let mut sorted = all;
    sorted.sort();
    assert_eq!(names(&backend).await, sorted);
}

/// A new wallet holds nothing, and a commit without writes is allowed.
pub async fn no_records(lab: &dyn Lab) {
    let backend = lab.open("none").await.unwrap();
    assert!(names(&backend).await.is_empty());
    assert_eq!(backend.read(b"x").await.unwrap(), None);
    let epoch = backend.take_over().await.unwrap();
    backend.commit(Vec::new(), epoch).await.unwrap();
    assert!(names(&backend).await.is_empty());
    assert!(!backend.place().is_empty());
}

/// Nobody writes without having taken over, and a refused commit changes nothing at all.
pub async fn one_refused_writer_changes_nothing(lab: &dyn Lab) {
    let backend = lab.open("refused").await.unwrap();
    let nobody = backend.commit(vec![put("a", "0")], 1).await;
    assert!(
        matches!(nobody, Err(StoreError::NotFound { .. })),
        "whose wallet was here is not here: {nobody:?}"
    );
    let epoch = backend.take_over().await.unwrap();
    backend.commit(vec![put("a", "1")], epoch).await.unwrap();
    for wrong in [0, epoch - 1, epoch + 1, u64::MAX] {
        let refused = backend.commit(vec![put("a", "2"), remove("a"), put("b", "2")], wrong).await;
        assert!(is_fenced(&refused, wrong, epoch), "{refused:?}");
    }
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"1");
    assert_eq!(names(&backend).await, [b"a"]);
    backend.commit(vec![put("a", "3")], epoch).await.expect("the writer itself is not disturbed");
}

/// The writer that took over last writes; the one before is refused permanently, and sees what the other wrote.
pub async fn two_writers(lab: &dyn Lab) {
    let (first, epoch) = open(lab, "two").await;
    first.commit(vec![put("a", "first")], epoch).await.unwrap();
    let (second, next) = open(lab, "two").await;
    assert_eq!(next, epoch + 1);
    assert!(is_fenced(&first.commit(vec![put("a", "stale")], epoch).await, epoch, next));
    assert_eq!(second.read(b"a").await.unwrap().unwrap(), b"first");
    second.commit(vec![put("a", "second")], next).await.unwrap();
    assert!(is_fenced(&first.commit(vec![put("a", "stale")], epoch).await, epoch, next));
    assert_eq!(first.read(b"a").await.unwrap().unwrap(), b"second");
    let again = first.take_over().await.unwrap();
    assert!(is_fenced(&second.commit(vec![put("a", "stale")], next).await, next, again));
}

/// A takeover during commits in flight: each is either refused or visible to the new writer.
pub async fn a_takeover_during_a_commit(lab: &dyn Lab) {
    let (mut writer, mut epoch) = open(lab, "race").await;
    for round in 0..20_u8 {
        let other = lab.open("race").await.unwrap();
        let commits = join(
            writer.commit(vec![put("a", [round])], epoch),
            writer.commit(vec![put("b", [round])], epoch),
        );
        let takes_over = async {
            let epoch = other.take_over().await.unwrap();
            let seen = join(other.read(b"a"), other.read(b"b")).await;
            (epoch, seen.0.unwrap(), seen.1.unwrap())
        };
        let ((a, b), (next, seen_a, seen_b)) = join(commits, takes_over).await;
        for (result, seen) in [(a, seen_a), (b, seen_b)] {
            match result {
                Ok(()) => assert_eq!(seen, Some(vec![round])),
                Err(StoreError::Fenced { .. }) => assert_ne!(seen, Some(vec![round])),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(is_fenced(&writer.commit(vec![put("a", "stale")], epoch).await, epoch, next));
        (writer, epoch) = (other, next);
    }
}

/// A commit whose future is dropped half-way is there as a whole or not at all, and the backend continues to work.
pub async fn an_abandoned_commit_is_whole_or_nothing(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "abandoned").await;
    let all = ["a", "b", "c", "d"];
    let generation = |number: u8| all.iter().map(|name| put(name, vec![number; 30_000])).collect();
    backend.commit(generation(0), epoch).await.unwrap();
    for number in 1..=12_u8 {
        let polls = usize::from(number).div_ceil(2);
        let finished = abandon_after(polls, backend.commit(generation(number), epoch)).await;
        let mut seen = Vec::new();
        for name in all {
            seen.push(backend.read(name.as_bytes()).await.unwrap().unwrap());
        }
        assert!(seen.iter().all(|value| *value == seen[0]), "half a commit is visible after {polls} polls");
        if let Some(result) = finished {
            result.unwrap();
            assert_eq!(seen[0], vec![number; 30_000]);
        }
        backend.commit(generation(100 + number), epoch).await.unwrap();
        assert_eq!(backend.read(b"d").await.unwrap().unwrap(), vec![100 + number; 30_000]);
    }
}

/// Commits in flight together apply in the order in which they began.
pub async fn commits_apply_in_order(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "order").await;
    let commits = (0..50_u8).map(|number| backend.commit(vec![put("a", [number])], epoch));
    for result in futures::future::join_all(commits).await {
        result.unwrap();
    }
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), [49]);
}

/// A read beside a commit sees one state or the other, never a mixture within a value.
pub async fn reading_during_a_commit(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "beside").await;
    backend.commit(vec![put("a", [0; 1000])], epoch).await.unwrap();
    for number in 1..=20_u8 {
        let commit = backend.commit(vec![put("a", [number; 1000])], epoch);
        let (committed, read) = join(commit, backend.read(b"a")).await;
        committed.unwrap();
        let seen = read.unwrap().unwrap();
        assert!(seen == [number; 1000] || seen == [number - 1; 1000]);
        assert_eq!(backend.read(b"a").await.unwrap().unwrap(), [number; 1000]);
    }
}

/// 4 MiB in one value, twice in one commit.
pub async fn large_values(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "large").await;
    let value: Vec<u8> = (0..4_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    backend.commit(vec![put("a", &value), put("b", &value[1..])], epoch).await.unwrap();
    assert!(backend.read(b"a").await.unwrap().unwrap() == value);
    assert!(backend.read(b"b").await.unwrap().unwrap() == value[1..]);
    backend.commit(vec![put("a", "small"), remove("b")], epoch).await.unwrap();
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"small");
}

/// 10,000 names in one commit are all there, and all gone after their removal.
pub async fn ten_thousand_names(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "many").await;
    let all: Vec<String> = (0..10_000).map(|number| format!("name/{number:05}")).collect();
    backend.commit(all.iter().map(|name| put(name, name)).collect(), epoch).await.unwrap();
    assert!(names(&backend).await.iter().map(Vec::as_slice).eq(all.iter().map(String::as_bytes)));
    assert_eq!(backend.read(b"name/07777").await.unwrap().unwrap(), b"name/07777");
    backend.commit(all.iter().map(|name| remove(name)).collect(), epoch).await.unwrap();
    assert!(names(&backend).await.is_empty());
}

/// Records and epoch outlive the handle.
pub async fn reopening(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "reopened").await;
    backend.commit(vec![put("a", "1")], epoch).await.unwrap();
    backend.close().await;
    drop(backend);
    let backend = lab.open("reopened").await.unwrap();
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"1");
    assert_eq!(backend.take_over().await.unwrap(), epoch + 1);
    let other = lab.open("reopened beside").await.unwrap();
    assert_eq!(other.read(b"a").await.unwrap(), None, "wallets do not share records");
}

/// A closed handle returns `Closed` from every call; closing twice is allowed.
pub async fn closing(lab: &dyn Lab) {
    let (backend, epoch) = open(lab, "closed").await;
    backend.close().await;
    backend.close().await;
    assert!(matches!(backend.read(b"a").await, Err(StoreError::Closed)));
    assert!(matches!(backend.names().await, Err(StoreError::Closed)));
    assert!(matches!(backend.take_over().await, Err(StoreError::Closed)));
    assert!(matches!(backend.commit(vec![put("a", "1")], epoch).await, Err(StoreError::Closed)));
    assert!(matches!(backend.destroy().await, Err(StoreError::Closed)));
}

/// A destroyed wallet is gone, its former writer cannot write any more, and its name is free.
pub async fn destroying(lab: &dyn Lab) {
    let (writer, epoch) = open(lab, "destroyed").await;
    writer.commit(vec![put("a", "1")], epoch).await.unwrap();
    let other = lab.open("destroyed").await.unwrap();
    other.destroy().await.unwrap();
    assert!(matches!(other.read(b"a").await, Err(StoreError::Closed)));
    let refused = writer.commit(vec![put("a", "2")], epoch).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. } | StoreError::Closed)), "{refused:?}");
    let (again, new_epoch) = open(lab, "destroyed").await;
    assert!(names(&again).await.is_empty());
    again.commit(vec![put("a", "3")], new_epoch).await.unwrap();
    let refused = writer.commit(vec![put("a", "4")], epoch).await;
    let harmless = again.read(b"a").await.unwrap().unwrap() == b"3";
    assert!(harmless, "a writer of the destroyed wallet reached the new one: {refused:?}");
}
