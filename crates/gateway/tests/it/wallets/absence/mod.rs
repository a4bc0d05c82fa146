//! Wallets that come back after an hour, a day, a week, four weeks or three months, with HTLCs in both directions on their channels:
//! one of their own, for which the gateway has the preimage, and one to them, whose preimage they have.

mod absentee;
mod network;
mod returned;

use absentee::Absentee;
use network::Network;
use returned::Returned;

use super::on_one_thread;

/// Blocks of an absence.
const HOUR: u64 = 6;
const DAY: u64 = 144;
const WEEK: u64 = 1008;
const FOUR_WEEKS: u64 = 4032;
const THREE_MONTHS: u64 = 12_960;

/// Blocks after which both HTLCs have had their consequences: the wallet's has the payee's 147, a shadow of at most three hops of 40,
/// and the gateway's own 144; the one to the wallet lacks the last, and has expired before a week is over.
const DECIDED: u64 = 450;

/// A wallet that is away for these blocks.
#[derive(Clone, Copy)]
enum Finds {
    /// Its channel, where both payments end as they should.
    TheChannel,
    /// That the gateway has closed it: it claimed what it has the preimage for, and took back what the wallet did not claim.
    ItClosed,
}

const ABSENCES: [(u64, Finds); 5] = [
    (HOUR, Finds::TheChannel),
    (DAY, Finds::TheChannel),
    (WEEK, Finds::ItClosed),
    (FOUR_WEEKS, Finds::ItClosed),
    (THREE_MONTHS, Finds::ItClosed),
];

#[test]
fn absences_with_htlcs_in_both_directions() {
    on_one_thread(async {
        let network = Network::new().await;
        let mut absent = Vec::new();
        for (number, (blocks, finds)) in (1..).zip(ABSENCES) {
            absent.push((Absentee::new(&network, number).await, blocks, finds));
        }
        let died_at = network.height();
        for (absentee, blocks, finds) in &absent {
            network.mine_to(died_at + blocks, died_at + DECIDED).await;
            let returned = Returned::new(&network, absentee, format!("after {blocks} blocks")).await;
            match finds {
                Finds::TheChannel => returned.keeps_its_channel().await,
                Finds::ItClosed => returned.finds_its_channel_closed(died_at).await,
            }
            returned.leaves().await;
        }
    });
}

#[test]
fn an_absence_of_a_week_with_the_gateway_away() {
    on_one_thread(async {
        let mut network = Network::new().await;
        let absentee = Absentee::new(&network, 1).await;
        let died_at = network.height();
        network.kill_gateway();
        network.mine_to(died_at + WEEK, died_at).await;
        let returned = Returned::new(&network, &absentee, "with the gateway away".into()).await;
        returned.closes_its_channel(died_at).await;
        returned.leaves().await;
    });
}
