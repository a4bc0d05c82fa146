//! Budgets as a page sees them: budgets with a holder and rules. How they work is `crates/budget`'s to say.

use serde::{Deserialize, Serialize};

/// What a holder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum HolderKind {
    /// The wallet's owner, by hand.
    #[default]
    User,
    /// A site.
    Site,
    /// An app, by its connection's key or name.
    App,
    /// A device.
    Device,
    /// A member of the household, or a budget that others draw from.
    Child,
}

/// Who may spend from a budget. A `site` has the origin of the frame that asks and that of the page it is in, both as the
/// browser reports them (`https://example.org:8443`), never as a message says; a `user` has nothing more, the others an `id`
/// of 1 to 80 characters.
// One struct, and a union only in TypeScript: a tagged enum would be read through serde's buffers, see docs/size.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(
    feature = "ts",
    ts(
        type = "{ kind: 'user' } | { kind: 'site', origin: string, topLevel: string } | { kind: 'app' | 'device' | 'child', id: string }"
    )
)]
#[serde(default)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// A site's: of the frame that asks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// A site's: of the page that the frame is in, the same when it is the page itself.
    #[serde(rename = "topLevel", skip_serializing_if = "String::is_empty")]
    pub top_level: String,
    /// An app's, a device's, a child's: key or name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// Where a window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum WindowKind {
    /// At the full hour, at midnight, on Monday, on the month's first day, in the user's time zone.
    Calendar,
    /// At any moment: the limit holds in each stretch of this length.
    Rolling,
}

/// How long a window is. A calendar day has 23 or 25 hours when the clocks change; a rolling month has 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "said above")]
pub enum WindowPeriod {
    Hour,
    Day,
    Week,
    Month,
}

/// At most so much in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct WindowLimit {
    /// Where the time begins.
    pub kind: WindowKind,
    /// How long it is.
    pub period: WindowPeriod,
    /// At most so much in it.
    pub limit_msat: u64,
}

/// Streaming: money becomes free evenly with time, and what is not used is kept for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StreamRate {
    /// So much becomes free each second; 10 bitcoin at most.
    pub per_second_msat: u64,
    /// Unused seconds are kept up to so many (1 to 3600): at most `per_second_msat` times this goes at once.
    pub keep_seconds: u32,
}

/// What a budget allows. Every limit is for amount and fee together; what is null or empty does not limit. Any budget but the
/// user's has to be bounded: by a window, a rate, a total, or by asking about every payment (`ask_above_msat` 0).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// At most so much per payment.
    pub per_payment_msat: Option<u64>,
    /// At most so much in a time; each kind and period once.
    pub windows: Vec<WindowLimit>,
    /// At most so much per second.
    pub rate: Option<StreamRate>,
    /// At most so much ever, top-ups included.
    pub total_msat: Option<u64>,
    /// Nothing from this time on, in seconds since the UNIX epoch.
    pub expires_at: Option<u64>,
    /// The user is asked about each payment that costs more; 0 asks about every one.
    pub ask_above_msat: Option<u64>,
    /// What the money is for: at most 32 words of 1 to 32 characters of `a-z 0-9 -`; empty allows everything.
    pub purposes: Vec<String>,
}

/// One of a budget's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in `Rules`: window kind and period")]
pub enum BudgetRule {
    PerPayment,
    CalendarHour,
    CalendarDay,
    CalendarWeek,
    CalendarMonth,
    RollingHour,
    RollingDay,
    RollingWeek,
    RollingMonth,
    Rate,
    Total,
}

/// How one of a budget's limits over time stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LimitUsage {
    /// Which.
    pub rule: BudgetRule,
    /// At most so much.
    pub limit_msat: u64,
    /// So much of it is spent, fees included.
    pub spent_msat: u64,
    /// So much of it is reserved for payments under way.
    pub reserved_msat: u64,
    /// So much can still be reserved.
    pub left_msat: u64,
    /// When a calendar window ends, or what is spent now is free again in a rolling one (seconds since the UNIX epoch); null:
    /// time does not end this limit.
    pub until: Option<u64>,
}

/// A budget: a budget with a holder and rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Its number in this wallet; 0 is the user's own.
    pub id: u32,
    /// Who may spend from it.
    pub holder: Holder,
    /// The budget that it draws from: what is spent here counts there too, and that one's limits hold as well.
    pub parent: Option<u32>,
    /// What it allows.
    pub rules: Rules,
    /// A closed budget allows nothing.
    pub closed: bool,
    /// How its limits over time stand.
    pub usage: Vec<LimitUsage>,
    /// Amount, in msat, that this budget and each one that it draws from still allow without a question: the least that one of
    /// their limits over time leaves. Null: there is no such limit, or nothing goes without a question (one of them is closed,
    /// has expired, or asks about every payment).
    pub left_msat: Option<u64>,
}

/// Who pays, and what for. None: the user, by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// Whose budget pays.
    pub holder: Holder,
    /// What for, in the report: a word of 1 to 32 characters of `a-z 0-9 -`; `payment` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub purpose: Option<String>,
    /// The user was shown exactly this payment and allows it to cost at most so much, fee included. It answers the budget's
    /// question, once; its limits hold all the same. A holder without a budget gets one that asks about every payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub approved_msat: Option<u64>,
}

/// Why a budget gives no money for a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum BudgetReason {
    /// It costs more than goes without asking (`limit_msat`): ask the user.
    Ask,
    /// The holder has no budget, or a closed one: ask the user about this payment, or for a budget.
    #[serde(alias = "noPurse")] // in records of format 1
    NoBudget,
    /// The user allowed less (`limit_msat`) than it would cost at most: ask again, with the greater sum.
    Approval,
    /// More than a limit (`rule`) leaves.
    Limit,
    /// The budget has expired (`until`).
    Expired,
    /// The budget is not for this purpose.
    Purpose,
    /// The budget, or one that it draws from, is closed.
    Closed,
    /// The payment cannot be reserved from any budget; the message says why.
    Invalid,
}

/// Why a budget gives no money for a payment, for a prompt that says it. No funds were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BudgetRefusal {
    /// The budget that refuses or asks: the one that pays, or one that it draws from. Null: there is none.
    #[serde(alias = "purse")] // in records of format 1
    pub budget: Option<u32>,
    /// Why.
    pub reason: BudgetReason,
    /// The limit that is in the way.
    pub rule: Option<BudgetRule>,
    /// What that limit is, what goes without asking, or what the user allowed.
    pub limit_msat: Option<u64>,
    /// What that limit leaves.
    pub left_msat: Option<u64>,
    /// What the payment costs at most, fee included.
    pub needed_msat: Option<u64>,
    /// When `needed_msat` will be free if nothing else is spent, or since when the budget has expired (seconds since the UNIX
    /// epoch). Null: time alone does not help.
    pub until: Option<u64>,
}

/// What a payment would cost at most, and what its budget says to it: for the window that asks the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// What the payee gets.
    pub amount_msat: u64,
    /// Greatest fee.
    pub max_fee_msat: u64,
    /// Both together: what `approved_msat` has to be at least.
    pub needed_msat: u64,
    /// The holder's open budget as it is now; null: there is none.
    pub budget: Option<Budget>,
    /// What the budget and each one that it draws from would still allow after this payment, by their tightest limit over time;
    /// null: no limit over time, or the payment does not fit.
    pub left_after_msat: Option<u64>,
    /// `approvalNeeded` or `budgetRefused`, with why; null: it would be paid without asking.
    pub problem: Option<super::WalletError>,
}

/// What one holder spent on one day for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SpendingRow {
    /// The day on which it was decided, in the user's time zone: `2026-11-22`.
    pub date: String,
    /// Who.
    pub holder: Holder,
    /// What for.
    pub purpose: String,
    /// So many payments.
    pub payments: u32,
    /// What the payees got.
    pub amount_msat: u64,
    /// What it cost on top.
    pub fee_msat: u64,
}

/// What was spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Spending {
    /// By day, holder and purpose.
    pub rows: Vec<SpendingRow>,
    /// The same as a spreadsheet reads it (RFC 4180); amounts in msat.
    pub csv: String,
}

/// A text signed by this wallet's node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SignedMessage {
    /// The text.
    pub message: String,
    /// zbase32 of a recoverable signature over the double SHA-256 of `Lightning Signed Message:` and the text, as lnd and Core
    /// Lightning make it.
    pub signature: String,
}

/// The proof of who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Who: a compressed public key, in hex. The same for every login at a domain, also from another device with the same
    /// recovery phrase.
    pub key: String,
    /// The challenge signed with it (ECDSA), DER in hex.
    pub signature: String,
}

/// Who signed a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct VerifiedMessage {
    /// Whether the signature is one. Some key made it: it proves only what `node_id` is known to be.
    pub valid: bool,
    /// The id of the node that signed, in hex; null when the signature is none.
    pub node_id: Option<String>,
}
