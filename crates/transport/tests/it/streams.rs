//! The native streams against real servers on loopback: plain listeners, relays, and servers that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crate::common::{
    connect, drain, on_node_thread, pattern, platform, send_all, with_server, with_tcp_server,
};
use amplet_protocol::relay;
use amplet_transport::{CloseCode, CloseReason, ConnectError};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

async fn echo(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

#[test]
fn a_plain_listener_echoes_and_gets_no_text_frame() {
    on_node_thread(async {
        let duplex = with_server("/", |mut socket| async move {
            while let Some(Ok(message)) = socket.next().await {
                assert!(!message.is_text(), "{message:?}");
                if message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        })
        .await;
        let sent = pattern(3 << 20);
        let (writer, expected) = (duplex.clone(), sent.clone());
        tokio::task::spawn_local(send_all(writer, sent));
        let mut received = Vec::new();
        while received.len() < expected.len() {
            received.extend(duplex.recv().await.unwrap());
        }
        assert!(received == expected);
    });
}

#[test]
fn tcp_carries_bytes_both_ways_and_reports_an_orderly_end() {
    on_node_thread(async {
        let duplex = with_tcp_server("tcp", "", |mut stream| async move {
            let mut all = vec![0; 100_000];
            stream.read_exact(&mut all).await.unwrap();
            stream.write_all(&all).await.unwrap();
        })
        .await
        .unwrap();
        send_all(duplex.clone(), pattern(100_000)).await;
        let (received, reason) = drain(&duplex).await;
        assert!(received == pattern(100_000));
        assert_eq!(reason, CloseReason::Remote { code: CloseCode::Normal, message: String::new() });
    });
}

#[test]
fn an_accepted_tcp_stream_reaches_a_client() {
    on_node_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = connect(format!("tcp://{}", listener.local_addr().unwrap())).await.unwrap();
        let server = platform().accept_tcp(listener.accept().await.unwrap().0);
        send_all(client.clone(), b"act one".to_vec()).await;
        assert_eq!(server.recv().await.unwrap(), b"act one");
        send_all(server.clone(), b"act two".to_vec()).await;
        server.close(CloseCode::Restart);
        assert_eq!(drain(&client).await.0, b"act two");
    });
}

#[test]
fn a_server_that_does_not_read_stops_the_writer() {
    on_node_thread(async {
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let duplex = with_server("/", |socket| async move {
            released.await.unwrap();
            echo(socket).await;
        })
        .await;
        let mut taken = 0;
        // The loopback's own buffers hold some megabytes; what matters is that an end comes.
        while tokio::time::timeout(Duration::from_millis(300), duplex.writable()).await.is_ok() {
            taken += duplex.try_send(&pattern(64 << 10));
            assert!(taken < 64 << 20, "nothing stops the writer");
        }
        release.send(()).unwrap();
        duplex.writable().await;
        assert!(duplex.try_send(b"more") > 0);
    });
}

#[test]
fn a_reader_that_stops_stops_a_plain_server() {
    on_node_thread(async {
        let (progress, mut sent) = tokio::sync::watch::channel(0usize);
        let duplex = with_server("/", move |mut socket| async move {
            for _ in 0..1000 {
                socket.send(Message::Binary(pattern(64 << 10).into())).await.unwrap();
                progress.send_modify(|count| *count += 64 << 10);
            }
            socket.close(None).await.unwrap();
        })
        .await;
        while tokio::time::timeout(Duration::from_millis(300), sent.changed()).await.is_ok() {}
        let stalled_at = *sent.borrow();
        assert!(stalled_at < 1000 * (64 << 10), "nothing stops the server");
        let (all, _) = drain(&duplex).await;
        assert_eq!(all.len(), 1000 * (64 << 10));
    });
}

#[test]
fn a_relay_that_ignores_credit_is_cut_off() {
    on_node_thread(async {
        let duplex = with_server(relay::PATH, |mut socket| async move {
            while socket.send(Message::Binary(pattern(64 << 10).into())).await.is_ok() {}
        })
        .await;
        // Unread on purpose: the relay exceeds the window.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (all, reason) = drain(&duplex).await;
        assert!(all.len() <= relay::INITIAL_WINDOW as usize);
        assert!(matches!(reason, CloseReason::Violation { .. }), "{reason}");
    });
}

#[test]
fn a_relay_gets_credit_for_what_is_read() {
    on_node_thread(async {
        let total = 8 << 20;
        let duplex = with_server(relay::PATH, move |mut socket| async move {
            let (mut sent, mut credit) = (0, relay::INITIAL_WINDOW as usize);
            while sent < total {
                if credit >= 32 << 10 {
                    socket.send(Message::Binary(pattern(32 << 10).into())).await.unwrap();
                    sent += 32 << 10;
                    credit -= 32 << 10;
                    continue;
                }
                let message = socket.next().await.unwrap().unwrap();
                let control: relay::Control = serde_json::from_str(message.to_text().unwrap()).unwrap();
                credit += control.credit as usize;
                assert!(credit <= relay::INITIAL_WINDOW as usize);
            }
            socket.close(None).await.unwrap();
        })
        .await;
        assert_eq!(drain(&duplex).await.0.len(), total);
    });
}

#[test]
fn each_close_code_arrives() {
    on_node_thread(async {
        for number in [1000u16, 1001, 1011, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4999] {
            let duplex = with_server(relay::PATH, move |mut socket| async move {
                socket.send(Message::Binary(b"last".to_vec().into())).await.unwrap();
                let frame = CloseFrame { code: number.into(), reason: "why".into() };
                socket.close(Some(frame)).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            })
            .await;
            let (all, reason) = drain(&duplex).await;
            assert_eq!(all, b"last");
            assert_eq!(reason, CloseReason::Remote { code: number.into(), message: "why".into() });
        }
    });
}

#[test]
fn our_close_code_reaches_the_server_after_what_was_sent() {
    on_node_thread(async {
        let (report, reported) = tokio::sync::oneshot::channel();
        let duplex = with_server("/", |mut socket| async move {
            let mut seen = Vec::new();
            while let Some(Ok(message)) = socket.next().await {
                seen.push(message);
            }
            report.send(seen).unwrap();
        })
        .await;
        send_all(duplex.clone(), b"farewell".to_vec()).await;
        duplex.close(CloseCode::Violation);
        assert_eq!(duplex.recv().await, Err(CloseReason::Local(CloseCode::Violation)));
        let seen = reported.await.unwrap();
        let frame = CloseFrame { code: 4004.into(), reason: "".into() };
        assert_eq!(seen, [Message::Binary(b"farewell".to_vec().into()), Message::Close(Some(frame))]);
    });
}

#[test]
fn dropping_the_duplex_closes() {
    on_node_thread(async {
        let (report, reported) = tokio::sync::oneshot::channel();
        let duplex = with_server("/", |mut socket| async move {
            report.send(socket.next().await.unwrap().unwrap()).unwrap();
        })
        .await;
        drop(duplex);
        let frame = CloseFrame { code: 1000.into(), reason: "".into() };
        assert_eq!(reported.await.unwrap(), Message::Close(Some(frame)));
    });
}

#[test]
fn a_server_killed_in_mid_stream_is_a_loss() {
    on_node_thread(async {
        let duplex = with_server(relay::PATH, |mut socket| async move {
            socket.send(Message::Binary(pattern(1000).into())).await.unwrap();
            // No close frame: the socket is just dropped.
        })
        .await;
        let (all, reason) = drain(&duplex).await;
        assert_eq!(all, pattern(1000));
        assert!(matches!(reason, CloseReason::Lost { .. }), "{reason:?}");
        assert!(ConnectError::from(reason).to_string().contains("tried again"));
    });
}

#[test]
fn text_and_oversize_frames_are_violations() {
    on_node_thread(async {
        for bad in [Message::Text("hello".into()), Message::Binary(vec![0; relay::MAX_FRAME + 1].into())] {
            let (report, reported) = tokio::sync::oneshot::channel();
            let duplex = with_server(relay::PATH, move |mut socket| async move {
                socket.send(bad).await.unwrap();
                report.send(socket.next().await).unwrap();
            })
            .await;
            let (all, reason) = drain(&duplex).await;
            assert!(all.is_empty());
            assert!(matches!(reason, CloseReason::Violation { .. }), "{reason:?}");
            let last = reported.await.unwrap();
            assert!(
                matches!(&last, Some(Ok(Message::Close(Some(frame)))) if frame.code == 4004.into()),
                "{last:?}"
            );
        }
    });
}
