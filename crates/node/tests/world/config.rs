//! Configuration of the nodes.

use std::rc::Rc;

use amplet_node::bitcoin::Network;
use amplet_node::{Acceptance, Forwarding, ForwardingTerms, GraphSource, NodeConfig, Role, TermsOf};

use super::World;

pub const MNEMONICS: [(&str, &str); 6] = [
    (
        "wallet",
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
    ),
    ("gateway", "legal winner thank year wave sausage worth useful legal winner thank yellow"),
    ("payee", "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"),
    ("island", "jelly better achieve collect unaware mountain thought cargo oxygen act hood bridge"),
    ("second", "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong"),
    ("other", "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic"),
];

fn terms((fee_base_msat, fee_ppm): (u32, u32)) -> ForwardingTerms {
    ForwardingTerms { fee_base_msat, fee_ppm, cltv_delta: 144 }
}

impl World {
    pub(super) fn config(&self, name: &str) -> NodeConfig {
        let zero_conf = Rc::clone(&self.trust_zero_conf);
        let refuse = Rc::clone(&self.refuse_keysends);
        let forwards = Rc::clone(&self.forwards);

        let fees = Rc::clone(&self.fees);
        let role = match name {
            "wallet" | "wallet-2" | "wallet-20" | "wallet-21" | "other" => Role::Wallet,
            _ => Role::Gateway(Forwarding {
                terms: terms(self.fees.get()),
                terms_of: TermsOf(Rc::new(move |_, _| terms(fees.get()))),
                minimum_depth: 1,
                alias: [0; 32],
                addresses: Vec::new(),
                close_lost_after: self.close_lost_after.get(),
                max_htlcs: 483,
                max_dust_sat: 50_000,
            }),
        };
        let silent = Rc::clone(&self.answer_no_channel);
        let accept: amplet_node::AcceptChannel = Rc::new(move |_| match (silent.get(), zero_conf.get()) {
            (true, _) => Acceptance::Unanswered,
            (_, true) => Acceptance::AcceptZeroConf,
            _ => Acceptance::Accept,
        });
        let graph = match role {
            Role::Wallet => GraphSource::Snapshots(vec!["http://gateway".into()]),
            Role::Gateway(_) => GraphSource::gossip(),
        };
        NodeConfig {
            network: Network::Regtest,
            role,
            accept_channel: accept,
            accept_keysend: Rc::new(move |_| !refuse.get()),
            record_forward: Rc::new(move |forward| {
                forwards.borrow_mut().push(*forward);
                None
            }),
            spontaneous_amp: self.spontaneous_amp.get(),
            graph,
            zero_fee_commitments: self.zero_fee_commitments.get(),
            lost: self.lost.borrow().clone(),
            expects_blocks: self.expects_blocks.get(),
        }
    }
}
