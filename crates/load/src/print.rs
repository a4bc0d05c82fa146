//! What is printed: a line of JSON for each thing measured.

use serde::Serialize;

/// A line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// How far it is, for who waits.
    Progress(String),
    /// A wish: that so many blocks are mined.
    Mine(u32),
    /// Memory of the gateway before and with WebSockets that say nothing.
    #[serde(rename_all = "camelCase")]
    Memory {
        /// Bytes before.
        before_bytes: u64,
        /// Bytes with them.
        with_bytes: u64,
        /// Connections that it counted more.
        connections: u64,
    },
    /// A phase in which wallets paid.
    Phase(Phase),
    /// Memory over the time of a soak: seconds since its start, bytes.
    Soak(Vec<(f64, u64)>),
    /// What became of all payments.
    Audit(Audit),
}

/// What happened in a phase.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Its name.
    pub name: &'static str,
    /// Its duration.
    pub seconds: f64,
    /// Milliseconds of each payment that succeeded.
    pub latencies_ms: Vec<f64>,
    /// Payments that did not succeed at once.
    pub others: usize,
    /// WebSockets that said nothing: open on average.
    pub idle: f64,
    /// How many came again, a second.
    pub idle_again: f64,
    /// Connections of those who mean harm: open on average.
    pub hostile: f64,
    /// How many came again, a second.
    pub hostile_again: f64,
    /// Seconds of processor time that the gateway took.
    pub gateway_cpu: f64,
    /// The same of this program.
    pub load_cpu: f64,
}

/// All payments, looked at from both sides.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Payments that were begun.
    pub payments: usize,
    /// Those that both sides call succeeded.
    pub succeeded: usize,
    /// Those that the payer calls failed, and the payee did not get.
    pub failed: usize,
    /// A few of those that failed, with the reason.
    pub failures: Vec<String>,
    /// Those on which both sides do not agree, or that one has not decided.
    pub differing: Vec<String>,
    /// What all wallets have less than at the start, and did not pay as fees, in msat.
    pub missing_msat: i64,
    /// Fees that the wallets paid, in msat.
    pub fees_msat: i64,
    /// What the gateway has more in its channels, in msat.
    pub earned_msat: i64,
    /// Bytes that the gateway had written to the disk while they paid.
    pub written_bytes: u64,
}

/// Prints a line.
pub fn print(line: &Line) {
    match serde_json::to_string(line) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("a line cannot be printed: {error}"),
    }
}

/// Prints how far it is.
pub fn progress(text: impl Into<String>) {
    print(&Line::Progress(text.into()));
}
