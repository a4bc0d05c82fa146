//! Records as they are stored: their keys, names and versions, and those of earlier releases.

use amplet_protocol::PaymentId;
use amplet_protocol::page::{Direction, Event, Payment};
use amplet_storage::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::LedgerError;
use super::stored::{Missing, StoredEvent, StoredPayment};

/// Version of the stored records.
const FORMAT: u32 = 1;

/// Payments that are not decided, by direction and id.
pub(super) const OPEN: &str = "payment/open/";
/// Payments that have ended, by time, direction and id.
pub(super) const DONE: &str = "payment/done/";
/// Events that nobody acknowledged.
pub(super) const EVENTS: &str = "event/";
/// The next event's number, 8 bytes big endian.
pub(super) const EVENT_COUNTER: &str = "counter/event";

/// Identity of a payment. Both directions may have one of the same id: whoever we pay learns the preimage, and may pay us with
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub id: PaymentId,
    pub direction: Direction,
}

impl Key {
    /// Key of an outbound payment.
    pub fn outbound(id: PaymentId) -> Self {
        Self { direction: Direction::Outbound, id }
    }

    /// Key of an inbound payment.
    pub fn inbound(id: PaymentId) -> Self {
        Self { direction: Direction::Inbound, id }
    }

    /// Key of this payment.
    pub fn of(payment: &Payment) -> Self {
        Self { direction: payment.direction, id: payment.id }
    }

    /// Reads what [`Display`](std::fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (direction, id) = text.split_once('/')?;
        let direction = match direction {
            "in" => Direction::Inbound,
            "out" => Direction::Outbound,
            _ => return None,
        };
        Some(Self { direction, id: id.parse().ok()? })
    }
}

impl std::fmt::Display for Key {
    /// As in records' names: `in/<id>`, `out/<id>`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let direction = match self.direction {
            Direction::Inbound => "in",
            Direction::Outbound => "out",
        };
        write!(f, "{direction}/{}", self.id)
    }
}

pub(super) fn open_name(key: Key) -> String {
    format!("{OPEN}{key}")
}

pub(super) fn done_name(at: u64, key: Key) -> String {
    format!("{DONE}{at:012}/{key}")
}

pub(super) fn event_name(id: u64) -> String {
    format!("{EVENTS}{id:016x}")
}

/// The key in a name, or `None` in a name of releases that had no direction there.
pub(super) fn open_key(name: &str) -> Option<Key> {
    Key::parse(name.strip_prefix(OPEN)?)
}

/// Time and key in a name; the key is `None` in a name of releases that had no direction there.
pub(super) fn done_parts(name: &str) -> Option<(u64, Option<Key>)> {
    let (at, key) = name.strip_prefix(DONE)?.split_once('/')?;
    Some((at.parse().ok()?, Key::parse(key)))
}

#[derive(Serialize, Deserialize)]
struct Record<T> {
    v: u32,
    value: T,
}

pub(super) fn encode<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    // Plain data: its serialization has no failing case.
    serde_json::to_vec(&Record { v: FORMAT, value }).ok()
}

pub(crate) async fn read<T: for<'a> Deserialize<'a>>(
    store: &dyn Store,
    name: &str,
) -> Result<T, LedgerError> {
    let bytes = store.get(name).await?.ok_or_else(|| corrupt(name, "it is gone".into()))?;
    decode(name, &bytes)
}

fn decode<T: for<'a> Deserialize<'a>>(name: &str, bytes: &[u8]) -> Result<T, LedgerError> {
    let record: Record<T> = serde_json::from_slice(bytes).map_err(|e| corrupt(name, e.to_string()))?;
    if record.v > FORMAT {
        return Err(StoreError::NewerFormat { found: record.v, supported: FORMAT }.into());
    }
    Ok(record.value)
}

/// Reads a record of a payment as the ledger does and writes it again, for tests; `None`: it cannot be read.
#[cfg(feature = "testing")]
pub fn payment_again(bytes: &[u8]) -> Option<Vec<u8>> {
    let payment = Payment::try_from(decode::<StoredPayment>("a payment", bytes).ok()?).ok()?;
    encode(&StoredPayment::from(&payment))
}

/// The same of an event.
#[cfg(feature = "testing")]
pub fn event_again(bytes: &[u8]) -> Option<Vec<u8>> {
    let event = Event::try_from(decode::<StoredEvent>("an event", bytes).ok()?).ok()?;
    encode(&StoredEvent::from(&event))
}

pub(super) async fn read_payment(store: &dyn Store, name: &str) -> Result<Payment, LedgerError> {
    let stored: StoredPayment = read(store, name).await?;
    stored.try_into().map_err(|missing: Missing| corrupt(name, missing.to_string()))
}

pub(super) async fn read_event(store: &dyn Store, name: &str) -> Result<Event, LedgerError> {
    let stored: StoredEvent = read(store, name).await?;
    stored.try_into().map_err(|missing: Missing| corrupt(name, missing.to_string()))
}

/// The number in an event's name.
pub(super) fn event_id(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(EVENTS)?, 16).ok()
}

/// A record that could not be read when the ledger was opened.
pub(super) fn unreadable(name: &str) -> LedgerError {
    corrupt(name, "as when the wallet was opened".into())
}

fn corrupt(name: &str, what: String) -> LedgerError {
    LedgerError::Corrupt { name: name.to_owned(), what }
}
