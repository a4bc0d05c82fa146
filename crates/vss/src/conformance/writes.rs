//! Cases of reading and writing.

use super::{Subject, Tester, is_conflict, item};
use crate::messages::{ErrorCode, PutObjectRequest};
use crate::{GLOBAL_VERSION_KEY, MAX_ITEMS, MAX_KEY_BYTES};

/// A key's version is 1 after its first write and counts on; each write names the one that it replaces.
pub async fn versions_count<S: Subject>(t: &mut Tester<'_, S>) {
    assert_eq!(t.get("a").await, None);
    let first = t.write(None, vec![item("a", "1", 0), item("b", "1", 0)], Vec::new()).await.unwrap();
    assert_eq!((first.sequence, t.get("a").await), (Some(1), Some((b"1".to_vec(), 1))));
    let second = t.write(None, vec![item("a", "2", 1)], Vec::new()).await.unwrap();
    assert_eq!((second.sequence, t.get("a").await), (Some(2), Some((b"2".to_vec(), 2))));
    assert_eq!(t.get("b").await, Some((b"1".to_vec(), 1)));
}

/// A write that takes any version leaves version 1.
pub async fn unconditional_writes_reset<S: Subject>(t: &mut Tester<'_, S>) {
    for value in ["1", "2", "3"] {
        t.put(vec![item("a", value, -1)]).await;
        assert_eq!(t.get("a").await, Some((value.as_bytes().to_vec(), 1)));
    }
    t.put(vec![item("a", "4", 1)]).await;
    assert_eq!(t.get("a").await, Some((b"4".to_vec(), 2)));
}

/// One item with another version, and nothing of the write is done.
pub async fn conflicts_change_nothing<S: Subject>(t: &mut Tester<'_, S>) {
    t.put(vec![item("a", "1", 0), item("b", "1", 0)]).await;
    for wrong in [0, 2, -2, i64::MAX, i64::MIN] {
        is_conflict(&t.write(None, vec![item("b", "2", 1), item("a", "2", wrong)], Vec::new()).await, 0, 1);
    }
    is_conflict(&t.write(None, vec![item("c", "2", 1)], Vec::new()).await, 0, 1);
    is_conflict(&t.write(None, vec![item("c", "2", 0)], vec![item("a", "", 2)]).await, 0, 1);
    is_conflict(&t.write(None, vec![item("c", "2", 0)], vec![item("never", "", -1)]).await, 0, 1);
    assert_eq!(t.get("a").await, Some((b"1".to_vec(), 1)));
    assert_eq!(t.get("b").await, Some((b"1".to_vec(), 1)));
    assert_eq!(t.get("c").await, None);
}

/// The store's version counts the writes that name it, and refuses those that name another.
pub async fn the_global_version_is_checked<S: Subject>(t: &mut Tester<'_, S>) {
    let global = |value: i64| Some((Vec::new(), value));
    assert_eq!(t.get(GLOBAL_VERSION_KEY).await, global(0));
    t.write(Some(0), vec![item("a", "1", 0)], Vec::new()).await.unwrap();
    t.write(Some(1), vec![item("a", "2", 1)], Vec::new()).await.unwrap();
    for wrong in [0, 1, 3] {
        is_conflict(&t.write(Some(wrong), vec![item("a", "3", 2)], Vec::new()).await, 2, 2);
    }
    is_conflict(&t.write(Some(2), vec![item("a", "3", 7)], Vec::new()).await, 2, 2);
    assert_eq!(t.get(GLOBAL_VERSION_KEY).await, global(2));
    t.put(vec![item("a", "3", 2)]).await;
    assert_eq!(t.get(GLOBAL_VERSION_KEY).await, global(2), "a write that does not name it leaves it");
    t.write(Some(2), Vec::new(), vec![item("a", "", 3)]).await.unwrap();
    t.write(Some(3), Vec::new(), Vec::new()).await.unwrap();
    assert_eq!(t.get(GLOBAL_VERSION_KEY).await, global(4));
}

/// A deletion in a write is conditional as a write is; one by itself is never an error. What was deleted can be written again.
pub async fn deletions<S: Subject>(t: &mut Tester<'_, S>) {
    t.put(vec![item("a", "1", 0), item("b", "1", 0)]).await;
    t.write(None, vec![item("c", "1", 0)], vec![item("a", "", 1)]).await.unwrap();
    assert_eq!((t.get("a").await, t.get("c").await), (None, Some((b"1".to_vec(), 1))));
    is_conflict(&t.write(None, Vec::new(), vec![item("a", "", 1)]).await, 0, 2);
    t.delete("b", 7).await;
    assert_eq!(t.get("b").await, Some((b"1".to_vec(), 1)), "another version is not deleted");
    for version in [1, 1, -1] {
        t.delete("b", version).await;
        assert_eq!(t.get("b").await, None);
    }
    t.delete("never", -1).await;
    is_conflict(&t.write(None, vec![item("a", "2", 1)], Vec::new()).await, 0, 3);
    t.put(vec![item("a", "2", 0), item("b", "2", -1)]).await;
    assert_eq!((t.get("a").await, t.get("b").await), (Some((b"2".to_vec(), 1)), Some((b"2".to_vec(), 1))));
}

/// What has not the form is refused as such.
pub async fn malformed_requests<S: Subject>(t: &mut Tester<'_, S>) {
    let long = "k".repeat(MAX_KEY_BYTES + 1);
    let many = (0..=MAX_ITEMS).map(|n| item(&n.to_string(), "", 0)).collect();
    let bad = [
        vec![item("", "1", 0)],
        vec![item(&long, "1", 0)],
        vec![item("a\0b", "1", 0)],
        vec![item("a", "1", 0), item("a", "2", 1)],
        vec![item(GLOBAL_VERSION_KEY, "1", 0)],
        Vec::new(),
        many,
    ];
    for items in bad {
        let failed = t.write(None, items, Vec::new()).await.err().unwrap();
        assert_eq!((failed.status, failed.response.error_code()), (400, ErrorCode::InvalidRequestException));
    }
    let both = t.write(None, vec![item("a", "1", 0)], vec![item("a", "", 0)]).await;
    assert_eq!(both.err().unwrap().status, 400);
    for store_id in [String::new(), "s".repeat(121), "a\0".into()] {
        let request = PutObjectRequest {
            store_id,
            transaction_items: vec![item("a", "1", 0)],
            ..PutObjectRequest::default()
        };
        assert_eq!(t.send_put(&request).await.err().unwrap().status, 400);
    }
    for (operation, body) in
        [("getObject", vec![0xff]), ("putObjects", vec![0x0a, 0x05]), ("nothing", vec![])]
    {
        assert_eq!(t.subject.ask(t.asker(1), operation, body).await.0, 400, "{operation}");
    }
    assert_eq!(t.get("a").await, None);
}

/// Nobody sees another's store, and a client's stores are apart.
pub async fn clients_and_stores_are_apart<S: Subject>(t: &mut Tester<'_, S>) {
    t.put(vec![item("a", "mine", 0)]).await;
    assert_eq!(t.get_as(2, t.store, "a").await.err().unwrap().status, 404);
    assert_eq!(t.get_as(1, "another", "a").await.err().unwrap().status, 404);
    let request = PutObjectRequest {
        store_id: t.store.into(),
        transaction_items: vec![item("a", "theirs", 0)],
        ..PutObjectRequest::default()
    };
    let body = crate::Message::encode_to_vec(&request);
    let (status, _) = t.subject.ask(t.asker(2), "putObjects", body).await;
    assert_eq!(status, 200, "what is free in one store is free in another");
    assert_eq!(t.get("a").await, Some((b"mine".to_vec(), 1)));
    assert_eq!(t.get_as(2, t.store, "a").await.unwrap().value, b"theirs");
}

/// Keys and values come back byte for byte.
pub async fn any_bytes_and_lengths<S: Subject>(t: &mut Tester<'_, S>) {
    let every: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let keys = ["'; DROP TABLE x; --", "%_\\", "ключ 🔑", "A", "a", &"k".repeat(MAX_KEY_BYTES)];
    for key in keys {
        t.put(vec![item(key, &every, 0)]).await;
    }
    t.put(vec![item("empty", "", 0)]).await;
    for key in keys {
        assert_eq!(t.get(key).await, Some((every.clone(), 1)), "{key}");
    }
    assert_eq!(t.get("empty").await, Some((Vec::new(), 1)), "an empty value is a value");
    assert_eq!(t.get("ключ").await, None);
}

/// What was answered is there after a restart.
pub async fn a_restart_keeps_everything<S: Subject>(t: &mut Tester<'_, S>) {
    t.write(Some(0), vec![item("a", "1", 0), item("b", "1", 0)], Vec::new()).await.unwrap();
    t.write(Some(1), vec![item("a", "2", 1)], vec![item("b", "", 1)]).await.unwrap();
    t.subject.restart().await;
    assert_eq!((t.get("a").await, t.get("b").await), (Some((b"2".to_vec(), 2)), None));
    is_conflict(&t.write(Some(1), vec![item("a", "3", 2)], Vec::new()).await, 2, 2);
    t.write(Some(2), vec![item("a", "3", 2)], Vec::new()).await.unwrap();
}
