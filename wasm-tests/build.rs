//! Records, in native code, the conversation that `tests/router.rs` repeats in wasm: no frozen file that each change of the
//! planner would have to renew.

use amplet_router::csv;
use amplet_router::evaluation::{self, Host, converse};
use std::error::Error;
use std::path::PathBuf;

const GRAPH: &str = "graph.csv";
const AMOUNTS_SAT: [u64; 4] = [1, 10_000, 1_000_000, 10_000_000];

struct Recording(String);

impl Host for Recording {
    fn read(&mut self, _: &str) -> Result<String, String> {
        Ok(self.0.clone())
    }

    /// Times would differ; all else must not.
    fn cpu_ms(&mut self) -> f64 {
        0.0
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    // Elsewhere nothing of this package exists.
    if std::env::var("CARGO_CFG_TARGET_ARCH")? != "wasm32" {
        return Ok(());
    }
    let text = evaluation::csv(400, 2400, 11);
    let graph = csv::read(&text)?.graph;
    let pairs = evaluation::pairs(&graph, 8, 3);
    let lines = converse(&mut Recording(text.clone()), GRAPH, &pairs, &AMOUNTS_SAT);
    let recorded: String = lines.iter().flat_map(|line| [&line.question, "\n", &line.answer, "\n"]).collect();
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(folder.join(GRAPH), text)?;
    std::fs::write(folder.join("conversation.jsonl"), recorded)?;
    Ok(())
}
