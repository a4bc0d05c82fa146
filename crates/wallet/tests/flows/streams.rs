//! Streams through the whole engine: many payments, one line, one budget.

use amplet_protocol::page::{
    Authorization, BudgetRule, ErrorCode, Holder, HolderKind, Payment, PaymentKind, PaymentStatus, Request,
    Rules, StreamRate, WalletError,
};
use amplet_protocol::{Msat, PaymentId};
use amplet_wallet::Response;
use serde_json::json;

use super::harness::msat;
use super::{Disk, RegtestNetwork, User};

const EACH: u64 = 2_000;

impl User {
    async fn open_stream(&self, session: &str) -> Payment {
        let request = Request::OpenStream {
            payee: self.network.gateway(),
            session: session.to_owned(),
            records: Vec::new(),
        };
        let Response::Payment(line) = self.ask(request).await.unwrap() else { panic!() };
        *line
    }

    async fn stream_pay(
        &self,
        stream: PaymentId,
        authorization: &Authorization,
    ) -> Result<Payment, WalletError> {
        let request = Request::StreamPay {
            stream,
            amount_msat: msat(EACH),
            max_fee_msat: None,
            authorization: Some(authorization.clone()),
        };
        let Response::Payment(line) = self.ask(request).await? else { panic!() };
        Ok(*line)
    }

    async fn streams(&self) -> Vec<Payment> {
        let Response::Payments(lines) = self.ask(Request::Streams).await.unwrap() else { panic!() };
        lines
    }

    /// Waits until so much of the stream has arrived.
    async fn arrived(&self, stream: PaymentId, amount: Msat) {
        let what = format!("{amount} of the stream");
        self.network
            .until(&what, || async {
                let line = self.streams().await.into_iter().find(|line| line.id == stream)?;
                let pending = line.stream.as_ref().map_or(msat(0), |totals| totals.pending_msat);
                (line.amount_msat == Some(amount) && pending == msat(0)).then_some(())
            })
            .await;
    }
}

/// Paid by a budget with a rate, killed in between, and closed: one line, to the millisatoshi.
pub async fn streams(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "streams", disk).await;
    me.fund(1_000_000).await;
    me.open_channel(500_000).await;
    // The gateway's side above dust.
    me.pay_when_reachable(1_000_000).await;
    let before = me.history().await.len();
    let player = Holder { kind: HolderKind::App, id: "player".into(), ..Holder::default() };
    // A rate so small that time gives nothing back while the test runs.
    let rate = StreamRate { per_second_msat: msat(4), keep_seconds: 3_000 };
    let rules = Rules { rate: Some(rate), ..Rules::default() };
    me.ask(Request::OpenBudget { holder: player.clone(), rules, parent: None }).await.unwrap();
    let authorization =
        Authorization { holder: player.clone(), purpose: Some("video".into()), ..Authorization::default() };

    let session = network.control("/session", json!({})).await;
    let film = session["id"].as_str().unwrap();
    let line = me.open_stream(film).await;
    assert_eq!(
        (line.kind, line.amount_msat, &line.status),
        (PaymentKind::Stream, Some(msat(0)), &PaymentStatus::Pending)
    );
    assert_eq!(me.open_stream(film).await.id, line.id);
    for _ in 0..3 {
        let now = me.stream_pay(line.id, &authorization).await.unwrap();
        assert!(now.stream.unwrap().pending_msat >= msat(EACH), "it is on its way when it is answered");
        let before = now.amount_msat.unwrap().get() / EACH * EACH;
        me.arrived(line.id, msat(before + EACH)).await;
    }
    let me = me.reopen().await;
    me.connected().await;
    me.usable().await;
    assert_eq!(me.open_stream(film).await.id, line.id, "it goes on where it was");
    for paid in 4..=6 {
        me.stream_pay(line.id, &authorization).await.unwrap();
        me.arrived(line.id, msat(paid * EACH)).await;
    }
    let refused = me.stream_pay(line.id, &authorization).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.budget.unwrap().rule),
        (ErrorCode::BudgetRefused, Some(BudgetRule::Rate))
    );
    let approved = Authorization { approved_msat: Some(msat(1_000_000)), ..authorization.clone() };
    let wrong = me.stream_pay(line.id, &approved).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::InvalidInput);

    let Response::Payment(closed) = me.ask(Request::CloseStream { stream: line.id }).await.unwrap() else {
        panic!()
    };
    assert_eq!((closed.amount_msat, &closed.status), (Some(msat(6 * EACH)), &PaymentStatus::Succeeded));
    let seen = network.control("/session", json!({ "id": film, "token": session["token"] })).await;
    assert_eq!(seen["receivedMsat"], (6 * EACH).to_string(), "both ends count the same: {seen}");
    assert!(me.streams().await.is_empty());
    assert_eq!(me.stream_pay(line.id, &authorization).await.unwrap_err().code, ErrorCode::InvalidInput);
    assert_eq!(me.history().await.len(), before + 1);
    for (payee, session) in
        [("beef".to_owned(), "x"), (network.gateway(), ""), (me.status().await.node_id.to_string(), "x")]
    {
        let refused = me
            .ask(Request::OpenStream { payee, session: session.into(), records: Vec::new() })
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{refused:?}");
    }
    me.ask(Request::Close).await.unwrap();
}
