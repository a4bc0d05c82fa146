//! Hooks of the host beside the engine's responses: log lines, and a trap.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::*;

/// Maximum log level; `node` never logs secrets, invoices or addresses.
const LEVEL: log::LevelFilter = log::LevelFilter::Info;

struct Hooks {
    log: Function,
    crashed: Function,
}

thread_local! {
    static HOOKS: RefCell<Option<Hooks>> = const { RefCell::new(None) };
}

/// Starts to call `log` with each line, and `crashed`, once, when the engine has trapped: no export may be called after.
#[wasm_bindgen]
pub fn start(log: Function, crashed: Function) {
    HOOKS.with(|hooks| hooks.replace(Some(Hooks { log, crashed })));
    // Builds whose panics abort at once never get to the panic's message; the others report it.
    std::panic::set_hook(Box::new(|panic| line(&format!("ERROR {panic}"))));
    wasm_bindgen::handler::set_on_abort(aborted);
    if log::set_logger(&HostLogger).is_ok() {
        log::set_max_level(LEVEL);
    }
}

struct HostLogger;

impl log::Log for HostLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= LEVEL
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            line(&format!("{} {}: {}", record.level(), record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

fn line(text: &str) {
    with(|hooks| drop(hooks.log.call1(&JsValue::NULL, &JsValue::from_str(text))));
}

fn aborted() {
    with(|hooks| drop(hooks.crashed.call0(&JsValue::NULL)));
}

fn with(work: impl FnOnce(&Hooks)) {
    HOOKS.with(|hooks| {
        if let Ok(hooks) = hooks.try_borrow()
            && let Some(hooks) = hooks.as_ref()
        {
            work(hooks);
        }
    });
}
