//! Offers of our own. LDK answers who asks for an invoice; nothing is stored of an offer, and each payment is a line.

use lightning::offers::offer::Offer;

use crate::error::PayError;
use crate::inner::Inner;

/// What an offer of ours says.
#[derive(Clone, Debug)]
pub struct NewOffer {
    /// `None`: the payer chooses.
    pub amount_msat: Option<u64>,
    /// What for; an offer with an amount needs one (BOLT 12).
    pub description: String,
}

impl Inner {
    pub(crate) fn offer(&self, new: &NewOffer) -> Result<Offer, PayError> {
        let wrong = |error| PayError::Invoice(format!("{error:?}"));
        let builder = self.ldk.manager.create_offer_builder().map_err(wrong)?;
        let builder = builder.description(new.description.clone());
        let builder = match new.amount_msat {
            Some(amount_msat) => builder.amount_msats(amount_msat),
            None => builder,
        };
        builder.build().map_err(wrong)
    }
}
