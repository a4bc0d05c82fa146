//! A look ahead: whether coins are spent in blocks that no listener has read yet.

use std::cell::RefCell;

use bitcoin::block::Header;
use bitcoin::{Block, OutPoint, ScriptBuf};

use crate::client::Chain;
use crate::{BlockId, BlockListener, ChainError, Position, SyncError, Tip, WatchSet};

/// Coins, and those of them that were found spent.
struct Coins<'a> {
    all: &'a [(OutPoint, ScriptBuf)],
    spent: RefCell<Vec<OutPoint>>,
}

impl BlockListener for Coins<'_> {
    fn block_connected(&self, block: &Block, _: u32) {
        let inputs = block.txdata.iter().flat_map(|tx| &tx.input).map(|input| input.previous_output);
        let ours = inputs.filter(|spent| self.all.iter().any(|(coin, _)| coin == spent));
        self.spent.borrow_mut().extend(ours);
    }

    fn filtered_block_connected(&self, _: &Header, _: u32) {}

    fn blocks_disconnected(&self, _: BlockId) {}
}

impl WatchSet for Coins<'_> {
    fn scripts(&self) -> Vec<ScriptBuf> {
        self.all.iter().map(|(_, script)| script.clone()).collect()
    }

    fn revision(&self) -> u64 {
        0
    }
}

impl Chain {
    /// Those of `coins`, given with their output scripts, that are spent in the blocks after `from` up to `to`. No listener reads
    /// those blocks by it.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub async fn spent_ahead(
        &self,
        from: &Position,
        to: &Tip,
        coins: &[(OutPoint, ScriptBuf)],
    ) -> Result<Vec<OutPoint>, ChainError> {
        let coins = Coins { all: coins, spent: RefCell::default() };
        let walked = self.walk(from.clone(), *to, &coins, &coins, None, &mut |_| {}).await;
        walked.map_err(|SyncError { error, .. }| error)?;
        Ok(coins.spent.into_inner())
    }
}
