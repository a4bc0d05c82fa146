//! The harness's chain, with a real bitcoind.
#![allow(clippy::unwrap_used)]

use serde_json::json;
use xtask::cache::Cache;
use xtask::regtest::bitcoind::Bitcoind;
use xtask::tools;

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

#[test]
fn blocks_money_and_reorganisations() {
    let daemon = tools::bitcoind::ensure(&Cache::open().unwrap(), 2).unwrap();
    let folder = std::env::temp_dir().join(format!("xtask-bitcoind-{}", std::process::id()));
    let chain = Bitcoind::start(&daemon, &folder).unwrap();
    let height = chain.height().unwrap();

    // Money arrives, several times between two blocks.
    let ids: Vec<String> = (0..5).map(|_| chain.fund(ADDRESS, 1_234_567).unwrap()).collect();
    assert_eq!(chain.waiting().unwrap(), 5);
    assert_eq!(chain.mine(2).unwrap(), height + 2);
    assert_eq!(chain.waiting().unwrap(), 0);
    let paid = chain.call("gettxout", &json!([ids[0], 0])).unwrap();
    assert_eq!(paid["value"].to_string(), "0.01234567");

    // Reorganised with the same transactions: still confirmed, in another block.
    let tip = chain.call("getbestblockhash", &json!([])).unwrap();
    assert_eq!(chain.reorg(3, 4, false).unwrap(), height + 3);
    assert!(!chain.call("gettxout", &json!([ids[0], 0, false])).unwrap().is_null());
    assert_ne!(chain.call("getblockhash", &json!([height + 2])).unwrap(), tip);

    // Reorganised without them, twice: waiting again.
    for depth in [4, 5] {
        chain.reorg(depth, depth + 1, true).unwrap();
        assert_eq!(chain.waiting().unwrap(), 5);
    }

    // What cannot be is refused.
    assert!(chain.reorg(2, 2, false).unwrap_err().to_string().contains("outweigh"));
    assert!(chain.reorg(100_000, 100_001, false).unwrap_err().to_string().contains("depth"));
    assert!(chain.fund("bc1nonsense", 1000).is_err());
    assert!(chain.fund(ADDRESS, u64::MAX / 2).unwrap_err().to_string().contains("mine blocks first"));

    drop(chain);
    std::fs::remove_dir_all(folder).unwrap();
}
