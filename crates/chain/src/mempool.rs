//! Unconfirmed deposits, for a user who waits for one.

use amplet_protocol::chain::{MAX_MEMPOOL_BYTES, MAX_MEMPOOL_TXS, mempool_path};
use bitcoin::consensus::Decodable;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{ScriptBuf, Transaction};

use crate::client::Chain;
use crate::{ChainError, SourceError};

impl Chain {
    /// The unconfirmed transactions that pay to one of these scripts, from the first source that shows its mempool: it may
    /// hide some, and show some that will never be in a block. It learns 16 bits of each script's hash. `None`: no source
    /// in good standing shows its mempool (a plain block-dn server does not).
    ///
    /// # Errors
    /// [`ChainError::Sources`] when every source that shows its mempool failed.
    pub async fn unconfirmed(&self, scripts: &[ScriptBuf]) -> Result<Option<Vec<Transaction>>, ChainError> {
        let mut failures = Vec::new();
        let able = |source: &&crate::source::Source| {
            !source.is_banned() && source.last_status().is_some_and(|status| status.shows_mempool)
        };
        for source in self.by_standing().into_iter().filter(able) {
            match self.unconfirmed_from(source, scripts).await {
                Ok(txs) => return Ok(Some(txs)),
                Err(error) => failures.push((source.url().to_string(), error)),
            }
        }
        if failures.is_empty() { Ok(None) } else { Err(ChainError::Sources(failures)) }
    }

    async fn unconfirmed_from(
        &self,
        source: &crate::source::Source,
        scripts: &[ScriptBuf],
    ) -> Result<Vec<Transaction>, SourceError> {
        let mut found: Vec<Transaction> = Vec::new();
        for script in scripts {
            let path = mempool_path(sha256::Hash::hash(script.as_bytes()).to_byte_array());
            let body = source.mempool(&path, MAX_MEMPOOL_BYTES).await?;
            let ours = transactions(&path, &body)?.into_iter().filter(|tx| pays(tx, script));
            for tx in ours {
                if !found.contains(&tx) {
                    found.push(tx);
                }
            }
        }
        Ok(found)
    }
}

fn pays(tx: &Transaction, script: &ScriptBuf) -> bool {
    tx.output.iter().any(|output| output.script_pubkey == *script)
}

fn transactions(path: &str, mut bytes: &[u8]) -> Result<Vec<Transaction>, SourceError> {
    let malformed = |what: String| SourceError::Malformed { path: path.to_string(), what };
    let mut found = Vec::new();
    while !bytes.is_empty() {
        if found.len() == MAX_MEMPOOL_TXS {
            return Err(malformed(format!("more than {MAX_MEMPOOL_TXS} transactions")));
        }
        let tx = Transaction::consensus_decode(&mut bytes).map_err(|e| malformed(e.to_string()))?;
        found.push(tx);
    }
    Ok(found)
}
