//! All purses of a wallet, and what is reserved from them.

mod payments;
mod stored;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::calendar::Clock;
use crate::error::PurseError;
use crate::holder::Holder;
use crate::money::Msat;
use crate::purse::{Account, Held, PaymentId, Purse, PurseId, Request, Standing};
use crate::record::{Changes, Key};
use crate::report::Day;
use crate::rules::Rules;

/// Most purses, closed ones included.
pub(crate) const MAX_PURSES: usize = 4096;
/// Most levels of purses.
pub(crate) const MAX_DEPTH: usize = 4;
/// Most payments under way.
pub(crate) const MAX_HELD: usize = 10_000;

/// The latest time seen, and the number of day records.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mark {
    latest_ms: u64,
    days: u64,
}

#[derive(Clone, Debug)]
struct Approval {
    request: Request,
    until_ms: u64,
}

/// All purses of a wallet, and what is reserved from them.
#[derive(Clone, Debug)]
pub struct Policy {
    accounts: BTreeMap<PurseId, Account>,
    held: BTreeMap<PaymentId, Held>,
    mark: Mark,
    today: Option<Day>,
    approvals: VecDeque<Approval>,
}

impl Default for Policy {
    fn default() -> Self {
        let person = Purse { holder: Holder::Person, parent: None, rules: Rules::default(), closed: false };
        Self {
            accounts: BTreeMap::from([(PurseId::PERSON, Account::new(person))]),
            held: BTreeMap::new(),
            mark: Mark::default(),
            today: None,
            approvals: VecDeque::new(),
        }
    }
}

/// Purses.
impl Policy {
    /// A purse.
    #[must_use]
    pub fn purse(&self, id: PurseId) -> Option<&Purse> {
        self.accounts.get(&id).map(|account| &account.purse)
    }

    /// All purses, closed ones included.
    pub fn purses(&self) -> impl Iterator<Item = (PurseId, &Purse)> {
        self.accounts.iter().map(|(id, account)| (*id, &account.purse))
    }

    /// The holder's open purse.
    #[must_use]
    pub fn purse_of(&self, holder: &Holder) -> Option<PurseId> {
        self.purses().find(|(_, purse)| purse.holder == *holder && !purse.closed).map(|(id, _)| id)
    }

    /// How each of a purse's limits over time stands; those of the purses it draws from hold as well.
    #[must_use]
    pub fn standings(&self, id: PurseId, clock: &Clock<'_>) -> Vec<Standing> {
        let clock = clock.not_before(self.mark.latest_ms);
        self.accounts.get(&id).map(|account| account.standings(&clock)).unwrap_or_default()
    }

    /// Gives a holder a purse, which draws from `parent` if there is one. A holder's closed purse is opened again, with what
    /// it spent in windows that stay; its total begins anew.
    ///
    /// # Errors
    /// [`PurseError`].
    pub fn open(
        &mut self,
        holder: Holder,
        parent: Option<PurseId>,
        rules: Rules,
    ) -> Result<(PurseId, Changes), PurseError> {
        rules.check(true)?;
        let had = self.purses().find(|(_, purse)| purse.holder == holder);
        if let Some((purse, Purse { closed, parent: before, .. })) = had {
            let holder = Box::new(holder);
            if !closed {
                return Err(PurseError::Exists { holder, purse });
            }
            if *before != parent {
                return Err(PurseError::OtherParent { holder, purse });
            }
            return self.change(purse, |account| {
                account.purse.closed = false;
                account.tally.total = Msat::ZERO;
                account.set_rules(rules);
            });
        }
        if let Some(parent) = parent {
            self.account(parent)?;
            if self.chain(parent).count() >= MAX_DEPTH {
                return Err(PurseError::TooDeep);
            }
        }
        let id = u32::try_from(self.accounts.len()).ok().filter(|_| self.accounts.len() < MAX_PURSES);
        let id = PurseId(id.ok_or(PurseError::TooMany)?);
        self.accounts.insert(id, Account::new(Purse { holder, parent, rules, closed: false }));
        self.change(id, |_| ())
    }

    /// Changes a purse's rules. What was spent in windows that stay is kept; a new window begins empty.
    ///
    /// # Errors
    /// [`PurseError::Unknown`], [`PurseError::Rules`].
    pub fn set_rules(&mut self, id: PurseId, rules: Rules) -> Result<Changes, PurseError> {
        rules.check(id != PurseId::PERSON)?;
        self.change(id, |account| account.set_rules(rules)).map(|(_, changes)| changes)
    }

    /// Adds to a purse's total, at most what the purse that it draws from has left.
    ///
    /// # Errors
    /// [`PurseError::Unknown`], [`PurseError::NoTotal`], [`PurseError::ParentLow`], [`PurseError::TooMuch`].
    pub fn top_up(&mut self, id: PurseId, more: Msat, clock: &Clock<'_>) -> Result<Changes, PurseError> {
        let clock = clock.not_before(self.mark.latest_ms);
        let total = self.account(id)?.purse.rules.total.ok_or(PurseError::NoTotal(id))?;
        for parent in self.chain(id).skip(1) {
            let left = self.account(parent)?.left(&clock).map(|(left, _)| left);
            if let Some(left) = left.filter(|left| more > *left) {
                return Err(PurseError::ParentLow { parent, left });
            }
        }
        let total = total.plus(more).ok_or(PurseError::TooMuch)?;
        let rules = Rules { total: Some(total), ..self.account(id)?.purse.rules.clone() };
        self.set_rules(id, rules)
    }

    /// Closes a purse: nothing more is reserved from it, or from purses that draw from it. What is under way goes on.
    ///
    /// # Errors
    /// [`PurseError::Unknown`], [`PurseError::Person`].
    pub fn close(&mut self, id: PurseId) -> Result<Changes, PurseError> {
        if id == PurseId::PERSON {
            return Err(PurseError::Person);
        }
        self.change(id, |account| account.purse.closed = true).map(|(_, changes)| changes)
    }

    fn account(&self, id: PurseId) -> Result<&Account, PurseError> {
        self.accounts.get(&id).ok_or(PurseError::Unknown(id))
    }

    fn change(
        &mut self,
        id: PurseId,
        change: impl FnOnce(&mut Account),
    ) -> Result<(PurseId, Changes), PurseError> {
        let account = self.accounts.get_mut(&id).ok_or(PurseError::Unknown(id))?;
        change(account);
        let mut changes = Changes::default();
        changes.put(Key::Purse(id).name(), &account.purse);
        changes.put(Key::Tally(id).name(), &account.tally);
        Ok((id, changes))
    }

    /// A purse and those that it draws from, upwards. Parents have smaller numbers, so it ends.
    fn chain(&self, id: PurseId) -> impl Iterator<Item = PurseId> {
        std::iter::successors(Some(id), |id| self.accounts.get(id).and_then(|account| account.purse.parent))
    }
}
