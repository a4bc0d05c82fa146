//! Backups of wallets: what they are stored in, and the door to them.

mod client;
mod cluster;
mod door;
mod killed;
mod limits;
mod published;
mod stores;
mod tls;
