//! Reserving, committing, releasing.

use super::{Approval, Policy};
use crate::budget::BudgetId;
use crate::calendar::Clock;
use crate::day::{Day, day_name};
use crate::error::{ApprovalNeeded, BudgetDenial, BudgetRefusal, CommitError, Reason};
use crate::limits::MAX_RESERVATIONS;
use crate::money::Cost;
use crate::notice::{Notice, NoticeKind};
use crate::record::{Changes, Key};
use crate::reservation::{Request, Reservation};
use crate::{Msat, PaymentId};

/// Maximum number of approvals that wait for their payment.
const MAX_APPROVALS: usize = 64;
/// Time, in ms, after which an approval that was not used is void.
const APPROVAL_MS: u64 = 10 * 60 * 1000;
/// Time, in ms, between two notices of a low parent without windows.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Policy {
    /// Reserves amount and maximum fee in the budget and in all that it draws from. The same request again, while the payment
    /// is not decided, changes nothing.
    ///
    /// # Errors
    /// [`BudgetDenial`]; nothing changed.
    pub fn reserve(&mut self, request: &Request, clock: &Clock<'_>) -> Result<Changes, BudgetDenial> {
        let clock = self.tick(clock);
        let Request { payment, reservation } = request;
        if let Some(known) = self.reservations.get(payment) {
            let conflict = BudgetRefusal { budget: reservation.budget, reason: Reason::Conflict };
            return if known == reservation { Ok(Changes::default()) } else { Err(conflict.into()) };
        }
        let needed = self.fits(reservation, &clock)?;
        if let Some(asks) = self.approval_needed(reservation.budget, needed) {
            let approval = self.approvals.iter().position(|approval| approval.request == *request);
            approval.ok_or(BudgetDenial::ApprovalNeeded(asks))?;
        }
        self.approvals.retain(|approval| approval.request.payment != *payment);
        self.insert(*payment, reservation.clone());
        let mut changes = Changes::default();
        changes.put(Key::Reservation(*payment).name(), reservation);
        changes.put(Key::Clock.name(), &self.mark);
        Ok(changes)
    }

    /// Changes what is reserved for a payment that is not decided: a replacing transaction costs more, or less. A payment without a
    /// reservation changes nothing. The user is not asked again: limits hold as for a new payment.
    ///
    /// # Errors
    /// [`BudgetRefusal`]; nothing changed.
    pub fn amend(
        &mut self,
        payment: PaymentId,
        cost: Cost,
        clock: &Clock<'_>,
    ) -> Result<Changes, BudgetRefusal> {
        let clock = self.tick(clock);
        let Some(old) = self.take(payment) else { return Ok(Changes::default()) };
        let new = Reservation { cost, ..old.clone() };
        let lowered = cost.sum().is_some_and(|sum| old.cost.sum().is_some_and(|before| sum <= before));
        let fits = if lowered { Ok(()) } else { self.fits(&new, &clock).map(drop) };
        let kept = if fits.is_ok() { new } else { old };
        let mut changes = Changes::default();
        changes.put(Key::Reservation(payment).name(), &kept);
        changes.put(Key::Clock.name(), &self.mark);
        self.insert(payment, kept);
        fits.map(|()| changes)
    }

    /// Approves this one request for the user: if it is made within ten minutes, the user is not asked about it again. Limits
    /// hold as before. In memory only.
    pub fn approve(&mut self, request: Request, clock: &Clock<'_>) {
        let clock = self.tick(clock);
        if self.approvals.len() >= MAX_APPROVALS {
            self.approvals.pop_front();
        }
        let until_ms = clock.unix_ms.saturating_add(APPROVAL_MS);
        self.approvals.push_back(Approval { request, until_ms });
    }

    /// Withdraws the approval of a payment ([`Policy::approve`]): its attempt is over.
    pub fn withdraw(&mut self, payment: PaymentId) {
        self.approvals.retain(|approval| approval.request.payment != payment);
    }

    /// Checks that this could be reserved now without asking; changes nothing.
    ///
    /// # Errors
    /// [`BudgetDenial`], as [`Policy::reserve`] would return it.
    pub fn allows(&self, reservation: &Reservation, clock: &Clock<'_>) -> Result<(), BudgetDenial> {
        let needed = self.fits(reservation, &clock.not_before(self.mark.latest_ms))?;
        self.approval_needed(reservation.budget, needed)
            .map_or(Ok(()), |asks| Err(BudgetDenial::ApprovalNeeded(asks)))
    }

    /// Returns the least that a limit over time of a budget, or of one that it draws from, leaves, without streaming rates;
    /// `None`: there is no such limit.
    #[must_use]
    pub fn left(&self, id: BudgetId, clock: &Clock<'_>) -> Option<Msat> {
        let clock = clock.not_before(self.mark.latest_ms);
        let lefts = self.chain(id).filter_map(|id| self.accounts.get(&id)?.left(&clock));
        lefts.map(|(left, _)| left).min()
    }

    /// Returns the amount that a budget and all that it draws from allow now without asking: the least that one of their limits
    /// over time leaves, streaming rates included. `None`: they have no such limit, or allow nothing without asking (one of them
    /// is closed, has expired, or asks about every payment).
    #[must_use]
    pub fn left_unasked(&self, id: BudgetId, clock: &Clock<'_>) -> Option<Msat> {
        let clock = clock.not_before(self.mark.latest_ms);
        let accounts = || self.chain(id).filter_map(|id| self.accounts.get(&id));
        if accounts().any(|account| account.always_asks(&clock)) {
            return None;
        }
        accounts().flat_map(|account| account.usage(&clock)).map(|usage| usage.left()).min()
    }

    /// Commits the actual cost of a payment that succeeded: it counts as spent, the rest is free again. A payment that is
    /// decided already, or was never reserved, changes nothing.
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
        let Some(Reservation { cost: reserved, .. }) = self.reservations.get(&payment) else {
            return Ok(Changes::default());
        };
        let reserved = *reserved;
        let cost = actual.sum().filter(|actual| reserved.sum().is_some_and(|max| *actual <= max));
        let cost = cost.ok_or(CommitError { payment, reserved, actual })?;
        let Some(reservation) = self.take(payment) else { return Ok(Changes::default()) };
        let mut changes = Changes::default();
        changes.remove(Key::Reservation(payment));
        let chain: Vec<BudgetId> = self.chain(reservation.budget).collect();
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
        self.count(&reservation, actual, &clock, &mut changes);
        changes.put(Key::Clock.name(), &self.mark);
        Ok(changes)
    }

    /// Releases the reservation of a payment that failed: no funds were sent. A payment that is decided already, or was never
    /// reserved, changes nothing.
    pub fn release(&mut self, payment: PaymentId) -> Changes {
        let mut changes = Changes::default();
        if self.take(payment).is_some() {
            changes.remove(Key::Reservation(payment));
        }
        changes
    }

    /// Returns the reservation of a payment that is not decided.
    #[must_use]
    pub fn reserved(&self, payment: PaymentId) -> Option<&Reservation> {
        self.reservations.get(&payment)
    }

    /// Returns all reservations: of all payments that are not decided.
    pub fn all_reserved(&self) -> impl Iterator<Item = (PaymentId, &Reservation)> {
        self.reservations.iter().map(|(id, reservation)| (*id, reservation))
    }

    /// Returns the amount to reserve, if the limits allow it.
    fn fits(&self, reservation: &Reservation, clock: &Clock<'_>) -> Result<Msat, BudgetRefusal> {
        let refused = |budget, reason| BudgetRefusal { budget, reason };
        let needed = self.needed(reservation).map_err(|reason| refused(reservation.budget, reason))?;
        for (id, account) in
            self.chain(reservation.budget).filter_map(|id| Some((id, self.accounts.get(&id)?)))
        {
            if let Some(reason) = account.refuses(needed, &reservation.purpose, clock) {
                return Err(refused(id, reason));
            }
        }
        Ok(needed)
    }

    pub(super) fn needed(&self, reservation: &Reservation) -> Result<Msat, Reason> {
        if !self.accounts.contains_key(&reservation.budget) {
            return Err(Reason::Unknown);
        }
        if reservation.cost.amount == Msat::ZERO {
            return Err(Reason::Zero);
        }
        if reservation.payee.len() > Reservation::MAX_PAYEE {
            return Err(Reason::Payee);
        }
        if self.reservations.len() >= MAX_RESERVATIONS {
            return Err(Reason::TooManyReservations);
        }
        let needed = reservation.cost.sum().ok_or(Reason::TooMuch)?;
        let fits = |id| self.accounts.get(&id).is_some_and(|account| account.reserved.plus(needed).is_some());
        if self.chain(reservation.budget).all(fits) { Ok(needed) } else { Err(Reason::TooMuch) }
    }

    fn approval_needed(&self, budget: BudgetId, needed: Msat) -> Option<ApprovalNeeded> {
        self.chain(budget).find_map(|id| {
            let account = self.accounts.get(&id).filter(|account| account.asks(needed))?;
            account.budget.rules.ask_above.map(|max_unasked| ApprovalNeeded {
                budget: id,
                max_unasked,
                needed,
            })
        })
    }

    pub(super) fn insert(&mut self, payment: PaymentId, reservation: Reservation) {
        self.change_reserved(&reservation, |all, one| all.plus_up_to_max(one));
        self.reservations.insert(payment, reservation);
    }

    fn take(&mut self, payment: PaymentId) -> Option<Reservation> {
        let reservation = self.reservations.remove(&payment)?;
        self.change_reserved(&reservation, Msat::less);
        Some(reservation)
    }

    fn change_reserved(&mut self, reservation: &Reservation, change: fn(Msat, Msat) -> Msat) {
        let sum = reservation.cost.sum().unwrap_or(Msat::MAX);
        let chain: Vec<BudgetId> = self.chain(reservation.budget).collect();
        for id in chain {
            if let Some(account) = self.accounts.get_mut(&id) {
                account.reserved = change(account.reserved, sum);
            }
        }
    }

    /// Notice of a budget whose own limits promise more than one that it draws from has left.
    fn low_parent(&mut self, chain: &[BudgetId], clock: &Clock<'_>) -> Option<Notice> {
        let (budget, parents) = chain.split_first()?;
        let (own, _) = self.accounts.get(budget)?.left(clock)?;
        let lefts = parents.iter().filter_map(|id| Some((*id, self.accounts.get(id)?.left(clock)?)));
        let (parent, (left, usage)) = lefts.min_by_key(|(_, (left, _))| *left)?;
        let until = usage.until_ms.unwrap_or(clock.unix_ms.saturating_add(DAY_MS));
        let notified = &mut self.accounts.get_mut(budget)?.tally.low_parent_notified;
        let news = left < own && notified.update(100, clock.unix_ms, until);
        news.then_some(Notice { budget: *budget, kind: NoticeKind::LowParent { parent, left } })
    }

    /// Counts a payment for the report; a day that is over, or full, gets its record.
    fn count(&mut self, reservation: &Reservation, actual: Cost, clock: &Clock<'_>, changes: &mut Changes) {
        let date = clock.date();
        let mut today = self.today.take().unwrap_or(Day::new(date));
        if today.date < date || !today.has_room(reservation.budget, &reservation.purpose) {
            self.archive(&today, changes);
            // A zone farther west may have yesterday's date: days do not go back.
            today = Day::new(today.date.max(date));
        }
        today.count(reservation.budget, &reservation.purpose, actual);
        changes.put(Key::Today.name(), &today);
        self.today = Some(today);
    }

    pub(super) fn archive(&mut self, day: &Day, changes: &mut Changes) {
        changes.put(day_name(day.date, self.mark.days), day);
        self.mark.days = self.mark.days.saturating_add(1);
    }

    /// Number of records of past days that were made, see [`DAYS`](crate::DAYS).
    #[must_use]
    pub fn days_stored(&self) -> u64 {
        self.mark.days
    }

    pub(crate) fn today(&self) -> Option<&Day> {
        self.today.as_ref()
    }
}
