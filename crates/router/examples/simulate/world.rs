//! A scenario: the graph, hidden balances, pairs; and parts that meet them.

use amplet_protocol::Msat;
use amplet_router::{
    Beliefs, Certainty, Direction, FirstHop, Graph, Link, Mode, NodeId, Outcome, Part, Request,
};
use std::collections::HashMap;
use std::error::Error;

/// Parts that the evaluation allows a payment.
pub const MAX_PARTS: usize = 100;

pub struct World {
    pub graph: Graph,
    /// Balance of each channel's first node.
    pub balances: Vec<Msat>,
    pub pairs: Vec<(NodeId, NodeId)>,
}

pub type InFlight = HashMap<(u32, u32), Msat>;

/// Reads what `scenario.py` wrote.
pub fn load(dir: &str, dist: &str) -> Result<World, Box<dyn Error>> {
    let graph = amplet_router::csv::read(&std::fs::read_to_string(format!("{dir}/graph.csv"))?)?.graph;
    let bytes = std::fs::read(format!("{dir}/liq_{dist}.bin"))?;
    let balances =
        bytes.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
    let balances = balances.map(Msat::up_to_max);
    let text = std::fs::read_to_string(format!("{dir}/pairs.csv"))?;
    let pairs = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',').skip(1).filter_map(|hex| NodeId::from_hex(hex).ok());
        Some((fields.next()?, fields.next()?))
    });
    Ok(World { graph, balances: balances.collect(), pairs: pairs.collect() })
}

impl World {
    /// The payment of a pair, as the evaluation's driver asks for it.
    pub fn request(&self, index: usize, amount_msat: Msat, gateways: usize, mode: Mode) -> Request {
        let count = self.pairs.len();
        let sources = (0..gateways).map(|gateway| self.pairs[(index + 17 * gateway) % count].0);
        let first_hops = sources.map(|peer| FirstHop {
            peer,
            spendable_msat: Msat::MAX,
            min_msat: Msat::ZERO,
            max_msat: Msat::MAX,
            slots: 483,
        });
        Request {
            first_hops: first_hops.collect(),
            destination: self.pairs[index].1,
            last_hops: Vec::new(),
            amount_msat,
            max_fee_msat: Msat::up_to_max(amount_msat.get() / 100 + 50_000),
            final_cltv: 18,
            max_cltv: 1008,
            max_parts: MAX_PARTS,
            max_part_msat: Msat::MAX,
            retries: 0,
            mode,
        }
    }

    /// Sends a part beside those in flight.
    pub fn send(&self, part: &Part, in_flight: &mut InFlight) -> Outcome {
        let mut crossed = Vec::new();
        for (index, hop) in part.hops.iter().enumerate() {
            let Link::Channel(scid, direction) = hop.link else { continue };
            let channel = self.graph.channel(scid).unwrap_or_default();
            let capacity = self.graph.channels()[channel as usize].capacity_msat;
            let first = self.balances[channel as usize];
            let balance = if direction == Direction::Forward { first } else { capacity.less(first) };
            let key = (channel, direction.bit());
            if hop.amount_msat > balance.less(in_flight.get(&key).copied().unwrap_or_default()) {
                return Outcome::Failed(index, Certainty::Certain);
            }
            crossed.push((key, hop.amount_msat));
        }
        for (key, amount) in crossed {
            let sum: &mut Msat = in_flight.entry(key).or_default();
            *sum = sum.plus_up_to_max(amount);
        }
        Outcome::Arrived
    }

    /// Beliefs of one who knows all balances.
    pub fn omniscient(&self) -> Beliefs {
        let mut beliefs = Beliefs::new();
        for (channel, &balance) in self.graph.channels().iter().zip(&self.balances) {
            beliefs.reached(&self.graph, channel.scid, Direction::Forward, balance, 0);
            let more = balance.plus_up_to_max(Msat::from(1));
            beliefs.refused(&self.graph, (channel.scid, Direction::Forward), more, Certainty::Certain, 0);
        }
        beliefs
    }
}
