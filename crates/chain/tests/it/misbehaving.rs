//! A broken or hostile server: what is refused, with which error, and that nothing is lost by it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;
use std::time::Duration;

use crate::common::{Device, NOW, Wallet, script, with_payment};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{ChainError, HeaderError, SourceError, SourceState};
use amplet_transport::FetchError;
use bitcoin::OutPoint;

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
fn addresses_that_cannot_be_used_are_named() {
    let device = Device::new(Vec::new());
    for bad in ["a b", "a?x=1", "a#x", "user@a", "", ":80"] {
        assert!(matches!(device.try_open(&[bad]), Err(ChainError::BadUrl { .. })), "{bad}");
    }
    assert!(matches!(device.try_open(&[]), Err(ChainError::NoSources)));
}

#[test]
fn the_tip_ages_by_its_time_and_by_the_time_without_news() {
    let (server, hour) = (honest(), Duration::from_secs(3600));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    let by_clock = NOW - Duration::from_secs(u64::from(chain.tip().time));
    assert_eq!(chain.tip_age(), by_clock, "by the header");
    device.platform.advance(hour);
    device.poll(&chain).unwrap();
    assert_eq!(chain.tip_age(), by_clock + hour, "a source that answers the same makes it no younger");
    server.chain.borrow_mut().mine_empty(1);
    device.poll(&chain).unwrap();
    assert_eq!(chain.tip_age(), by_clock + hour - Duration::from_secs(600));
    // A clock that was set back far: the header seems to be of the future.
    device.platform.set_clock(Duration::from_secs(u64::from(chain.tip().time) - 3600));
    assert_eq!(chain.tip_age(), Duration::ZERO);
    device.platform.advance(hour * 5);
    device.poll(&chain).unwrap();
    assert_eq!(chain.tip_age(), hour * 5, "by the time without news");
}
