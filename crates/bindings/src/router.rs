//! The router's evaluation program in wasm: the twin of `crates/router/examples/plan.rs`, run in Node and Chromium by
//! `cargo xtask bench`. No page loads it.

use amplet_router::Mode;
use amplet_router::evaluation::{Evaluation, Host};
use js_sys::Function;
use wasm_bindgen::prelude::*;

/// Services of the embedding JavaScript: files and a clock.
struct JsHost {
    read: Function,
    now: Function,
}

impl Host for JsHost {
    fn read(&mut self, path: &str) -> Result<String, String> {
        let text = self.read.call1(&JsValue::NULL, &path.into());
        text.ok().and_then(|text| text.as_string()).ok_or_else(|| format!("{path}: cannot be read"))
    }

    fn cpu_ms(&mut self) -> f64 {
        self.now.call0(&JsValue::NULL).ok().and_then(|ms| ms.as_f64()).unwrap_or(f64::NAN)
    }
}

/// The program: a line in, a line out.
#[wasm_bindgen]
pub struct RouterEvaluation {
    evaluation: Evaluation,
    host: JsHost,
}

#[wasm_bindgen]
impl RouterEvaluation {
    /// `read(path)` returns the text of a file or throws, `now()` returns milliseconds spent so far.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(read: Function, now: Function) -> Self {
        Self { evaluation: Evaluation::new(Mode::Balanced), host: JsHost { read, now } }
    }

    /// Responds to one line of the evaluation's protocol.
    pub fn answer(&mut self, line: &str) -> String {
        self.evaluation.respond(line, &mut self.host)
    }
}
