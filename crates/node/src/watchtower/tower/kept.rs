//! What is kept for wallets: sealed, in records as they came, and an index of the hints in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use amplet_protocol::NodeId;
use amplet_protocol::watchtower::{Code, HINT, Item, Label, items};
use amplet_storage::{Store, StoreError, get_unless_damaged};
use amplet_transport::Platform;

use crate::ldk::staged::StagedWrites;

/// Records, by the wallet's node id and number.
const RECORDS: &str = "tower/kept/";

/// States kept of a wallet that has a channel with this gateway: 10,000 payments, 9 MB.
const OF_A_CUSTOMER: usize = 20_000;
/// The same of any other.
const OF_A_STRANGER: usize = 200;
/// States kept of all strangers together: they are as many as they like.
const OF_STRANGERS: usize = 20_000;
/// States kept in all: 0.5 GB, and 60 MB of memory.
const IN_ALL: usize = 1_000_000;

/// Records read before others get their turn.
const READ_AT_ONCE: usize = 100;

type Hint = [u8; HINT];

/// A wallet, as this gateway knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// It has a channel with this gateway.
    Customer,
    /// It has none.
    Stranger,
}

/// A record's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    wallet: u32,
    record: u32,
}

#[derive(Default)]
struct Wallet {
    id: Option<NodeId>,
    /// Records by channel.
    channels: BTreeMap<Label, Vec<u32>>,
    next: u32,
    states: usize,
    /// It had no channel when its last states came.
    is_stranger: bool,
}

/// See the head of this file.
#[derive(Default)]
pub(super) struct Kept {
    wallets: Vec<Wallet>,
    numbers: BTreeMap<NodeId, u32>,
    index: BTreeSet<(Hint, Place)>,
}

fn key(wallet: &NodeId, record: u32) -> String {
    format!("{RECORDS}{wallet}/{record:08x}")
}

fn encode(channel: &Label, items: &[&Item]) -> Vec<u8> {
    let mut bytes = channel.to_vec();
    items.iter().for_each(|item| item.write(&mut bytes));
    bytes
}

fn decode(bytes: &[u8]) -> Option<(Label, Vec<Item>)> {
    let (channel, rest) = bytes.split_first_chunk()?;
    Some((*channel, items(rest)?))
}

impl Kept {
    /// Reads all. A damaged record is passed over: the wallet sends it again, should it miss one.
    pub async fn open(store: &dyn Store, platform: &dyn Platform) -> Result<Self, StoreError> {
        let mut kept = Self::default();
        for (count, name) in store.list(RECORDS).await?.into_iter().enumerate() {
            if count % READ_AT_ONCE == READ_AT_ONCE - 1 {
                platform.sleep(Duration::ZERO).await;
            }
            let rest = name.strip_prefix(RECORDS).and_then(|rest| rest.split_once('/'));
            let Some((wallet, record)) = rest else { continue };
            let (Ok(wallet), Ok(record)) = (NodeId::from_hex(wallet), u32::from_str_radix(record, 16)) else {
                continue;
            };
            let bytes = get_unless_damaged(store, &name).await?.unwrap_or_default();
            if let Some((channel, items)) = decode(&bytes) {
                kept.add(wallet, record, channel, items.iter().map(|item| item.hint));
            }
        }
        // Those that are not say so with their next state.
        for wallet in &mut kept.wallets {
            wallet.is_stranger = wallet.states <= OF_A_STRANGER;
        }
        Ok(kept)
    }

    fn add(&mut self, id: NodeId, record: u32, channel: Label, hints: impl Iterator<Item = Hint>) {
        let new = u32::try_from(self.wallets.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(id).or_insert(new);
        if number == new {
            self.wallets.push(Wallet { id: Some(id), ..Wallet::default() });
        }
        let before = self.index.len();
        self.index.extend(hints.map(|hint| (hint, Place { wallet: number, record })));
        let added = self.index.len().saturating_sub(before);
        if let Some(wallet) = self.wallet_mut(number) {
            wallet.channels.entry(channel).or_default().push(record);
            wallet.next = wallet.next.max(record.saturating_add(1));
            wallet.states = wallet.states.saturating_add(added);
        }
    }

    fn wallet(&self, id: &NodeId) -> Option<&Wallet> {
        let number = *self.numbers.get(id)?;
        self.wallets.get(usize::try_from(number).ok()?)
    }

    fn wallet_mut(&mut self, number: u32) -> Option<&mut Wallet> {
        self.wallets.get_mut(usize::try_from(number).ok()?)
    }

    /// Wallets of which something is kept.
    pub fn wallets(&self) -> usize {
        self.wallets.iter().filter(|wallet| wallet.states > 0).count()
    }

    /// States kept in all.
    pub fn states(&self) -> usize {
        self.index.len()
    }

    /// States kept of a wallet.
    pub fn states_of(&self, id: &NodeId) -> u32 {
        let states = self.wallet(id).map_or(0, |wallet| wallet.states);
        u32::try_from(states).unwrap_or(u32::MAX)
    }

    /// Room for more of a wallet, in states.
    pub fn room(&self, id: &NodeId, who: Who) -> u32 {
        let own = self.wallet(id).map_or(0, |wallet| wallet.states);
        let mut room = IN_ALL.saturating_sub(self.index.len());
        match who {
            Who::Customer => room = room.min(OF_A_CUSTOMER.saturating_sub(own)),
            Who::Stranger => {
                let strangers = self.wallets.iter().filter(|wallet| wallet.is_stranger);
                let of_all = strangers.map(|wallet| wallet.states).fold(0, usize::saturating_add);
                room = room.min(OF_A_STRANGER.saturating_sub(own)).min(OF_STRANGERS.saturating_sub(of_all));
            }
        }
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    /// Keeps states of a wallet: all, or none for want of room. Those that it has sent before take no more.
    pub fn keep(
        &mut self,
        id: NodeId,
        who: Who,
        channel: Label,
        items: &[Item],
        staged: &StagedWrites,
    ) -> Code {
        let number = self.numbers.get(&id).copied();
        let is_new = |item: &&Item| !number.is_some_and(|number| self.has(&item.hint, number));
        let new: Vec<&Item> = items.iter().filter(is_new).collect();
        if new.is_empty() {
            return Code::Done;
        }
        if new.len() > usize::try_from(self.room(&id, who)).unwrap_or(usize::MAX) {
            return Code::Full;
        }
        let record = self.wallet(&id).map_or(0, |wallet| wallet.next);
        // Nobody waits for it: the wallet sends again what was not acknowledged.
        staged.put_lazily(key(&id, record), encode(&channel, &new));
        self.add(id, record, channel, new.iter().map(|item| item.hint));
        let number = self.numbers.get(&id).copied();
        if let Some(wallet) = number.and_then(|number| self.wallet_mut(number)) {
            wallet.is_stranger = who == Who::Stranger;
        }
        Code::Done
    }

    fn has(&self, hint: &Hint, wallet: u32) -> bool {
        let (first, last) = (Place { wallet, record: 0 }, Place { wallet, record: u32::MAX });
        self.index.range((*hint, first)..=(*hint, last)).next().is_some()
    }

    /// Keeps nothing of a wallet's channel any more.
    pub fn forget(&mut self, id: &NodeId, channel: &Label, staged: &StagedWrites) {
        let Some(number) = self.numbers.get(id).copied() else { return };
        let records = self.wallet_mut(number).and_then(|wallet| wallet.channels.remove(channel));
        let records: BTreeSet<u32> = records.unwrap_or_default().into_iter().collect();
        let before = self.index.len();
        self.index.retain(|(_, place)| place.wallet != number || !records.contains(&place.record));
        let removed = before.saturating_sub(self.index.len());
        records.iter().for_each(|record| staged.remove_at_leisure(key(id, *record)));
        if let Some(wallet) = self.wallet_mut(number) {
            wallet.states = wallet.states.saturating_sub(removed);
        }
    }

    /// Where something is kept under this hint: several wallets may say so, and one of them may lie.
    pub fn find(&self, hint: &Hint) -> Vec<Place> {
        let (first, last) = (Place { wallet: 0, record: 0 }, Place { wallet: u32::MAX, record: u32::MAX });
        self.index.range((*hint, first)..=(*hint, last)).map(|(_, place)| *place).collect()
    }

    /// Whose a place is.
    pub fn owner(&self, place: Place) -> Option<NodeId> {
        let wallet = usize::try_from(place.wallet).ok().and_then(|number| self.wallets.get(number));
        wallet.and_then(|wallet| wallet.id)
    }
}

/// What is kept at a wallet's place under this hint: of which channel, and sealed.
///
/// # Errors
/// The store's.
pub(super) async fn read(
    store: &dyn Store,
    owner: &NodeId,
    place: Place,
    hint: &Hint,
) -> Result<Option<(Label, Vec<u8>)>, StoreError> {
    let bytes = get_unless_damaged(store, &key(owner, place.record)).await?.unwrap_or_default();
    let found = decode(&bytes).and_then(|(channel, items)| {
        let item = items.into_iter().find(|item| item.hint == *hint)?;
        Some((channel, item.sealed))
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use amplet_protocol::watchtower::SEALED;

    fn sealed(number: usize) -> Item {
        let mut hint = [0; HINT];
        hint[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Item { hint, sealed: vec![1; SEALED] }
    }

    fn node(number: usize) -> NodeId {
        let mut id = [2; 33];
        id[1..9].copy_from_slice(&(number as u64).to_be_bytes());
        NodeId(id)
    }

    const CHANNEL: Label = [1; 16];

    /// States taken of a wallet until it is refused.
    fn fill(kept: &mut Kept, id: NodeId, who: Who, staged: &StagedWrites) -> usize {
        let first = kept.states_of(&id) as usize;
        (first..).take_while(|at| kept.keep(id, who, CHANNEL, &[sealed(*at)], staged) == Code::Done).count()
    }

    #[test]
    fn a_wallet_gets_as_much_room_as_it_may_have() {
        let (mut kept, staged) = (Kept::default(), StagedWrites::default());
        assert_eq!(fill(&mut kept, node(0), Who::Stranger, &staged), OF_A_STRANGER);
        assert_eq!(fill(&mut kept, node(0), Who::Customer, &staged), OF_A_CUSTOMER - OF_A_STRANGER);
        assert_eq!(kept.room(&node(0), Who::Customer), 0);
        let strangers: usize = (1..200).map(|at| fill(&mut kept, node(at), Who::Stranger, &staged)).sum();
        assert_eq!(strangers, OF_STRANGERS, "they share it");
        assert!(kept.room(&node(500), Who::Customer) > 0, "and take none of a customer's");
    }

    #[test]
    fn what_is_sent_again_takes_no_room_and_is_not_written() {
        let (mut kept, staged) = (Kept::default(), StagedWrites::default());
        let states = [sealed(1), sealed(2)];
        assert_eq!(kept.keep(node(0), Who::Customer, CHANNEL, &states, &staged), Code::Done);
        drop(staged.take());
        assert_eq!(kept.keep(node(0), Who::Customer, CHANNEL, &states, &staged), Code::Done);
        assert!(staged.is_empty());
        assert_eq!((kept.states(), kept.wallets()), (2, 1));
    }

    #[test]
    fn one_wallet_cannot_take_anothers_place() {
        let (mut kept, staged) = (Kept::default(), StagedWrites::default());
        for wallet in [node(1), node(0)] {
            assert_eq!(kept.keep(wallet, Who::Customer, CHANNEL, &[sealed(7)], &staged), Code::Done);
        }
        assert_eq!(kept.find(&sealed(7).hint).len(), 2);
        kept.forget(&node(1), &CHANNEL, &staged);
        assert_eq!(kept.find(&sealed(7).hint).len(), 1);
        assert_eq!((kept.states_of(&node(0)), kept.states_of(&node(1))), (1, 0));
        kept.forget(&node(2), &CHANNEL, &staged);
        assert_eq!(kept.states(), 1);
    }
}
