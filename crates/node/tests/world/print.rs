//! The nodes' log, for whoever debugs a test.

/// Prints what the nodes log, at the level that `AMPLET_LOG` names (`debug`, `info`, ..).
struct Printer;

impl log::Log for Printer {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }
    fn log(&self, record: &log::Record) {
        eprintln!("{:5} {}", record.level(), record.args());
    }
    fn flush(&self) {}
}

/// Switches it on where `AMPLET_LOG` asks for it.
pub(super) fn print_log() {
    if let Some(level) = std::env::var("AMPLET_LOG").ok().and_then(|level| level.parse().ok()) {
        // Set by an earlier test of this process: the same one.
        let _ = log::set_logger(&Printer);
        log::set_max_level(level);
    }
}
