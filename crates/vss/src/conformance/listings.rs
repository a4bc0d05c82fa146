//! Cases of listings.

use std::collections::BTreeMap;

use super::{Subject, Tester, item};
use crate::messages::{KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse};
use crate::{MAX_ITEMS, MAX_TOMBSTONES, PAGE_BYTES};

fn newest(page_size: i32) -> ListKeyVersionsRequest {
    ListKeyVersionsRequest { page_size: Some(page_size), ..ListKeyVersionsRequest::default() }
}

fn changed(since: i64, page_size: i32) -> ListKeyVersionsRequest {
    ListKeyVersionsRequest { changed_since: Some(since), include_values: true, ..newest(page_size) }
}

async fn fill<S: Subject>(t: &Tester<'_, S>, prefix: &str, count: usize) {
    for number in 0..count {
        t.put(vec![item(&format!("{prefix}{number}"), "1", 0)]).await;
    }
}

fn numbered(prefix: &str, numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|number| format!("{prefix}{number}")).collect()
}

/// Keys come in the order of their creation, newest first, with versions and without values.
pub async fn newest_first<S: Subject>(t: &mut Tester<'_, S>) {
    let empty = t.pages(&newest(0)).await;
    assert_eq!((empty.len(), &empty[0].key_versions, empty[0].global_version), (1, &Vec::new(), Some(0)));
    fill(t, "k", 10).await;
    t.write(Some(0), vec![item("k3", "2", 1)], Vec::new()).await.unwrap();
    assert_eq!(t.keys(&newest(0)).await, numbered("k", (0..10).rev()));
    let pages = t.pages(&newest(3)).await;
    assert_eq!(pages[0].global_version, Some(1));
    assert!(pages[1..].iter().all(|page| page.global_version.is_none()));
    assert!(pages.iter().all(|page| page.key_versions.len() <= 3 && page.sequence.is_none() && !page.full));
    let items: Vec<KeyValue> = pages.into_iter().flat_map(|page| page.key_versions).collect();
    let expected = (0..10).rev().map(|n| item(&format!("k{n}"), "", if n == 3 { 2 } else { 1 }));
    assert_eq!(items, expected.collect::<Vec<_>>());
    let all = ListKeyVersionsRequest { page_size: Some(-1), ..ListKeyVersionsRequest::default() };
    assert_eq!(t.list(&all).await.err().unwrap().status, 400);
}

/// Keys that are created, changed or deleted between pages disturb none of the others.
pub async fn pages_under_changes<S: Subject>(t: &mut Tester<'_, S>) {
    fill(t, "k", 9).await;
    let first = t.list(&newest(3)).await.unwrap();
    t.put(vec![item("later", "1", 0), item("k4", "2", 1), item("k8", "2", 1)]).await;
    t.delete("k3", 1).await;
    t.delete("k6", 1).await;
    let rest = ListKeyVersionsRequest { page_token: first.next_page_token, ..newest(3) };
    assert_eq!(t.keys(&rest).await, ["k5", "k4", "k2", "k1", "k0"]);
    t.put(vec![item("k3", "again", 0)]).await;
    assert_eq!(t.keys(&newest(4)).await, ["k3", "later", "k8", "k7", "k5", "k4", "k2", "k1", "k0"]);
}

/// A prefix is text, not a pattern.
pub async fn prefixes<S: Subject>(t: &mut Tester<'_, S>) {
    let keys = ["a/1", "a/2", "b/1", "a", "A/1", "a%1", "a_1", "ä/1"];
    for key in keys {
        t.put(vec![item(key, "1", 0)]).await;
    }
    let cases: [(&str, &[&str]); 6] = [
        ("", &["ä/1", "a_1", "a%1", "A/1", "a", "b/1", "a/2", "a/1"]),
        ("a", &["a_1", "a%1", "a", "a/2", "a/1"]),
        ("a/", &["a/2", "a/1"]),
        ("a%", &["a%1"]),
        ("a_", &["a_1"]),
        ("ä", &["ä/1"]),
    ];
    for (prefix, expected) in cases {
        let request = ListKeyVersionsRequest { key_prefix: Some(prefix.into()), ..newest(1) };
        assert_eq!(t.keys(&request).await, expected, "{prefix}");
        let request = ListKeyVersionsRequest { key_prefix: Some(prefix.into()), ..changed(0, 2) };
        let oldest: Vec<&str> = expected.iter().rev().copied().collect();
        assert_eq!(t.keys(&request).await, oldest, "{prefix}");
    }
}

/// Puts the pages of a listing together.
fn merge(into: &mut BTreeMap<String, (Vec<u8>, i64)>, pages: &[ListKeyVersionsResponse]) -> i64 {
    if pages[0].full {
        into.clear();
    }
    for item in pages.iter().flat_map(|page| &page.key_versions) {
        if item.deleted {
            into.remove(&item.key);
        } else {
            into.insert(item.key.clone(), (item.value.clone(), item.version));
        }
    }
    pages.last().unwrap().sequence.unwrap()
}

/// What was written after a sequence is listed with values, deletions included; from 0 on everything, without deletions.
pub async fn changes<S: Subject>(t: &mut Tester<'_, S>) {
    let empty = t.pages(&changed(0, 0)).await;
    assert_eq!((empty.len(), empty[0].sequence, empty[0].full), (1, Some(0), true));
    t.write(Some(0), vec![item("a", "1", 0), item("b", "1", 0), item("c", "1", 0)], Vec::new())
        .await
        .unwrap();
    t.put(vec![item("b", "2", 1)]).await;
    t.write(None, vec![item("d", "1", 0)], vec![item("a", "", 1)]).await.unwrap();
    for size in [0, 1, 2] {
        let pages = t.pages(&changed(0, size)).await;
        assert!(pages.iter().all(|page| page.full && page.sequence == Some(3)), "{size}");
        let items: Vec<_> = pages.into_iter().flat_map(|page| page.key_versions).collect();
        assert_eq!(items, [item("c", "1", 1), item("b", "2", 2), item("d", "1", 1)], "{size}");
        let pages = t.pages(&changed(1, size)).await;
        assert!(pages.iter().all(|page| !page.full && page.global_version == Some(1)), "{size}");
        let mut items: Vec<_> = pages.into_iter().flat_map(|page| page.key_versions).collect();
        items.sort_by(|a, b| a.key.cmp(&b.key));
        let gone = KeyValue { deleted: true, ..item("a", "", 1) };
        assert_eq!(items, [gone, item("b", "2", 2), item("d", "1", 1)], "{size}");
    }
    assert_eq!(t.pages(&changed(3, 0)).await[0].key_versions, []);
    let without = ListKeyVersionsRequest { include_values: false, ..changed(1, 0) };
    let page = t.list(&without).await.unwrap();
    assert!(page.key_versions.iter().all(|item| item.value.is_empty()) && page.key_versions.len() == 3);
}

/// The pages together are the store at the sequence of the last one, whatever was written between them.
pub async fn changes_under_writes<S: Subject>(t: &mut Tester<'_, S>) {
    fill(t, "k", 8).await;
    for since in [0, 3] {
        let mut known = BTreeMap::new();
        merge(&mut known, &t.pages(&changed(0, 0)).await);
        let mut request = changed(since, 2);
        let mut pages = Vec::new();
        for round in 0.. {
            let page = t.list(&request).await.unwrap();
            request.page_token = page.next_page_token.clone();
            let is_last = page.next_page_token.is_none();
            pages.push(page);
            if is_last {
                break;
            }
            if round < 4 {
                let new = format!("new {since} {round}");
                t.put(vec![item(&new, "1", 0), item("k0", format!("{since} {round}"), -1)]).await;
                let deleted = if since == 0 { round } else { round + 4 };
                if deleted > 0 {
                    t.delete(&format!("k{deleted}"), -1).await;
                }
            }
        }
        let sequence = merge(&mut known, &pages);
        let mut fresh = BTreeMap::new();
        assert_eq!(merge(&mut fresh, &t.pages(&changed(0, 0)).await), sequence);
        assert_eq!(known, fresh);
    }
}

/// A server need not remember all that was ever deleted: then it lists everything, and says so.
pub async fn forgotten_deletions<S: Subject>(t: &mut Tester<'_, S>) {
    let batch = |from: u64| -> Vec<String> {
        (from..from + MAX_ITEMS as u64).map(|number| format!("k{number}")).collect()
    };
    t.put(vec![item("stays", "1", 0)]).await;
    let mut deleted = 0;
    while deleted <= MAX_TOMBSTONES {
        let keys = batch(deleted);
        t.put(keys.iter().map(|key| item(key, "", 0)).collect()).await;
        t.write(None, Vec::new(), keys.iter().map(|key| item(key, "", 1)).collect()).await.unwrap();
        deleted += MAX_ITEMS as u64;
    }
    let pages = t.pages(&changed(1, 0)).await;
    let items: Vec<_> =
        pages.iter().flat_map(|page| &page.key_versions).filter(|item| !item.deleted).collect();
    assert_eq!((pages[0].full, items), (true, vec![&item("stays", "1", 1)]));
    let newest = pages[0].sequence.unwrap();
    t.put(vec![item("k1", "again", 0)]).await;
    t.delete("stays", 1).await;
    let pages = t.pages(&changed(newest, 0)).await;
    let gone = KeyValue { deleted: true, ..item("stays", "", 1) };
    assert_eq!((pages[0].full, &pages[0].key_versions), (false, &vec![item("k1", "again", 1), gone]));
}

/// A client that knows more than the server is given everything: it sees by the sequence that the server went back.
pub async fn an_older_copy_is_listed_whole<S: Subject>(t: &mut Tester<'_, S>) {
    t.put(vec![item("a", "1", 0)]).await;
    let pages = t.pages(&changed(7, 0)).await;
    assert_eq!((pages[0].full, pages[0].sequence), (true, Some(1)));
    assert_eq!(pages[0].key_versions, [item("a", "1", 1)]);
}

/// A page with values ends with the one that fills it.
pub async fn bounded_pages<S: Subject>(t: &mut Tester<'_, S>) {
    let third = vec![7; PAGE_BYTES / 3 + 1];
    for key in ["a", "b", "c", "d"] {
        t.put(vec![item(key, &third, 0)]).await;
    }
    t.put(vec![item("large", vec![8; PAGE_BYTES * 2], 0), item("z", "1", 0)]).await;
    let pages = t.pages(&changed(0, 0)).await;
    let keys: Vec<Vec<&str>> =
        pages.iter().map(|page| page.key_versions.iter().map(|item| item.key.as_str()).collect()).collect();
    assert_eq!(keys, [vec!["a", "b", "c"], vec!["d", "large"], vec!["z"]]);
    assert_eq!(pages[1].key_versions[1].value.len(), PAGE_BYTES * 2);
    let without = ListKeyVersionsRequest { include_values: false, ..changed(0, 0) };
    assert_eq!(t.pages(&without).await.len(), 1);
}

/// Tokens that this listing did not give are refused.
pub async fn foreign_tokens<S: Subject>(t: &mut Tester<'_, S>) {
    fill(t, "k", 3).await;
    let of_newest = t.list(&newest(1)).await.unwrap().next_page_token;
    let of_changes = t.list(&changed(0, 1)).await.unwrap().next_page_token;
    let texts = ["x", "n", "n1.2", "c1", "c1.2", "c1.2.x", "ä", "n99999999999999999999"];
    let bad = texts.map(|text| Some(text.to_owned()));
    for token in bad.iter().chain([&of_changes]) {
        let request = ListKeyVersionsRequest { page_token: token.clone(), ..newest(1) };
        assert_eq!(t.list(&request).await.err().unwrap().status, 400, "{token:?}");
    }
    for token in bad.iter().chain([&of_newest]) {
        let request = ListKeyVersionsRequest { page_token: token.clone(), ..changed(0, 1) };
        assert_eq!(t.list(&request).await.err().unwrap().status, 400, "{token:?}");
    }
}
