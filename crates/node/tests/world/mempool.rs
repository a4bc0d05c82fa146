//! The policy of a mempool, as far as it decides about wallets: fees, replacements, packages.

use amplet_chain::testing::TestChain;
use amplet_node::bitcoin::{OutPoint, Transaction};

/// Minimum relay fee, in sat per 1000 vB.
const MIN_RELAY_SAT_PER_KVB: u64 = 1_000;

/// Takes a package, parents first, or a single transaction; otherwise the reason in Bitcoin Core's words.
pub fn accept(
    chain: &TestChain,
    mempool: &mut Vec<Transaction>,
    package: &[Transaction],
) -> Result<(), String> {
    let mined = |tx: &Transaction| chain.blocks().iter().any(|block| block.txdata.contains(tx));
    let news: Vec<&Transaction> = package.iter().filter(|tx| !mempool.contains(tx) && !mined(tx)).collect();
    if news.is_empty() {
        return Err("Transaction already in block chain".to_owned());
    }
    let mut pool = mempool.clone();
    for tx in &news {
        // Whatever spends a coin that a block spent is refused, the same transaction included.
        if chain.blocks().iter().flat_map(|block| &block.txdata).any(|other| conflict(tx, other)) {
            return Err("bad-txns-inputs-missingorspent".to_owned());
        }
        let replaced: Vec<Transaction> =
            pool.iter().filter(|other| conflict(tx, other) && !package.contains(other)).cloned().collect();
        let old = replaced.iter().map(|old| fee(chain, &pool, old)).sum::<Option<u64>>();
        let mut with = pool.clone();
        with.extend(news.iter().map(|tx| (*tx).clone()));
        let new = news.iter().map(|tx| fee(chain, &with, tx)).sum::<Option<u64>>();
        if !replaced.is_empty() && new <= old {
            return Err(format!("insufficient fee, rejecting replacement {}", tx.compute_txid()));
        }
        replaced.iter().for_each(|old| drop_with_children(&mut pool, old));
    }
    let mut with = pool.clone();
    with.extend(news.iter().map(|tx| (*tx).clone()));
    let Some(paid) = news.iter().map(|tx| fee(chain, &with, tx)).sum::<Option<u64>>() else {
        return Err("bad-txns-inputs-missingorspent".to_owned());
    };
    let size: u64 = news.iter().map(|tx| tx.vsize() as u64).sum();
    if paid * 1_000 < size * MIN_RELAY_SAT_PER_KVB {
        return Err(format!("min relay fee not met, {paid} < {size}"));
    }
    *mempool = with;
    Ok(())
}

fn conflict(one: &Transaction, other: &Transaction) -> bool {
    one.input.iter().any(|a| other.input.iter().any(|b| a.previous_output == b.previous_output))
}

fn drop_with_children(pool: &mut Vec<Transaction>, tx: &Transaction) {
    let id = tx.compute_txid();
    pool.retain(|other| other.compute_txid() != id);
    let spends = |other: &&Transaction| other.input.iter().any(|input| input.previous_output.txid == id);
    let children: Vec<Transaction> = pool.iter().filter(spends).cloned().collect();
    children.iter().for_each(|child| drop_with_children(pool, child));
}

/// `None`: a coin that it spends is unknown.
fn fee(chain: &TestChain, pool: &[Transaction], tx: &Transaction) -> Option<u64> {
    let value = |coin: OutPoint| {
        let mined = chain.blocks().iter().flat_map(|block| &block.txdata);
        let parent = mined.chain(pool).find(|tx| tx.compute_txid() == coin.txid)?;
        Some(parent.output.get(coin.vout as usize)?.value.to_sat())
    };
    let inputs = tx.input.iter().map(|input| value(input.previous_output)).sum::<Option<u64>>()?;
    inputs.checked_sub(tx.output.iter().map(|output| output.value.to_sat()).sum())
}

/// A commitment, by its obscured number (BOLT 3).
pub fn is_commitment(tx: &Transaction) -> bool {
    tx.lock_time.to_consensus_u32() >> 24 == 0x20
}
