//! A storage that was copied while its wallet went on.

use amplet_protocol::page::{ErrorCode, PaymentStatus, Request, SendAmount, Warning};
use amplet_wallet::Response;

use super::harness::{Disk, RegtestNetwork, User};

/// The wallet is copied, as a profile is by a backup, and goes on; the copy is opened afterwards. `copy`: copies the first disk
/// to the second, while no wallet is open.
pub async fn old_copy(network: RegtestNetwork, disk: Disk, copied: Disk, copy: impl FnOnce()) {
    let me = User::create(&network, "copied", disk).await;
    me.fund(1_000_000).await;
    me.open_channel(400_000).await;
    me.pay_when_reachable(10_000_000).await;
    me.ask(Request::Close).await.unwrap();
    let words = me.words().await;
    copy();
    let me = me.reopen().await;
    me.usable().await;
    me.pay_when_reachable(20_000_000).await;
    let savings_sat = me.balance().await.onchain_sat;
    me.ask(Request::Close).await.unwrap();

    let old = me.on(copied).await;
    network
        .until("the gateway's proof", || async {
            old.status().await.warnings.contains(&Warning::OldCopy).then_some(())
        })
        .await;
    check_read_only(&old).await;
    // It says so by itself when it is opened again, whoever is there.
    old.ask(Request::Close).await.unwrap();
    assert_eq!(old.words().await, words, "the words can be had");
    let old = old.reopen().await;
    assert!(old.status().await.warnings.contains(&Warning::OldCopy));
    check_read_only(&old).await;
    assert_eq!(old.balance().await.onchain_sat, savings_sat);
    let address = old.address().await;
    let send = Request::Send {
        address,
        amount: SendAmount::Exact(50_000),
        fee_rate: None,
        dry_run: false,
        authorization: None,
    };
    let Response::OnchainSend(sent) = old.ask(send).await.unwrap() else { panic!() };
    assert!(sent.txid.is_some(), "the savings can be used");
    old.ask(Request::Close).await.unwrap();

    let me = me.reopen().await;
    me.usable().await;
    assert_eq!(me.channels().await.len(), 1, "the copy closed nothing");
    let paid = me.pay_when_reachable(5_000_000).await;
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    me.ask(Request::Close).await.unwrap();
}

/// What the copy would do with its channels is refused, with the remedy.
async fn check_read_only(old: &User) {
    let invoice = old.network.payee_invoice(Some(1_000_000), 3600).await;
    let gateway = old.network.gateway();
    let channel = old.channels().await[0].id;
    let refused = [
        ("a payment", old.pay(&invoice).await.unwrap_err()),
        (
            "a channel",
            old.ask(Request::OpenChannel { gateway: gateway.clone(), capacity_sat: 100_000 })
                .await
                .unwrap_err(),
        ),
        ("a request", old.ask(Request::RequestChannel { gateway, capacity_sat: 100_000 }).await.unwrap_err()),
        ("a close", old.ask(Request::CloseChannel { channel_id: channel, force: true }).await.unwrap_err()),
    ];
    for (what, error) in refused {
        assert_eq!(error.code, ErrorCode::OldCopy, "{what}: {error}");
        assert!(error.message.contains("used last"), "the remedy of {what}: {}", error.message);
    }
}
