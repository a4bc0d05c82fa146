//! Conversations with the evaluation program, generated from its responses: recorded natively and repeated where the program
//! runs in another form.

use super::{Evaluation, Host};
use crate::graph::NodeId;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

/// A request and its response.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The request.
    pub question: String,
    /// The response.
    pub answer: String,
}

/// Rounds of a payment: the first plan and two more.
const ROUNDS: usize = 3;

/// Opens the graph at `path`, measures it, and pays each amount (in sat) over each pair, in three rounds. Of
/// the parts a third arrive and two thirds fail, each at another hop.
pub fn converse(host: &mut impl Host, path: &str, pairs: &[[NodeId; 2]], amounts_sat: &[u64]) -> Vec<Line> {
    let mut evaluation = Evaluation::default();
    let mut lines = Vec::new();
    let mut ask = |question: Value| {
        let question = question.to_string();
        let answer = evaluation.respond(&question, host);
        let read = serde_json::from_str::<Value>(&answer).unwrap_or_default();
        lines.push(Line { question, answer });
        read
    };
    ask(json!({ "open": { "graph": path } }));
    ask(json!({ "measure": {} }));
    for &amount_sat in amounts_sat {
        for (index, [source, destination]) in pairs.iter().enumerate() {
            let id = alloc::format!("{amount_sat}-{index}");
            let mut answer = ask(payment(&id, [source, destination], amount_sat));
            for round in 1..ROUNDS {
                let Some(parts) = answer.get("parts").and_then(Value::as_array) else { break };
                let results: Vec<Value> = parts
                    .iter()
                    .enumerate()
                    .map(|(place, part)| outcome(part, index + place + round))
                    .collect();
                answer = ask(json!({ "result": { "id": id, "parts": results } }));
            }
            ask(json!({ "abandon": { "id": id } }));
        }
    }
    lines
}

fn payment(id: &str, [source, destination]: [&NodeId; 2], amount_sat: u64) -> Value {
    let amount_msat = amount_sat.saturating_mul(1000);
    json!({ "pay": {
        "id": id,
        "sources": [source.to_string()],
        "destination": destination.to_string(),
        "amount_msat": amount_msat,
        "max_fee_msat": amount_msat / 100 + 50_000,
        "final_cltv": 18,
        "max_cltv": 1008,
    } })
}

fn outcome(part: &Value, number: usize) -> Value {
    let hops = part.get("hops").and_then(Value::as_array).map_or(0, Vec::len);
    if hops == 0 || number.is_multiple_of(3) {
        json!({ "ok": true })
    } else {
        json!({ "ok": false, "failed_hop": number % hops })
    }
}
