//! A storage that fails for good in the middle of payments, as a browser's does whose disk breaks: it is told, nothing new begins, and
//! the next start finds each payment and all of the money.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Authorization, Keysend, Node, PaymentId};
use amplet_protocol::page::{ErrorCode, PaymentStatus};
use amplet_storage::{Store, StoreError};

use crate::world::{World, msat, pair, through};

/// Amount of each payment, in msat.
const EACH: u64 = 1_000_000;

/// The wallet, on a store that commits so often and never again.
fn failing_after(world: &World, commits: u64) -> Node {
    let left = Rc::new(Cell::new(commits));
    let commit = move |store: Rc<dyn Store>, batch| {
        let left = Rc::clone(&left);
        async move {
            let Some(fewer) = left.get().checked_sub(1) else {
                let source = "a broken disk".into();
                return Err(StoreError::Backend { action: "commit", source });
            };
            left.set(fewer);
            store.commit(batch).await
        }
    };
    world.open_with("wallet", world.disk("wallet"), move |inner| through(inner, commit))
}

fn keysend(world: &World, wallet: &Node, gateway: &Node) -> Option<PaymentId> {
    let order = Keysend {
        payee: gateway.node_id(),
        amount_msat: msat(EACH),
        max_fee_msat: msat(0),
        records: Vec::new(),
    };
    let node = wallet.clone();
    let begun = world.platform.run(async move { node.payments().begin(order, &Authorization::user()).await });
    world.platform.advance(Duration::from_secs(2));
    begun.ok()
}

#[test]
fn a_storage_that_fails_for_good_in_the_middle_of_a_payment_loses_nothing() {
    for commits in 20..26 {
        let (world, wallet, gateway) = pair();
        let before = wallet.channels().balance().lightning_msat.get();
        world.close("wallet", wallet);
        let wallet = failing_after(&world, commits);
        world.connect(&wallet, &gateway, "gateway");
        let mut begun = Vec::new();
        while let Some(id) = keysend(&world, &wallet, &gateway) {
            begun.push(id);
            assert!(begun.len() < 40, "{commits}: it never fails");
        }
        let trouble = wallet.storage_trouble().expect("it is told");
        assert_eq!(trouble.error.code, ErrorCode::Storage, "{commits}");
        assert_eq!(keysend(&world, &wallet, &gateway), None, "{commits}: nothing new begins");
        world.kill("wallet", wallet);

        let wallet = world.open("wallet");
        assert!(wallet.storage_trouble().is_none(), "{commits}");
        // Before anything of the network is heard. The one whose record was never saved has not left.
        let unknown: Vec<_> = begun.iter().filter(|id| world.payment(&wallet, **id).is_none()).collect();
        assert!(
            unknown.is_empty() || unknown == [begun.last().unwrap()],
            "{commits}: {unknown:?} of {begun:?}"
        );
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(10));
        let succeeded = |id: &&PaymentId| {
            world.payment(&wallet, **id).is_some_and(|payment| payment.status == PaymentStatus::Succeeded)
        };
        let paid = u64::try_from(begun.iter().filter(succeeded).count()).unwrap();
        assert!(paid > 0, "{commits}");
        let balance = wallet.channels().balance();
        assert_eq!(balance.pending_outbound_msat.get(), 0, "{commits}");
        assert_eq!(balance.lightning_msat.get(), before - paid * EACH, "{commits}: to the millisatoshi");
        assert!(wallet.channels().list()[0].is_usable, "{commits}: and the channel works on");
        assert!(keysend(&world, &wallet, &gateway).is_some(), "{commits}");
    }
}
