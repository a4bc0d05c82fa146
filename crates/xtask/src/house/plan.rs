//! The plan of the house: which rooms a crate or package has, and which stands on which.

/// A crate or package whose rooms are checked.
pub struct Plan {
    /// Its folder in the repository: a crate's, or that of a package's sources.
    pub folder: &'static str,
    /// Its rooms (top-level modules, or folders) from the lowest floor up: a room imports only from floors below its own,
    /// and each room has its place. Empty: any order without a circle.
    pub floors: &'static [&'static [&'static str]],
}

const fn any_order(folder: &'static str) -> Plan {
    Plan { folder, floors: &[] }
}

/// Crates.
pub const CRATES: &[Plan] = &[
    Plan {
        folder: "crates/node",
        floors: &[
            &["notify"],
            &["config"],
            &["ldk"],
            &["base"],
            &["ledger"],
            &["peers", "onchain", "channels"],
            &["graph"],
            &["payments"],
            &["watchtower"],
            &["runtime"],
            &["open"],
            &["node"],
        ],
    },
    any_order("crates/amp"),
    any_order("crates/bindings"),
    any_order("crates/budget"),
    any_order("crates/chain"),
    any_order("crates/exit"),
    any_order("crates/fuzz"),
    Plan { folder: "crates/gateway", floors: GATEWAY },
    any_order("crates/instructions"),
    any_order("crates/interop"),
    any_order("crates/load"),
    any_order("crates/protocol"),
    any_order("crates/router"),
    any_order("crates/storage"),
    any_order("crates/transport"),
    any_order("crates/vss"),
    Plan { folder: "crates/wallet", floors: WALLET },
    any_order("crates/xtask"),
];

const GATEWAY: &[&[&str]] = &[
    &["config", "limits"],
    &["desk", "logging"],
    &["cli", "node"],
    &["admin_client", "http", "init"],
    &["channels", "fees", "forwards", "keys", "run", "tokens"],
    &["check"],
];

const WALLET: &[&[&str]] = &[
    &["convert", "ctx", "response"],
    &["errors"],
    &["gateways", "identity"],
    &["backup"],
    &["actions"],
    &["open", "page"],
    &["wallet"],
];

/// Packages: sources in TypeScript.
pub const PACKAGES: &[Plan] = &[
    Plan { folder: "pkg/src", floors: PKG },
    Plan { folder: "ui/src", floors: UI },
    any_order("extension/src"),
];

const PKG: &[&[&str]] =
    &[&["base"], &["link"], &["engine"], &["platform"], &["wallet"], &["sites"], &["entries"]];

const UI: &[&[&str]] = &[
    &["paraglide"],
    &["text"],
    &["app"],
    &["base"],
    &["form"],
    &["budgets", "channels", "payments", "settings", "shell"],
    &["screens"],
    &["entries"],
];
