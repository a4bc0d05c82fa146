//! BOLT 8 directly over TCP.

use std::rc::Rc;

use futures::{sink, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::drive::{Frame, Incoming, Watch, drive};
use crate::pipe::plain_pipe;
use crate::{CloseCode, CloseReason, Duplex};

/// Bytes read at once.
const CHUNK: usize = 16 << 10;

/// The stream's user end; its task runs on the thread's `LocalSet`.
pub(crate) fn duplex(stream: TcpStream) -> Rc<dyn Duplex> {
    let (handle, driver) = plain_pipe();
    let (read, write) = stream.into_split();
    let incoming = stream::unfold(Some(read), |read| async move { receive(read?).await });
    let outgoing = Box::pin(sink::unfold(write, send));
    tokio::task::spawn_local(drive(driver, incoming, outgoing, Watch::default()));
    handle.into_duplex()
}

type Received = (Result<Incoming, CloseReason>, Option<OwnedReadHalf>);

async fn receive(mut read: OwnedReadHalf) -> Option<Received> {
    let mut chunk = vec![0; CHUNK];
    match read.read(&mut chunk).await {
        // TCP gives no reason: an orderly end is all that is known.
        Ok(0) => Some((Ok(Incoming::Close { code: CloseCode::Normal, message: String::new() }), None)),
        Ok(size) => {
            chunk.truncate(size);
            Some((Ok(Incoming::Bytes(chunk)), Some(read)))
        }
        Err(error) => Some((Err(CloseReason::Lost { detail: error.to_string() }), None)),
    }
}

async fn send(mut write: OwnedWriteHalf, frame: Frame) -> Result<OwnedWriteHalf, String> {
    let done = match frame {
        Frame::Bytes(bytes) => write.write_all(&bytes).await,
        Frame::Close(_) => write.shutdown().await,
        // Neither exists on TCP, and neither is requested: it has no credit, and no time limits.
        Frame::Text(_) | Frame::Ping => Ok(()),
    };
    done.map(|()| write).map_err(|error| error.to_string())
}
