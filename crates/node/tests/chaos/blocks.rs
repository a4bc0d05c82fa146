//! Acts done to the chain and its sources.

use amplet_node::bitcoin::{ScriptBuf, Transaction, Txid};
use amplet_node::lightning::ln::channel_state::ChannelDetails;
use amplet_node::lightning::ln::types::ChannelId;

use crate::acts::Trouble;
use crate::life::Life;
use crate::perform::{Outcome, done};
use crate::world::Taking;

impl Life {
    /// The newest blocks are replaced; what they had waits again.
    pub fn reorg(&mut self, depth: u32) -> Outcome {
        let mut chain = self.world.server.chain.borrow_mut();
        let gone: Vec<_> = (0..depth).rev().map(|back| chain.block(chain.height() - back).clone()).collect();
        chain.cut(depth as usize);
        chain.mine_empty(depth + 1);
        drop(chain);
        let again: Vec<_> = gone.into_iter().flat_map(|block| block.txdata.into_iter().skip(1)).collect();
        let unfunded: Vec<_> = self.channels_funded_by(&again).collect();
        self.facts.unfunded.extend(unfunded);
        self.world.mempool.borrow_mut().splice(0..0, again);
        self.tell_blocks();
        done()
    }

    /// Channels in use that waited for their funding, which is one of these transactions.
    fn channels_funded_by(&self, txs: &[Transaction]) -> impl Iterator<Item = ChannelId> {
        let txids: Vec<Txid> = txs.iter().map(Transaction::compute_txid).collect();
        let all = self.up.values().flat_map(|member| member.node.channels().list());
        let waited =
            all.filter(|channel| channel.is_channel_ready && channel.confirmations_required != Some(0));
        let is_funded =
            move |channel: &ChannelDetails| channel.funding_txo.is_some_and(|it| txids.contains(&it.txid));
        waited.filter(is_funded).map(|channel| channel.channel_id)
    }

    pub fn source(&mut self, trouble: Trouble) -> Outcome {
        self.begin_trouble();
        let server = &self.world.server;
        match trouble {
            Trouble::Down => server.down.set(true),
            Trouble::Freeze => *server.stalls.borrow_mut() = Some("/".to_owned()),
            Trouble::Behind => server.filter_lag.set(3),
            Trouble::Garbage => server.tamper(|path, mut body| {
                if path.starts_with("/headers") || path.starts_with("/filter") || path.starts_with("/block/")
                {
                    body.iter_mut().rev().step_by(7).for_each(|byte| *byte ^= 0x55);
                }
                body
            }),
            Trouble::Refuses => *self.world.taking.borrow_mut() = Taking::Refuses("min relay fee not met"),
            Trouble::Lies => *self.world.taking.borrow_mut() = Taking::RefusesAndRelays("dust"),
            Trouble::Forges => {
                if self.world.second_source.borrow().is_none() {
                    self.be_honest();
                    return Err("there is no second source");
                }
                let chain = server.chain.borrow();
                let height = chain.height() - 3;
                let more = chain.filter_with(height, &ScriptBuf::from_bytes(vec![0x51, 0x20, 7]));
                self.forged = Some((height, more));
            }
            Trouble::Honest => self.be_honest(),
        }
        self.tell_blocks();
        done()
    }
}
