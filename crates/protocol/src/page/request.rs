//! Requests of a page to the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Authorization, BackupOptions, ChannelOnDemand, CustomRecord, HistoryQuery, Holder, Rules, SendAmount,
    SiteRecord,
};
use crate::{ChannelId, Msat, PaymentId};

/// A request. The comment of each names the value that is returned.
// Tagged by `method` for a page; the bindings put that into serde's own form, which needs no buffers (docs/size.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(tag = "method"))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Returns [`super::Balance`].
    Balance,
    /// Returns [`super::Status`].
    Status,
    /// Makes a BOLT 11 invoice. Returns [`super::PaymentRequest`].
    Receive {
        /// `None`: the payer chooses.
        amount_msat: Option<Msat>,
        /// At most [`super::MAX_DESCRIPTION`] bytes.
        description: String,
        /// Seconds until it expires; 3600 by default.
        expiry_secs: Option<u32>,
        /// For AMP: payable any number of times until it expires, by whoever pays by AMP.
        #[serde(default)]
        amp: bool,
        /// Names and values that the application finds again in the [`super::Payment`]; the payer does not see them. At most
        /// [`super::MAX_METADATA`] of them, with names of 1 to 40 and values of at most 500 characters. Not for AMP.
        #[serde(default)]
        metadata: BTreeMap<String, String>,
        /// Decides whether a gateway is asked for a channel when the amount cannot arrive through those that there are.
        #[serde(default)]
        channel: ChannelOnDemand,
    },
    /// Cancels an invoice that nobody has paid: it has failed, and whoever pays it later gets the money back. Not for AMP. Returns
    /// nothing.
    CancelInvoice {
        /// The payment's id.
        id: PaymentId,
    },
    /// Returns a fresh on-chain address, as text.
    NewAddress,
    /// Reads a text, without side effects. Returns [`Inspected`].
    Inspect {
        /// Text that a user pasted or scanned.
        text: String,
        /// Amount that the user chose, for an invoice without one: the fee is quoted for it.
        #[serde(default)]
        amount_msat: Option<Msat>,
    },
    /// Quotes the fee of a payment to a node that gave no invoice; changes nothing. Returns [`super::FeeQuote`].
    QuoteFee {
        /// Node id of the payee, in hex.
        payee: String,
        /// Amount that the payee would get.
        amount_msat: Msat,
    },
    /// Pays a BOLT 11 invoice; one that asks for AMP, by AMP. Returns the [`super::Payment`] when it has ended, or is still pending after 60 s.
    Pay {
        /// The invoice, or a text in which `inspect` finds one: `lightning:`, `bitcoin:` with `lightning=`, a sentence.
        invoice: String,
        /// Amount, for invoices without one; by default what the text's link asks for.
        amount_msat: Option<Msat>,
        /// Maximum routing fee; by default [`super::FeeQuote::max_fee_msat`], and no more than `approved_msat` leaves.
        max_fee_msat: Option<Msat>,
        /// Number of equal parts, for an invoice that is paid by AMP: as many, where the channels have room for that. By default as
        /// many as the routes need.
        #[serde(default)]
        parts: Option<u32>,
        /// Budget that pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Pays a node that gave no invoice, in one part. Returns the [`super::Payment`] when it has ended, or is still pending after
    /// 60 s.
    Keysend {
        /// Node id of the payee, in hex.
        payee: String,
        /// Amount that the payee gets.
        amount_msat: Msat,
        /// Records for the payee, each type once. An even type that the payee does not know makes it refuse.
        records: Vec<CustomRecord>,
        /// Maximum routing fee; as in [`Request::Pay`] by default.
        max_fee_msat: Option<Msat>,
        /// Budget that pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Opens a stream of payments to a session, or returns the one that is open: its [`super::Payment`], which is one entry of
    /// the history however many payments are made. Nothing is paid yet.
    OpenStream {
        /// Node id of the payee, in hex.
        payee: String,
        /// Name of the session at the payee, 1 to 64 bytes.
        session: String,
        /// Changed in the transaction that opens it.
        #[serde(default)]
        records: Vec<SiteRecord>,
    },
    /// Begins the next payment of an open stream. Returns the stream's [`super::Payment`] with it in flight; its outcome is a
    /// change of that entry.
    StreamPay {
        /// The stream's id.
        stream: PaymentId,
        /// Amount that the payee gets.
        amount_msat: Msat,
        /// Maximum routing fee of this payment; as in [`Request::Pay`] by default.
        max_fee_msat: Option<Msat>,
        /// Budget that pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Ends a stream, once none of its payments is in flight any more. Returns its [`super::Payment`].
    CloseStream {
        /// The stream's id.
        stream: PaymentId,
    },
    /// Returns a list of [`super::Payment`]: the open streams, both directions, also those of an earlier run.
    Streams,
    /// Sends on-chain money to an address. Returns [`super::OnchainSend`].
    Send {
        /// The address.
        address: String,
        /// Amount.
        amount: SendAmount,
        /// Fee rate, in sat per 1000 vB; `None`: the normal rate.
        fee_rate: Option<u64>,
        /// True to return only what it would cost.
        dry_run: bool,
        /// Budget that pays; the user, by hand, when there is none.
        #[serde(default)]
        authorization: Option<Authorization>,
    },
    /// Makes an on-chain payment that waits confirm sooner: an own one is replaced (BIP 125), a deposit or a channel's funding gets
    /// a child that pays for both. Returns [`super::OnchainBump`].
    BumpFee {
        /// The payment's id.
        id: PaymentId,
        /// Fee rate, in sat per 1000 vB; `None`: the fast rate, and more than the present one.
        fee_rate: Option<u64>,
        /// True to return only what it would cost.
        dry_run: bool,
        /// True to take the fee of a replacement from the amount, so that the payee gets less: after a payment of everything
        /// nothing else can pay it.
        #[serde(default)]
        from_amount: bool,
    },
    /// Cancels an on-chain payment that waits: replaces it by one that pays this wallet (BIP 125). The payment fails when that is
    /// buried; until then it may still arrive. Returns [`super::OnchainBump`].
    Cancel {
        /// The payment's id.
        id: PaymentId,
        /// Fee rate, as in [`Request::BumpFee`].
        fee_rate: Option<u64>,
        /// True to return only what it would cost.
        dry_run: bool,
    },
    /// Returns [`super::FeeRates`].
    FeeRates,
    /// Returns a list of [`super::Payment`], newest first: at most `limit` of them, older than the payment `before`.
    History(HistoryQuery),
    /// Tells the price of bitcoin, which each payment that succeeds from now on keeps ([`super::Payment::rate`]), for an hour after its
    /// time; null: none is kept. Returns nothing.
    SetRate {
        /// The price.
        rate: Option<super::FiatRate>,
    },
    /// Returns one [`super::Payment`].
    Payment {
        /// Its id.
        id: PaymentId,
    },
    /// Returns a list of [`super::Channel`].
    Channels,
    /// Returns what a channel from on-chain money costs, as [`super::OnchainSend`]: the fee of its funding, the reserve's output included.
    ChannelCost {
        /// Capacity, in sat.
        capacity_sat: u64,
    },
    /// Opens a channel from on-chain money. Returns its channel id, in hex, when the funding is signed.
    OpenChannel {
        /// The gateway's node id, in hex.
        gateway: String,
        /// Capacity, in sat.
        capacity_sat: u64,
    },
    /// Requests a gateway to open a channel towards this wallet, within its terms. Returns its channel id, in hex.
    RequestChannel {
        /// The gateway's node id, in hex.
        gateway: String,
        /// Capacity, in sat.
        capacity_sat: u64,
    },
    /// Closes a channel. Returns nothing.
    CloseChannel {
        /// Channel id, in hex.
        channel_id: ChannelId,
        /// True to close without the gateway's cooperation: it costs more and takes longer (two weeks).
        force: bool,
    },
    /// Asks the gateways to close the channels that earlier installations of this recovery phrase have with them, because their
    /// storages are lost: each does so once that installation has stayed away for its time (usually a day). Other peers are asked a
    /// day later, as that installation. What they answer is in [`super::Status::lost`]; the money comes to the savings. Returns nothing.
    CloseLostChannels {
        /// False to leave them open after all, as far as they are.
        close: bool,
    },
    /// Returns a list of [`super::Budget`], closed ones included; the first is the user's own.
    Budgets,
    /// Returns the [`super::Budget`] of one holder, closed ones included; null: it has none.
    BudgetOf {
        /// Holder.
        holder: Holder,
    },
    /// Opens a budget for a holder; a closed one is opened again, its total begins again at zero. Returns the [`super::Budget`].
    OpenBudget {
        /// Holder.
        holder: Holder,
        /// Rules.
        rules: Rules,
        /// Budget that it draws from.
        parent: Option<u32>,
    },
    /// Changes a budget's rules; windows that stay keep what was spent in them. Returns the [`super::Budget`].
    SetBudgetRules {
        /// Number of the budget.
        id: u32,
        /// Rules from now on.
        rules: Rules,
    },
    /// Adds to a budget's total. Returns the [`super::Budget`].
    TopUpBudget {
        /// Number of the budget.
        id: u32,
        /// Amount to add.
        more_msat: Msat,
    },
    /// Closes a budget: nothing more is paid from it, or from those that draw from it. Returns the [`super::Budget`].
    CloseBudget {
        /// Number of the budget.
        id: u32,
    },
    /// Previews a payment: its maximum cost, and the decision of the holder's budget; changes nothing. Returns
    /// [`super::Preview`].
    Preview {
        /// Amount that the payee would get.
        amount_msat: Msat,
        /// Maximum fee, as quoted; by default the ceiling of all quotes, 1 % and at least 50 sat.
        max_fee_msat: Option<Msat>,
        /// Budget that would pay.
        authorization: Authorization,
    },
    /// Reports spending by day, holder and purpose. Returns [`super::Spending`].
    Spending {
        /// The first day, `2026-11-22`; the earliest by default.
        from: Option<String>,
        /// The last day; today by default.
        to: Option<String>,
    },
    /// Signs a text with this wallet's node key. Returns [`super::SignedMessage`].
    SignMessage {
        /// The text: at most [`super::MAX_TEXT`] bytes.
        message: String,
    },
    /// Verifies the signature of a text. Returns [`super::VerifiedMessage`].
    VerifyMessage {
        /// The text: at most [`super::MAX_TEXT`] bytes.
        message: String,
        /// Signature, as [`super::SignedMessage::signature`].
        signature: String,
    },
    /// Signs in at a domain (LNURL-auth, LUD-04), with a key of that domain's own (LUD-05). Returns [`super::Login`].
    LogIn {
        /// Domain, such as `site.com`: lower case, without a dot at its end.
        domain: String,
        /// Challenge of the site: 32 bytes in hex, the `k1` of its link.
        challenge: String,
    },
    /// Returns the text of a record of sites; null: there is none, or what is stored there is damaged.
    SiteRecord {
        /// Its key.
        key: String,
    },
    /// Returns a list of text: the keys of records of sites, sorted.
    SiteRecordKeys {
        /// Only those that begin with this; empty: all.
        prefix: String,
    },
    /// Changes records of sites in one transaction, durable before this returns nothing.
    SetSiteRecords {
        /// Changes; of one key the last counts.
        records: Vec<SiteRecord>,
    },
    /// Sets the remote backup up, sends everything there, and returns [`super::BackupStatus`] when it has it.
    SetBackup(BackupOptions),
    /// Ends the remote backup and removes it from its server. Returns nothing.
    EndBackup {
        /// True to end it here even when the server cannot be reached. Only for a user who says that no other device has used the
        /// wallet since: otherwise this one continues with an old state.
        abandon: bool,
    },
    /// Lists the devices that use this wallet: this one first. Returns a list of [`super::Device`]; empty without a backup.
    Devices,
    /// Names a device. Returns nothing.
    RenameDevice {
        /// The device's id.
        id: String,
        /// Its name: 1 to 64 bytes.
        name: String,
    },
    /// Removes another device: the backup's server refuses it from now on, and it ends with `deviceRemoved`. Returns nothing.
    RemoveDevice {
        /// The device's id.
        id: String,
    },
    /// Exports the whole wallet as a file that its mnemonic opens. Returns [`FileBytes`].
    ExportBackup,
    /// Acknowledges an event: removes it, as the application has acted upon it. Returns nothing.
    Ack {
        /// The event's id.
        id: u64,
    },
    /// Returns a text for bug reports: versions, state, last log lines; no secret, no invoice, no address.
    Diagnostics,
    /// Finishes the step, stops, forgets the keys. Returns nothing.
    Close,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As the bindings give a page's request to serde.
    fn error(json: &str) -> String {
        serde_json::from_str::<Request>(json).unwrap_err().to_string()
    }

    #[test]
    fn a_text_that_is_no_id_is_refused_with_the_kind_of_id_and_the_fault() {
        let stream = "a".repeat(63);
        for (json, named) in [
            (r#"{"payment":{"id":"beef"}}"#.into(), "not a payment's id: it has 4 characters instead of 64"),
            (r#"{"closeStream":{"stream":""}}"#.into(), "not a payment's id: it has 0 characters"),
            (
                format!(r#"{{"streamPay":{{"stream":"{stream}","amountMsat":1,"maxFeeMsat":0}}}}"#),
                "not a payment's id: it has 63 characters",
            ),
            (
                r#"{"history":{"before":"x","limit":1}}"#.into(),
                "not a payment's id: 'x' is not a hexadecimal digit",
            ),
            (
                r#"{"closeChannel":{"channelId":"beef","force":true}}"#.into(),
                "not a channel id: it has 4 characters",
            ),
        ] {
            let error: String = error(&json);
            assert!(error.contains(named) && error.contains("copy it again"), "{json}: {error}");
        }
        assert!(error(r#"{"payment":{"id":7}}"#).contains("a string"));
    }

    #[test]
    fn an_amount_above_all_bitcoin_is_refused_with_the_amount() {
        let json = r#"{"receive":{"amountMsat":2100000000000000001,"description":"","expirySecs":null}}"#;
        assert!(
            error(json).contains("2100000000000000001 msat are more than all bitcoin"),
            "{}",
            error(json)
        );
        assert!(error(&json.replace("21000", "-21000")).contains("u64"));
    }
}
