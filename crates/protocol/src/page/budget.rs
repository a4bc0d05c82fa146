//! Budgets as a page sees them. `crates/budget` defines how they work.

use serde::{Deserialize, Serialize};

use crate::{Msat, NodeId};

/// Kind of a holder.
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

/// A holder: may spend from a budget. A `site` has the origin of the frame that asks and that of the page it is in, both as the
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
    /// Kind.
    pub kind: HolderKind,
    /// Origin of the frame that asks, of a site.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Origin of the page that the frame is in, of a site; the same when it is the page itself.
    #[serde(rename = "topLevel", skip_serializing_if = "String::is_empty")]
    pub top_level: String,
    /// Key or name of an app, a device or a child.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// Begin of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum WindowKind {
    /// At the full hour, at midnight, on Monday, on the month's first day, in the user's time zone.
    Calendar,
    /// At any moment: the limit holds in each stretch of this length.
    Rolling,
}

/// Length of a window. A calendar day has 23 or 25 hours when the clocks change; a rolling month has 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "documented above")]
pub enum WindowPeriod {
    Hour,
    Day,
    Week,
    Month,
}

/// A limit for a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct WindowLimit {
    /// Begin of the window.
    pub kind: WindowKind,
    /// Length of the window.
    pub period: WindowPeriod,
    /// Maximum in it, in msat.
    pub limit_msat: Msat,
}

/// A streaming rate: money becomes free evenly with time, and accumulates for a while when it is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StreamRate {
    /// Amount that becomes free each second, in msat; 10 bitcoin at most.
    pub per_second_msat: Msat,
    /// Maximum number of unused seconds that accumulate (1 to 3600): `per_second_msat` times this is the maximum at once.
    pub keep_seconds: u32,
}

/// Rules of a budget. Every limit is for amount and fee together; a rule that is null or empty does not limit. Any budget but the
/// user's has to be bounded: by a window, a rate, a total, or by asking about every payment (`ask_above_msat` 0).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// Maximum per payment, in msat.
    pub per_payment_msat: Option<Msat>,
    /// Limits over time; each kind and period once.
    pub windows: Vec<WindowLimit>,
    /// Maximum per second.
    pub rate: Option<StreamRate>,
    /// Maximum in total, top-ups included, in msat.
    pub total_msat: Option<Msat>,
    /// Expiry: nothing is allowed from this time on, in seconds since the UNIX epoch.
    pub expires_at: Option<u64>,
    /// Maximum that goes without asking, in msat: the user is asked about each payment that costs more; 0 asks about every one.
    pub ask_above_msat: Option<Msat>,
    /// Purposes that are allowed: at most 32 words of 1 to 32 characters of `a-z 0-9 -`; empty allows all.
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

/// Usage of one of a budget's limits over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LimitUsage {
    /// Rule of the limit.
    pub rule: BudgetRule,
    /// Maximum, in msat.
    pub limit_msat: Msat,
    /// Amount of it that is spent, fees included.
    pub spent_msat: Msat,
    /// Amount of it that is reserved for payments in flight.
    pub reserved_msat: Msat,
    /// Amount of it that can still be reserved.
    pub left_msat: Msat,
    /// End of a calendar window, or the time at which an amount spent now is free again in a rolling one (seconds since the UNIX
    /// epoch); null: time does not end this limit.
    pub until: Option<u64>,
}

/// A budget, with a holder and rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Number in this wallet; 0 is the user's own.
    pub id: u32,
    /// Holder: may spend from it.
    pub holder: Holder,
    /// Budget that it draws from: all that is spent here counts there too, and that one's limits hold as well.
    pub parent: Option<u32>,
    /// Rules.
    pub rules: Rules,
    /// A closed budget allows nothing.
    pub closed: bool,
    /// Usage of its limits over time.
    pub usage: Vec<LimitUsage>,
    /// Amount, in msat, that this budget and each one that it draws from still allow without a question: the least that one of
    /// their limits over time leaves. Null: there is no such limit, or nothing goes without a question (one of them is closed,
    /// has expired, or asks about every payment).
    pub left_msat: Option<Msat>,
}

/// Authorization of a payment: by whose budget, and for which purpose. None: the user, by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// Holder whose budget pays.
    pub holder: Holder,
    /// Purpose, for the report: a word of 1 to 32 characters of `a-z 0-9 -`; `payment` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub purpose: Option<String>,
    /// Maximum cost, fee included, that the user allowed after being shown exactly this payment. It is the approval that the
    /// budget asks for, once; its limits hold all the same. A holder without a budget gets one that asks about every payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub approved_msat: Option<Msat>,
    /// Records of sites that speak of this payment: changed in the transaction that begins it, and left as they are when it is not
    /// begun. Its outcome and its proof are in its own record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Vec<super::SiteRecord>>", optional))]
    pub records: Vec<super::SiteRecord>,
}

/// Reason for which a budget denies a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum BudgetReason {
    /// It costs more than the maximum that goes without asking (`limit_msat`): ask the user.
    Ask,
    /// The holder has no budget, or a closed one: ask the user about this payment, or for a budget.
    #[serde(alias = "noPurse")] // in records of format 1
    NoBudget,
    /// The user allowed less (`limit_msat`) than its maximum cost: ask again, with the larger sum.
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

/// Denial of a payment by a budget, for a prompt that shows it. No funds were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BudgetRefusal {
    /// Budget that refuses or asks: the one that pays, or one that it draws from. Null: there is none.
    #[serde(alias = "purse")] // in records of format 1
    pub budget: Option<u32>,
    /// Reason.
    pub reason: BudgetReason,
    /// Limit that is in the way.
    pub rule: Option<BudgetRule>,
    /// That limit, the maximum that goes without asking, or the amount that the user allowed.
    pub limit_msat: Option<Msat>,
    /// Amount that the limit leaves.
    pub left_msat: Option<Msat>,
    /// Maximum cost of the payment, fee included.
    pub needed_msat: Option<Msat>,
    /// Time at which `needed_msat` will be free if nothing else is spent, or at which the budget expired (seconds since the UNIX
    /// epoch). Null: time alone does not help.
    pub until: Option<u64>,
}

/// Preview of a payment: its maximum cost and its budget's decision, for the window that asks the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Amount that the payee gets.
    pub amount_msat: Msat,
    /// Maximum fee.
    pub max_fee_msat: Msat,
    /// Sum of both: the minimum that `approved_msat` has to be.
    pub needed_msat: Msat,
    /// The holder's open budget as it is now; null: there is none.
    pub budget: Option<Budget>,
    /// Amount that the budget and each one that it draws from would still allow after this payment, by their tightest limit over
    /// time; null: no limit over time, or the payment does not fit.
    pub left_after_msat: Option<Msat>,
    /// `approvalNeeded` or `budgetRefused`, with the reason; null: it would be paid without asking.
    pub problem: Option<super::WalletError>,
}

/// Sum of the payments of one holder on one day for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SpendingRow {
    /// Day on which they were decided, in the user's time zone: `2026-11-22`.
    pub date: String,
    /// Holder.
    pub holder: Holder,
    /// Purpose.
    pub purpose: String,
    /// Number of payments.
    pub payments: u32,
    /// Amount that the payees got.
    pub amount_msat: Msat,
    /// Fees on top.
    pub fee_msat: Msat,
}

/// Report of spending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Spending {
    /// Rows by day, holder and purpose.
    pub rows: Vec<SpendingRow>,
    /// The same as CSV for a spreadsheet (RFC 4180); amounts in msat.
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

/// Proof of identity for a login (LNURL-auth, LUD-04).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Compressed public key, in hex. The same for every login at a domain, also from another device with the same
    /// recovery phrase.
    pub key: String,
    /// Signature of the challenge by it (ECDSA), DER in hex.
    pub signature: String,
}

/// Signer of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct VerifiedMessage {
    /// True if the signature is valid: some key made it. It proves only as much as `node_id` is known to be.
    pub valid: bool,
    /// Id of the node that signed, in hex; null: the signature is not valid.
    pub node_id: Option<NodeId>,
}
