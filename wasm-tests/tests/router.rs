//! The router's plans in wasm equal those it makes natively: a conversation recorded by `build.rs`, repeated to the letter.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

use amplet_router::evaluation::{Evaluation, Host};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

struct Recorded;

impl Host for Recorded {
    fn read(&mut self, _: &str) -> Result<String, String> {
        Ok(include_str!(concat!(env!("OUT_DIR"), "/graph.csv")).into())
    }

    fn cpu_ms(&mut self) -> f64 {
        0.0
    }
}

#[wasm_bindgen_test]
fn plans_are_those_of_native_code() {
    let mut evaluation = Evaluation::default();
    let mut lines = include_str!(concat!(env!("OUT_DIR"), "/conversation.jsonl")).lines();
    let (mut plans, mut refusals) = (0, 0);
    while let (Some(question), Some(answer)) = (lines.next(), lines.next()) {
        assert_eq!(evaluation.respond(question, &mut Recorded), answer, "{question}");
        plans += usize::from(answer.contains("\"parts\""));
        refusals += usize::from(answer.contains("no_route"));
    }
    assert!(plans >= 50, "only {plans} plans and {refusals} refusals were compared");
}
