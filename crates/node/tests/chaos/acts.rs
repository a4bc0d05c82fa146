//! The acts of a life: drawn from its seed alone, whatever the world is like when they are done.

use crate::dice::Dice;
use crate::world::Moment;

/// Name of a node.
pub type Name = &'static str;

/// Two wallets, two gateways, a payee, and a peer that misbehaves.
pub const NODES: [Name; 6] = ["wallet", "other", "gateway", "second", "payee", "island"];
pub const WALLETS: [Name; 2] = ["wallet", "other"];
/// The peer that misbehaves.
pub const MALLORY: Name = "island";

/// Whom a node dials.
pub fn dials(name: Name) -> &'static [Name] {
    match name {
        "wallet" => &["gateway", "second"],
        "other" => &["second", "gateway"],
        "gateway" => &["second", "payee"],
        "second" => &["payee"],
        MALLORY => &["gateway", "wallet"],
        _ => &[],
    }
}

/// Kind of a Lightning payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Invoice,
    /// From an app's budget.
    Budgeted,
    Keysend,
    Offer,
    Stream,
    /// An AMP invoice, which may have been paid before.
    Amp,
    /// By AMP, without an invoice.
    AmpGift,
    /// An invoice that was paid, or is being paid.
    Again,
}

/// Trouble of the chain source that all nodes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It vanishes.
    Down,
    /// It answers nothing.
    Freeze,
    /// It has no filters of the newest blocks.
    Behind,
    /// What it answers is damaged.
    Garbage,
    /// It refuses transactions.
    Refuses,
    /// It refuses transactions and relays them.
    Lies,
    /// The second source, where there is one, forges a filter.
    Forges,
    /// All is well again.
    Honest,
}

/// Trouble of the server that the wallets' backups are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupTrouble {
    /// It cannot be reached.
    Down,
    /// It takes its time.
    Slow,
    /// It loses the answers to so many requests that it does.
    Loses(u32),
    /// Its operator restores an older copy.
    Older,
}

/// One act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Deposit {
        to: Name,
        sat: u64,
    },
    Send {
        from: Name,
        to: Name,
        sat: u64,
    },
    /// Raises the fee of an on-chain payment that waits, or takes it back.
    Bump {
        node: Name,
        cancel: bool,
    },
    Open {
        from: Name,
        to: Name,
        sat: u64,
        push_sat: u64,
        trusted: bool,
        unanswered: bool,
    },
    Pay {
        from: Name,
        to: Name,
        msat: u64,
        kind: Kind,
        wait_ms: u64,
    },
    Close {
        node: Name,
        which: u64,
        force: bool,
    },
    Restart {
        node: Name,
        clean: bool,
    },
    /// The power fails at a moment of what follows.
    Cut {
        node: Name,
        moment: Moment,
        with: Option<Name>,
        away: u32,
    },
    /// The disk is full for so many acts.
    Full {
        node: Name,
        acts: u32,
    },
    Source(Trouble),
    Backup(BackupTrouble),
    /// A wallet's device is lost, and another one restored from the backup.
    Lose {
        wallet: Name,
    },
    /// A wallet moves to its other device while this one runs.
    Move {
        wallet: Name,
    },
    Fees {
        sat_per_vb: u64,
    },
    /// The node is away while so many blocks are mined.
    Away {
        node: Name,
        clean: bool,
        blocks: u32,
    },
    /// So many blocks are replaced by one more.
    Reorg {
        depth: u32,
    },
    /// Says and hears nothing for so many acts, and does not hang up.
    Silent {
        node: Name,
        acts: u32,
    },
    /// Hangs up and says things that nobody asked for.
    Noise,
    /// Keysends go back, or are taken again.
    Refuse {
        refuse: bool,
    },
    Mine {
        blocks: u32,
    },
    Wait {
        secs: u64,
    },
}

impl Act {
    /// Name of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deposit { .. } => "deposit",
            Self::Send { .. } => "send on-chain",
            Self::Bump { cancel: false, .. } => "bump",
            Self::Bump { cancel: true, .. } => "cancel",
            Self::Open { trusted: true, .. } => "open, trusted",
            Self::Open { .. } => "open",
            Self::Pay { kind: Kind::Invoice, .. } => "pay invoice",
            Self::Pay { kind: Kind::Budgeted, .. } => "pay from a budget",
            Self::Pay { kind: Kind::Keysend, .. } => "keysend",
            Self::Pay { kind: Kind::Offer, .. } => "pay offer",
            Self::Pay { kind: Kind::Stream, .. } => "stream",
            Self::Pay { kind: Kind::Amp, .. } => "pay by AMP",
            Self::Pay { kind: Kind::AmpGift, .. } => "give by AMP",
            Self::Pay { kind: Kind::Again, .. } => "pay again",
            Self::Close { force: false, .. } => "close",
            Self::Close { force: true, .. } => "force close",
            Self::Restart { clean: true, .. } => "restart",
            Self::Restart { clean: false, .. } => "kill",
            Self::Cut { .. } => "power cut",
            Self::Full { .. } => "disk full",
            Self::Source(_) => "source",
            Self::Backup(BackupTrouble::Older) => "backup older",
            Self::Backup(_) => "backup trouble",
            Self::Lose { .. } => "device lost",
            Self::Move { .. } => "device moved",
            Self::Fees { .. } => "fees",
            Self::Away { .. } => "absence",
            Self::Reorg { .. } => "reorg",
            Self::Silent { .. } => "silence",
            Self::Noise => "noise",
            Self::Refuse { .. } => "refuse keysends",
            Self::Mine { .. } => "mine",
            Self::Wait { .. } => "wait",
        }
    }
}

/// So many acts of a seed.
pub fn draw(dice: &mut Dice, count: usize, backups: bool) -> Vec<Act> {
    let mut acts = Vec::new();
    while acts.len() < count {
        let act = if backups && dice.once_in(4) { of_backups(dice) } else { one(dice, acts.len()) };
        acts.push(act);
        // What fails in the middle of something needs something to fail in.
        if matches!(act, Act::Cut { .. } | Act::Full { .. } | Act::Silent { .. } | Act::Backup(_)) {
            acts.push(payment(dice));
        }
    }
    acts
}

fn one(dice: &mut Dice, number: usize) -> Act {
    match dice.below(100) {
        0..36 => payment(dice),
        36..41 => Act::Deposit { to: dice.one_of(&NODES), sat: 10_000 * (1 + dice.below(100)) },
        41..45 => send(dice),
        45..48 => Act::Bump { node: dice.one_of(&NODES), cancel: dice.once_in(2) },
        48..53 => open(dice, number),
        53..57 => Act::Close { node: dice.one_of(&NODES), which: dice.number(), force: dice.once_in(2) },
        57..62 => Act::Restart { node: dice.one_of(&NODES), clean: dice.once_in(2) },
        62..72 => cut(dice),
        72..75 => Act::Full { node: dice.one_of(&NODES), acts: 1 + small(dice, 3) },
        75..79 => source(dice),
        79..81 => Act::Fees { sat_per_vb: dice.one_of(&[1, 5, 30, 120, 400]) },
        81..84 => away(dice),
        84..85 => Act::Reorg { depth: 1 + small(dice, 3) },
        85..87 => {
            let node = if dice.once_in(2) { MALLORY } else { dice.one_of(&NODES) };
            Act::Silent { node, acts: 1 + small(dice, 3) }
        }
        87..88 => Act::Noise,
        88..90 => Act::Refuse { refuse: dice.once_in(2) },
        90..96 => Act::Mine { blocks: 1 + small(dice, 6) },
        _ => Act::Wait { secs: dice.one_of(&[1, 20, 90, 700]) },
    }
}

fn of_backups(dice: &mut Dice) -> Act {
    use BackupTrouble::*;
    let wallet = dice.one_of(&WALLETS);
    match dice.below(3) {
        0 => Act::Lose { wallet },
        1 => Act::Move { wallet },
        _ => {
            let lost = small(dice, 4);
            Act::Backup(dice.one_of(&[Down, Slow, Loses(1 + lost), Older]))
        }
    }
}

fn small(dice: &mut Dice, end: u64) -> u32 {
    u32::try_from(dice.below(end)).unwrap()
}

fn other_than(dice: &mut Dice, one: Name) -> Name {
    let others: Vec<Name> = NODES.into_iter().filter(|name| *name != one).collect();
    dice.one_of(&others)
}

fn payment(dice: &mut Dice) -> Act {
    let from = if dice.once_in(2) { dice.one_of(&WALLETS) } else { dice.one_of(&NODES) };
    let to = other_than(dice, from);
    // Below dust, below a satoshi's fraction, ordinary, large.
    let scale = dice.one_of(&[1_000, 20_000, 400_000, 5_000_000, 60_000_000, 150_000_000]);
    use Kind::*;
    let kinds = [Invoice, Budgeted, Keysend, Offer, Stream, Amp, AmpGift, Again];
    let kind = match dice.below(6) {
        0 | 1 => Invoice,
        2 => Amp,
        _ => dice.one_of(&kinds),
    };
    let wait_ms = dice.one_of(&[0, 5, 60, 400, 3_000]);
    Act::Pay { from, to, msat: scale + dice.below(scale), kind, wait_ms }
}

fn send(dice: &mut Dice) -> Act {
    let from = dice.one_of(&NODES);
    Act::Send { from, to: other_than(dice, from), sat: 1_000 * (1 + dice.below(200)) }
}

/// Every capacity is the only one of its size: by it a channel is known again.
fn open(dice: &mut Dice, number: usize) -> Act {
    let from = dice.one_of(&NODES);
    let to = other_than(dice, from);
    let sat = 200_001 + 1_000 * dice.below(400) + 2 * u64::try_from(number).unwrap();
    let push_sat = dice.one_of(&[0, 0, 20_000, 90_000]);
    Act::Open { from, to, sat, push_sat, trusted: dice.once_in(3), unanswered: dice.once_in(8) }
}

fn cut(dice: &mut Dice) -> Act {
    let node = dice.one_of(&NODES);
    let number = small(dice, 9);
    let moment = match dice.below(3) {
        0 => Moment::BeforeCommit(number),
        1 => Moment::AfterCommit(number),
        _ => Moment::BeforeMessage(number),
    };
    let neighbour = other_than(dice, node);
    Act::Cut { node, moment, with: dice.once_in(4).then_some(neighbour), away: small(dice, 3) }
}

fn source(dice: &mut Dice) -> Act {
    use Trouble::*;
    Act::Source(dice.one_of(&[Down, Freeze, Behind, Garbage, Refuses, Lies, Forges, Honest]))
}

fn away(dice: &mut Dice) -> Act {
    let blocks = dice.one_of(&[6, 6, 6, 30, 30, 144, 144, 1008]);
    Act::Away { node: dice.one_of(&NODES), clean: dice.once_in(2), blocks }
}
