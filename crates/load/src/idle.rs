//! WebSockets that say nothing, as a wallet's whose tab sleeps: they answer pings, and come again when the gateway hangs up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::counts::Counts;
use crate::door::{Network, WebSocket, client};
use crate::random::random;

/// WebSockets of one client: a household.
const PER_CLIENT: usize = 10;
/// Time between the first openings of two.
const APART: Duration = Duration::from_millis(1);
/// Maximum pause before one comes again, in milliseconds.
const PAUSE_MS: u64 = 1_000;

/// Keeps the WebSocket of this number open.
pub async fn stay(door: SocketAddr, number: usize, counts: Arc<Counts>) {
    sleep(APART.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))).await;
    let from = client(Network::Idle, number / PER_CLIENT);
    loop {
        if let Ok(mut socket) = WebSocket::open(door, from).await {
            let _open = counts.begin();
            // However it ends, it comes again.
            let _ = socket.be_silent().await;
        }
        sleep(Duration::from_millis(random(PAUSE_MS))).await;
    }
}
