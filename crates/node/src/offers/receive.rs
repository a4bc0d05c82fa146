//! Offers of our own. LDK answers who asks for an invoice; nothing is stored of an offer, and each payment is a line.

use lightning::offers::offer::Offer;

use crate::error::PayError;
use crate::face::Node;

/// What an offer of ours says.
#[derive(Clone, Debug)]
pub struct NewOffer {
    /// `None`: the payer chooses.
    pub amount_msat: Option<u64>,
    /// What for; an offer with an amount needs one (BOLT 12).
    pub description: String,
}

impl Node {
    /// Makes an offer, which may be paid any number of times. A node that is not announced is reached through the peers that
    /// it is connected to now.
    ///
    /// # Errors
    /// [`PayError::Invoice`]: no peer relays onion messages, or the amount is none.
    pub fn offer(&self, new: &NewOffer) -> Result<Offer, PayError> {
        let wrong = |error| PayError::Invoice(format!("{error:?}"));
        let builder = self.inner.ldk.manager.create_offer_builder().map_err(wrong)?;
        let builder = builder.description(new.description.clone());
        let builder = match new.amount_msat {
            Some(amount_msat) => builder.amount_msats(amount_msat),
            None => builder,
        };
        builder.build().map_err(wrong)
    }
}
