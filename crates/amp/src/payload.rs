//! The payload of an onion's last hop (BOLT 4, `payload`): whether it is a part of an AMP set, and what a node that does not know
//! AMP gets in its place.

use alloc::vec::Vec;

use amplet_protocol::Msat;

use crate::records::{Amp, RecordFault, Total};
use crate::stream::{bigsize, put_bigsize, put_record, truncated};

/// `amt_to_forward`.
const AMOUNT: u64 = 2;
/// `payment_metadata`.
const METADATA: u64 = 16;
/// The preimage of a payment without an invoice ("keysend").
const KEYSEND: u64 = 5_482_373_484;

/// A payload that carries a part of an AMP set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    records: Vec<(u64, Vec<u8>)>,
    amount_msat: Msat,
    kept: Kept,
}

/// What a part says of itself and its set, as it is kept with the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Child and set.
    pub amp: Amp,
    /// Payment address and total.
    pub total: Total,
}

/// Fault of a payload that carries type 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadFault {
    /// A record that cannot be read.
    #[error("its record of type {record_type} cannot be used: {fault}")]
    Record {
        /// Type.
        record_type: u64,
        /// Its fault.
        fault: RecordFault,
    },
    /// A record that must be there is not.
    #[error("it has no record of type {0}")]
    Missing(u64),
    /// A record that must not stand beside an AMP record.
    #[error("it has a record of type {0} beside that of AMP")]
    Beside(u64),
}

impl Payload {
    /// Reads the payload at the beginning of an onion's decrypted hop data, its length first. `None`: it is not that of a last hop
    /// (whose HMAC is zero), it carries no record of type 14, or it is no stream of records at all, which is for the node to refuse.
    ///
    /// # Errors
    /// [`PayloadFault`]: it carries type 14, and is refused as an invalid payload.
    pub fn read(hop_data: &[u8]) -> Option<Result<Self, PayloadFault>> {
        let (length, rest) = bigsize(hop_data)?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        let (hmac, _) = rest.split_first_chunk::<32>()?;
        if *hmac != [0; 32] {
            return None;
        }
        let records = records(payload)?;
        let of =
            |wanted: u64| records.iter().find(|(known, _)| *known == wanted).map(|(_, value)| &value[..]);
        let amp = of(Amp::TYPE)?;
        let read = || {
            if let Some(beside) = [METADATA, KEYSEND].into_iter().find(|beside| of(*beside).is_some()) {
                return Err(PayloadFault::Beside(beside));
            }
            let needed = |wanted| of(wanted).ok_or(PayloadFault::Missing(wanted));
            let fault = |record_type| move |fault| PayloadFault::Record { record_type, fault };
            let amp = Amp::read(amp).map_err(fault(Amp::TYPE))?;
            let total = Total::read(needed(Total::TYPE)?).map_err(fault(Total::TYPE))?;
            let amount = truncated(needed(AMOUNT)?, 8).ok_or(RecordFault::Number).map_err(fault(AMOUNT))?;
            let amount_msat = Msat::new(amount).map_err(|_| fault(AMOUNT)(RecordFault::Amount))?;
            Ok((amount_msat, Kept { amp, total }))
        };
        Some(read().map(|(amount_msat, kept)| Self { records, amount_msat, kept }))
    }

    /// Amount of the part.
    #[must_use]
    pub const fn amount_msat(&self) -> Msat {
        self.amount_msat
    }

    /// What is kept with the part.
    #[must_use]
    pub const fn kept(&self) -> Kept {
        self.kept
    }

    /// The payload as that of a payment in one part, its length first and a last hop's HMAC behind it: with this payment secret and
    /// metadata, without the AMP record, everything else as it was.
    #[must_use]
    pub fn in_one_part(&self, secret: [u8; 32], metadata: &[u8]) -> Vec<u8> {
        let total = Total { address: crate::PaymentAddress(secret), total_msat: self.amount_msat }.write();
        let others = self.records.iter().filter(|(known, _)| ![Total::TYPE, Amp::TYPE].contains(known));
        let mut records: Vec<(u64, &[u8])> = others.map(|(known, value)| (*known, &value[..])).collect();
        records.extend([(Total::TYPE, &total[..]), (METADATA, metadata)]);
        records.sort_by_key(|(known, _)| *known);
        let mut payload = Vec::new();
        records.iter().for_each(|(known, value)| put_record(*known, value, &mut payload));
        let mut hop_data = Vec::new();
        put_bigsize(payload.len() as u64, &mut hop_data);
        hop_data.extend(payload);
        hop_data.extend([0; 32]);
        hop_data
    }
}

/// Records of a stream, their types ascending (BOLT 1); `None`: it is none.
fn records(mut bytes: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut records: Vec<(u64, Vec<u8>)> = Vec::new();
    while !bytes.is_empty() {
        let (record_type, rest) = bigsize(bytes)?;
        let (length, rest) = bigsize(rest)?;
        let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        if records.last().is_some_and(|(last, _)| *last >= record_type) {
            return None;
        }
        records.push((record_type, value.to_vec()));
        bytes = rest;
    }
    Some(records)
}

impl Kept {
    /// Reads what [`write`](Self::write) wrote; `None`: it is something else.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let records = records(bytes)?;
        match &records[..] {
            [(Total::TYPE, total), (Amp::TYPE, amp)] => {
                Some(Self { total: Total::read(total).ok()?, amp: Amp::read(amp).ok()? })
            }
            _ => None,
        }
    }

    /// Writes both records.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_record(Total::TYPE, &self.total.write(), &mut bytes);
        put_record(Amp::TYPE, &self.amp.write(), &mut bytes);
        bytes
    }
}
