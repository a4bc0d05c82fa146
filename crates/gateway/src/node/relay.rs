//! Wallets whose home node is another than this gateway's: their bytes, which are encrypted between the two (BOLT 8), pass through.

use std::rc::Rc;

use amplet_transport::{CloseCode, CloseReason, Duplex, PeerAddress, Platform};
use futures::future::{Either, select};
use std::pin::pin;
use tracing::{debug, warn};

/// Carries bytes between a wallet and its home node until either hangs up, or this gateway closes the wallet's side.
pub(super) async fn carry(platform: &dyn Platform, wallet: Rc<dyn Duplex>, home: PeerAddress) {
    let home_id = home.node_id;
    let node = match platform.connect(home).await {
        Ok(node) => node,
        Err(error) => {
            warn!(node = %home_id, %error, "a wallet's home node cannot be reached; check `relays` in [node]");
            wallet.close(CloseCode::NodeDown);
            return;
        }
    };
    let (there, back) = (pin!(copy(&*wallet, &*node)), pin!(copy(&*node, &*wallet)));
    let reason = match select(there, back).await {
        Either::Left((reason, _)) | Either::Right((reason, _)) => reason,
    };
    debug!(node = %home_id, ?reason, "a relayed connection has ended");
    node.close(CloseCode::Normal);
    wallet.close(CloseCode::NodeDown);
}

/// Passes on what comes, no faster than it is taken, until it ends.
async fn copy(from: &dyn Duplex, to: &dyn Duplex) -> CloseReason {
    loop {
        let chunk = match from.recv().await {
            Ok(chunk) => chunk,
            Err(reason) => return reason,
        };
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            let taken = to.try_send(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if !rest.is_empty() {
                to.writable().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use amplet_transport::ConnectError;
    use amplet_transport::testing::{TestPlatform, duplex_pair};
    use futures::FutureExt;

    use super::*;

    const HOME: &str = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619@tcp://home:9735";

    /// More than both streams hold: a side that does not read stops the other.
    const MUCH: usize = 3 << 20;

    async fn send(to: &dyn Duplex, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            to.writable().await;
            rest = &rest[to.try_send(rest)..];
        }
    }

    async fn receive(from: &dyn Duplex, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            bytes.extend(from.recv().await.unwrap());
        }
        bytes
    }

    #[test]
    fn bytes_pass_both_ways_until_one_side_hangs_up() {
        let platform = TestPlatform::new(1, Duration::ZERO);
        let (page, wallet) = duplex_pair(&platform);
        let (node, home) = duplex_pair(&platform);
        platform.on_connect(move |_| std::future::ready(Ok(Rc::clone(&node))).boxed_local());
        let own = platform.clone();
        platform.spawn(async move { carry(&own, wallet, HOME.parse().unwrap()).await }.boxed_local());
        let (there, back) = (vec![1; MUCH], vec![2; MUCH]);
        platform.run(async move {
            let both = futures::join!(
                send(&*page, &there),
                send(&*home, &back),
                receive(&*home, MUCH),
                receive(&*page, MUCH)
            );
            assert!(both.2 == there && both.3 == back);
            home.close(CloseCode::Normal);
            let ended = page.recv().await.unwrap_err();
            assert!(matches!(ended, CloseReason::Remote { code: CloseCode::NodeDown, .. }), "{ended:?}");
        });
    }

    #[test]
    fn a_home_node_that_cannot_be_reached_is_told() {
        let platform = TestPlatform::new(1, Duration::ZERO);
        let (page, wallet) = duplex_pair(&platform);
        platform.on_connect(|address| {
            let detail = "nobody there".into();
            std::future::ready(Err(ConnectError::GatewayUnreachable { endpoint: address.endpoint, detail }))
                .boxed_local()
        });
        let own = platform.clone();
        platform.run(async move {
            carry(&own, wallet, HOME.parse().unwrap()).await;
            let ended = page.recv().await.unwrap_err();
            assert!(matches!(ended, CloseReason::Remote { code: CloseCode::NodeDown, .. }), "{ended:?}");
        });
    }
}
