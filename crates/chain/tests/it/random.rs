//! Random chains and restarts: a wallet always ends with exactly the server's blocks, having seen each one that touches its
//! script whole.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{Device, Wallet, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Mine(u32),
    /// A block that pays the wallet.
    Pay,
    /// Drops some blocks and mines one more than that.
    Reorg(usize),
    Poll,
    Sync,
    /// The process ends; `true` when the headers had been committed.
    Restart(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u32..40).prop_map(Step::Mine),
        Just(Step::Pay),
        (1usize..20).prop_map(Step::Reorg),
        Just(Step::Poll),
        Just(Step::Sync),
        any::<bool>().prop_map(Step::Restart),
    ]
}

fn run(steps: Vec<Step>, ranges: bool, headers_per_file: u32, filters_per_file: u32) {
    let server = FakeServer::new(TestChain::new(3));
    server.ranges.set(ranges);
    server.headers_per_file.set(headers_per_file);
    server.filters_per_file.set(filters_per_file);
    let device = Device::new(vec![("a", server.clone())]);
    let mut chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    for step in steps.into_iter().chain([Step::Sync]) {
        match step {
            Step::Mine(count) => server.chain.borrow_mut().mine_empty(count),
            Step::Pay => {
                server.chain.borrow_mut().mine(vec![pay_to(&[], &[script(1)])]);
            }
            Step::Reorg(depth) => {
                let depth = depth.min(usize::try_from(server.chain.borrow().height()).unwrap());
                server.chain.borrow_mut().cut(depth);
                server.chain.borrow_mut().mine_empty(u32::try_from(depth).unwrap() + 1);
            }
            Step::Poll => {
                device.poll(&chain).unwrap();
            }
            Step::Sync => {
                device.sync(&chain, &wallet);
                device.save(&chain);
            }
            Step::Restart(saved) => {
                if saved {
                    device.save(&chain);
                }
                chain = device.open(&["a"]);
            }
        }
    }
    let served = server.chain.borrow();
    let hashes: Vec<_> = served.blocks().iter().map(|b| b.block_hash()).collect();
    assert_eq!(*wallet.chain.borrow(), hashes);
    for block in served.blocks().iter().filter(|b| b.txdata.len() > 1) {
        let height = u32::try_from(hashes.iter().position(|h| *h == block.block_hash()).unwrap()).unwrap();
        assert!(wallet.whole().contains(&height), "block {height} was not given whole");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_wallet_follows_its_server(
        steps in prop::collection::vec(step(), 1..25),
        ranges: bool,
        headers_per_file in 5u32..60,
        filters_per_file in 3u32..40,
    ) {
        run(steps, ranges, headers_per_file, filters_per_file);
    }
}
