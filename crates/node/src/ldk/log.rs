//! LDK's log lines, handed to the `log` crate (feature `ldk-log`).

use lightning::util::logger::{Logger, Record};

/// Forwards LDK's records; gossip-level noise is dropped.
pub struct Log;

#[cfg(not(feature = "ldk-log"))]
impl Logger for Log {
    fn log(&self, _: Record) {}
}

#[cfg(feature = "ldk-log")]
impl Logger for Log {
    fn log(&self, record: Record) {
        use lightning::util::logger::Level;
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
