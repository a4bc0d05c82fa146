//! The gateway's side behind a real axum server, with our own client and with a hand-driven one that misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::common::{ID, on_node_thread, pattern, send_all};
use amplet_protocol::relay;
use amplet_transport::server::{self, Remote, ServerLimits};
use amplet_transport::{CloseCode, CloseReason, Duplex, NativePlatform, Platform};
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::get;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENT: ServerLimits = ServerLimits {
    ping_every: Duration::from_secs(25),
    idle_after: Duration::from_secs(75),
    stall_after: Duration::from_secs(60),
};

/// A gateway whose HTTP server has a runtime of its own, as the real one; its connections come out here.
struct Gateway {
    address: SocketAddr,
    remotes: mpsc::UnboundedReceiver<Remote>,
    edge: Option<tokio::runtime::Runtime>,
}

impl Gateway {
    fn start(limits: ServerLimits) -> Self {
        let edge =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sender, remotes) = mpsc::unbounded_channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let upgrade = move |upgrade: WebSocketUpgrade| async move {
            server::configure(upgrade).on_upgrade(async move |socket| {
                let (remote, connection) = server::accept(socket, limits);
                sender.send(remote).unwrap_or_else(|_| panic!("the test is over"));
                connection.await;
            })
        };
        let app = Router::new().route(relay::PATH, get(upgrade));
        edge.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), app).await.unwrap() });
        Self { address, remotes, edge: Some(edge) }
    }

    fn url(&self) -> String {
        format!("ws://{}{}", self.address, relay::PATH)
    }

    /// Our own client and the node's end of its connection.
    async fn connect(&mut self) -> (Rc<dyn Duplex>, Rc<dyn Duplex>) {
        let address = format!("{ID}@{}", self.url()).parse().unwrap();
        let client = NativePlatform::new().unwrap().connect(address).await.unwrap();
        (client, self.remotes.recv().await.unwrap().into_duplex())
    }

    /// A client that the test drives by hand, and the node's end.
    async fn connect_raw(&mut self) -> (WebSocketStream<MaybeTlsStream<TcpStream>>, Rc<dyn Duplex>) {
        let (client, _) = tokio_tungstenite::connect_async(self.url()).await.unwrap();
        (client, self.remotes.recv().await.unwrap().into_duplex())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(edge) = self.edge.take() {
            edge.shutdown_background();
        }
    }
}

async fn receive(duplex: &Rc<dyn Duplex>, size: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < size {
        all.extend(duplex.recv().await.unwrap());
    }
    all
}

async fn end(duplex: &Rc<dyn Duplex>) -> CloseReason {
    loop {
        if let Err(reason) = duplex.recv().await {
            return reason;
        }
    }
}

#[test]
fn megabytes_pass_both_ways_at_once() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let (client, node) = gateway.connect().await;
        let sent = pattern(4 << 20);
        tokio::task::spawn_local(send_all(client.clone(), sent.clone()));
        tokio::task::spawn_local(send_all(node.clone(), sent.clone()));
        let (at_node, at_client) = futures::join!(receive(&node, sent.len()), receive(&client, sent.len()));
        assert!(at_node == sent && at_client == sent);
    });
}

#[test]
fn the_gateway_sends_no_more_than_was_granted() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let (mut client, node) = gateway.connect_raw().await;
        let total = relay::INITIAL_WINDOW as usize + 10;
        tokio::task::spawn_local(send_all(node.clone(), pattern(total)));
        let mut received = 0;
        while received < relay::INITIAL_WINDOW as usize {
            received += client.next().await.unwrap().unwrap().into_data().len();
        }
        assert_eq!(received, relay::INITIAL_WINDOW as usize);
        let nothing = tokio::time::timeout(Duration::from_millis(200), client.next()).await;
        assert!(nothing.is_err(), "sent without credit: {nothing:?}");
        for credit in [3, 7] {
            client.send(Message::Text(relay::Control { credit }.to_json().into())).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap().into_data().len(), credit as usize);
        }
    });
}

/// A node stops reading from a peer that takes nothing (LDK does); the peer's grants must reach it all the same.
#[test]
fn a_node_that_writes_before_it_reads_does_not_wait_forever() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let (client, node) = gateway.connect().await;
        let sent = pattern(16 << 20);
        tokio::task::spawn_local(send_all(client.clone(), sent.clone()));
        let write_then_read = async {
            send_all(node.clone(), sent.clone()).await;
            receive(&node, sent.len()).await
        };
        let (at_node, at_client) = futures::join!(write_then_read, receive(&client, sent.len()));
        assert!(at_node == sent && at_client == sent);
    });
}

#[test]
fn a_client_that_ignores_credit_is_cut_off() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let (mut client, node) = gateway.connect_raw().await;
        for _ in 0..5 {
            client.send(Message::Binary(vec![0; 64 << 10].into())).await.unwrap();
        }
        let last = client.next().await;
        assert!(
            matches!(&last, Some(Ok(Message::Close(Some(frame)))) if frame.code == 4004.into()),
            "{last:?}"
        );
        assert!(matches!(end(&node).await, CloseReason::Violation { .. }));
    });
}

#[test]
fn a_node_that_does_not_read_stops_the_client() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let (client, node) = gateway.connect().await;
        let mut taken = 0;
        while tokio::time::timeout(Duration::from_millis(300), client.writable()).await.is_ok() {
            taken += client.try_send(&vec![0; 64 << 10]);
        }
        assert!(taken <= 2 * relay::INITIAL_WINDOW as usize, "one window on the way, one waiting: {taken}");
        assert_eq!(receive(&node, taken).await.len(), taken);
        client.writable().await;
        assert!(client.try_send(b"more") > 0);
    });
}

#[test]
fn a_refusal_reaches_the_client_with_its_code() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let codes =
            [CloseCode::Restart, CloseCode::NodeDown, CloseCode::NotAllowed, CloseCode::TooManyConnections];
        for code in codes {
            let address = format!("{ID}@{}", gateway.url()).parse().unwrap();
            let client = NativePlatform::new().unwrap().connect(address).await.unwrap();
            gateway.remotes.recv().await.unwrap().refuse(code);
            assert_eq!(end(&client).await, CloseReason::Remote { code, message: String::new() });
        }
    });
}

#[test]
fn either_side_may_leave() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let normal = || CloseReason::Remote { code: CloseCode::Normal, message: String::new() };
        let (client, node) = gateway.connect().await;
        drop(client);
        assert_eq!(end(&node).await, normal());
        let (client, node) = gateway.connect().await;
        drop(node);
        assert_eq!(end(&client).await, normal());
        // A connection that never reached the node, as when its thread is gone.
        let address = format!("{ID}@{}", gateway.url()).parse().unwrap();
        let client = NativePlatform::new().unwrap().connect(address).await.unwrap();
        drop(gateway.remotes.recv().await.unwrap());
        assert_eq!(end(&client).await, normal());
    });
}

#[test]
fn a_gateway_that_dies_is_a_loss_on_both_sides() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let (client, node) = gateway.connect().await;
        drop(gateway);
        assert!(matches!(end(&client).await, CloseReason::Lost { .. }));
        assert!(matches!(end(&node).await, CloseReason::Lost { .. }));
    });
}

#[test]
fn a_client_that_breaks_the_protocol_gets_the_reason() {
    on_node_thread(async {
        let mut gateway = Gateway::start(PATIENT);
        let bad = [
            Message::Text("hello".into()),
            Message::Text(r#"{"credit":0}"#.into()),
            Message::Text(relay::Control { credit: relay::MAX_WINDOW }.to_json().into()),
            Message::Binary(vec![0; relay::MAX_FRAME + 1].into()),
        ];
        for message in bad {
            let (mut client, node) = gateway.connect_raw().await;
            client.send(message).await.unwrap();
            assert!(matches!(end(&node).await, CloseReason::Violation { .. }));
            let last = client.next().await;
            assert!(
                matches!(&last, Some(Ok(Message::Close(Some(frame)))) if frame.code == 4004.into()),
                "{last:?}"
            );
        }
    });
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    on_node_thread(async {
        let mut gateway = Gateway::start(ServerLimits { stall_after: Duration::from_millis(100), ..PATIENT });
        let (mut client, node) = gateway.connect_raw().await;
        tokio::task::spawn_local(send_all(node.clone(), pattern(2 * relay::INITIAL_WINDOW as usize)));
        assert!(matches!(end(&node).await, CloseReason::Stalled { .. }));
        let last = client.by_ref().filter_map(async |message| message.ok()).collect::<Vec<_>>().await.pop();
        assert!(matches!(&last, Some(Message::Close(Some(frame))) if frame.code == 4005.into()), "{last:?}");
    });
}

#[test]
fn a_silent_client_is_given_up_and_one_that_sends_pongs_is_not() {
    on_node_thread(async {
        let limits = ServerLimits {
            ping_every: Duration::from_millis(50),
            idle_after: Duration::from_secs(2),
            ..PATIENT
        };
        let mut gateway = Gateway::start(limits);
        let (mut silent, node) = gateway.connect_raw().await;
        // Not reading, it sends no pong.
        assert!(matches!(end(&node).await, CloseReason::Idle { .. }));
        let last = silent.by_ref().filter_map(async |message| message.ok()).collect::<Vec<_>>().await.pop();
        assert!(matches!(&last, Some(Message::Close(Some(frame))) if frame.code == 4006.into()), "{last:?}");

        let (client, node) = gateway.connect().await;
        tokio::time::sleep(2 * limits.idle_after).await;
        tokio::task::spawn_local(send_all(node, b"still here".to_vec()));
        assert_eq!(receive(&client, 10).await, b"still here");
    });
}
