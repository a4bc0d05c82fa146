//! Structured logs on standard error: as text for an operator, or one JSON object per line.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogSection};

/// Libraries whose chatter helps nobody below a warning.
const QUIET: [&str; 6] = ["hyper", "hyper_util", "rustls", "tungstenite", "tokio_tungstenite", "h2"];

/// Sends everything that this process logs to standard error from now on. Called once, by `main`.
pub fn start(config: &LogSection) {
    let level = LevelFilter::from_level(config.level);
    let quiet = if config.level == Level::ERROR { LevelFilter::ERROR } else { LevelFilter::WARN };
    // LDK logs every route and every block at info.
    let ldk = if config.level == Level::INFO { LevelFilter::WARN } else { level };
    let quiet = QUIET.map(|target| (target, quiet));
    let filter = Targets::new().with_default(level).with_targets(quiet).with_target("ldk", ldk);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => {
            registry.with(lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).init();
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
}
