//! A regtest chain with real proof of work, mined in memory.

use std::collections::HashMap;

use bitcoin::absolute::LockTime;
use bitcoin::bip158::{BlockFilterWriter, Error};
use bitcoin::block::{Header, Version};
use bitcoin::blockdata::constants::genesis_block;
use bitcoin::hash_types::FilterHeader;
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::opcodes::all::OP_PUSHNUM_1;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, Block, BlockHash, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut,
    WitnessMerkleNode, transaction,
};

use crate::filters::header_of;

/// Time of the first block above genesis, in seconds since the UNIX epoch.
const START: u32 = 1_700_000_000;
/// Seconds between blocks.
const SPACING: u32 = 600;

/// A regtest chain: blocks, their filters and filter headers by height.
#[derive(Clone)]
pub struct TestChain {
    blocks: Vec<Block>,
    filters: Vec<Vec<u8>>,
    filter_headers: Vec<FilterHeader>,
    coins: HashMap<OutPoint, ScriptBuf>,
    /// Places of all blocks by hash, cut ones included.
    places: HashMap<BlockHash, usize>,
    /// Makes the blocks of a fork differ.
    salt: u64,
}

impl Default for TestChain {
    fn default() -> Self {
        let genesis = genesis_block(Network::Regtest);
        let mut chain = Self {
            blocks: Vec::new(),
            filters: Vec::new(),
            filter_headers: Vec::new(),
            coins: HashMap::new(),
            places: HashMap::new(),
            salt: 0,
        };
        chain.push(genesis);
        chain
    }
}

impl TestChain {
    /// The genesis block and `blocks` empty ones above it.
    pub fn new(blocks: u32) -> Self {
        let mut chain = Self::default();
        chain.mine_empty(blocks);
        chain
    }

    /// Mines a block with these transactions, which may spend anything, and returns it.
    pub fn mine(&mut self, txs: Vec<Transaction>) -> Block {
        self.mine_with_fees(txs, 0)
    }

    /// Mines a block whose miner takes `fees_sat` beyond 50 BTC.
    pub fn mine_with_fees(&mut self, txs: Vec<Transaction>, fees_sat: u64) -> Block {
        let height = u32::try_from(self.blocks.len()).unwrap();
        let mut coinbase = self.coinbase(height);
        coinbase.output[0].value += Amount::from_sat(fees_sat);
        let mut txdata = vec![coinbase];
        txdata.extend(txs);
        let mut block = Block {
            header: Header {
                version: Version::from_consensus(0x2000_0000),
                prev_blockhash: self.tip_hash(),
                merkle_root: TxMerkleNode::all_zeros(),
                time: START + SPACING * height,
                bits: genesis_block(Network::Regtest).header.bits,
                nonce: 0,
            },
            txdata,
        };
        commit_to_witnesses(&mut block);
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        mine_header(&mut block.header);
        self.push(block.clone());
        block
    }

    /// Mines `count` blocks with nothing but a coinbase.
    pub fn mine_empty(&mut self, count: u32) {
        for _ in 0..count {
            self.mine(Vec::new());
        }
    }

    /// Drops the newest `depth` blocks; those mined next are different from them.
    pub fn cut(&mut self, depth: usize) {
        let keep = self.blocks.len().saturating_sub(depth).max(1);
        self.blocks.truncate(keep);
        self.filters.truncate(keep);
        self.filter_headers.truncate(keep);
        self.salt += 1;
    }

    /// The same chain, whose future blocks differ from this one's.
    pub fn fork(&self) -> Self {
        Self { salt: self.salt + 1000, ..self.clone() }
    }

    /// Replaces the filter at `height`, and the filter headers from there on accordingly: as a misbehaving server does.
    pub fn forge_filter(&mut self, height: u32, filter: Vec<u8>) {
        let height = usize::try_from(height).unwrap();
        self.filters[height] = filter;
        for h in height..self.filters.len() {
            self.filter_headers[h] = header_of(&self.filters[h], &self.filter_headers[h - 1]);
        }
    }

    /// Height of the newest block.
    pub fn height(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap() - 1
    }

    /// Hash of the newest block.
    pub fn tip_hash(&self) -> BlockHash {
        self.blocks.last().map_or_else(BlockHash::all_zeros, Block::block_hash)
    }

    /// The block at a height.
    pub fn block(&self, height: u32) -> &Block {
        &self.blocks[usize::try_from(height).unwrap()]
    }

    /// The block with this hash, unless it was cut off.
    pub fn find(&self, hash: BlockHash) -> Option<&Block> {
        let block = self.blocks.get(*self.places.get(&hash)?)?;
        (block.block_hash() == hash).then_some(block)
    }

    /// All blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// All filters.
    pub fn filters(&self) -> &[Vec<u8>] {
        &self.filters
    }

    /// All filter headers.
    pub fn filter_headers(&self) -> &[FilterHeader] {
        &self.filter_headers
    }

    /// A filter of a block that leaves out one script, as a misbehaving server makes it.
    pub fn filter_without(&self, height: u32, script: &ScriptBuf) -> Vec<u8> {
        self.filter_of(self.block(height), Some(script), None)
    }

    /// A filter of a block with one script more than it has: no proof refutes it.
    pub fn filter_with(&self, height: u32, script: &ScriptBuf) -> Vec<u8> {
        self.filter_of(self.block(height), None, Some(script))
    }

    fn push(&mut self, block: Block) {
        for tx in &block.txdata {
            let txid = tx.compute_txid();
            for (vout, output) in (0..).zip(&tx.output) {
                self.coins.insert(OutPoint { txid, vout }, output.script_pubkey.clone());
            }
        }
        let filter = self.filter_of(&block, None, None);
        let previous = self.filter_headers.last().copied().unwrap_or_else(FilterHeader::all_zeros);
        self.filter_headers.push(header_of(&filter, &previous));
        self.filters.push(filter);
        self.places.insert(block.block_hash(), self.blocks.len());
        self.blocks.push(block);
    }

    fn filter_of(&self, block: &Block, without: Option<&ScriptBuf>, with: Option<&ScriptBuf>) -> Vec<u8> {
        let mut content = Vec::new();
        let mut writer = BlockFilterWriter::new(&mut content, block);
        let outputs = block.txdata.iter().flat_map(|tx| &tx.output).map(|o| &o.script_pubkey);
        let inputs = block.txdata.iter().skip(1).flat_map(|tx| &tx.input);
        let spent =
            inputs.map(|i| self.coins.get(&i.previous_output).ok_or(Error::UtxoMissing(i.previous_output)));
        let spent: Vec<_> = spent.collect::<Result<_, _>>().expect("the chain knows every coin");
        let scripts = outputs.filter(|s| !s.is_op_return()).chain(spent).chain(with);
        scripts.filter(|s| Some(*s) != without).for_each(|s| writer.add_element(s.as_bytes()));
        writer.finish().expect("writing into memory");
        content
    }

    fn coinbase(&self, height: u32) -> Transaction {
        let script_sig =
            Builder::new().push_int(i64::from(height)).push_int(i64::try_from(self.salt).unwrap());
        Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { script_sig: script_sig.push_int(0).into_script(), ..TxIn::default() }],
            output: vec![TxOut { value: Amount::from_int_btc(50), script_pubkey: anyone_can_spend() }],
        }
    }
}

/// Adds the witness commitment of BIP 141, as miners do.
fn commit_to_witnesses(block: &mut Block) {
    if block.txdata.iter().all(|tx| tx.input.iter().all(|i| i.witness.is_empty())) {
        return;
    }
    block.txdata[0].input[0].witness.push([0; 32]);
    let root: WitnessMerkleNode = block.witness_root().unwrap();
    let commitment = sha256d::Hash::hash(&[root.to_byte_array(), [0; 32]].concat());
    let mut script = vec![0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    script.extend(commitment.as_byte_array());
    let output = TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(script) };
    block.txdata[0].output.push(output);
}

/// Finds a nonce (two tries on average: regtest).
fn mine_header(header: &mut Header) {
    while !header.target().is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
}

/// A script that needs no key.
pub fn anyone_can_spend() -> ScriptBuf {
    Builder::new().push_opcode(OP_PUSHNUM_1).into_script()
}

/// A transaction that spends `inputs` and pays to `outputs`, 1000 sat each; nothing is signed.
pub fn pay_to(inputs: &[OutPoint], outputs: &[ScriptBuf]) -> Transaction {
    let input = inputs.iter().map(|previous_output| TxIn {
        previous_output: *previous_output,
        sequence: Sequence::MAX,
        ..TxIn::default()
    });
    let output = outputs
        .iter()
        .map(|script_pubkey| TxOut { value: Amount::from_sat(1000), script_pubkey: script_pubkey.clone() });
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: input.collect(),
        output: output.collect(),
    }
}
