//! Broken and hostile servers, one and several: what is refused, with which error, and that nothing is lost by it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::rc::Rc;

use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{ChainError, HeaderError, SourceError, SourceState, TrustLevel};
use amplet_transport::FetchError;
use bitcoin::{OutPoint, Transaction};
use common::{Device, Notified, Wallet, script};

/// Polls a server that changes the bytes of what it serves under `prefix`, and gives the error.
fn poll_error(server: Rc<FakeServer>, prefix: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> SourceError {
    server.tamper(move |path, body| if path.starts_with(prefix) { change(body) } else { body });
    let device = Device::new(vec![("a", server)]);
    let chain = device.open(&["a"]);
    let error = device.poll(&chain).unwrap_err();
    assert_eq!(chain.tip().height, 0, "nothing of it was taken");
    let ChainError::Sources(mut list) = error else { panic!("{error}") };
    list.pop().unwrap().1
}

fn honest() -> Rc<FakeServer> {
    FakeServer::new(TestChain::new(30))
}

fn set(mut body: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    body[at..at + bytes.len()].copy_from_slice(bytes);
    body
}

/// The status names the idle header as its tip, so that nothing but the missing work gives it away.
#[test]
fn a_header_without_work_is_refused() {
    let source = TestChain::new(30);
    let mut idle = source.block(30).header;
    while idle.target().is_met_by(idle.block_hash()) {
        idle.nonce += 1;
    }
    let (real, forged) = (source.tip_hash().to_string(), idle.block_hash());
    let server = FakeServer::new(source);
    server.tamper(move |path, mut body| {
        if path.starts_with("/status") {
            return String::from_utf8(body).unwrap().replace(&real, &forged.to_string()).into_bytes();
        }
        if path.starts_with("/headers") {
            body.truncate(body.len() - 80);
            body.extend(bitcoin::consensus::serialize(&idle));
        }
        body
    });
    let device = Device::new(vec![("a", server)]);
    let chain = device.open(&["a"]);
    let error = device.poll(&chain).unwrap_err();
    let ChainError::Sources(list) = error else { panic!("{error}") };
    assert_eq!(list[0].1, SourceError::Header(HeaderError::NoWork { height: 30, hash: forged }));
    assert_eq!(chain.tip().height, 0);
    assert!(matches!(chain.trust().sources[0].state, SourceState::Misbehaving { .. }));
}

#[test]
fn wrong_bits_and_a_broken_chain_are_refused() {
    let error = poll_error(honest(), "/headers", |b| set(b, 80 * 3 + 72, &0x1d00_ffff_u32.to_le_bytes()));
    let SourceError::Header(HeaderError::WrongBits {
        height: 4,
        found: 0x1d00_ffff,
        expected: 0x207f_ffff,
        ..
    }) = error
    else {
        panic!("{error}")
    };
    let error = poll_error(honest(), "/headers", |b| set(b, 80 * 3 + 4, &[7; 32]));
    assert_eq!(error, SourceError::Header(HeaderError::NotLinked { height: 4 }));
    let error = poll_error(honest(), "/headers", |b| set(b, 80 * 3 + 68, &1_u32.to_le_bytes()));
    assert!(matches!(error, SourceError::Header(_)), "{error}");
}

#[test]
fn a_chain_from_another_genesis_block_is_refused() {
    let error = poll_error(honest(), "/status", |body| {
        let text = String::from_utf8(body).unwrap();
        let mainnet = bitcoin::blockdata::constants::genesis_block(bitcoin::Network::Bitcoin).block_hash();
        let regtest = bitcoin::blockdata::constants::genesis_block(bitcoin::Network::Regtest).block_hash();
        text.replace(&regtest.to_string(), &mainnet.to_string()).into_bytes()
    });
    assert!(matches!(error, SourceError::WrongNetwork { .. }));
    assert!(error.to_string().contains("configure a server for regtest"), "{error}");
}

#[test]
fn truncated_answers_are_refused() {
    let error = poll_error(honest(), "/headers", |mut b| {
        b.truncate(b.len() - 1);
        b
    });
    assert!(error.to_string().contains("truncated"), "{error}");
    let error = poll_error(honest(), "/headers", |mut b| {
        b.truncate(0);
        b
    });
    assert_eq!(error, SourceError::Moved);
    let error = poll_error(honest(), "/filter-headers", |mut b| {
        b.truncate(b.len() - 5);
        b
    });
    assert!(error.to_string().contains("truncated"), "{error}");
    let error = poll_error(honest(), "/filter-headers", |b| set(b, 32 * 29, &[9; 32]));
    assert_eq!(error, SourceError::Moved, "not the filter header that the status names");
    let error = poll_error(honest(), "/status", |_| b"<html>welcome</html>".to_vec());
    assert!(matches!(error, SourceError::Malformed { .. }), "{error}");
    let error = poll_error(honest(), "/status", |b| {
        String::from_utf8(b)
            .unwrap()
            .replace("\"entries_per_filter_file\":200", "\"entries_per_filter_file\":0")
            .into_bytes()
    });
    assert!(error.to_string().contains("0 entries per file"), "{error}");
}

#[test]
fn oversized_answers_are_refused() {
    let error = poll_error(honest(), "/status", |_| vec![b' '; 1 << 20]);
    assert!(matches!(error, SourceError::Fetch(FetchError::TooLarge { .. })), "{error}");
    let error = poll_error(honest(), "/headers", |b| b.iter().copied().cycle().take(80 * 2001).collect());
    assert!(matches!(error, SourceError::Fetch(FetchError::TooLarge { .. })), "{error}");
}

/// A server that is honest about headers, with a wallet that looks for `script(1)` in block 31.
fn with_payment() -> (TestChain, Transaction) {
    let mut source = TestChain::new(30);
    let pay = pay_to(&[], &[script(1)]);
    source.mine(vec![pay.clone()]);
    source.mine_empty(5);
    (source, pay)
}

/// Syncs with a server that changes what it serves under `prefix`, then with it honest again; returns the first error.
fn sync_error(prefix: &'static str, change: fn(Vec<u8>) -> Vec<u8>, reached: u32) -> SourceError {
    let server = FakeServer::new(with_payment().0);
    server.tamper(move |path, body| if path.starts_with(prefix) { change(body) } else { body });
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.poll(&chain).unwrap();
    let error = device.connect(&chain, &wallet).unwrap_err();
    assert_eq!(wallet.position.borrow().height, reached, "it stands where it stopped");
    server.tamper.borrow_mut().take();
    device.connect(&chain, &wallet).unwrap();
    assert_eq!(wallet.whole(), [31], "and goes on from there, nothing skipped");
    let ChainError::Sources(mut list) = error else { panic!("{error}") };
    list.pop().unwrap().1
}

#[test]
fn false_filters_of_a_single_server_stop_the_walk() {
    let error = sync_error("/filters", |b| set(b, 4, &[0xee; 1]), 0);
    assert!(matches!(error, SourceError::Filter { height: 1 }), "{error}");
    let error = sync_error(
        "/filters",
        |mut b| {
            b.pop();
            b
        },
        0,
    );
    assert!(matches!(error, SourceError::Malformed { .. }), "{error}");
    let error = sync_error("/filters", |_| Vec::new(), 0);
    assert_eq!(error, SourceError::Moved);
}

#[test]
fn false_blocks_are_refused() {
    let what = |error: SourceError| match error {
        SourceError::Block { what, .. } => what,
        other => panic!("{other}"),
    };
    assert!(what(sync_error("/block/", |b| set(b, 76, &[1; 4]), 30)).contains("header is another"));
    assert!(
        what(sync_error(
            "/block/",
            |mut b| {
                b.pop();
                b
            },
            30
        ))
        .contains("cannot be read")
    );
    assert!(
        what(sync_error(
            "/block/",
            |mut b| {
                b.push(0);
                b
            },
            30
        ))
        .contains("cannot be read")
    );
    // The amount of the payment.
    assert!(
        what(sync_error(
            "/block/",
            |b| {
                let at = b.len() - 35;
                set(b, at, &[9])
            },
            30
        ))
        .contains("Merkle root")
    );
    // Without the payment.
    let emptied = |b: Vec<u8>| {
        let mut block: bitcoin::Block = bitcoin::consensus::deserialize(&b).unwrap();
        block.txdata.pop();
        bitcoin::consensus::serialize(&block)
    };
    assert!(what(sync_error("/block/", emptied, 30)).contains("Merkle root"));
    // The end doubled: the same Merkle root.
    let doubled = |b: Vec<u8>| {
        let mut block: bitcoin::Block = bitcoin::consensus::deserialize(&b).unwrap();
        let (first, last) = (block.txdata[0].clone(), block.txdata[1].clone());
        block.txdata = vec![first.clone(), last.clone(), first, last];
        bitcoin::consensus::serialize(&block)
    };
    assert!(what(sync_error("/block/", doubled, 30)).contains("one coinbase"));
}

/// A preimage is in a witness: a block whose witnesses were taken away or changed must not pass.
#[test]
fn stripped_and_changed_witnesses_are_refused() {
    let spend = |witness: bool| {
        let mut tx = pay_to(&[OutPoint { txid: with_payment().1.compute_txid(), vout: 0 }], &[script(2)]);
        if witness {
            tx.input[0].witness.push([7; 32]);
        }
        tx
    };
    let changes: [fn(&mut bitcoin::Block); 2] = [
        |block| block.txdata.iter_mut().flat_map(|tx| &mut tx.input).for_each(|i| i.witness.clear()),
        |block| {
            block.txdata[1].input[0].witness.clear();
            block.txdata[1].input[0].witness.push([8; 32]);
        },
    ];
    for change in changes {
        let (mut source, _) = with_payment();
        source.mine(vec![spend(true)]);
        let server = FakeServer::new(source);
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        server.tamper(move |path, body| {
            if !path.starts_with("/block/") {
                return body;
            }
            let mut block: bitcoin::Block = bitcoin::consensus::deserialize(&body).unwrap();
            if block.txdata.iter().any(|tx| tx.input.iter().any(|i| !i.witness.is_empty())) {
                change(&mut block);
            }
            bitcoin::consensus::serialize(&block)
        });
        device.poll(&chain).unwrap();
        let error = device.connect(&chain, &wallet).unwrap_err();
        assert!(error.to_string().contains("witness"), "{error}");
        server.tamper.borrow_mut().take();
        device.connect(&chain, &wallet).unwrap();
        assert_eq!(wallet.whole(), [31, 37]);
    }
}

#[test]
fn another_server_helps_where_one_fails() {
    let (source, _) = with_payment();
    let (bad, good) = (FakeServer::new(source.clone()), FakeServer::new(source));
    let device = Device::new(vec![("bad", bad.clone()), ("good", good)]);
    let chain = device.open(&["bad", "good"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.poll(&chain).unwrap();
    assert_eq!(chain.trust().level, TrustLevel::Agreed);
    bad.tamper(|path, body| if path.starts_with("/status") { body } else { vec![1; body.len()] });
    device.connect(&chain, &wallet).unwrap();
    assert_eq!(wallet.whole(), [31]);
    assert!(matches!(chain.trust().sources[0].state, SourceState::Failed { .. }));
    bad.down.set(true);
    device.poll(&chain).unwrap();
    let trust = chain.trust();
    assert_eq!((trust.operators, trust.agreed, trust.level), (2, 1, TrustLevel::OneOperator));
    assert!(matches!(&trust.sources[0].state, SourceState::Failed { why } if why.contains("down")));
}

/// A server that leaves a script that block 31 creates out of its filter.
fn liar(source: &TestChain) -> Rc<FakeServer> {
    let mut forged = source.clone();
    let filter = forged.filter_without(31, &script(1));
    forged.forge_filter(31, filter);
    FakeServer::new(forged)
}

#[test]
fn a_filter_that_hides_an_output_is_refuted_by_either_order_of_servers() {
    let (source, _) = with_payment();
    for names in [["liar", "honest"], ["honest", "liar"]] {
        let device = Device::new(vec![("liar", liar(&source)), ("honest", FakeServer::new(source.clone()))]);
        let chain = device.open(&names);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31]);
        let trust = chain.trust();
        let caught = trust.sources.iter().find(|s| s.url == "http://liar").unwrap();
        assert!(
            matches!(&caught.state, SourceState::Misbehaving { what } if what.contains("block 31")),
            "{:?}",
            caught.state
        );
        assert_eq!((trust.agreed, trust.level), (1, TrustLevel::OneOperator));
    }
}

/// The false filter was accepted while its server was alone; when another appears, the wallet goes back and rescans.
#[test]
fn what_was_missed_is_rescanned() {
    let (source, _) = with_payment();
    let honest = FakeServer::new(source.clone());
    honest.down.set(true);
    let device = Device::new(vec![("liar", liar(&source)), ("honest", honest.clone())]);
    let chain = device.open(&["liar", "honest"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.sync(&chain, &wallet);
    assert!(wallet.whole().is_empty(), "one operator alone can hide a payment");
    honest.down.set(false);
    let poll = device.poll(&chain).unwrap();
    let back = poll.rescan.unwrap();
    assert_eq!(device.poll(&chain).unwrap().rescan, Some(back), "until it is done");
    assert_eq!(back.height, 30);
    let from = wallet.position.borrow().clone();
    *wallet.position.borrow_mut() = chain.rewind(&from, back, &*wallet);
    device.connect(&chain, &wallet).unwrap();
    assert_eq!(wallet.notified.borrow()[36], Notified::Back(30));
    assert_eq!(wallet.whole(), [31]);
    assert_eq!(device.poll(&chain).unwrap().rescan, None, "and no longer");
}

/// A spent script is not in the block: neither filter is proven false, and the block is looked through.
#[test]
fn a_filter_that_hides_a_spend_makes_its_block_be_looked_through() {
    let (mut source, pay) = with_payment();
    source.mine(vec![pay_to(&[OutPoint { txid: pay.compute_txid(), vout: 0 }], &[script(2)])]);
    source.mine_empty(4);
    let mut forged = source.clone();
    forged.forge_filter(37, source.filter_without(37, &script(1)));
    for names in [["liar", "honest"], ["honest", "liar"]] {
        let servers = [FakeServer::new(forged.clone()), FakeServer::new(source.clone())];
        let [liar, honest] = servers;
        let device = Device::new(vec![("liar", liar), ("honest", honest)]);
        let chain = device.open(&names);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31, 37], "asked first: {}", names[0]);
        assert_eq!(chain.trust().level, TrustLevel::Conflict);
        let conflicting =
            chain.trust().sources.iter().any(|s| s.state == SourceState::FiltersConflict { height: 37 });
        assert!(conflicting);
        assert_eq!(device.poll(&chain).unwrap().rescan, None);
    }
}

#[test]
fn the_chain_with_more_work_wins_whoever_shows_it() {
    let source = TestChain::new(30);
    let (mut short, mut long) = (source.clone(), source.fork());
    short.mine_empty(2);
    long.mine_empty(3);
    let tip = long.tip_hash();
    let device = Device::new(vec![("short", FakeServer::new(short)), ("long", FakeServer::new(long))]);
    let chain = device.open(&["short", "long"]);
    device.poll(&chain).unwrap();
    assert_eq!(chain.tip().hash, tip);
    let states: Vec<_> = chain.trust().sources.into_iter().map(|s| s.state).collect();
    assert_eq!(states, [SourceState::OtherChain, SourceState::Agrees]);
    assert_eq!(chain.trust().level, TrustLevel::OneOperator);
}

#[test]
fn one_host_is_one_operator() {
    let (source, _) = with_payment();
    let device = Device::new(vec![("a", FakeServer::new(source))]);
    let chain = device.open(&["a", "a/"]);
    device.poll(&chain).unwrap();
    let trust = chain.trust();
    assert_eq!((trust.operators, trust.agreed, trust.level), (1, 1, TrustLevel::OneOperator));
}

#[test]
fn addresses_that_cannot_be_used_are_named() {
    let device = Device::new(Vec::new());
    for bad in ["a b", "a?x=1", "a#x", "user@a", "", ":80"] {
        assert!(matches!(device.try_open(&[bad]), Err(ChainError::BadUrl { .. })), "{bad}");
    }
    assert!(matches!(device.try_open(&[]), Err(ChainError::NoSources)));
}

/// It accepts connections and never responds: the others' blocks arrive all the same.
#[test]
fn a_server_that_never_answers_holds_nothing_up() {
    use amplet_transport::Platform;
    use std::time::Duration;
    let source = with_payment().0;
    for (names, mute) in [(["a", "mute"], "/"), (["mute", "a"], "/"), (["mute", "a"], "/headers")] {
        let good = FakeServer::new(source.clone());
        let slow = FakeServer::new(source.clone());
        let device = Device::new(Vec::new());
        let (a, b) = (good.clone(), slow.clone());
        device.platform.on_fetch(move |request| {
            let (a, b) = (a.clone(), b.clone());
            Box::pin(async move {
                match request.url.strip_prefix("http://mute") {
                    Some(path) if path.starts_with(mute) => std::future::pending().await,
                    Some(path) => b.respond(path, &request),
                    None => a.respond(request.url.strip_prefix("http://a").unwrap(), &request),
                }
            })
        });
        let chain = device.open(&names);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        let started = device.platform.monotonic();
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31], "{names:?} {mute}");
        // What hangs in the middle costs its limit once; afterwards the other is asked first.
        let limit = if mute == "/" { 5 } else { 630 };
        assert!(device.platform.monotonic() - started < Duration::from_secs(limit), "{names:?} {mute}");
        let started = device.platform.monotonic();
        good.chain.borrow_mut().mine_empty(1);
        device.sync(&chain, &wallet);
        assert_eq!(wallet.position.borrow().height, 37);
        assert!(device.platform.monotonic() - started < Duration::from_secs(25), "{names:?} {mute}");
    }
}
