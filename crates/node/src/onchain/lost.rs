//! What closed channels of lost installations paid, on its way to the savings.

use super::Onchain;
use crate::ldk::bdk::is_final;

impl Onchain {
    /// Hands what is deep enough to the sweeper, in this step. Only at the tip: of old blocks, later ones may tell that the money was
    /// spent long ago.
    pub(super) fn sweep_lost(&self) {
        let (base, ldk) = (&self.base, &self.base.ldk);
        let height = ldk.manager.current_best_block().height;
        if height < base.chain.tip().height || base.chain.rescans_from().is_some() {
            return;
        }
        let mut given = Vec::new();
        for found in ldk.lost_outputs().iter().filter(|found| is_final(found.height, height)) {
            let Some(output) = ldk.signer.of_lost(found) else {
                log::error!("{} cannot be spent: its key is out of range", found.outpoint);
                continue;
            };
            // The sweeper takes all that it does not have.
            if ldk.sweeper.track_spendable_outputs(vec![output], None, None, false, None).is_err() {
                log::error!("{} could not be tracked; tried again at the next block", found.outpoint);
                continue;
            }
            log::info!(
                "{} sat of a closed channel of installation {} were found in {}, and go to the savings",
                found.sat,
                found.place.number,
                found.outpoint
            );
            given.push(found.outpoint);
        }
        if !given.is_empty() {
            ldk.lost.swept(&given);
            base.notify.notify();
        }
    }
}
