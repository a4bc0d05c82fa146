//! Moves the bytes of one native connection, a client's or a server's, between its framing and its [`Driver`].

use std::pin::{Pin, pin};
use std::time::Duration;

use amplet_protocol::relay::{CloseCode, Control};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{sleep, timeout};

use crate::CloseReason;
use crate::pipe::{Driver, Outgoing};

/// Time limit for a closing connection to send what waits and the close frame.
const LINGER: Duration = Duration::from_secs(5);

/// A frame or event from the peer.
pub(crate) enum Incoming {
    Bytes(Vec<u8>),
    Text(String),
    Close {
        code: CloseCode,
        message: String,
    },
    /// A sign of life (ping, pong).
    Life,
}

/// A frame to the peer.
pub(crate) enum Frame {
    Bytes(Vec<u8>),
    Text(String),
    Ping,
    Close(CloseCode),
}

/// The frames of a connection until its end.
pub(crate) trait Received: Stream<Item = Result<Incoming, CloseReason>> {}

impl<S: Stream<Item = Result<Incoming, CloseReason>>> Received for S {}

/// Time limits of a connection; none by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// Ping so often.
    pub ping: Option<Duration>,
    /// Time without a frame after which to give up.
    pub idle: Option<Duration>,
    /// Time for which bytes wait and none can be sent after which to give up.
    pub stall: Option<Duration>,
}

/// Runs the connection to its end.
pub(crate) async fn drive<R, W>(driver: Driver, incoming: R, mut outgoing: W, watch: Watch)
where
    R: Received,
    W: Sink<Frame, Error = String> + Unpin,
{
    let mut incoming = pin!(incoming);
    let reason = {
        let write = async {
            match write(&driver, &mut outgoing, watch.ping).await {
                Ok(()) => std::future::pending().await, // closed from this side: the peer's farewell is awaited
                Err(detail) => CloseReason::Lost { detail },
            }
        };
        tokio::select! {
            biased;
            reason = read(&driver, incoming.as_mut(), watch.idle) => reason,
            reason = write => reason,
            reason = stalled(&driver, watch.stall) => reason,
            reason = lingered(&driver) => reason,
        }
    };
    let farewell = reason.farewell();
    driver.end(reason);
    if let Some(code) = farewell {
        // Best effort: the connection is given up. What still comes is read away, since a socket that is closed with
        // unread bytes takes the farewell back (TCP resets).
        let _ = timeout(LINGER, async {
            outgoing.send(Frame::Close(code)).await?;
            while let Some(Ok(_)) = incoming.next().await {}
            Ok::<_, String>(())
        })
        .await;
    }
}

async fn read(driver: &Driver, mut incoming: Pin<&mut impl Received>, idle: Option<Duration>) -> CloseReason {
    loop {
        driver.room().await;
        let next = match idle {
            Some(after) => match timeout(after, incoming.next()).await {
                Ok(next) => next,
                Err(_) => return CloseReason::Idle { after },
            },
            None => incoming.next().await,
        };
        let step = match next {
            Some(Ok(Incoming::Bytes(bytes))) => driver.deliver(bytes),
            Some(Ok(Incoming::Text(text))) => driver.control(&text),
            Some(Ok(Incoming::Life)) => Ok(()),
            Some(Ok(Incoming::Close { code, message })) => Err(CloseReason::Remote { code, message }),
            Some(Err(reason)) => Err(reason),
            None => Err(CloseReason::Lost { detail: "it ended without a farewell".into() }),
        };
        if let Err(reason) = step {
            return reason;
        }
    }
}

/// Sends until this side closes; the farewell is sent, too.
async fn write(
    driver: &Driver,
    outgoing: &mut (impl Sink<Frame, Error = String> + Unpin),
    ping: Option<Duration>,
) -> Result<(), String> {
    loop {
        let next = match ping {
            Some(every) => match timeout(every, driver.next()).await {
                Ok(next) => next,
                Err(_) => {
                    outgoing.send(Frame::Ping).await?;
                    continue;
                }
            },
            None => driver.next().await,
        };
        match next {
            Outgoing::Bytes(bytes) => outgoing.send(Frame::Bytes(bytes)).await?,
            Outgoing::Credit(credit) => outgoing.send(Frame::Text(Control { credit }.to_json())).await?,
            Outgoing::Close(code) => return outgoing.send(Frame::Close(code)).await,
        }
    }
}

/// Resolves when bytes wait to be sent and none moved for `limit`: the peer grants nothing, or does not read.
async fn stalled(driver: &Driver, limit: Option<Duration>) -> CloseReason {
    let Some(after) = limit else { return std::future::pending().await };
    let mut seen = driver.progress();
    loop {
        sleep(after).await;
        let now = driver.progress();
        // Waiting at both ends of the interval: bytes that came in between have not waited for all of it.
        if now.waiting > 0 && seen.waiting > 0 && now.sent == seen.sent {
            return CloseReason::Stalled { after };
        }
        seen = now;
    }
}

/// Resolves when this side closed a while ago and what waits could still not be sent, or the peer has not responded.
async fn lingered(driver: &Driver) -> CloseReason {
    let reason = driver.ended().await;
    sleep(LINGER).await;
    reason
}
