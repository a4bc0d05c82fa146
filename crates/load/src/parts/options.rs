//! What is to be paid, and to whom.

use std::path::PathBuf;

use serde::Deserialize;

use crate::admin::Admin;

/// The second argument, as JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// The gateways, each of which opens a channel to the wallet.
    pub gateways: Vec<Gateway>,
    /// Whoever is paid.
    pub payee: Admin,
    /// Numbers of parts, of a payment each.
    pub parts: Vec<u32>,
    /// Amount of a part, in msat.
    pub part_msat: u64,
    /// Capacity of each channel, in sat; all of it but what a reserve takes is the wallet's.
    pub capacity_sat: u64,
    /// The wallet's database.
    pub database: PathBuf,
}

/// A gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// `<node id>@<WebSocket URL>`.
    pub address: String,
    /// Base URL of its chain API.
    pub chain_url: String,
    /// Its admin API.
    pub admin: Admin,
}
