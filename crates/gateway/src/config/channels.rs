//! `[channels]`: on what terms there are channels, and how much of the operator's money goes into them.

use amplet_protocol::NodeId;
use amplet_protocol::gateway::ChannelTerms;
use bitcoin::secp256k1::PublicKey;

use super::document::Section;
use super::sections::small;

/// `[channels]`
#[derive(Clone, Debug)]
pub struct ChannelSection {
    /// Terms sent to wallets.
    pub terms: ChannelTerms,
    /// Node ids of the only wallets that channels are opened to; empty: of all.
    pub allowed_wallets: Vec<NodeId>,
    /// True if a wallet may spend a channel that the gateway opened to the last sat, so that cheating costs it nothing.
    pub zero_reserve: bool,
    /// Confirmations before a channel that a peer opened is used.
    pub confirmations: u32,
    /// True to negotiate commitments without a fee (BIP 431) with peers that do too.
    pub zero_fee_commitments: bool,
    /// Limits of the channels opened to wallets.
    pub limits: GivingLimits,
    /// Days after which a channel to a wallet in which nothing moves is closed; 0: never.
    pub close_idle_after_days: u64,
    /// Hours for which a wallet must stay away before its channels are closed because whoever has its key says that it is lost.
    pub close_lost_after_hours: u64,
    /// HTLCs that a peer may have in flight in one channel.
    pub max_htlcs: u16,
    /// Money that may be in HTLCs too small for the chain in one channel, in sat.
    pub max_dust_sat: u64,
}

/// Limits of the channels opened to wallets, of all together unless they say otherwise. Capacities are in sat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivingLimits {
    /// Number of channels that are open at a time.
    pub open_channels: u64,
    /// Capacity of these.
    pub open_sat: u64,
    /// Number of channels opened within an hour.
    pub channels_per_hour: u64,
    /// Capacity of these.
    pub sat_per_hour: u64,
    /// Capacity of the channels opened within a day.
    pub sat_per_day: u64,
    /// The same of one address: however many node ids a stranger makes up, addresses cost something.
    pub sat_per_day_per_address: u64,
}

pub(super) fn read(section: &Section<'_, '_>) -> ChannelSection {
    let terms = terms(section);
    let zero_reserve = section.flag("zero_reserve", false);
    let confirmations = small(section.number("confirmations", 1..=144, 3));
    let zero_fee_commitments = section.flag("zero_fee_commitments", false);
    let allowed_wallets =
        section.list("allowed_wallets", "give the node ids of wallets, 66 hex digits each", node_id);
    let limits = limits(section);
    let close_idle_after_days = section.number("close_idle_after_days", 0..=3_650, 90);
    let close_lost_after_hours = section.number("close_lost_after_hours", 0..=8_760, 24);
    let max_htlcs = section.number("max_htlcs_per_channel", 1..=483, 483); // BOLT 2's maximum
    let max_dust_sat = section.number("max_dust_sat_per_channel", 1_000..=1_000_000, 50_000);
    section.finish();
    ChannelSection {
        terms,
        allowed_wallets,
        zero_reserve,
        confirmations,
        zero_fee_commitments,
        limits,
        close_idle_after_days,
        close_lost_after_hours,
        max_htlcs: u16::try_from(max_htlcs).unwrap_or(483),
        max_dust_sat,
    }
}

fn node_id(text: &str) -> Result<NodeId, String> {
    let key = text.parse::<PublicKey>().map_err(|error| format!("is no public key ({error})"))?;
    Ok(NodeId(key.serialize()))
}

fn limits(section: &Section<'_, '_>) -> GivingLimits {
    const MOST_SAT: u64 = 100_000_000_000; // 1000 BTC
    const MOST_CHANNELS: u64 = 1_000_000;
    GivingLimits {
        open_channels: section.number("max_open_channels", 0..=MOST_CHANNELS, 100),
        open_sat: section.number("max_open_sat", 0..=MOST_SAT, 50_000_000),
        channels_per_hour: section.number("max_channels_per_hour", 0..=MOST_CHANNELS, 20),
        sat_per_hour: section.number("max_sat_per_hour", 0..=MOST_SAT, 5_000_000),
        sat_per_day: section.number("max_sat_per_day", 0..=MOST_SAT, 10_000_000),
        sat_per_day_per_address: section.number("max_sat_per_day_per_address", 0..=MOST_SAT, 2_000_000),
    }
}

fn terms(section: &Section<'_, '_>) -> ChannelTerms {
    const SMALLEST: u64 = 20_000; // below, reserves and anchors leave nothing to spend
    const GREATEST: u64 = 1_000_000_000; // 10 BTC
    let terms = ChannelTerms {
        opens_channels: section.flag("opens_channels", false),
        needs_token: section.choice("channel_tokens", &[("off", false), ("required", true)], false),
        min_capacity_sat: section.number("min_capacity_sat", SMALLEST..=GREATEST, 50_000),
        max_capacity_sat: section.number("max_capacity_sat", SMALLEST..=GREATEST, 2_000_000),
        max_channels_per_peer: small(section.number("max_channels_per_peer", 1..=100, 3)),
        zero_conf: section.flag("zero_conf", true),
        fee_base_msat: small(section.number("fee_base_msat", 0..=1_000_000, 1_000)),
        fee_ppm: small(section.number("fee_ppm", 0..=1_000_000, 500)),
        backup_url: None,
    };
    if terms.min_capacity_sat > terms.max_capacity_sat {
        let key = if section.has("min_capacity_sat") { "min_capacity_sat" } else { "max_capacity_sat" };
        section.error(
            key,
            format!(
                "the smallest capacity, {} sat, is above the greatest, {} sat",
                terms.min_capacity_sat, terms.max_capacity_sat
            ),
            "set min_capacity_sat and max_capacity_sat the other way round",
        );
    }
    terms
}
