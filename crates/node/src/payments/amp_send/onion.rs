//! The payload of a part (BOLT 4, `payload`): LDK's own records, and lnd's type 14 between them.

use amplet_amp::{Amp, PaymentAddress};
use amplet_protocol::Msat;
use lightning::io;
use lightning::ln::msgs::DecodeError;
use lightning::ln::outbound_payment::RecipientOnionFields;
use lightning::types::payment::PaymentSecret;
use lightning::util::ser::{ReadableArgs, Writeable, Writer};
use lightning::write_tlv_fields;

/// [`RecipientOnionFields`] as LDK stores them. `RecipientCustomTlvs` takes no type below 65536; fields that are read take any, and the
/// payload is written in the order of types.
struct StoredFields {
    secret: PaymentSecret,
    records: Vec<(u64, Vec<u8>)>,
    total_msat: u64,
}

impl Writeable for StoredFields {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        write_tlv_fields!(writer, {
            (0, self.secret, required),
            (1, self.records, optional_vec),
            (3, self.total_msat, required),
        });
        Ok(())
    }
}

/// What the payee of a part gets to read.
pub(super) fn fields(
    address: PaymentAddress,
    total_msat: Msat,
    amp: &Amp,
) -> Result<RecipientOnionFields, DecodeError> {
    let stored = StoredFields {
        secret: PaymentSecret(address.0),
        records: vec![(Amp::TYPE, amp.write())],
        total_msat: total_msat.get(),
    };
    RecipientOnionFields::read(&mut &stored.encode()[..], total_msat.get())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use amplet_amp::{Child, SetId, Share};

    use super::*;

    #[test]
    fn ldk_takes_the_record_of_type_14() {
        let amp = Amp { child: Child { share: Share([1; 32]), index: 300 }, set: SetId([2; 32]) };
        let total = Msat::up_to_max(5_000);
        let read = fields(PaymentAddress([3; 32]), total, &amp).unwrap();
        assert_eq!(read.custom_tlvs(), &[(14, amp.write())]);
        assert_eq!(read.payment_secret, Some(PaymentSecret([3; 32])));
        assert_eq!((read.payment_metadata.clone(), read.total_mpp_amount_msat), (None, 5_000));
    }
}
