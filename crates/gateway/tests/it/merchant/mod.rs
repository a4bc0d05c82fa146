//! The API for sites, on a real network: invoices that are paid, payments within limits, webhooks, restarts.

mod document;
mod invoices;
pub mod network;
mod payments;
mod sessions;
mod strangers;
mod webhooks;
