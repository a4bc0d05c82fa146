//! The API for sites, on a real network: invoices that are paid, payments within limits, webhooks, restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod document;
mod invoices;
mod payments;
mod sessions;
mod strangers;
mod town;
mod webhooks;
