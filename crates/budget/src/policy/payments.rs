//! Reserving, committing, releasing.

use super::{Approval, MAX_HELD, Policy};
use crate::budget::{BudgetId, Held, Request};
use crate::calendar::Clock;
use crate::error::{CommitError, Denied, Question, Reason, Refusal};
use crate::money::Cost;
use crate::notice::{Notice, NoticeKind};
use crate::record::{Changes, Key};
use crate::report::{Day, day_name};
use crate::{Msat, PaymentId};

/// Most answers of the user that wait for their payment.
const MAX_APPROVALS: usize = 64;
/// An answer that is not used by then is void.
const APPROVAL_MS: u64 = 10 * 60 * 1000;
/// A low parent without windows is told of once in so long.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Policy {
    /// Reserves amount and greatest fee in the budget and in all that it draws from. The same request again, while the payment
    /// is not decided, changes nothing.
    ///
    /// # Errors
    /// [`Denied`]; nothing changed.
    pub fn reserve(&mut self, request: &Request, clock: &Clock<'_>) -> Result<Changes, Denied> {
        let clock = self.tick(clock);
        let Request { payment, held } = request;
        if let Some(known) = self.held.get(payment) {
            let conflict = Refusal { budget: held.budget, reason: Reason::Conflict };
            return if known == held { Ok(Changes::default()) } else { Err(conflict.into()) };
        }
        let needed = self.fits(held, &clock)?;
        if let Some(question) = self.question(held.budget, needed) {
            let answer = self.approvals.iter().position(|approval| approval.request == *request);
            answer.ok_or(Denied::Ask(question))?;
        }
        self.approvals.retain(|approval| approval.request.payment != *payment);
        self.hold(*payment, held.clone());
        let mut changes = Changes::default();
        changes.put(Key::Held(*payment).name(), held);
        changes.put(Key::Clock.name(), &self.mark);
        Ok(changes)
    }

    /// The user said yes to this one request: if it comes within ten minutes, it is not asked about again. Limits hold as
    /// before. Kept in memory only.
    pub fn approve(&mut self, request: Request, clock: &Clock<'_>) {
        let clock = self.tick(clock);
        if self.approvals.len() >= MAX_APPROVALS {
            self.approvals.pop_front();
        }
        let until_ms = clock.unix_ms.saturating_add(APPROVAL_MS);
        self.approvals.push_back(Approval { request, until_ms });
    }

    /// Takes back what [`Policy::approve`] said of a payment: its attempt is over.
    pub fn withdraw(&mut self, payment: PaymentId) {
        self.approvals.retain(|approval| approval.request.payment != payment);
    }

    /// Whether this could be reserved now without asking; changes nothing.
    ///
    /// # Errors
    /// [`Denied`]: what [`Policy::reserve`] would say.
    pub fn allows(&self, held: &Held, clock: &Clock<'_>) -> Result<(), Denied> {
        let needed = self.fits(held, &clock.not_before(self.mark.latest_ms))?;
        self.question(held.budget, needed).map_or(Ok(()), |question| Err(Denied::Ask(question)))
    }

    /// What the limits over time of a budget and of all that it draws from leave together, but for streaming rates; `None`
    /// when there are none.
    #[must_use]
    pub fn left(&self, id: BudgetId, clock: &Clock<'_>) -> Option<Msat> {
        let clock = clock.not_before(self.mark.latest_ms);
        let lefts = self.chain(id).filter_map(|id| self.accounts.get(&id)?.left(&clock));
        lefts.map(|(left, _)| left).min()
    }

    /// What a budget and all that it draws from allow now without a question: the least that one of their limits over time
    /// leaves, streaming rates included. `None`: they have no such limit, or allow nothing without a question (one of them is
    /// closed, has expired, or asks about every payment).
    #[must_use]
    pub fn left_unasked(&self, id: BudgetId, clock: &Clock<'_>) -> Option<Msat> {
        let clock = clock.not_before(self.mark.latest_ms);
        let accounts = || self.chain(id).filter_map(|id| self.accounts.get(&id));
        if accounts().any(|account| account.always_asks(&clock)) {
            return None;
        }
        accounts().flat_map(|account| account.usage(&clock)).map(|usage| usage.left()).min()
    }

    /// The payment succeeded and cost `actual`: that counts as spent, the rest is free again. A payment that is decided
    /// already, or was never reserved, changes nothing.
    ///
    /// # Errors
    /// [`CommitError`] when it cost more than was reserved.
    pub fn commit(
        &mut self,
        payment: PaymentId,
        actual: Cost,
        clock: &Clock<'_>,
    ) -> Result<Changes, CommitError> {
        let clock = self.tick(clock);
        let Some(held) = self.held.get(&payment) else { return Ok(Changes::default()) };
        let reserved = held.cost;
        let cost = actual.sum().filter(|actual| reserved.sum().is_some_and(|most| *actual <= most));
        let cost = cost.ok_or(CommitError { payment, reserved, actual })?;
        let Some(held) = self.free(payment) else { return Ok(Changes::default()) };
        let mut changes = Changes::default();
        changes.remove(Key::Held(payment));
        let chain: Vec<BudgetId> = self.chain(held.budget).collect();
        for id in &chain {
            let Some(account) = self.accounts.get_mut(id) else { continue };
            account.spend(cost, &clock);
            let news = account.news(&clock).into_iter();
            changes.notices.extend(news.map(|kind| Notice { budget: *id, kind }));
        }
        changes.notices.extend(self.low_parent(&chain, &clock));
        for (id, account) in chain.iter().filter_map(|id| Some((id, self.accounts.get(id)?))) {
            changes.put(Key::Tally(*id).name(), &account.tally);
        }
        self.count(&held, actual, &clock, &mut changes);
        changes.put(Key::Clock.name(), &self.mark);
        Ok(changes)
    }

    /// The payment failed, no funds were sent: what was reserved is free again. A payment that is decided already, or was never
    /// reserved, changes nothing.
    pub fn release(&mut self, payment: PaymentId) -> Changes {
        let mut changes = Changes::default();
        if self.free(payment).is_some() {
            changes.remove(Key::Held(payment));
        }
        changes
    }

    /// What is reserved for a payment that is not decided.
    #[must_use]
    pub fn held(&self, payment: PaymentId) -> Option<&Held> {
        self.held.get(&payment)
    }

    /// All payments that are not decided.
    pub fn all_held(&self) -> impl Iterator<Item = (PaymentId, &Held)> {
        self.held.iter().map(|(id, held)| (*id, held))
    }

    /// What has to be reserved, if the limits allow it.
    fn fits(&self, held: &Held, clock: &Clock<'_>) -> Result<Msat, Refusal> {
        let refused = |budget, reason| Refusal { budget, reason };
        let needed = self.needed(held).map_err(|reason| refused(held.budget, reason))?;
        for (id, account) in self.chain(held.budget).filter_map(|id| Some((id, self.accounts.get(&id)?))) {
            if let Some(reason) = account.refuses(needed, &held.purpose, clock) {
                return Err(refused(id, reason));
            }
        }
        Ok(needed)
    }

    pub(super) fn needed(&self, held: &Held) -> Result<Msat, Reason> {
        if !self.accounts.contains_key(&held.budget) {
            return Err(Reason::Unknown);
        }
        if held.cost.amount == Msat::ZERO {
            return Err(Reason::Zero);
        }
        if held.payee.len() > Held::MAX_PAYEE {
            return Err(Reason::Payee);
        }
        if self.held.len() >= MAX_HELD {
            return Err(Reason::TooManyHeld);
        }
        let needed = held.cost.sum().ok_or(Reason::TooMuch)?;
        let fits = |id| self.accounts.get(&id).is_some_and(|account| account.held.plus(needed).is_some());
        if self.chain(held.budget).all(fits) { Ok(needed) } else { Err(Reason::TooMuch) }
    }

    fn question(&self, budget: BudgetId, needed: Msat) -> Option<Question> {
        self.chain(budget).find_map(|id| {
            let account = self.accounts.get(&id).filter(|account| account.asks(needed))?;
            account.budget.rules.ask_above.map(|most_unasked| Question { budget: id, most_unasked, needed })
        })
    }

    pub(super) fn hold(&mut self, payment: PaymentId, held: Held) {
        self.move_held(&held, |all, one| all.plus_up_to_max(one));
        self.held.insert(payment, held);
    }

    fn free(&mut self, payment: PaymentId) -> Option<Held> {
        let held = self.held.remove(&payment)?;
        self.move_held(&held, Msat::less);
        Some(held)
    }

    fn move_held(&mut self, held: &Held, change: fn(Msat, Msat) -> Msat) {
        let sum = held.cost.sum().unwrap_or(Msat::MAX);
        let chain: Vec<BudgetId> = self.chain(held.budget).collect();
        for id in chain {
            if let Some(account) = self.accounts.get_mut(&id) {
                account.held = change(account.held, sum);
            }
        }
    }

    /// Whether the budget's own limits promise more than one that it draws from can give.
    fn low_parent(&mut self, chain: &[BudgetId], clock: &Clock<'_>) -> Option<Notice> {
        let (budget, parents) = chain.split_first()?;
        let (own, _) = self.accounts.get(budget)?.left(clock)?;
        let lefts = parents.iter().filter_map(|id| Some((*id, self.accounts.get(id)?.left(clock)?)));
        let (parent, (left, usage)) = lefts.min_by_key(|(_, (left, _))| *left)?;
        let until = usage.until_ms.unwrap_or(clock.unix_ms.saturating_add(DAY_MS));
        let told = &mut self.accounts.get_mut(budget)?.tally.low_parent_told;
        let news = left < own && told.tell(100, clock.unix_ms, until);
        news.then_some(Notice { budget: *budget, kind: NoticeKind::LowParent { parent, left } })
    }

    /// Counts a payment for the report; a day that is over, or full, gets its record.
    fn count(&mut self, held: &Held, actual: Cost, clock: &Clock<'_>, changes: &mut Changes) {
        let date = clock.date();
        let mut today = self.today.take().unwrap_or(Day::new(date));
        if today.date < date || !today.has_room(held.budget, &held.purpose) {
            self.archive(&today, changes);
            // A zone farther west may have yesterday's date: days do not go back.
            today = Day::new(today.date.max(date));
        }
        today.count(held.budget, &held.purpose, actual);
        changes.put(Key::Today.name(), &today);
        self.today = Some(today);
    }

    pub(super) fn archive(&mut self, day: &Day, changes: &mut Changes) {
        changes.put(day_name(day.date, self.mark.days), day);
        self.mark.days = self.mark.days.saturating_add(1);
    }

    /// How many records of past days were made, see [`DAYS`](crate::DAYS).
    #[must_use]
    pub fn days_stored(&self) -> u64 {
        self.mark.days
    }

    pub(crate) fn today(&self) -> Option<&Day> {
        self.today.as_ref()
    }
}
