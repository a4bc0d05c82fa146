//! The evaluation program: one line of JSON for each line, even for an invalid one.

use crate::making::{amount, damage};
use amplet_router::csv;
use amplet_router::evaluation::{self, Dice, Evaluation, Host};
use serde_json::{Value, json};

struct Files(String);

impl Host for Files {
    fn read(&mut self, path: &str) -> Result<String, String> {
        if path == "graph" { Ok(self.0.clone()) } else { Err("not there".into()) }
    }

    fn cpu_ms(&mut self) -> f64 {
        0.0
    }
}

pub fn run(dice: &mut Dice) {
    let text = evaluation::csv(2 + dice.below(40) as u32, dice.below(200) as u32, dice.roll());
    let graph = csv::read(&text).map(|loaded| loaded.graph).unwrap_or_else(|error| panic!("{error}"));
    let mut files = Files(text);
    let mut evaluation = Evaluation::default();
    let mut last = Value::Null;
    for _ in 0..60 {
        let nodes: Vec<String> = graph.nodes().iter().map(ToString::to_string).collect();
        let mut line = question(dice, &nodes, &last).to_string().into_bytes();
        if dice.below(4) == 0 {
            damage(dice, &mut line);
        }
        let answer = evaluation.respond(&String::from_utf8_lossy(&line), &mut files);
        assert!(!answer.contains('\n'), "{answer}");
        last = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        let known = ["ready", "parts", "done", "nodes", "error"].iter().filter(|key| last.get(key).is_some());
        assert_eq!(known.count(), 1, "{answer}");
    }
}

fn question(dice: &mut Dice, nodes: &[String], last: &Value) -> Value {
    match dice.below(8) {
        0 => json!({ "open": { "graph": if dice.below(4) > 0 { "graph" } else { "elsewhere" } } }),
        1 => json!({ "abandon": { "id": dice.below(2).to_string() } }),
        2 => json!({ "measure": {} }),
        3 | 4 => {
            let count = last.get("parts").and_then(Value::as_array).map_or(dice.below(3) as usize, Vec::len);
            let part = |_| match dice.below(3) {
                0 => json!({ "ok": true }),
                1 => json!({ "ok": false, "failed_hop": dice.below(3) }),
                _ => json!({ "ok": false, "failed_hop": amount(dice) }),
            };
            let parts: Vec<Value> = (0..count).map(part).collect();
            json!({ "result": { "id": dice.below(2).to_string(), "parts": parts } })
        }
        _ => json!({ "pay": {
            "id": dice.below(2).to_string(),
            "sources": (0..dice.below(4)).map(|_| node(dice, nodes)).collect::<Vec<_>>(),
            "destination": node(dice, nodes),
            "amount_msat": amount(dice),
            "max_fee_msat": amount(dice),
            "final_cltv": amount(dice) as u32,
            "max_cltv": amount(dice) as u32,
        } }),
    }
}

fn node(dice: &mut Dice, nodes: &[String]) -> String {
    match nodes.get(dice.below(nodes.len() as u64 + 1) as usize) {
        Some(node) => node.clone(),
        None => "02".repeat(33),
    }
}
