//! Limits of what strangers take up, in all and of each client: connections, requests, waits, memory, time.

mod allowance;
mod files;
mod kept;
mod lobby;
mod memory;
mod pace;
mod rarely;
mod shares;

use std::net::{IpAddr, Ipv6Addr};

pub use allowance::{Allowance, Allowances};
pub use files::raise_open_files;
pub use kept::kept;
pub use lobby::{Lobby, Seat, Visit};
pub use memory::{Memory, Reservation};
pub use pace::Paced;
pub use rarely::Rarely;
pub use shares::{Connections, Full, Guard, Share, Shares};

/// A client with one IPv6 address has a network of 64 bits of them.
pub(crate) fn client_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}
