//! Structured logs on standard error: as text for an operator, or one JSON object per line.

use std::sync::OnceLock;

use tracing::Level;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogSection};

/// Libraries whose chatter helps nobody below a warning.
const QUIET: [&str; 6] = ["hyper", "hyper_util", "rustls", "tungstenite", "tokio_tungstenite", "h2"];

/// Changes the level of what is written.
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Sends everything that this process logs to standard error from now on. Called once, by `main`.
pub fn start(config: &LogSection) {
    let (filter, handle) = reload::Layer::new(filter(config.level));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => {
            registry.with(lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).init();
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    // It is there already only if this was called before.
    let _ = LEVEL.set(handle);
}

/// Sets the level of what is written from now on.
pub fn set_level(level: Level) {
    if let Some(handle) = LEVEL.get() {
        // It fails when the subscriber is gone, and the process with it.
        let _ = handle.reload(filter(level));
        log::set_max_level(as_log(level));
    }
}

fn as_log(level: Level) -> log::LevelFilter {
    match level {
        Level::ERROR => log::LevelFilter::Error,
        Level::WARN => log::LevelFilter::Warn,
        Level::INFO => log::LevelFilter::Info,
        Level::DEBUG => log::LevelFilter::Debug,
        Level::TRACE => log::LevelFilter::Trace,
    }
}

fn filter(level: Level) -> Targets {
    let quiet = if level == Level::ERROR { LevelFilter::ERROR } else { LevelFilter::WARN };
    // LDK logs every route and every block at info.
    let ldk = if level == Level::INFO { LevelFilter::WARN } else { LevelFilter::from_level(level) };
    let quiet = QUIET.map(|target| (target, quiet));
    Targets::new().with_default(level).with_targets(quiet).with_target("ldk", ldk)
}
