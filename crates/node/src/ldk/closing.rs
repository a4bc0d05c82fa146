//! The height at which LDK would close a channel by itself because of an HTLC, found by asking a copy of its monitor: LDK shows
//! neither which HTLCs it counts nor which preimages it knows.

use std::sync::Arc;

use bitcoin::block::Header;
use lightning::chain::BlockLocator;
use lightning::chain::channelmonitor::{Balance, ChannelMonitor, MonitorEvent};
use lightning::ln::channel_state::ChannelDetails;
use lightning::sign::InMemorySigner;
use lightning::util::ser::{ReadableArgs, Writeable};

use crate::ldk::fees::Fees;
use crate::ldk::log::Log;
use crate::ldk::signer::Signer;
use crate::ldk::staged::StagedWrites;
use crate::ldk::types::Monitor;

type AnyMonitor = ChannelMonitor<InMemorySigner>;

/// Parts that copies of monitors are made with.
pub(crate) struct MonitorCopies<'a> {
    pub signer: &'a Arc<Signer>,
    pub fees: &'a Arc<Fees>,
    pub log: &'a Arc<Log>,
}

impl MonitorCopies<'_> {
    /// The lowest height above the monitor's, up to `to`, at which it would broadcast our commitment if nothing else happened.
    /// `header_at` gives the headers of those heights.
    pub fn closes_at(
        &self,
        monitor: &AnyMonitor,
        to: u32,
        header_at: impl Fn(u32) -> Option<Header>,
    ) -> Option<u32> {
        let bytes = monitor.encode();
        let closes =
            |height: u32| header_at(height).is_some_and(|header| self.would_close(&bytes, &header, height));
        let (mut open, mut closed) = (monitor.current_best_block().height, to);
        if closed <= open || !closes(closed) {
            return None;
        }
        // HTLCs expire for good, so that the heights at which it closes are those from some height on.
        while closed - open > 1 {
            let middle = open + (closed - open) / 2;
            match closes(middle) {
                true => closed = middle,
                false => open = middle,
            }
        }
        Some(closed)
    }

    fn would_close(&self, monitor: &[u8], header: &Header, height: u32) -> bool {
        let copy = <(BlockLocator, Monitor)>::read(&mut &*monitor, (&**self.signer, &**self.signer));
        // What cannot be read here could not be read when the node opens either.
        let Ok((_, copy)) = copy else { return false };
        copy.get_and_clear_pending_monitor_events();
        // Staged for nobody. A broadcaster of another type would put LDK's whole handling of claims into the page a second time.
        let nowhere = Arc::new(StagedWrites::default());
        copy.best_block_updated(header, height, &nowhere, self.fees, self.log);
        let closed = |event: &MonitorEvent| {
            matches!(
                event,
                MonitorEvent::HolderForceClosed(_) | MonitorEvent::HolderForceClosedWithInfo { .. }
            )
        };
        copy.get_and_clear_pending_monitor_events().iter().any(closed)
    }
}

/// The lowest expiry of the HTLCs to us that are worth an output and whose preimage we know, or may know: from then on the peer can
/// take them back on chain.
pub(crate) fn first_deadline(channel: &ChannelDetails, monitor: &AnyMonitor) -> Option<u32> {
    let balances = monitor.get_claimable_balances();
    let without_preimage = |hash| {
        balances.iter().any(|balance| {
            matches!(balance, Balance::MaybePreimageClaimableHTLC { payment_hash, .. } if *payment_hash == hash)
        })
    };
    let ours = channel.pending_inbound_htlcs.iter();
    let ours = ours.filter(|htlc| !htlc.is_dust && !without_preimage(htlc.payment_hash));
    ours.map(|htlc| htlc.cltv_expiry).min()
}
