//! Streams: many keysends to one session that are one record of the history. What is in flight is noted by payment hash, so
//! that each payment is counted once whenever the process ends; nothing is kept of one that has ended.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentKind, StreamTotals, WalletError};
use amplet_protocol::{Msat, PaymentId};
use amplet_storage::Store;
use bitcoin::hashes::{Hash, sha256};
use lightning::sign::EntropySource;
use serde::{Deserialize, Serialize};

use super::error::{PayError, StreamError};
use super::keysend::Keysend;
use super::order::{PayStream, StreamTo};
use crate::config::Records;
use crate::ldk::Ldk;
use crate::ledger::record::{Key, read};
use crate::ledger::{Ledger, LedgerError, Outcome};

/// The custom record that names the session, UTF-8.
pub const SESSION_RECORD: u64 = 4_279_633;

/// Maximum length of a session's name, in bytes.
pub const MAX_SESSION: usize = 64;

/// Maximum number of open sessions that payers began.
const MAX_OPEN_SESSIONS: usize = 1_000;

/// Seconds after which such a session is closed.
const SESSION_IDLE: u64 = 24 * 3600;

/// Maximum number of a stream's payments in flight; further ones wait for the payee.
const MAX_IN_FLIGHT: usize = 50;

/// More payments than that since LDK's last tick make the next one come early ([`Streams::is_busy`]).
const FEW: u32 = 20;

/// In-flight payments of open streams, by the key of their record.
const RECORDS: &str = "stream/";

/// End of a stream's payment.
pub(super) enum End {
    Arrived {
        /// Paid above the amount.
        fee_msat: Msat,
    },
    CameBack(WalletError),
}

/// Stored beside an open stream's record.
#[derive(Default, Serialize, Deserialize)]
struct InFlight {
    /// Amounts in flight, by payment hash.
    pending: BTreeMap<PaymentId, Msat>,
}

struct Stream {
    payment: Payment,
    in_flight: InFlight,
    /// Time of the last payment to us in this run, in seconds since the UNIX epoch; 0: none yet.
    paid_at: u64,
}

impl Stream {
    fn totals(&mut self) -> &mut StreamTotals {
        self.payment.stream.get_or_insert_with(|| totals(String::new()))
    }

    fn is_open(&self) -> bool {
        self.payment.stream.as_ref().is_some_and(|totals| totals.open)
    }

    fn count(&mut self, amount_msat: Msat, end: End) {
        match end {
            End::Arrived { fee_msat } => {
                let payment = &mut self.payment;
                payment.amount_msat =
                    Some(payment.amount_msat.unwrap_or_default().plus_up_to_max(amount_msat));
                payment.fee_msat = Some(payment.fee_msat.unwrap_or_default().plus_up_to_max(fee_msat));
                let totals = self.totals();
                totals.payments = totals.payments.saturating_add(1);
                totals.last_error = None;
            }
            End::CameBack(error) => {
                let totals = self.totals();
                totals.failed = totals.failed.saturating_add(1);
                totals.last_error = Some(error);
            }
        }
    }

    /// Outcome of an outbound stream that has ended.
    fn outcome(&mut self) -> Outcome {
        if self.totals().payments > 0 {
            return Outcome::Succeeded;
        }
        let nothing = || WalletError::new(ErrorCode::NoRoute, "it was stopped before anything had been paid");
        Outcome::Failed(self.totals().last_error.clone().unwrap_or_else(nothing))
    }
}

fn totals(session: String) -> StreamTotals {
    StreamTotals { session, payments: 0, failed: 0, pending_msat: Msat::ZERO, open: true, last_error: None }
}

/// The session that a keysend names: `None` when it names none, an error when what it names is no session.
pub(super) fn session_of(records: &Records) -> Result<Option<String>, ()> {
    let Some((_, value)) = records.iter().find(|(record_type, _)| *record_type == SESSION_RECORD) else {
        return Ok(None);
    };
    let name = String::from_utf8(value.clone()).map_err(drop)?;
    if name.is_empty() || name.len() > MAX_SESSION { Err(()) } else { Ok(Some(name)) }
}

/// A session's key in the history.
pub(super) fn session_key(session: &str) -> Key {
    let hash = sha256::Hash::hash(format!("amplet session {session}").as_bytes());
    Key::inbound(PaymentId(hash.to_byte_array()))
}

/// The open streams, outbound and inbound.
pub(super) struct Streams {
    ledger: Rc<Ledger>,
    open: RefCell<BTreeMap<Key, Stream>>,
    /// Session by the hash of an inbound payment; those of outbound ones are in the table of attempts.
    session_of: RefCell<BTreeMap<PaymentId, Key>>,
    /// Outbound payments that ended since LDK's last tick.
    ended: Cell<u32>,
}

impl Streams {
    /// Reads the open ones.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open(store: &dyn Store, ledger: Rc<Ledger>) -> Result<Self, LedgerError> {
        let streams =
            Self { ledger, open: RefCell::default(), session_of: RefCell::default(), ended: Cell::default() };
        for name in store.list(RECORDS).await? {
            let in_flight: InFlight = read(store, &name).await?;
            let Some(payment) = streams.record_of(&name).await? else { continue };
            let key = Key::of(&payment);
            if name != stored_name(key) {
                // Written by a release whose names had no direction.
                streams.ledger.remove(name);
                streams.ledger.write(stored_name(key), &in_flight);
            }
            if key.direction == Direction::Inbound {
                let hashes = in_flight.pending.keys().map(|hash| (*hash, key));
                streams.session_of.borrow_mut().extend(hashes);
            }
            streams.open.borrow_mut().insert(key, Stream { payment, in_flight, paid_at: 0 });
        }
        Ok(streams)
    }

    /// The history's record of a stored stream.
    async fn record_of(&self, name: &str) -> Result<Option<Payment>, LedgerError> {
        let key = name.strip_prefix(RECORDS).unwrap_or_default();
        if let Some(key) = Key::parse(key) {
            return self.ledger.get(key).await;
        }
        let Ok(id) = key.parse() else { return Ok(None) };
        // In a release whose names had no direction: an outbound stream is pending, an inbound one is not.
        match self.ledger.pending(Key::outbound(id)) {
            Some(payment) => Ok(Some(payment)),
            None => self.ledger.get(Key::inbound(id)).await,
        }
    }

    /// Outbound payments in flight and their streams.
    pub fn in_flight(&self) -> Vec<(PaymentId, PaymentId)> {
        let open = self.open.borrow();
        let outbound = open.iter().filter(|(key, _)| key.direction == Direction::Outbound);
        outbound
            .flat_map(|(key, stream)| stream.in_flight.pending.keys().map(|hash| (*hash, key.id)))
            .collect()
    }

    /// Returns whether many payments ended since LDK's last tick.
    pub fn is_busy(&self) -> bool {
        self.ended.get() > FEW
    }

    /// LDK has ticked.
    pub fn ticked(&self) {
        self.ended.set(0);
    }

    /// Records of the open streams.
    pub fn all(&self) -> Vec<Payment> {
        self.open.borrow().values().map(|stream| stream.payment.clone()).collect()
    }

    /// Record of an open stream.
    pub fn get(&self, key: Key) -> Option<Payment> {
        self.open.borrow().get(&key).map(|stream| stream.payment.clone())
    }

    /// The open stream there, or a new one; returns its id. `now`: seconds since the UNIX epoch.
    pub fn begin_outbound(&self, ldk: &Ldk, to: &StreamTo, now: u64) -> Result<PaymentId, PayError> {
        if to.session.is_empty() || to.session.len() > MAX_SESSION {
            return Err(StreamError::Session(to.session.len()).into());
        }
        if to.payee == ldk.manager.get_our_node_id() {
            return Err(PayError::Own);
        }
        let payee = Some(to.payee.to_string());
        let known = self.open.borrow().iter().find_map(|(key, stream)| {
            let same = key.direction == Direction::Outbound
                && stream.payment.payee == payee
                && stream.payment.stream.as_ref().is_some_and(|it| it.open && it.session == to.session);
            same.then_some(key.id)
        });
        if let Some(id) = known {
            return Ok(id);
        }
        let id = PaymentId(ldk.signer.get_secure_random_bytes());
        let payment = Payment {
            payee,
            amount_msat: Some(Msat::ZERO),
            fee_msat: Some(Msat::ZERO),
            stream: Some(totals(to.session.clone())),
            ..Payment::pending(id, Direction::Outbound, PaymentKind::Stream, now)
        };
        self.begin(payment);
        Ok(id)
    }

    fn begin(&self, payment: Payment) {
        let key = Key::of(&payment);
        self.open.borrow_mut().insert(key, Stream { payment, in_flight: InFlight::default(), paid_at: 0 });
        self.stage(key);
    }

    /// The next payment of an open outbound stream.
    pub fn next(&self, pay: &PayStream) -> Result<Keysend, PayError> {
        let open = self.open.borrow();
        let stream = open.get(&Key::outbound(pay.stream)).filter(|stream| stream.is_open());
        let stream = stream.ok_or(StreamError::Ended)?;
        let totals = stream.payment.stream.as_ref().ok_or(StreamError::Ended)?;
        if stream.in_flight.pending.len() >= MAX_IN_FLIGHT {
            return Err(StreamError::Stalled(totals.pending_msat).into());
        }
        let payee = stream.payment.payee.as_ref().and_then(|payee| payee.parse().ok());
        let payee = payee.ok_or(StreamError::Ended)?;
        let records = vec![(SESSION_RECORD, totals.session.clone().into_bytes())];
        let (amount_msat, max_fee_msat) = (pay.amount_msat, pay.max_fee_msat);
        Ok(Keysend { payee, amount_msat, max_fee_msat, records })
    }

    /// A payment is in flight. Idempotent.
    pub fn submitted(&self, stream: Key, hash: PaymentId, amount_msat: Msat) {
        if let Some(stream) = self.open.borrow_mut().get_mut(&stream) {
            stream.in_flight.pending.insert(hash, amount_msat);
        }
        self.stage(stream);
    }

    /// A payment was not submitted.
    pub fn refused(&self, stream: Key, error: WalletError) {
        if let Some(stream) = self.open.borrow_mut().get_mut(&stream) {
            stream.count(Msat::ZERO, End::CameBack(error));
        }
        self.stage(stream);
    }

    /// A payment has ended: it is counted, and nothing more is kept of it.
    pub fn ended(&self, stream: Key, hash: PaymentId, end: End) {
        if let Some(stream) = self.open.borrow_mut().get_mut(&stream) {
            let amount_msat = stream.in_flight.pending.remove(&hash).unwrap_or_default();
            stream.count(amount_msat, end);
        }
        if stream.direction == Direction::Outbound {
            self.ended.set(self.ended.get().saturating_add(1));
        }
        self.stage(stream);
    }

    /// Records a payment to a session, if that is open or new and `accept` agrees; returns whether it is taken. `now`: seconds
    /// since the UNIX epoch.
    pub fn claimable(
        &self,
        hash: PaymentId,
        session: &str,
        now: u64,
        amount_msat: Msat,
        accept: impl FnOnce() -> bool,
    ) -> bool {
        let key = session_key(session);
        let known = self.get(key);
        let is_closed = match &known {
            Some(payment) => payment.stream.as_ref().is_none_or(|totals| !totals.open),
            None => self.ledger.contains(key),
        };
        if is_closed || self.session_of.borrow().contains_key(&hash) || !accept() {
            return false;
        }
        if known.is_none() {
            let payment = Payment {
                amount_msat: Some(Msat::ZERO),
                fee_msat: Some(Msat::ZERO),
                stream: Some(totals(session.to_owned())),
                ..Payment::pending(key.id, Direction::Inbound, PaymentKind::Stream, now)
            };
            // What a session brings is ours at once: its record never waits for an end.
            self.begin(self.ledger.close_record(payment, Outcome::Succeeded));
        }
        self.session_of.borrow_mut().insert(hash, key);
        if let Some(stream) = self.open.borrow_mut().get_mut(&key) {
            stream.paid_at = now;
        }
        self.submitted(key, hash, amount_msat);
        true
    }

    /// Returns whether a session is new and there are as many as there may be of those that any payer can begin.
    pub fn is_too_many(&self, session: &str) -> bool {
        let open = self.open.borrow();
        let inbound = open.keys().filter(|key| key.direction == Direction::Inbound).count();
        inbound >= MAX_OPEN_SESSIONS && !open.contains_key(&session_key(session))
    }

    /// Closes sessions that nothing was paid to for a day. `now`: seconds since the UNIX epoch.
    pub fn expire(&self, now: u64) {
        let mut open = self.open.borrow_mut();
        let inbound = open.iter_mut().filter(|(key, _)| key.direction == Direction::Inbound);
        let idle = inbound.filter_map(|(key, stream)| {
            // What was open before counts from now on.
            stream.paid_at = if stream.paid_at == 0 { now } else { stream.paid_at };
            (stream.paid_at.saturating_add(SESSION_IDLE) <= now).then_some(*key)
        });
        let idle: Vec<Key> = idle.collect();
        drop(open);
        for key in idle {
            self.close(key, now);
        }
    }

    /// A payment to us was claimed; returns whether it was a session's. Claimed again, it is none any more.
    pub fn claimed(&self, hash: PaymentId) -> bool {
        let Some(session) = self.session_of.borrow_mut().remove(&hash) else { return false };
        self.ended(session, hash, End::Arrived { fee_msat: Msat::ZERO });
        true
    }

    /// No payment follows; the record ends when nothing is in flight. Returns whether the stream was open. `now`: seconds since
    /// the UNIX epoch.
    pub fn close(&self, stream: Key, now: u64) -> bool {
        let was_open = match self.open.borrow_mut().get_mut(&stream).filter(|stream| stream.is_open()) {
            Some(stream) => {
                stream.totals().open = false;
                stream.payment.settled_at = Some(now);
                true
            }
            None => false,
        };
        if was_open {
            self.stage(stream);
        }
        was_open
    }

    /// Stages a stream and its record, in one transaction with whatever else the step has.
    fn stage(&self, key: Key) {
        let mut open = self.open.borrow_mut();
        let Some(stream) = open.get_mut(&key) else { return };
        let pending_msat = stream.in_flight.pending.values().copied().sum();
        stream.totals().pending_msat = pending_msat;
        let has_ended = !stream.is_open() && stream.in_flight.pending.is_empty();
        let (payment, outcome) = (stream.payment.clone(), stream.outcome());
        if has_ended {
            open.remove(&key);
            self.ledger.remove(stored_name(key));
        } else {
            self.ledger.write(stored_name(key), &stream.in_flight);
        }
        drop(open);
        match (key.direction, has_ended) {
            (Direction::Inbound, _) => self.ledger.amend(payment),
            (Direction::Outbound, true) => drop(self.ledger.close_record(payment, outcome)),
            (Direction::Outbound, false) => self.ledger.record(payment),
        }
    }
}

fn stored_name(key: Key) -> String {
    format!("{RECORDS}{key}")
}
