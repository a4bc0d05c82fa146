//! Frames of a hostile side, and addresses: `cargo run -p amplet-transport --example fuzz_transport -- TARGET SECONDS [SEED]`.
//! Targets: `frames` (a stream takes no more than it granted, sends no more than it was granted, and loses nothing),
//! `addresses` (what is read is read alike when it is written again).

use std::rc::Rc;

use amplet_fuzz::{Dice, damage, run};
use amplet_protocol::relay::{INITIAL_WINDOW, MAX_FRAME, MAX_WINDOW};
use amplet_transport::testing::{Sent, Wire};
use amplet_transport::{CloseCode, Duplex, PeerAddress};
use futures::FutureExt as _;

fn main() {
    run(&[("frames", frames), ("addresses", addresses)]);
}

/// What both sides may still do, as the protocol has it.
struct Model {
    /// Bytes that the other side may send.
    inbound: usize,
    /// Bytes that this side may send.
    outbound: u64,
    /// Bytes that came and were not read.
    unread: usize,
    closed: bool,
}

fn frames(seed: u64) {
    let mut dice = Dice(seed);
    let (stream, wire) = Wire::new();
    let window = INITIAL_WINDOW as usize;
    let mut model = Model { inbound: window, outbound: window as u64, unread: 0, closed: false };
    for _ in 0..dice.below(40) {
        let goes_on = match dice.below(6) {
            0 => bytes(&mut dice, &wire, &mut model),
            1 => text(&mut dice, &wire, &mut model),
            2 => send(&mut dice, &stream, &model),
            3 => receive(&stream, &mut model),
            4 if dice.below(10) == 0 => {
                stream.close(CloseCode::Normal);
                model.closed = true;
                model.unread = 0;
                true
            }
            _ => act(&wire, &mut model),
        };
        if !goes_on {
            return;
        }
    }
}

/// The other side sends; ends when it sends too much.
fn bytes(dice: &mut Dice, wire: &Wire, model: &mut Model) -> bool {
    let size = match dice.below(4) {
        0 => dice.below(MAX_FRAME + 1),
        1 => model.inbound.min(MAX_FRAME),
        2 => dice.below(4),
        _ => dice.below(60_000),
    };
    let taken = wire.bytes(vec![0; size]).is_ok();
    if model.closed {
        return taken;
    }
    assert_eq!(taken, size <= model.inbound, "{size} of {}", model.inbound);
    if taken {
        model.inbound -= size;
        model.unread += size;
    }
    taken
}

/// The other side grants; ends when it grants nonsense.
fn text(dice: &mut Dice, wire: &Wire, model: &mut Model) -> bool {
    let credit = match dice.below(4) {
        0 => dice.roll() >> 32,
        1 => u64::from(MAX_WINDOW) - model.outbound.min(u64::from(MAX_WINDOW)),
        _ => dice.roll() % 500_000,
    };
    let mut frame = format!("{{\"credit\":{credit}}}").into_bytes();
    let damaged = dice.below(5) == 0;
    if damaged {
        damage(dice, &mut frame, b"{\"credit\":1}");
    }
    let taken = wire.text(&String::from_utf8_lossy(&frame)).is_ok();
    if damaged {
        return false;
    }
    assert_eq!(taken, credit > 0 && model.outbound + credit <= u64::from(MAX_WINDOW), "{credit}");
    if taken {
        model.outbound += credit;
    }
    taken
}

fn send(dice: &mut Dice, stream: &Rc<dyn Duplex>, model: &Model) -> bool {
    let size = dice.below(300_000);
    let taken = stream.try_send(&vec![1; size]);
    assert!(taken <= size && (!model.closed || taken == size));
    true
}

fn receive(stream: &Rc<dyn Duplex>, model: &mut Model) -> bool {
    match stream.recv().now_or_never() {
        Some(Ok(chunk)) => {
            assert!(!chunk.is_empty() && chunk.len() <= model.unread);
            model.unread -= chunk.len();
        }
        Some(Err(_)) => assert!(model.closed),
        None => assert_eq!(model.unread, 0, "bytes that came are there"),
    }
    true
}

fn act(wire: &Wire, model: &mut Model) -> bool {
    match wire.sent() {
        Some(Sent::Bytes(bytes)) => {
            let size = bytes.len() as u64;
            assert!(size > 0 && bytes.len() <= MAX_FRAME && size <= model.outbound);
            model.outbound -= size;
        }
        Some(Sent::Credit(credit)) => {
            model.inbound += credit as usize;
            assert!(model.inbound <= MAX_WINDOW as usize);
        }
        Some(Sent::Close(_)) => assert!(model.closed),
        None => {}
    }
    true
}

const ADDRESSES: [&str; 6] = [
    "0324653eac434488002cc06bbfb7f10fe18991e35f9fe4302dbea6d2353dc0ab1c@wss://gateway.example/lightning/v1",
    "0324653eac434488002cc06bbfb7f10fe18991e35f9fe4302dbea6d2353dc0ab1c@tcp://127.0.0.1:9735",
    "0324653eac434488002cc06bbfb7f10fe18991e35f9fe4302dbea6d2353dc0ab1c@ws://[::1]:80/",
    "0324653eac434488002cc06bbfb7f10fe18991e35f9fe4302dbea6d2353dc0ab1c@gateway.example:9735",
    "0324653EAC434488002CC06BBFB7F10FE18991E35F9FE4302DBEA6D2353DC0AB1C@WSS://Gateway.Example./x?token=channel_00#y",
    "0324653eac434488002cc06bbfb7f10fe18991e35f9fe4302dbea6d2353dc0ab1c@wss://b%C3%BCcher.example:65535",
];

fn addresses(seed: u64) {
    let mut dice = Dice(seed);
    let one = |dice: &mut Dice| dice.pick(&ADDRESSES).copied().unwrap_or_default();
    let mut bytes = one(&mut dice).as_bytes().to_vec();
    let other = one(&mut dice);
    damage(&mut dice, &mut bytes, other.as_bytes());
    if let Ok(address) = String::from_utf8_lossy(&bytes).parse::<PeerAddress>() {
        let again = address.to_string().parse::<PeerAddress>();
        assert_eq!(again.ok(), Some(address.clone()), "written as {address}");
    }
}
