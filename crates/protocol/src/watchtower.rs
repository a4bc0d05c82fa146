//! Messages by which gateways keep what punishes a wallet's peers, while the wallet is away or gone.
//!
//! Over BOLT 8, so both sides are authenticated: custom messages (BOLT 1: odd) of type [`MESSAGE_TYPE`] whose body is a [`Message`],
//! at most [`MAX_MESSAGE`] bytes, to peers only that have [`TOWER_BIT`] in `init`. Binary, since there are some of them with each
//! payment; numbers are big-endian. What is kept is sealed with a key that nobody learns before the revoked commitment is on the chain.
//!
//! The wallet says [`Message::Hello`] first, and keeps quiet until [`Message::Kept`] has come. Of its requests, [`Message::Keep`] and
//! [`Message::Forget`], one is open at a time; each is answered by one [`Message::Answer`].

/// BOLT 1 message type, odd and in the experimental range (32768..=65535).
pub const MESSAGE_TYPE: u16 = 42_721;

/// Feature bit in the `init` of a node that keeps for others. Odd: optional.
pub const TOWER_BIT: usize = 291;

/// Maximum length of a body, in bytes.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// Bytes of a hint.
pub const HINT: usize = 16;

/// Bytes of what is sealed: the same for each state.
pub const SEALED: usize = 448;

/// Maximum number of items in one message.
pub const MAX_ITEMS: usize = 32;

/// Bytes by which a wallet names one of its channels to a gateway, which learns nothing else of it.
pub type Label = [u8; 16];

/// One revoked state of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// By which the revoked commitment is recognised.
    pub hint: [u8; HINT],
    /// [`SEALED`] bytes.
    pub sealed: Vec<u8>,
}

impl Item {
    /// Appends it, as [`items`] reads it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.hint);
        out.extend(&self.sealed);
    }
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done, durably.
    Done,
    /// The gateway keeps no more of this wallet.
    Full,
    /// Not now: the gateway cannot write. To be asked again later.
    Busy,
    /// Of a later release.
    Other,
}

impl Code {
    fn byte(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Full => 1,
            Self::Busy => 2,
            Self::Other => 255,
        }
    }

    fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Done,
            1 => Self::Full,
            2 => Self::Busy,
            _ => Self::Other,
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of the wallet: what is kept of it?
    Hello,
    /// Of the gateway: so many states are kept, and so many more would be.
    Kept {
        /// States kept.
        states: u32,
        /// Room for more, in states.
        room: u32,
    },
    /// Of the wallet: keep these.
    Keep {
        /// Number of the request.
        request: u32,
        /// The channel.
        channel: Label,
        /// 1 to [`MAX_ITEMS`] states.
        items: Vec<Item>,
    },
    /// Of the wallet: keep nothing of this channel any more; it was closed long ago.
    Forget {
        /// Number of the request.
        request: u32,
        /// The channel.
        channel: Label,
    },
    /// Of the gateway.
    Answer {
        /// Number of the request.
        request: u32,
        /// The outcome.
        code: Code,
        /// Room for more, in states.
        room: u32,
    },
}

const HELLO: u8 = 0;
const KEPT: u8 = 1;
const KEEP: u8 = 2;
const FORGET: u8 = 3;
const ANSWER: u8 = 4;

impl Message {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Hello => out.push(HELLO),
            Self::Kept { states, room } => {
                out.push(KEPT);
                out.extend(states.to_be_bytes());
                out.extend(room.to_be_bytes());
            }
            Self::Keep { request, channel, items } => {
                out.push(KEEP);
                out.extend(request.to_be_bytes());
                out.extend(channel);
                items.iter().for_each(|item| item.write(&mut out));
            }
            Self::Forget { request, channel } => {
                out.push(FORGET);
                out.extend(request.to_be_bytes());
                out.extend(channel);
            }
            Self::Answer { request, code, room } => {
                out.push(ANSWER);
                out.extend(request.to_be_bytes());
                out.push(code.byte());
                out.extend(room.to_be_bytes());
            }
        }
        out
    }

    /// A body's meaning; `None`: it is not understood. What follows a message of known length is a later release's, and passed over.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<Self> {
        let mut rest = Reader(body);
        let message = match u8::from_be_bytes(rest.array()?) {
            HELLO => Self::Hello,
            KEPT => Self::Kept { states: rest.number()?, room: rest.number()? },
            KEEP => Self::Keep { request: rest.number()?, channel: rest.array()?, items: items(rest.0)? },
            FORGET => Self::Forget { request: rest.number()?, channel: rest.array()? },
            ANSWER => {
                let (request, [code]) = (rest.number()?, rest.array()?);
                Self::Answer { request, code: Code::of(code), room: rest.number()? }
            }
            _ => return None,
        };
        Some(message)
    }
}

/// Items one behind the other; `None`: the bytes are no such.
#[must_use]
pub fn items(bytes: &[u8]) -> Option<Vec<Item>> {
    let (whole, []) = bytes.as_chunks::<{ HINT + SEALED }>() else { return None };
    let item = |bytes: &[u8; HINT + SEALED]| {
        let (hint, sealed) = bytes.split_first_chunk()?;
        Some(Item { hint: *hint, sealed: sealed.to_vec() })
    };
    let items: Option<Vec<Item>> = whole.iter().map(item).collect();
    items.filter(|items| (1..=MAX_ITEMS).contains(&items.len()))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn keep(count: usize) -> Message {
        let items = (0..count).map(|at| Item { hint: [at as u8; HINT], sealed: vec![7; SEALED] });
        Message::Keep { request: 9, channel: [3; 16], items: items.collect() }
    }

    #[test]
    fn all_messages_are_read_back_and_fit() {
        let answer = |code| Message::Answer { request: u32::MAX, code, room: 7 };
        let all = [
            Message::Hello,
            Message::Kept { states: 5, room: u32::MAX },
            keep(1),
            keep(MAX_ITEMS),
            Message::Forget { request: 1, channel: [1; 16] },
            answer(Code::Done),
            answer(Code::Full),
            answer(Code::Busy),
            answer(Code::Other),
        ];
        for message in all {
            let body = message.encode();
            assert!(body.len() <= MAX_MESSAGE);
            assert_eq!(Message::decode(&body), Some(message));
        }
    }

    #[test]
    fn nonsense_is_not_understood() {
        for body in [&[][..], &[9], &[KEPT, 0, 0], &[FORGET; 20], &[ANSWER, 0, 0, 0, 0, 0]] {
            assert_eq!(Message::decode(body), None, "{body:?}");
        }
        assert_eq!(Message::decode(&keep(0).encode()), None, "nothing to keep");
        assert_eq!(Message::decode(&keep(MAX_ITEMS + 1).encode()), None, "too much at once");
        let body = keep(2).encode();
        assert_eq!(Message::decode(&body[..body.len() - 1]), None, "cut off");
    }

    #[test]
    fn a_code_of_a_later_release_is_none_of_ours() {
        let mut body = Message::Answer { request: 1, code: Code::Done, room: 0 }.encode();
        body[5] = 77;
        body.push(1);
        assert_eq!(Message::decode(&body), Some(Message::Answer { request: 1, code: Code::Other, room: 0 }));
    }
}
