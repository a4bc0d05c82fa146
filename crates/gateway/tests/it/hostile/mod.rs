//! Strangers who mean harm: they hold connections, requests and memory, and answer what they should not.

mod admin;
mod chain;
mod connections;
mod sites;
mod upstream;

use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Waits until so many of these have an answer; returns their statuses. The answers are not taken.
fn statuses(open: &[TcpStream], expected: usize) -> Vec<u16> {
    let end = Instant::now() + Duration::from_secs(20);
    let status = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let mut line = [0; 12];
        let has_all = stream.peek(&mut line).is_ok_and(|read| read == line.len());
        has_all.then(|| std::str::from_utf8(&line[9..]).unwrap().parse().unwrap())
    };
    loop {
        let found: Vec<u16> = open.iter().filter_map(status).collect();
        if found.len() >= expected {
            return found;
        }
        assert!(Instant::now() < end, "{} of {expected} were answered", found.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}
