//! What a page asks of the engine.

use serde::{Deserialize, Serialize};

use super::{Authorization, CustomRecord, Gateway, Holder, Network, Rules};

/// How to open a wallet. The key is derived by the page beforehand (Argon2id in a throwaway worker).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OpenOptions {
    /// The wallet's name: 1 to 64 of `a-z 0-9 - _`.
    pub name: String,
    /// Its network; refused when the stored wallet is of another.
    pub network: Network,
    /// Gateways, the first preferred.
    pub gateways: Vec<Gateway>,
    /// More chain sources (block-dn base URLs) beside the gateways' own.
    #[serde(default)]
    pub chain_sources: Vec<String>,
    /// Set to create the wallet from this mnemonic (BIP 39, English, 12 or 24 words).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub mnemonic: Option<String>,
    /// With `mnemonic`: the mnemonic is new, so nothing before the present tip is searched. Otherwise the chain is
    /// searched from `birthday_height`.
    #[serde(default)]
    pub fresh: bool,
    /// With a restored mnemonic: the height to search from; by default the release's checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub birthday_height: Option<u32>,
}

/// How much to send on-chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", content = "sat", rename_all = "camelCase")]
pub enum SendAmount {
    /// So many sat, the fee on top.
    Exact(u64),
    /// All savings but the anchor reserve, the fee taken off.
    All,
}

/// A request. The comment of each names what is answered.
// Tagged by `method` for a page; the bindings put that into serde's own form, which needs no buffers (docs/size.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(tag = "method"))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Answers [`super::Balance`].
    Balance,
    /// Answers [`super::Status`].
    Status,
    /// Makes a BOLT 11 invoice. Answers [`PaymentRequest`].
    Receive {
        /// `None`: the payer chooses.
        amount_msat: Option<u64>,
        /// At most [`super::MAX_DESCRIPTION`] bytes.
        description: String,
        /// Seconds until it expires; 3600 by default.
        expiry_secs: Option<u32>,
    },
    /// Answers a fresh savings address, as text.
    NewAddress,
    /// Says what a text is, without side effects. Answers [`Inspected`].
    Inspect {
        /// What a user pasted or scanned.
        text: String,
    },
    /// Pays a BOLT 11 invoice. Answers the [`super::Payment`] when it has ended, or is still pending after 60 s.
    Pay {
        /// The invoice.
        invoice: String,
        /// For invoices without amount.
        amount_msat: Option<u64>,
        /// Greatest routing fee; 1 % and at least 50 sat by default, and no more than `approved_msat` leaves.
        max_fee_msat: Option<u64>,
        /// Who pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Pays a node that gave no invoice, in one part. Answers the [`super::Payment`] when it has ended, or is still pending after
    /// 60 s.
    Keysend {
        /// Node id of who gets it, in hex.
        payee: String,
        /// What the payee gets.
        amount_msat: u64,
        /// Told to the payee, each type once. An even type that the payee does not know makes it refuse.
        records: Vec<CustomRecord>,
        /// Greatest routing fee; as in [`Request::Pay`] by default.
        max_fee_msat: Option<u64>,
        /// Who pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Opens a stream of payments to a session, or answers the one that is open: its [`super::Payment`], which is one line of
    /// the history whatever is paid. Nothing is paid yet.
    OpenStream {
        /// Node id of who gets it, in hex.
        payee: String,
        /// The payee's name for it, 1 to 64 bytes.
        session: String,
    },
    /// Begins the next payment of an open stream. Answers the stream's [`super::Payment`] with it on its way; what becomes of it
    /// is a change of that line.
    StreamPay {
        /// The stream's id.
        stream: String,
        /// What the payee gets.
        amount_msat: u64,
        /// Greatest routing fee of this payment.
        max_fee_msat: u64,
        /// Who pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Ends a stream, once nothing of it is on its way any more. Answers its [`super::Payment`].
    CloseStream {
        /// The stream's id.
        stream: String,
    },
    /// Answers a list of [`super::Payment`]: the open streams, both directions, also those of an earlier run.
    Streams,
    /// Sends savings to an address. Answers [`OnchainSend`].
    Send {
        /// The address.
        address: String,
        /// How much.
        amount: SendAmount,
        /// sat per 1000 vB; `None`: the normal rate.
        fee_rate: Option<u64>,
        /// Only say what it would cost.
        dry_run: bool,
        /// Who pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Answers [`super::FeeRates`].
    FeeRates,
    /// Answers a list of [`super::Payment`], newest first: at most `limit` of them, older than the line `before`.
    History(Page),
    /// Answers one [`super::Payment`].
    Payment {
        /// Its id.
        id: String,
    },
    /// Answers a list of [`super::Channel`].
    Channels,
    /// Opens a channel from savings. Answers its channel id, in hex, when the funding is signed.
    OpenChannel {
        /// The gateway's node id, in hex.
        gateway: String,
        /// Capacity, in sat.
        capacity_sat: u64,
    },
    /// Asks a gateway to open a channel towards this wallet, within its terms. Answers its channel id, in hex.
    RequestChannel {
        /// The gateway's node id, in hex.
        gateway: String,
        /// Capacity, in sat.
        capacity_sat: u64,
    },
    /// Closes a channel. Answers nothing.
    CloseChannel {
        /// Channel id, in hex.
        channel_id: String,
        /// Without the gateway's cooperation: costs more and takes longer (two weeks).
        force: bool,
    },
    /// Answers a list of [`super::Budget`], closed ones included; the first is the user's own.
    Budgets,
    /// Answers the [`super::Budget`] of one holder, closed ones included; null: it has none.
    BudgetOf {
        /// Who.
        holder: Holder,
    },
    /// Gives a holder a budget; a closed one is opened again, its total begins anew. Answers the [`super::Budget`].
    OpenBudget {
        /// Who.
        holder: Holder,
        /// What it allows.
        rules: Rules,
        /// The budget that it draws from.
        parent: Option<u32>,
    },
    /// Changes what a budget allows; what was spent in windows that stay is kept. Answers the [`super::Budget`].
    SetBudgetRules {
        /// Which.
        id: u32,
        /// What it allows from now on.
        rules: Rules,
    },
    /// Adds to a budget's total. Answers the [`super::Budget`].
    TopUpBudget {
        /// Which.
        id: u32,
        /// So much.
        more_msat: u64,
    },
    /// Closes a budget: nothing more is paid from it, or from those that draw from it. Answers the [`super::Budget`].
    CloseBudget {
        /// Which.
        id: u32,
    },
    /// Says what a payment would cost at most and what the holder's budget says to it, and does nothing. Answers
    /// [`super::Preview`].
    Preview {
        /// What the payee would get.
        amount_msat: u64,
        /// Greatest fee; as in [`Request::Pay`] by default.
        max_fee_msat: Option<u64>,
        /// Who would pay.
        authorization: Authorization,
    },
    /// What was spent, by day, holder and purpose. Answers [`super::Spending`].
    Spending {
        /// The first day, `2026-11-22`; the earliest by default.
        from: Option<String>,
        /// The last day; today by default.
        to: Option<String>,
    },
    /// Signs a text with this wallet's node key. Answers [`super::SignedMessage`].
    SignMessage {
        /// At most [`super::MAX_TEXT`] bytes.
        message: String,
    },
    /// Says which node signed a text. Answers [`super::VerifiedMessage`].
    VerifyMessage {
        /// At most [`super::MAX_TEXT`] bytes.
        message: String,
        /// As [`super::SignedMessage::signature`].
        signature: String,
    },
    /// Signs in at a domain (LNURL-auth, LUD-04), with a key of that domain's own (LUD-05). Answers [`super::Login`].
    LogIn {
        /// Such as `site.com`: lower case, without a dot at its end.
        domain: String,
        /// What the site wants signed: 32 bytes in hex, the `k1` of its link.
        challenge: String,
    },
    /// Removes an event that the application has acted upon. Answers nothing.
    Ack {
        /// The event's id.
        id: u64,
    },
    /// Answers a text for bug reports: versions, state, last log lines; no secret, no invoice, no address.
    Diagnostics,
    /// Finishes the step, stops, forgets the keys. Answers nothing.
    Close,
}

/// A page of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Start after this line's id; `None`: from the newest.
    pub before: Option<String>,
    /// At most so many, 100 at most.
    pub limit: u32,
}

/// A request to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    /// BOLT 11 text.
    pub invoice: String,
    /// In hex; the payment's id in the history.
    pub payment_hash: String,
    /// When it stops being payable.
    pub expires_at: u64,
    /// Whether the wallet can receive the amount now; if not, what is missing and what to do.
    pub missing: Option<super::WalletError>,
}

/// What an on-chain payment costs, or did cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OnchainSend {
    /// In hex; `None` in a dry run.
    pub txid: Option<String>,
    /// What the address gets, in sat.
    pub amount_sat: u64,
    /// In sat.
    pub fee_sat: u64,
}

/// What a pasted text is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Inspected {
    /// A BOLT 11 invoice.
    Bolt11 {
        /// The wallet's network, which it is for.
        network: Network,
        /// The invoice without scheme or white space: what [`Request::Pay`] takes.
        invoice: String,
        /// Payee's node id, in hex.
        payee: String,
        /// `None`: the payer chooses.
        amount_msat: Option<u64>,
        /// Its description; empty when there is none.
        description: String,
        /// In hex.
        payment_hash: String,
        /// When it stops being payable.
        expires_at: u64,
        /// Greatest fee that [`Request::Pay`] would spend by default.
        max_fee_msat: u64,
        /// Why it cannot be paid now and what to do; `None`: it can be tried.
        problem: Option<super::WalletError>,
    },
    /// An on-chain address, or a BIP 321 URI without a usable Lightning part.
    Onchain {
        /// The wallet's network, which it is for.
        network: Network,
        /// The address.
        address: String,
        /// From the URI, in sat.
        amount_sat: Option<u64>,
        /// From the URI.
        label: Option<String>,
        /// Why it cannot be paid now and what to do.
        problem: Option<super::WalletError>,
    },
}
