//! What a client of the public side may take up, beside its connections.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::memory::ClientMemory;
use super::{Connections, Full, Guard, Memory, Reservation};

/// Time for which a request waits for memory that others hold.
const PATIENCE: Duration = Duration::from_secs(10);

/// Transactions that are being sent: bitcoind checks each. In all, and of one client.
const SENDS: [usize; 2] = [32, 4];

/// The limits of all clients. Clones share the counts.
#[derive(Clone)]
pub struct Allowances {
    waits: Connections,
    sends: Connections,
    memory: Memory,
}

impl Allowances {
    /// With these limits of requests that wait for something to happen, and of memory.
    pub fn new(waits: Connections, memory: Memory) -> Self {
        let [all, each] = SENDS;
        Self { waits, sends: Connections::new(all, each), memory }
    }

    /// The part of the client with this address.
    pub fn of(&self, client: IpAddr) -> Allowance {
        Allowance { all: self.clone(), memory: self.memory.of(client), client }
    }
}

/// The part of one client: an extension of its requests. The gateway's own requests have none, and no limit.
#[derive(Clone)]
pub struct Allowance {
    all: Allowances,
    memory: ClientMemory,
    client: IpAddr,
}

impl Allowance {
    /// The client's address.
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// Counts a request that waits for something to happen.
    ///
    /// # Errors
    /// [`Full`]: it cannot wait.
    pub fn wait(&self) -> Result<Guard, Full> {
        self.all.waits.enter(self.client)
    }

    /// Counts a transaction that is being sent.
    ///
    /// # Errors
    /// [`Full`]: not now.
    pub fn send(&self) -> Result<Guard, Full> {
        self.all.sends.enter(self.client)
    }

    /// Sets memory for an answer aside; `None`: others hold it for too long.
    pub async fn reserve(&self, bytes: usize) -> Option<Reservation> {
        timeout(PATIENCE, self.memory.reserve(bytes)).await.ok().flatten()
    }
}
