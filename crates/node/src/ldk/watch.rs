//! Scripts to look for in blocks: the on-chain wallet's, those that LDK registers, and those of lost installations.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use amplet_chain::WatchSet;
use bitcoin::{Script, ScriptBuf, Txid};
use lightning::chain::{Filter, WatchedOutput};

use crate::ldk::bdk::OnchainWallet;
use crate::ldk::lost::LostChannels;

/// The growing set. Scripts are never dropped while the node runs; a restart begins with what is still of interest.
pub struct Watch {
    registered: Mutex<BTreeSet<ScriptBuf>>,
    onchain: Arc<OnchainWallet>,
    lost: Arc<LostChannels>,
}

impl Watch {
    /// With the on-chain wallet's scripts, those of lost installations, and none of LDK's yet.
    pub(crate) fn new(onchain: Arc<OnchainWallet>, lost: Arc<LostChannels>) -> Self {
        Self { registered: Mutex::default(), onchain, lost }
    }

    /// Returns whether LDK registered a script.
    pub fn contains(&self, script: &Script) -> bool {
        self.registered().contains(script)
    }

    fn registered(&self) -> MutexGuard<'_, BTreeSet<ScriptBuf>> {
        self.registered.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Filter for Watch {
    fn register_tx(&self, _txid: &Txid, script_pubkey: &Script) {
        self.registered().insert(script_pubkey.to_owned());
    }

    fn register_output(&self, output: WatchedOutput) {
        self.registered().insert(output.script_pubkey);
    }
}

impl WatchSet for Watch {
    fn scripts(&self) -> Vec<ScriptBuf> {
        let (mut scripts, _) = self.onchain.scripts();
        scripts.extend(self.registered().iter().cloned());
        self.lost.add_scripts(&mut scripts);
        scripts
    }

    fn revision(&self) -> u64 {
        // All parts only grow, so their sum changes whenever one does.
        let others = self.registered().len() as u64;
        self.onchain.revision().wrapping_add(others).wrapping_add(self.lost.revision())
    }
}
