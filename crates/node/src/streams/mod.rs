//! Streams: many keysends to one session that are one line of the history. What is on its way is noted by payment hash, so
//! that each payment is counted once whenever the process ends; nothing is kept of one that has ended.

mod pay;
pub(crate) mod receive;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentStatus, StreamTotals, WalletError};
use amplet_storage::Store;
use serde::{Deserialize, Serialize};

use crate::journal::names;
use crate::ledger::{Ledger, LedgerError, read};

pub use pay::{StreamError, StreamTo};

/// The custom record that names the session, UTF-8.
pub const SESSION_RECORD: u64 = 4_279_633;

/// Bytes of a session's name at most.
pub const MAX_SESSION: usize = 64;

/// More payments than that since LDK's last tick make the next one come early ([`Streams::is_busy`]).
const FEW: u32 = 20;

/// What is stored of an open stream beside its line of the history.
#[derive(Default, Serialize, Deserialize)]
struct UnderWay {
    /// What its payments bring, msat, by payment hash.
    pending: BTreeMap<String, u64>,
}

struct Line {
    payment: Payment,
    under_way: UnderWay,
}

impl Line {
    fn totals(&mut self) -> &mut StreamTotals {
        self.payment.stream.get_or_insert_with(|| totals(String::new()))
    }

    fn is_open(&self) -> bool {
        self.payment.stream.as_ref().is_some_and(|totals| totals.open)
    }
}

fn totals(session: String) -> StreamTotals {
    StreamTotals { session, payments: 0, failed: 0, pending_msat: 0, open: true, last_error: None }
}

/// How a payment of a stream ended.
pub(crate) enum End {
    /// For so much above what it brought.
    Arrived {
        fee_msat: u64,
    },
    CameBack(WalletError),
}

/// The open streams, outbound and inbound.
#[derive(Default)]
pub(crate) struct Streams {
    lines: RefCell<BTreeMap<String, Line>>,
    /// Stream by payment hash.
    of: RefCell<BTreeMap<String, String>>,
    /// Outbound payments that ended since LDK's last tick.
    ended: Cell<u32>,
}

impl Streams {
    /// Reads the open ones.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open(
        store: &dyn Store,
        line: impl AsyncFn(&str) -> Result<Option<Payment>, LedgerError>,
    ) -> Result<Self, LedgerError> {
        let streams = Self::default();
        for name in store.list(names::STREAMS).await? {
            let id = name.strip_prefix(names::STREAMS).unwrap_or_default().to_owned();
            let under_way: UnderWay = read(store, &name).await?;
            let Some(payment) = line(&id).await? else { continue };
            let of = under_way.pending.keys().map(|hash| (hash.clone(), id.clone()));
            streams.of.borrow_mut().extend(of);
            streams.lines.borrow_mut().insert(id, Line { payment, under_way });
        }
        Ok(streams)
    }

    /// Whether this payment belongs to a stream.
    pub fn has(&self, hash: &str) -> bool {
        self.of.borrow().contains_key(hash)
    }

    /// LDK remembers each payment for eight ticks, and all of them are written with each step: while many are paid, it is to
    /// tick oftener.
    pub fn is_busy(&self) -> bool {
        self.ended.get() > FEW
    }

    /// LDK has ticked.
    pub fn ticked(&self) {
        self.ended.set(0);
    }

    /// Open streams, outbound and inbound.
    pub fn all(&self) -> Vec<Payment> {
        self.lines.borrow().values().map(|line| line.payment.clone()).collect()
    }

    /// An open stream.
    pub fn line(&self, id: &str) -> Option<Payment> {
        self.lines.borrow().get(id).map(|line| line.payment.clone())
    }
}

impl Ledger {
    /// Begins a stream.
    fn begin_stream(&self, payment: Payment) {
        let id = payment.id.clone();
        self.streams.lines.borrow_mut().insert(id.clone(), Line { payment, under_way: UnderWay::default() });
        self.stage_stream(&id);
    }

    /// A payment of a stream is on its way; the same one twice is on its way once.
    fn stream_leaves(&self, stream: &str, hash: &str, amount_msat: u64) {
        if let Some(line) = self.streams.lines.borrow_mut().get_mut(stream) {
            line.under_way.pending.insert(hash.to_owned(), amount_msat);
            self.streams.of.borrow_mut().insert(hash.to_owned(), stream.to_owned());
        }
        self.stage_stream(stream);
    }

    /// A payment never left.
    fn stream_refused(&self, stream: &str, error: WalletError) {
        if let Some(line) = self.streams.lines.borrow_mut().get_mut(stream) {
            count(line, 0, End::CameBack(error));
        }
        self.stage_stream(stream);
    }

    /// A payment of a stream has ended: it is counted, and nothing more is kept of it. Whether it was one; told again, it is
    /// none any more.
    pub(crate) fn stream_ends(&self, hash: &str, end: End) -> bool {
        let Some(stream) = self.streams.of.borrow_mut().remove(hash) else { return false };
        let mut direction = Direction::Inbound;
        if let Some(line) = self.streams.lines.borrow_mut().get_mut(&stream) {
            let amount_msat = line.under_way.pending.remove(hash).unwrap_or(0);
            direction = line.payment.direction;
            count(line, amount_msat, end);
        }
        if direction == Direction::Outbound {
            self.streams.ended.set(self.streams.ended.get().saturating_add(1));
        }
        self.stage_stream(&stream);
        true
    }

    /// No payment follows any more; the line ends when nothing is on its way. Whether the stream was open.
    pub(crate) fn close_stream(&self, stream: &str, now: u64) -> bool {
        let was_open = match self.streams.lines.borrow_mut().get_mut(stream).filter(|line| line.is_open()) {
            Some(line) => {
                line.totals().open = false;
                line.payment.settled_at = Some(now);
                true
            }
            None => false,
        };
        if was_open {
            self.stage_stream(stream);
        }
        was_open
    }

    /// Stages a stream and its line, in one transaction with whatever else the step has.
    fn stage_stream(&self, stream: &str) {
        let mut lines = self.streams.lines.borrow_mut();
        let Some(line) = lines.get_mut(stream) else { return };
        let pending_msat =
            line.under_way.pending.values().fold(0, |sum: u64, msat| sum.saturating_add(*msat));
        line.totals().pending_msat = pending_msat;
        let name = format!("{}{stream}", names::STREAMS);
        let has_ended = !line.is_open() && line.under_way.pending.is_empty();
        if has_ended && line.payment.direction == Direction::Outbound {
            line.payment.status = outcome(line);
        }
        let payment = line.payment.clone();
        if has_ended {
            lines.remove(stream);
            self.remove(name);
        } else {
            self.write(name, &line.under_way);
        }
        drop(lines);
        self.put(payment);
    }
}

fn count(line: &mut Line, amount_msat: u64, end: End) {
    match end {
        End::Arrived { fee_msat } => {
            let payment = &mut line.payment;
            payment.amount_msat = Some(payment.amount_msat.unwrap_or(0).saturating_add(amount_msat));
            payment.fee_msat = Some(payment.fee_msat.unwrap_or(0).saturating_add(fee_msat));
            let totals = line.totals();
            totals.payments = totals.payments.saturating_add(1);
            totals.last_error = None;
        }
        End::CameBack(error) => {
            let totals = line.totals();
            totals.failed = totals.failed.saturating_add(1);
            totals.last_error = Some(error);
        }
    }
}

/// How an outbound stream has ended.
fn outcome(line: &mut Line) -> PaymentStatus {
    if line.totals().payments > 0 {
        return PaymentStatus::Succeeded;
    }
    let nothing = || WalletError::new(ErrorCode::NoRoute, "it was stopped before anything had been paid");
    let error = line.totals().last_error.clone().unwrap_or_else(nothing);
    PaymentStatus::Failed { error }
}
