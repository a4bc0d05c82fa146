//! Strangers who mean harm. Each has one way to hold what others need; thrown out, it comes again after a pause.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::counts::Counts;
use crate::door::{BINARY, Network, WebSocket, client, connect};
use crate::random::random;

/// Connections of one client. More would run into its limits only.
const PER_CLIENT: usize = 20;
/// Time after which a stranger begins anew, if it is not thrown out before.
const LIFE: Duration = Duration::from_secs(60);
/// Pause before it comes again, in milliseconds: at least, and on top at most.
const PAUSE_MS: [u64; 2] = [1_000, 3_000];
/// Time over which all come first, in milliseconds.
const ARRIVAL_MS: u64 = 5_000;
/// Pause between the bytes, or frames, of one.
const DRIP: Duration = Duration::from_secs(1);

/// Comes again and again, in the way of this number.
pub async fn stay(door: SocketAddr, number: usize, counts: Arc<Counts>) {
    let from = client(Network::Hostile, number / PER_CLIENT);
    let [least, more] = PAUSE_MS;
    sleep(Duration::from_millis(random(ARRIVAL_MS))).await;
    loop {
        let open = counts.begin();
        // Thrown out, refused, or tired: all the same to it.
        let _ = timeout(LIFE, harm(door, from, number)).await;
        drop(open);
        sleep(Duration::from_millis(least.saturating_add(random(more)))).await;
    }
}

async fn harm(door: SocketAddr, from: Ipv4Addr, number: usize) -> io::Result<()> {
    match number % 10 {
        0 => half_open(door, from).await,
        1 => slow_head(door, from).await,
        2 => body_that_does_not_come(door, from).await,
        3 => deaf(door, from).await,
        4 => half_a_handshake(door, from).await,
        5 => false_handshakes(door, from).await,
        6 => garbage(door, from).await,
        7 => oversized(door, from).await,
        8 => long_poll(door, from).await,
        _ => takes_no_answer(door, from).await,
    }
}

/// Connects and sends nothing.
async fn half_open(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = connect(door, from).await?;
    stream.read_u8().await.map(drop)
}

/// A request whose head comes byte by byte.
async fn slow_head(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = connect(door, from).await?;
    for byte in b"GET /status HTTP/1.1\r\nHost: gateway\r\nX-Patience: ".iter().chain([b'x'].iter().cycle()) {
        stream.write_u8(*byte).await?;
        sleep(DRIP).await;
    }
    Ok(())
}

/// A transaction is announced, and two bytes of it come.
async fn body_that_does_not_come(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = connect(door, from).await?;
    stream.write_all(b"POST /tx HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100000\r\n\r\n02").await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// A WebSocket that never reads: pings are not answered.
async fn deaf(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let _socket = WebSocket::open(door, from).await?;
    sleep(LIFE).await;
    Ok(())
}

/// The first half of BOLT 8's first act.
async fn half_a_handshake(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut socket = WebSocket::open(door, from).await?;
    socket.send(BINARY, &act_one()[..25]).await?;
    socket.be_silent().await
}

/// A first act with a valid key and a false proof: the node multiplies points before it sees that.
async fn false_handshakes(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut socket = WebSocket::open(door, from).await?;
    socket.send(BINARY, &act_one()).await?;
    socket.be_silent().await
}

/// BOLT 8, act one: version, a public key (secp256k1's generator), a MAC that is none.
fn act_one() -> [u8; 50] {
    const GENERATOR: [u8; 33] = [
        0x02, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
        0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
    ];
    let mut act = [0; 50];
    act[1..34].copy_from_slice(&GENERATOR);
    act
}

/// Frames of random bytes.
async fn garbage(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut socket = WebSocket::open(door, from).await?;
    let mut bytes = [0; 4_096];
    loop {
        getrandom::getrandom(&mut bytes)?;
        socket.send(BINARY, &bytes).await?;
        sleep(DRIP).await;
    }
}

/// The head of a frame of 4 GiB, and as much of it as is taken.
async fn oversized(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut socket = WebSocket::open(door, from).await?;
    socket.send_raw(&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
    loop {
        socket.send_raw(&[0; 16 << 10]).await?;
        sleep(DRIP).await;
    }
}

/// Waits for a block, again and again, on one connection.
async fn long_poll(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    const HASH: &str = "\"best_block_hash\":\"";
    let mut stream = connect(door, from).await?;
    let mut path = "/status".to_owned();
    let mut answer = [0; 2_048];
    loop {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n").as_bytes()).await?;
        let length = stream.read(&mut answer).await?;
        if length == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(answer.get(..length).unwrap_or_default());
        if let Some(hash) = text.split_once(HASH).and_then(|(_, rest)| rest.get(..64)) {
            path = format!("/status?after={hash}");
        }
        sleep(DRIP).await;
    }
}

/// Asks for the headers of the whole chain, many times over, and takes no answer.
async fn takes_no_answer(door: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = connect(door, from).await?;
    loop {
        stream.write_all(b"GET /headers/0 HTTP/1.1\r\nHost: gateway\r\n\r\n").await?;
        sleep(DRIP / 10).await;
    }
}
