//! Connections to the gateway's public door, from addresses of this machine that look like many clients.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Bytes read at once from a WebSocket.
const BUFFER: usize = 512;

/// Opcodes of frames (RFC 6455, section 5.2).
pub const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A network of loopback addresses, by its second byte.
#[derive(Clone, Copy)]
pub enum Network {
    /// Of wallets, one each.
    Wallets = 60,
    /// Of WebSockets that say nothing.
    Idle = 61,
    /// Of those who mean harm.
    Hostile = 62,
}

/// The address of a client of this network.
pub fn client(network: Network, number: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(number).unwrap_or(u16::MAX).saturating_add(1).to_be_bytes();
    Ipv4Addr::new(127, network as u8, high, low)
}

/// Connects from this address.
pub async fn connect(door: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddrV4::new(from, 0).into())?;
    let stream = socket.connect(door).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Passes what comes to the returned port on to the gateway, from this address: a wallet does not choose its own.
pub async fn entrance(door: SocketAddr, from: Ipv4Addr) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            tokio::spawn(async move {
                inside.set_nodelay(true)?;
                let mut outside = connect(door, from).await?;
                copy_bidirectional(&mut inside, &mut outside).await
            });
        }
    });
    Ok(port)
}

/// An open WebSocket.
pub struct WebSocket(BufReader<TcpStream>);

impl WebSocket {
    /// Opens one at the wallets' path.
    pub async fn open(door: SocketAddr, from: Ipv4Addr) -> io::Result<Self> {
        let mut stream = BufReader::with_capacity(BUFFER, connect(door, from).await?);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {door}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            amplet_protocol::relay::PATH
        );
        stream.get_mut().write_all(request.as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if !line.starts_with("HTTP/1.1 101") {
            return Err(io::Error::other(line));
        }
        while line.len() > 2 {
            line.clear();
            stream.read_line(&mut line).await?;
        }
        Ok(Self(stream))
    }

    /// Sends a frame, unless it is larger than 64 KiB.
    pub async fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let length = u16::try_from(payload.len()).map_err(io::Error::other)?;
        let mut frame = vec![0x80 | opcode, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        // A mask of zeros changes nothing.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.get_mut().write_all(&frame).await
    }

    /// Sends bytes that need not be a frame.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes).await
    }

    /// Answers pings, and nothing else, until the gateway hangs up.
    pub async fn be_silent(&mut self) -> io::Result<()> {
        loop {
            let (opcode, payload) = self.frame().await?;
            match opcode {
                PING => self.send(PONG, &payload).await?,
                CLOSE => return Ok(()),
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let (head, length) = (self.0.read_u8().await?, self.0.read_u8().await?);
        let length = match length & 0x7f {
            126 => u64::from(self.0.read_u16().await?),
            127 => self.0.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.0.read_exact(&mut payload).await?;
        Ok((head & 0x0f, payload))
    }
}
