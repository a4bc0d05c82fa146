//! Strangers who mean harm: they hold connections, requests and memory, and answer what they should not.

mod admin;
mod chain;
mod connections;
mod sites;
mod upstream;
