//! LDK's log lines, handed to the `log` crate.

use lightning::util::logger::{Level, Logger, Record};

/// Forwards LDK's records; gossip-level noise is dropped.
pub struct Log;

impl Logger for Log {
    fn log(&self, record: Record) {
        let level = match record.level {
            Level::Gossip => return,
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log!(target: "ldk", level, "{} ({}:{})", record.args, record.module_path, record.line);
    }
}
