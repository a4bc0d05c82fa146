//! Budgets, approvals, keysend, reports and signatures, through the whole engine.

use std::collections::BTreeSet;

use amplet_node::lightning::bitcoin::hex::FromHex;
use amplet_node::lightning::bitcoin::secp256k1;
use amplet_protocol::PaymentId;
use amplet_protocol::page::{
    Authorization, Budget, BudgetReason, BudgetRefusal, BudgetRule, CustomRecord, ErrorCode, Holder,
    HolderKind, Payment, PaymentKind, PaymentStatus, Preview, Request, Rules, SignedMessage, Spending,
    VerifiedMessage, WalletError, WindowKind, WindowLimit, WindowPeriod,
};
use amplet_wallet::Response;
use futures::future::join_all;

use super::harness::msat;
use super::{Disk, RegtestNetwork, User};

/// A window that does not end while the test runs, at whatever hour.
fn per_day(limit: u64) -> Rules {
    let limit_msat = msat(limit);
    let window = WindowLimit { kind: WindowKind::Rolling, period: WindowPeriod::Day, limit_msat };
    Rules { windows: vec![window], ..Rules::default() }
}

fn site(origin: &str) -> Holder {
    let origin = origin.to_owned();
    Holder { kind: HolderKind::Site, top_level: origin.clone(), origin, id: String::new() }
}

fn by(holder: &Holder) -> Authorization {
    Authorization { holder: holder.clone(), ..Authorization::default() }
}

fn approved(holder: &Holder, allowed: u64) -> Authorization {
    Authorization { approved_msat: Some(msat(allowed)), ..by(holder) }
}

fn open_budget(holder: &Holder, rules: Rules) -> Request {
    Request::OpenBudget { holder: holder.clone(), rules, parent: None }
}

/// A refusal by a budget: its code, and what it says.
fn refusal(error: WalletError) -> (ErrorCode, BudgetRefusal) {
    let budget = error.budget.clone().unwrap_or_else(|| panic!("{error:?}"));
    (error.code, *budget)
}

impl User {
    async fn budget(&self, request: Request) -> Budget {
        let Response::Budget(budget) = self.ask(request).await.unwrap() else { panic!() };
        *budget
    }

    async fn budget_of(&self, holder: &Holder) -> Option<Budget> {
        let Response::Budgets(budgets) = self.ask(Request::Budgets).await.unwrap() else { panic!() };
        let listed = budgets.into_iter().find(|budget| budget.holder == *holder);
        let Response::BudgetOf(one) = self.ask(Request::BudgetOf { holder: holder.clone() }).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(one.as_deref(), listed.as_ref());
        listed
    }

    /// A new invoice of the payee.
    async fn invoice(&self, msat: u64) -> String {
        self.network.payee_invoice(Some(msat), 3600).await
    }

    async fn pay_as(
        &self,
        authorization: Authorization,
        invoice: &str,
        max_fee: Option<u64>,
    ) -> Result<Payment, WalletError> {
        let invoice = invoice.to_owned();
        let request = Request::Pay {
            invoice,
            amount_msat: None,
            max_fee_msat: max_fee.map(msat),
            parts: None,
            authorization: Some(authorization),
        };
        let Response::Payment(payment) = self.ask(request).await? else { panic!() };
        Ok(*payment)
    }

    async fn preview(&self, authorization: Authorization, amount: u64) -> Preview {
        let (amount_msat, max_fee_msat) = (msat(amount), Some(msat(100_000)));
        let request = Request::Preview { amount_msat, max_fee_msat, authorization };
        let Response::Preview(preview) = self.ask(request).await.unwrap() else { panic!() };
        *preview
    }

    async fn spending(&self) -> Spending {
        let Response::Spending(spending) =
            self.ask(Request::Spending { from: None, to: None }).await.unwrap()
        else {
            panic!()
        };
        spending
    }
}

/// A site with a budget, sites without one, the user's yes to one payment, and what the report says of all of it.
pub async fn budgets(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "budgets", disk).await;
    me.fund(1_000_000).await;
    me.open_channel(500_000).await;
    me.pay_when_reachable(1_000_000).await;
    let shop = site("https://shop.example");
    without_a_budget(&me, &shop).await;
    let rules = Rules { ask_above_msat: Some(msat(5_000_000)), ..per_day(20_000_000) };
    let opened = me.budget(open_budget(&shop, rules)).await;
    assert_eq!((opened.holder.clone(), opened.closed, opened.usage.len()), (shop.clone(), false, 1));
    let again = me.ask(open_budget(&shop, per_day(1))).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::InvalidInput, "one budget for one holder: {again:?}");

    let preview = me.preview(by(&shop), 3_000_000).await;
    assert_eq!((preview.needed_msat, preview.left_after_msat), (msat(3_100_000), Some(msat(16_900_000))));
    assert_eq!((preview.problem, preview.budget.as_ref().map(|p| p.id)), (None, Some(opened.id)));
    let invoice = me.invoice(3_000_000).await;
    let paid = me.pay_as(by(&shop), &invoice, Some(100_000)).await.unwrap();
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let mut spent = 3_000_000 + paid.fee_msat.unwrap().get();
    let now = me.budget_of(&shop).await.unwrap();
    assert_eq!((now.usage[0].spent_msat, now.left_msat), (msat(spent), Some(msat(20_000_000 - spent))));

    spent += asked_first(&me, &shop).await;
    let too_much = me.pay_as(approved(&shop, 30_000_000), &me.invoice(18_000_000).await, None).await;
    let (code, said) = refusal(too_much.unwrap_err());
    assert_eq!((code, said.reason), (ErrorCode::BudgetRefused, BudgetReason::Limit), "a yes lifts no limit");
    assert_eq!((said.rule, said.left_msat), (Some(BudgetRule::RollingDay), Some(msat(20_000_000 - spent))));
    assert!(said.until.is_some() && said.needed_msat.unwrap() > said.left_msat.unwrap(), "{said:?}");

    let me = me.reopen().await;
    me.connected().await;
    me.usable().await;
    let known = me.budget_of(&shop).await.unwrap();
    assert_eq!((known.usage[0].spent_msat, known.usage[0].reserved_msat), (msat(spent), msat(0)));
    keysend(&me, &shop).await;
    once_only(&me).await;
    let closed = me.budget(Request::CloseBudget { id: opened.id }).await;
    assert!(closed.closed);
    let refused = me.pay_as(by(&shop), &me.invoice(1_000).await, None).await.unwrap_err();
    assert_eq!(refusal(refused).1.reason, BudgetReason::NoBudget);
    reports(&me, &shop).await;
    me.ask(Request::Close).await.unwrap();
}

/// Never paid from the user's own.
async fn without_a_budget(me: &User, shop: &Holder) {
    let before = me.history().await.len();
    let preview = me.preview(by(shop), 3_000_000).await;
    assert_eq!((preview.budget, preview.left_after_msat), (None, None));
    let refused = me.pay_as(by(shop), &me.invoice(3_000_000).await, None).await.unwrap_err();
    let (code, said) = refusal(refused);
    assert_eq!((code, said.reason, said.budget), (ErrorCode::ApprovalNeeded, BudgetReason::NoBudget, None));
    assert_eq!(me.history().await.len(), before, "nothing was written");
    let framed = Holder { top_level: "https://evil.example".to_owned(), ..shop.clone() };
    for bad in [
        site("https://Shop.example"),
        site("https://shop.example/"),
        site("null"),
        site(""),
        Holder { id: "x".into(), ..shop.clone() },
        Holder { kind: HolderKind::App, ..shop.clone() },
        Holder { kind: HolderKind::App, ..Holder::default() },
        Holder { id: "x".into(), ..Holder::default() },
    ] {
        let refused = me.ask(open_budget(&bad, per_day(1_000))).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{bad:?}");
    }
    for bad in [Rules::default(), per_day(0)] {
        let refused = me.ask(open_budget(&framed, bad)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
    }
    // The same origin in a frame elsewhere is another holder.
    me.budget(open_budget(&framed, per_day(50_000_000))).await;
    let refused = me.pay_as(by(shop), &me.invoice(3_000_000).await, None).await.unwrap_err();
    assert_eq!(refusal(refused).1.reason, BudgetReason::NoBudget);
}

/// Above the budget's bound the user's yes is needed: for this payment, this much, this once. Answers what was spent.
async fn asked_first(me: &User, shop: &Holder) -> u64 {
    let preview = me.preview(by(shop), 6_000_000).await;
    assert_eq!(refusal(preview.problem.unwrap()).1.reason, BudgetReason::Ask);
    let (first, other) = (me.invoice(6_000_000).await, me.invoice(6_000_000).await);
    let asked = me.pay_as(by(shop), &first, Some(100_000)).await.unwrap_err();
    let (code, said) = refusal(asked);
    assert_eq!((code, said.reason), (ErrorCode::ApprovalNeeded, BudgetReason::Ask));
    assert_eq!((said.limit_msat, said.needed_msat), (Some(msat(5_000_000)), Some(msat(6_100_000))));
    for (allowed, fee) in [(6_050_000, Some(100_000)), (5_999_999, None)] {
        let refused = me.pay_as(approved(shop, allowed), &first, fee).await.unwrap_err();
        let (code, said) = refusal(refused);
        assert_eq!((code, said.reason), (ErrorCode::ApprovalNeeded, BudgetReason::Approval));
        assert_eq!(said.limit_msat, Some(msat(allowed)));
    }
    let paid = me.pay_as(approved(shop, 6_100_000), &first, Some(100_000)).await.unwrap();
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let twice = me.pay_as(approved(shop, 6_100_000), &first, Some(100_000)).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::AlreadyPaid);
    let asked = me.pay_as(by(shop), &other, Some(100_000)).await.unwrap_err();
    assert_eq!(refusal(asked).1.reason, BudgetReason::Ask, "the yes was to another invoice");
    6_000_000 + paid.fee_msat.unwrap().get()
}

/// A yes to a site without a budget pays that one payment, and gives a budget that asks about every one.
async fn once_only(me: &User) {
    let stranger = site("http://127.0.0.1:8080");
    let user = me.budget_of(&Holder::default()).await.unwrap();
    let (first, other) = (me.invoice(2_000_000).await, me.invoice(2_000_000).await);
    me.pay_as(approved(&stranger, 2_050_000), &first, None).await.unwrap();
    let made = me.budget_of(&stranger).await.unwrap();
    assert_eq!(made.rules, Rules { ask_above_msat: Some(msat(0)), ..Rules::default() });
    let asked = me.pay_as(by(&stranger), &other, None).await.unwrap_err();
    assert_eq!(refusal(asked).1.reason, BudgetReason::Ask);
    assert_eq!(me.budget_of(&Holder::default()).await.unwrap(), user);
}

async fn keysend(me: &User, shop: &Holder) {
    let send = |payee: &str, amount, value: &str| Request::Keysend {
        payee: payee.to_owned(),
        amount_msat: msat(amount),
        records: vec![CustomRecord { record_type: 7_629_169, value: value.to_owned() }],
        max_fee_msat: None,
        authorization: Some(Authorization { purpose: Some("podcast".into()), ..by(shop) }),
    };
    let gateway = me.network.gateway();
    let own = me.status().await.node_id.to_string();
    for (payee, amount, value) in
        [("beef", 1_000, "00"), (own.as_str(), 1_000, "00"), (&gateway, 0, "00"), (&gateway, 1_000, "0")]
    {
        let refused = me.ask(send(payee, amount, value)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{refused:?}");
    }
    let asked = me.ask(send(&gateway, 5_100_000, "00")).await.unwrap_err();
    assert_eq!(refusal(asked).1.reason, BudgetReason::Ask);
    let Response::Payment(paid) = me.ask(send(&gateway, 1_000_000, "68656c6c6f")).await.unwrap() else {
        panic!()
    };
    assert_eq!((paid.status, paid.kind), (PaymentStatus::Succeeded, PaymentKind::Keysend));
    assert_eq!((paid.records[0].value.as_str(), paid.amount_msat), ("68656c6c6f", Some(msat(1_000_000))));
    let Response::Payment(found) = me.ask(Request::Payment { id: paid.id }).await.unwrap() else { panic!() };
    assert_eq!(found.preimage, paid.preimage);
}

/// By day, holder and purpose, and as CSV.
async fn reports(me: &User, shop: &Holder) {
    let spending = me.spending().await;
    let of = |purpose: &str| {
        let mine = spending.rows.iter().filter(|row| row.holder == *shop && row.purpose == purpose);
        mine.fold((0, 0), |(count, sum), row| (count + row.payments, sum + row.amount_msat.get()))
    };
    assert_eq!((of("payment"), of("podcast")), ((2, 9_000_000), (1, 1_000_000)));
    assert!(
        spending.csv.contains(",site,https://shop.example,https://shop.example,podcast,1,1000000,0\r\n"),
        "{}",
        spending.csv
    );
    let between = |from: &str, to: &str| Request::Spending { from: Some(from.into()), to: Some(to.into()) };
    let Response::Spending(before) = me.ask(between("1970-01-01", "2020-02-29")).await.unwrap() else {
        panic!()
    };
    assert!(before.rows.is_empty());
    for bad in ["2026-02-29", "today", "2026-2-1", "1969-12-31"] {
        assert_eq!(
            me.ask(between(bad, "2026-11-22")).await.unwrap_err().code,
            ErrorCode::InvalidInput,
            "{bad}"
        );
    }
}

/// A hundred payments at once against a budget for ten: ten leave.
pub async fn a_hundred_against_ten(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "hundred", disk).await;
    me.fund(1_000_000).await;
    me.open_channel(500_000).await;
    me.pay_when_reachable(1_000_000).await;
    let game = Holder { kind: HolderKind::App, id: "game".into(), ..Holder::default() };
    // What ten payments may cost at most. What is left over of their fees is less than one more payment.
    let rules = Rules { total_msat: Some(msat(10 * 1_090_000)), ..Rules::default() };
    me.budget(open_budget(&game, rules)).await;
    let mut invoices = Vec::new();
    for _ in 0..100 {
        invoices.push(me.invoice(1_000_000).await);
    }
    let ended = join_all(invoices.iter().map(|invoice| me.pay_as(by(&game), invoice, Some(90_000)))).await;
    let (paid, refused): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    assert_eq!((paid.len(), refused.len()), (10, 90));
    for refused in refused.into_iter().filter_map(Result::err) {
        let (code, said) = refusal(refused);
        assert_eq!((code, said.rule), (ErrorCode::BudgetRefused, Some(BudgetRule::Total)));
    }
    let paid: Vec<Payment> = paid.into_iter().flatten().collect();
    assert!(paid.iter().all(|line| line.status == PaymentStatus::Succeeded), "{paid:?}");
    let cost = paid.iter().flat_map(|line| [line.amount_msat.unwrap(), line.fee_msat.unwrap()]).sum();
    let usage = me.budget_of(&game).await.unwrap().usage[0];
    assert_eq!((usage.spent_msat, usage.reserved_msat, usage.rule), (cost, msat(0), BudgetRule::Total));
    let lines = me.history().await;
    let outbound: BTreeSet<PaymentId> =
        lines.iter().filter(|line| line.amount_msat == Some(msat(1_000_000))).map(|line| line.id).collect();
    assert_eq!(outbound.len(), 11, "ten, and the one before");
    assert_eq!(me.channels().await.len(), 1);
}

/// Text, signature and node id, made by an lnd: from Core Lightning's tests (tests/test_misc.py, `test_signmessage`).
const LND: (&str, &str, &str) = (
    "is this compatible?",
    "rbgfioj114mh48d8egqx8o9qxqw4fmhe8jbeeabdioxnjk8z3t1ma1hu1fiswpakgucwwzwo6ofycffbsqusqdimugbh41n1g698hr9t",
    "02b80cabdf82638aac86948e4c06e82064f547768dcef977677b9ea931ea75bab5",
);

/// A text signed by one wallet is known by another as its, and by nobody as another's.
pub async fn signatures(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "signs", disk).await;
    let sign = |message: &str| Request::SignMessage { message: message.to_owned() };
    let verify = |message: &str, signature: &str| Request::VerifyMessage {
        message: message.to_owned(),
        signature: signature.to_owned(),
    };
    let Response::SignedMessage(SignedMessage { message, signature }) =
        me.ask(sign("hello ⚡")).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((message.as_str(), signature.len()), ("hello ⚡", 104));
    let check = async |message: &str, signature: &str| {
        let Response::VerifiedMessage(verified) = me.ask(verify(message, signature)).await.unwrap() else {
            panic!()
        };
        verified
    };
    let own = Some(me.status().await.node_id);
    assert_eq!(check("hello ⚡", &signature).await, VerifiedMessage { valid: true, node_id: own });
    assert_ne!(check("hello", &signature).await.node_id, own);
    let none = VerifiedMessage { valid: false, node_id: None };
    for bad in ["", "garbage", &signature[1..], &"y".repeat(10_000)] {
        assert_eq!(check("hello", bad).await, none);
    }
    let (text, signature, node_id) = LND;
    let lnd = check(text, signature).await;
    assert_eq!(lnd, VerifiedMessage { valid: true, node_id: Some(node_id.parse().unwrap()) });
    let long = me.ask(sign(&"x".repeat(9_000))).await.unwrap_err();
    assert_eq!(long.code, ErrorCode::InvalidInput);
    logins(&me).await;
}

/// A login proves a key that is the domain's own, and of nobody else's account.
async fn logins(me: &User) {
    let challenge = "ab".repeat(32);
    let log_in = async |domain: &str, challenge: &str| {
        me.ask(Request::LogIn { domain: domain.to_owned(), challenge: challenge.to_owned() }).await
    };
    let Response::Login(login) = log_in("site.com", &challenge).await.unwrap() else { panic!() };
    let key: secp256k1::PublicKey = login.key.parse().unwrap();
    let der = Vec::from_hex(&login.signature).unwrap();
    let signature = secp256k1::ecdsa::Signature::from_der(&der).unwrap();
    let message = secp256k1::Message::from_digest([0xab; 32]);
    assert!(secp256k1::Secp256k1::new().verify_ecdsa(&message, &signature, &key).is_ok());
    assert_ne!(login.key, me.status().await.node_id.to_string());
    let Response::Login(other) = log_in("www.site.com", &challenge).await.unwrap() else { panic!() };
    assert_ne!(other.key, login.key);
    for (domain, challenge) in
        [("", &*challenge), ("Site.com", &challenge), ("site.com.", &challenge), ("site.com", "ab")]
    {
        assert_eq!(log_in(domain, challenge).await.unwrap_err().code, ErrorCode::InvalidInput);
    }
}
