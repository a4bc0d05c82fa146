//! AMP payments to us: parts wait until their set is complete, and are then claimed in one step, or go back together.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_amp::{Amp, Complete, Incoming, Kept, Limits, Part, PartFault, SetId, Verdict};
use amplet_protocol::page::{Direction, EventKind, Payment, PaymentKind};
use amplet_protocol::{Msat, PaymentId};
use lightning::ln::channelmanager::FailureCode;
use lightning::types::payment::{PaymentHash, PaymentPreimage};

use super::super::bolt11::NewInvoice;
use super::super::claimable::{Claimable, Decision, Refused};
use super::super::error::PayError;
use super::claimed;
use super::invoices::{AmpInvoices, InvoiceFault};
use super::stored;
use crate::base::Base;
use crate::config::InboundKeysend;
use crate::ldk::taken_back::TakenBack;
use crate::ledger::record::Key;
use crate::ledger::{Ledger, LedgerError, Outcome};

/// Bounds of payments of our invoices: all HTLCs of three channels for one of them. The time is BOLT 4's for the parts of a payment,
/// twice.
const INVOICED: Limits = Limits { parts: 1449, sets: 20, msat: Msat::MAX, secs: 120 };

/// Blocks before the first part's deadline at which a set goes back: LDK gives that part back by itself at the deadline.
const MARGIN: u32 = 3;

/// Sets of one kind.
struct Sets {
    incoming: RefCell<Incoming>,
    /// A task lets them end in time.
    is_watched: Cell<bool>,
}

impl Sets {
    fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self { incoming: RefCell::new(Incoming::new(limits)), is_watched: Cell::default() })
    }
}

/// Reason for which a part is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Part(#[from] PartFault),
    #[error(transparent)]
    Invoice(#[from] InvoiceFault),
    #[error("payments like this one are not accepted without an invoice")]
    Uninvited,
    #[error("it has a record of an even type, and nobody here knows it")]
    Record,
    #[error("its set's id was used before")]
    SetId,
}

impl Refusal {
    /// The failure (BOLT 4, "Failure Messages") that says it best among LDK's, which has no `mpp_timeout`.
    fn code(self) -> FailureCode {
        match self {
            // As lnd's.
            Self::Part(PartFault::Shares) => FailureCode::InvalidOnionPayload(Some((Amp::TYPE, 0))),
            Self::Part(PartFault::Parts | PartFault::Sets | PartFault::Amount | PartFault::Time) => {
                FailureCode::TemporaryNodeFailure
            }
            Self::Record => FailureCode::InvalidOnionPayload(None),
            _ => FailureCode::IncorrectOrUnknownPaymentDetails,
        }
    }

    fn of(self, hashes: Vec<PaymentId>) -> Refused {
        Refused { hashes, code: self.code() }
    }
}

/// AMP payments to us.
pub(in crate::payments) struct AmpInbound {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    invoices: AmpInvoices,
    /// Sets that pay invoices of ours.
    invoiced: Rc<Sets>,
    /// Sets that name no invoice: their payers chose the payment address.
    spontaneous: Rc<Sets>,
}

impl AmpInbound {
    /// Takes up the sets of an earlier run, as far as they can be read.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(base: &Rc<Base>, ledger: &Rc<Ledger>) -> Result<Rc<Self>, LedgerError> {
        let invoices = AmpInvoices::open(&*base.store, Rc::clone(ledger)).await?;
        let parts = stored::load(&*base.store, ledger).await?;
        let (invoiced, spontaneous) = (Sets::new(INVOICED), Sets::new(base.config.spontaneous_amp));
        let is_invoiced = |part: &Part| invoices.get(part.kept.total.address).is_some();
        let (pay, give): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(is_invoiced);
        invoiced.incoming.borrow_mut().resume(pay);
        spontaneous.incoming.borrow_mut().resume(give);
        let (base, ledger) = (Rc::clone(base), Rc::clone(ledger));
        Ok(Rc::new(Self { base, ledger, invoices, invoiced, spontaneous }))
    }

    /// Makes an invoice, staged with its record.
    pub fn make_invoice(&self, new: &NewInvoice) -> Result<String, PayError> {
        self.invoices.make(&self.base.ldk, new, self.base.now())
    }

    /// LDK has ticked.
    pub fn ticked(&self) {
        self.expire();
        self.invoices.forget(self.base.now());
    }

    fn sets(&self) -> [&Rc<Sets>; 2] {
        [&self.invoiced, &self.spontaneous]
    }

    /// Goes on with the sets of an earlier run.
    pub fn resumed(self: &Rc<Self>) {
        for sets in self.sets() {
            self.watch(sets);
        }
    }

    /// Decides about a part, which nothing but its set is against.
    pub fn decide(self: &Rc<Self>, money: &Claimable, kept: Kept) -> Decision {
        // None of the parts that are here is lost to LDK before this one completes their set.
        self.expire();
        let id = PaymentId(money.hash.0);
        let part = Part {
            hash: id,
            amount_msat: money.amount_msat,
            kept,
            deadline: money.deadline,
            arrived_at: self.base.now(),
            is_claimed: false,
        };
        let set = PaymentId(kept.amp.set.0);
        let sets = match self.sets_for(&part, money) {
            Ok(sets) => sets,
            Err(refusal) => return self.refuse(refusal, vec![id], set, money),
        };
        let verdict = sets.incoming.borrow_mut().offer(part);
        match verdict {
            Verdict::Held => {
                stored::put(&self.ledger, &part);
                self.watch(sets);
                Decision::Hold
            }
            Verdict::Complete(Complete { amount_msat, claims, .. }) => {
                log::info!("payment {set}: its {} parts are here, {amount_msat}", claims.len());
                stored::put(&self.ledger, &part);
                Decision::Claim(claims.iter().map(|claim| PaymentPreimage(claim.preimage.0)).collect())
            }
            Verdict::Refused(fault) => self.refuse(fault.into(), vec![id], set, money),
            Verdict::SetRefused(fault, hashes) => self.refuse(fault.into(), hashes, set, money),
        }
    }

    /// The sets that a part belongs to.
    fn sets_for(&self, part: &Part, money: &Claimable) -> Result<&Rc<Sets>, Refusal> {
        let Kept { amp, total } = part.kept;
        // What pays an invoice of one hash would be refused by LDK as long as this waits.
        if self.ledger.contains(Key::inbound(part.hash)) {
            return Err(PartFault::Hash.into());
        }
        // LDK would give this part back and claim the others.
        if money.records.iter().any(|(record_type, _)| record_type % 2 == 0) {
            return Err(Refusal::Record);
        }
        let (sets, others) = match self.invoices.get(total.address) {
            Some(invoice) => {
                invoice.check(&part.kept, part.deadline, part.arrived_at, self.height())?;
                (&self.invoiced, &self.spontaneous)
            }
            None if self.accepts(total.total_msat, money) => (&self.spontaneous, &self.invoiced),
            None => return Err(Refusal::Uninvited),
        };
        let is_used = self.ledger.contains(Key::inbound(PaymentId(amp.set.0)));
        if is_used || others.incoming.borrow().holds(amp.set) {
            return Err(Refusal::SetId);
        }
        Ok(sets)
    }

    /// Returns whether a payment without an invoice is taken.
    fn accepts(&self, amount_msat: Msat, money: &Claimable) -> bool {
        let offered = InboundKeysend { amount_msat, session: None, records: money.records.clone() };
        self.base.config.spontaneous_amp.sets > 0 && (self.base.config.accept_keysend)(&offered)
    }

    /// Refuses HTLCs of a set and says through whom the one came that is against it.
    fn refuse(
        &self,
        refusal: Refusal,
        hashes: Vec<PaymentId>,
        set: PaymentId,
        money: &Claimable,
    ) -> Decision {
        let channels = self.base.ldk.manager.list_channels();
        let peers = channels.iter().filter(|channel| money.channels.contains(&channel.channel_id));
        let peers: Vec<String> = peers.map(|channel| channel.counterparty.node_id.to_string()).collect();
        let (count, peers) = (hashes.len(), peers.join(", "));
        log::warn!("payment {set}: {count} part(s) sent back after one through {peers}: {refusal}");
        hashes.iter().for_each(|hash| stored::remove(&self.ledger, *hash));
        Decision::Refuse(refusal.of(hashes))
    }

    /// Height that deadlines are compared with.
    fn height(&self) -> u32 {
        let read = self.base.ldk.manager.current_best_block().height;
        self.base.chain.tip().height.max(read)
    }

    /// Sends sets back that can wait no longer.
    fn expire(&self) {
        let (now, height) = (self.base.now(), self.height().saturating_add(MARGIN));
        for sets in self.sets() {
            let over = sets.incoming.borrow_mut().expire(now, height);
            for (SetId(set), hashes) in over {
                let set = PaymentId(set);
                log::warn!("payment {set}: {} part(s) sent back: {}", hashes.len(), PartFault::Time);
                let code = Refusal::from(PartFault::Time).code();
                for hash in hashes {
                    stored::remove(&self.ledger, hash);
                    self.base.ldk.manager.fail_htlc_backwards_with_reason(&PaymentHash(hash.0), code);
                }
            }
        }
    }

    /// Lets sets end in time.
    fn watch(self: &Rc<Self>, sets: &Rc<Sets>) {
        if sets.is_watched.replace(true) {
            return;
        }
        let (this, sets) = (Rc::clone(self), Rc::clone(sets));
        self.base.while_open(async move {
            loop {
                let due = sets.incoming.borrow().due();
                let Some(due) = due else { break };
                let wait = due.saturating_sub(this.base.now()).max(1);
                this.base.platform.sleep(Duration::from_secs(wait)).await;
                this.expire();
                this.base.notify.notify();
            }
            sets.is_watched.set(false);
        });
    }

    /// A part is ours; with the last one of its set, so is the payment. `false`: it is a part of no set here.
    pub fn claimed(&self, hash: PaymentId) -> bool {
        let holding = self.sets().into_iter().find(|sets| sets.incoming.borrow().contains(hash));
        let Some(sets) = holding else { return false };
        let ended = sets.incoming.borrow_mut().claimed(hash);
        match ended {
            Some(parts) => self.close(&parts),
            None => {
                if let Some(part) = sets.incoming.borrow().part(hash) {
                    stored::put(&self.ledger, part);
                }
            }
        }
        true
    }

    /// The payment of which its payer took a part back.
    ///
    /// # Errors
    /// The store's.
    pub async fn payment_of(&self, taken: &TakenBack) -> Result<Option<PaymentId>, LedgerError> {
        claimed::set_of(&*self.base.store, &self.ledger, taken).await
    }

    /// Forgets what nobody takes back any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_claimed(&self, height: u32) -> Result<(), LedgerError> {
        claimed::forget(&*self.base.store, &self.ledger, height).await
    }

    /// Records a payment of which all parts are ours.
    fn close(&self, parts: &[Part]) {
        let Some(Part { kept, .. }) = parts.first() else { return };
        parts.iter().for_each(|part| stored::remove(&self.ledger, part.hash));
        let invoice = self.invoices.get(kept.total.address);
        let (text, description) = invoice.map(|invoice| (invoice.text, invoice.description)).unzip();
        let arrived = parts.iter().map(|part| part.arrived_at).min();
        let (id, now) = (PaymentId(kept.amp.set.0), self.base.now());
        let payment = Payment {
            amount_msat: Some(parts.iter().map(|part| part.amount_msat).sum()),
            fee_msat: Some(Msat::ZERO),
            description: description.unwrap_or_default(),
            invoice: text,
            settled_at: Some(now),
            ..Payment::pending(id, Direction::Inbound, PaymentKind::Amp, arrived.unwrap_or(now))
        };
        claimed::put(&self.ledger, id, parts);
        let payment = Box::new(self.ledger.close_record(payment, Outcome::Succeeded));
        self.ledger.raise(EventKind::PaymentReceived { payment });
    }
}
