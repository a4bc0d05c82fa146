//! Unconfirmed deposits, for a user who waits for one.

use std::collections::BTreeSet;

use amplet_protocol::chain::{MAX_MEMPOOL_BYTES, MAX_MEMPOOL_TXS, mempool_path};
use bitcoin::consensus::Decodable;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{ScriptBuf, Transaction};

use crate::client::Chain;
use crate::gather::gather;
use crate::source::Source;
use crate::{ChainError, SourceError};

/// An unconfirmed transaction and who shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTransaction {
    /// The transaction.
    pub tx: Transaction,
    /// Number of operators whose mempool holds it.
    pub operators: u32,
}

/// A look into the sources' mempools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The transactions that one of them shows.
    pub found: Vec<SeenTransaction>,
    /// True if every source that shows its mempool responded: what was not found is then in none of them.
    pub complete: bool,
}

impl Chain {
    /// The unconfirmed transactions that pay to one of these scripts, from all sources that show their mempool: one may hide
    /// some, and show some that will never be in a block. Each learns 16 bits of each script's hash. `None`: no source
    /// in good standing shows its mempool (a plain block-dn server does not).
    ///
    /// # Errors
    /// [`ChainError::Sources`] when every source that shows its mempool failed.
    pub async fn unconfirmed(&self, scripts: &[ScriptBuf]) -> Result<Option<Unconfirmed>, ChainError> {
        let able = |source: &&Source| {
            !source.is_banned() && source.last_status().is_some_and(|status| status.shows_mempool)
        };
        let able: Vec<&Source> = self.by_standing().into_iter().filter(able).collect();
        if able.is_empty() {
            return Ok(None);
        }
        let looks = able.iter().map(|source| self.unconfirmed_from(source, scripts));
        let results = gather(&*self.platform, looks, Result::is_ok).await;
        let (mut seen, mut failures): (Vec<(Transaction, BTreeSet<&str>)>, _) = (Vec::new(), Vec::new());
        for (source, result) in able.iter().zip(results) {
            match result.unwrap_or(Err(SourceError::Late)) {
                Ok(txs) => txs.into_iter().for_each(|tx| add(&mut seen, tx, source.operator())),
                Err(error) => failures.push((source.url().to_string(), error)),
            }
        }
        if failures.len() == able.len() {
            return Err(ChainError::Sources(failures));
        }
        let found = seen.into_iter().map(|(tx, operators)| SeenTransaction {
            tx,
            operators: u32::try_from(operators.len()).unwrap_or(u32::MAX),
        });
        Ok(Some(Unconfirmed { found: found.collect(), complete: failures.is_empty() }))
    }

    async fn unconfirmed_from(
        &self,
        source: &Source,
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

fn add<'a>(seen: &mut Vec<(Transaction, BTreeSet<&'a str>)>, tx: Transaction, operator: &'a str) {
    match seen.iter_mut().find(|(known, _)| *known == tx) {
        Some((_, operators)) => {
            operators.insert(operator);
        }
        None => seen.push((tx, BTreeSet::from([operator]))),
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
