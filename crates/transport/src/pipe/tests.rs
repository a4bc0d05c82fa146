#![allow(clippy::unwrap_used, clippy::panic)]
use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::Duplex;

const WINDOW: usize = relay::INITIAL_WINDOW as usize;

fn take(duplex: &Handle) -> Option<Result<Vec<u8>, CloseReason>> {
    duplex.recv().now_or_never()
}

fn next(driver: &Driver) -> Option<Outgoing> {
    driver.next().now_or_never()
}

#[test]
fn a_stalled_transport_stops_the_writer_at_the_limit() {
    let (handle, driver) = relay_pipe();
    let mut taken = 0;
    while handle.writable().now_or_never().is_some() {
        taken += handle.try_send(&[7; 10_000]);
    }
    assert_eq!(taken, OUTGOING_LIMIT);
    assert_eq!(handle.try_send(b"more"), 0);
    assert!(matches!(next(&driver), Some(Outgoing::Bytes(bytes)) if bytes.len() == FRAME));
    assert!(handle.writable().now_or_never().is_some());
    assert_eq!(handle.try_send(b"more"), 4);
}

#[test]
fn what_is_queued_leaves_together_with_a_flush_or_a_close() {
    let (handle, driver) = relay_pipe();
    assert_eq!(handle.try_queue(b"revoke_and_ack, "), 16);
    assert_eq!(handle.try_queue(b"commitment_signed"), 17);
    assert_eq!(next(&driver), None);
    handle.flush();
    assert_eq!(next(&driver), Some(Outgoing::Bytes(b"revoke_and_ack, commitment_signed".to_vec())));
    handle.try_queue(b"error");
    Duplex::close(&handle, CloseCode::Normal);
    assert_eq!(next(&driver), Some(Outgoing::Bytes(b"error".to_vec())));
    assert_eq!(next(&driver), Some(Outgoing::Close(CloseCode::Normal)));
}

#[test]
fn what_is_queued_takes_room() {
    let (handle, _driver) = relay_pipe();
    assert_eq!(handle.try_queue(&vec![1; OUTGOING_LIMIT + 1]), OUTGOING_LIMIT);
    assert!(handle.writable().now_or_never().is_none());
}

#[test]
fn a_reader_that_stops_gives_no_credit_back() {
    let (handle, driver) = relay_pipe();
    for _ in 0..WINDOW / CHUNK {
        driver.deliver(vec![0; CHUNK]).unwrap();
    }
    assert_eq!(next(&driver), None);
    assert!(matches!(driver.deliver(vec![0]), Err(CloseReason::Violation { .. })));
    for _ in 0..WINDOW / CHUNK / 2 {
        take(&handle).unwrap().unwrap();
    }
    assert_eq!(next(&driver), Some(Outgoing::Credit(WINDOW as u32 / 2)));
    assert_eq!(next(&driver), None);
    driver.deliver(vec![0; WINDOW / 2]).unwrap();
    assert!(matches!(driver.deliver(vec![0]), Err(CloseReason::Violation { .. })));
}

#[test]
fn without_credit_the_queue_is_bounded_and_asks_the_transport_to_wait() {
    let (handle, driver) = plain_pipe();
    let mut delivered = 0;
    while driver.room().now_or_never().is_some() {
        driver.deliver(vec![0; PLAIN_FRAME - 1]).unwrap();
        delivered += PLAIN_FRAME - 1;
    }
    assert_eq!(delivered, 2 * (PLAIN_FRAME - 1));
    take(&handle).unwrap().unwrap();
    assert!(driver.room().now_or_never().is_some());
    let overflow = driver.deliver(vec![0; UNREAD_LIMIT]);
    assert_eq!(overflow, Err(CloseReason::Overflow { limit: UNREAD_LIMIT }));
}

#[test]
fn sending_keeps_to_the_credit() {
    let (handle, driver) = relay_pipe();
    assert_eq!(handle.try_send(&vec![1; OUTGOING_LIMIT]), OUTGOING_LIMIT);
    let mut sent = 0;
    while let Some(Outgoing::Bytes(bytes)) = next(&driver) {
        sent += bytes.len();
    }
    assert_eq!(sent, WINDOW);
    assert_eq!(handle.try_send(b"later"), 5);
    assert_eq!(next(&driver), None);
    driver.control(r#"{"credit":3}"#).unwrap();
    assert_eq!(next(&driver), Some(Outgoing::Bytes(b"lat".to_vec())));
    assert_eq!(next(&driver), None);
}

#[test]
fn a_close_waits_for_the_credit_of_what_was_taken() {
    let (handle, driver) = relay_pipe();
    handle.try_send(&vec![1; WINDOW]);
    for _ in 0..WINDOW / FRAME {
        assert!(matches!(next(&driver), Some(Outgoing::Bytes(_))));
    }
    handle.try_send(b"end");
    Duplex::close(&handle, CloseCode::Restart);
    assert_eq!(next(&driver), None);
    driver.control(r#"{"credit":3}"#).unwrap();
    assert_eq!(next(&driver), Some(Outgoing::Bytes(b"end".to_vec())));
    assert_eq!(next(&driver), Some(Outgoing::Close(CloseCode::Restart)));
}

#[test]
fn bad_grants_are_violations() {
    for text in
        ["", "{", "{\"credit\":0}", "{\"credit\":4294967295}", "{\"credit\":16777216}", "{\"credit\":1.5}"]
    {
        let (_handle, driver) = relay_pipe();
        assert!(matches!(driver.control(text), Err(CloseReason::Violation { .. })), "{text}");
    }
    let (_handle, driver) = plain_pipe();
    assert!(matches!(driver.control("{\"credit\":1}"), Err(CloseReason::Violation { .. })));
}

#[test]
fn what_was_taken_is_sent_before_the_close() {
    let (handle, driver) = relay_pipe();
    assert_eq!(handle.try_send(b"last words"), 10);
    Duplex::close(&handle, CloseCode::Restart);
    assert_eq!(next(&driver), Some(Outgoing::Bytes(b"last words".to_vec())));
    assert_eq!(next(&driver), Some(Outgoing::Close(CloseCode::Restart)));
    assert_eq!(take(&handle), Some(Err(CloseReason::Local(CloseCode::Restart))));
    assert_eq!(handle.try_send(b"too late"), 8);
    assert_eq!(next(&driver), Some(Outgoing::Close(CloseCode::Restart)));
}

#[test]
fn dropping_the_duplex_closes_and_dropping_the_driver_is_a_loss() {
    let (handle, driver) = relay_pipe();
    drop(handle.into_duplex());
    assert_eq!(next(&driver), Some(Outgoing::Close(CloseCode::Normal)));

    let (handle, driver) = relay_pipe();
    driver.deliver(b"kept".to_vec()).unwrap();
    drop(driver);
    assert_eq!(take(&handle), Some(Ok(b"kept".to_vec())));
    assert!(matches!(take(&handle), Some(Err(CloseReason::Lost { .. }))));
    assert!(matches!(take(&handle), Some(Err(CloseReason::Lost { .. }))));
    assert!(handle.writable().now_or_never().is_some());
}

#[test]
fn single_bytes_cost_no_more_than_large_frames() {
    let (handle, driver) = relay_pipe();
    for index in 0..WINDOW {
        driver.deliver(vec![index as u8]).unwrap();
    }
    assert_eq!(lock(&handle.0).inbox.len(), WINDOW / CHUNK);
    let first = take(&handle).unwrap().unwrap();
    assert!(first.iter().enumerate().all(|(index, byte)| *byte == index as u8));
}

#[test]
fn the_first_reason_stays() {
    let (handle, driver) = relay_pipe();
    let gone = CloseReason::Remote { code: CloseCode::NodeDown, message: "bitcoind".into() };
    driver.end(gone.clone());
    Duplex::close(&handle, CloseCode::Normal);
    driver.end(CloseReason::Local(CloseCode::Idle));
    assert_eq!(take(&handle), Some(Err(gone)));
}

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Carry,
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![(1usize..100_000).prop_map(Step::Send), Just(Step::Carry), Just(Step::Read)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A gateway's pipe and a wallet's, in any order of sending, carrying and reading: nothing is lost, doubled or
    /// reordered, no credit is exceeded, and what lies unread never exceeds the window.
    #[test]
    fn bytes_arrive_whole_and_bounded(steps in proptest::collection::vec(step(), 1..80)) {
        let (server, server_driver) = relay_pipe();
        let (client, client_driver) = relay_pipe();
        let (mut sent, mut received) = (0usize, 0usize);
        let byte = |index: usize| (index % 251) as u8;
        let mut read = |client: &Handle| -> Result<bool, TestCaseError> {
            let Some(chunk) = take(client) else { return Ok(false) };
            for value in chunk.map_err(|reason| TestCaseError::fail(reason.to_string()))? {
                prop_assert_eq!(value, byte(received));
                received += 1;
            }
            Ok(true)
        };
        let carry = || -> Result<bool, TestCaseError> {
            let mut moved = false;
            if let Some(Outgoing::Bytes(bytes)) = next(&server_driver) {
                client_driver.deliver(bytes).map_err(|reason| TestCaseError::fail(reason.to_string()))?;
                moved = true;
            }
            if let Some(Outgoing::Credit(credit)) = next(&client_driver) {
                server_driver
                    .control(&Control { credit }.to_json())
                    .map_err(|reason| TestCaseError::fail(reason.to_string()))?;
                moved = true;
            }
            prop_assert!(lock(&client.0).unread <= WINDOW);
            Ok(moved)
        };
        for step in steps {
            match step {
                Step::Send(size) => {
                    let bytes: Vec<u8> = (sent..sent + size).map(byte).collect();
                    sent += server.try_send(&bytes);
                }
                Step::Carry => { carry()?; }
                Step::Read => { read(&client)?; }
            }
        }
        while carry()? | read(&client)? {}
        prop_assert_eq!(received, sent);
    }
}

#[cfg(feature = "axum")]
#[test]
fn something_to_read_is_told_and_stays() {
    let (handle, driver) = relay_pipe();
    assert!(handle.readable().now_or_never().is_none());
    driver.deliver(b"word".to_vec()).unwrap();
    assert!(handle.readable().now_or_never().is_some());
    assert_eq!(take(&handle).unwrap().unwrap(), b"word");
    assert!(handle.readable().now_or_never().is_none());
    drop(driver);
    assert!(handle.readable().now_or_never().is_some(), "it has ended");
}
