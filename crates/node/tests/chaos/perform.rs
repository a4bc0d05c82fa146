//! Acts done to a life. What cannot be done as the world is now is skipped, or refused by a node: that is told, and no fault.

use std::fmt::Debug;
use std::time::Duration;

use amplet_node::budget::BudgetId;
use amplet_node::lightning::ln::types::ChannelId;
use amplet_node::{
    AmpParts, AmpPayee, Authorization, Keysend, NewInvoice, NewOffer, Node, OpenChannel, Order, PayAmp,
    PayError, PayInvoice, PayOffer, PayStream, PaymentId, SendOnchain, StreamTo,
};
use amplet_protocol::gateway::Message;
use amplet_protocol::page::{PaymentKind, PaymentStatus};

use crate::acts::{Act, Kind, MALLORY, Name};
use crate::life::{Life, Opening, app};
use crate::world::{Power, amp_payee, msat, open};

const SECOND: Duration = Duration::from_secs(1);

/// What came of an act, in a word or two.
pub type Outcome = Result<String, &'static str>;

/// Name of a variant, without what is in it.
fn variant(value: &impl Debug) -> String {
    format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

pub fn done() -> Outcome {
    Ok("done".to_owned())
}

impl Life {
    /// Does one act, and ends the processes whose power it took.
    pub fn step(&mut self, act: &Act) -> String {
        self.tick();
        self.facts.count(format!("act {}", act.name()));
        let outcome = self.perform(act).unwrap_or_else(|why| format!("skipped: {why}"));
        let away = match act {
            Act::Cut { away, .. } => *away,
            _ => 1,
        };
        let off = |life: &Self, name: &Name| life.up[name].power.is_off() && !life.silent.contains_key(name);
        let dead: Vec<Name> = self.up.keys().copied().filter(|name| off(self, name)).collect();
        for name in &dead {
            self.facts.count("power cuts that met their moment");
            self.kill(name, away);
        }
        if dead.is_empty() { outcome } else { format!("{outcome}; {} died", dead.join(" and ")) }
    }

    fn perform(&mut self, act: &Act) -> Outcome {
        match *act {
            Act::Deposit { to, sat } => self.deposit(to, sat).then(|| "done".to_owned()).ok_or("no address"),
            Act::Send { from, to, sat } => self.send(from, to, sat),
            Act::Bump { node, cancel } => self.bump(node, cancel),
            Act::Open { .. } => self.open_channel(act),
            Act::Pay { from, to, msat, kind, wait_ms } => {
                let began = self.pay(from, to, msat, kind)?;
                self.pass(Duration::from_millis(wait_ms));
                Ok(began)
            }
            Act::Close { node, which, force } => self.close_channel(node, which, force),
            Act::Restart { node, clean } => self.restart(node, clean),
            Act::Cut { node, moment, with, .. } => {
                let power = self.power(node)?;
                let neighbour = with.and_then(|with| self.power(with).ok());
                power.arm(moment, neighbour.as_ref());
                done()
            }
            Act::Full { node, acts } => self.fill(node, acts),
            Act::Source(trouble) => self.source(trouble),
            Act::Backup(trouble) => self.trouble_backup(trouble),
            Act::Lose { wallet } => self.lose_device(wallet),
            Act::Move { wallet } => self.move_device(wallet),
            Act::Fees { sat_per_vb } => {
                let rates = [1, 6, 144, 1008].map(|target| format!(r#""{target}":{sat_per_vb}"#));
                *self.world.server.fees.borrow_mut() = Some(format!("{{{}}}", rates.join(",")));
                self.tell_blocks();
                done()
            }
            Act::Away { node, clean, blocks } => self.absence(node, clean, blocks),
            Act::Reorg { depth } => self.reorg(depth),
            Act::Silent { node, acts } => {
                self.power(node)?.cut();
                self.silent.insert(node, acts);
                done()
            }
            Act::Noise => self.noise(),
            Act::Refuse { refuse } => {
                self.world.refuse_keysends.set(refuse);
                done()
            }
            Act::Mine { blocks } => {
                self.mine(blocks);
                done()
            }
            Act::Wait { secs } => {
                self.pass(Duration::from_secs(secs));
                done()
            }
        }
    }

    fn working(&self, name: Name) -> Result<Node, &'static str> {
        self.node(name).ok_or("it is down")
    }

    fn power(&self, name: Name) -> Result<std::rc::Rc<Power>, &'static str> {
        self.working(name)?;
        Ok(std::rc::Rc::clone(&self.up[name].power))
    }

    /// Runs work that ends in a refusal or not, for three seconds.
    fn attempt<T: 'static, E: Debug + 'static>(
        &self,
        work: impl Future<Output = Result<T, E>> + 'static,
    ) -> Outcome {
        Ok(match self.within(3 * SECOND, work) {
            None => "goes on".to_owned(),
            Some(Ok(_)) => "done".to_owned(),
            Some(Err(error)) => variant(&error),
        })
    }

    fn begin_payment(&self, from: Node, order: Order, authorization: Authorization) -> Outcome {
        let begun = self.begin(async move { from.payments().begin(order, &authorization).await });
        self.world.platform.run_until_stalled();
        let result: Option<Result<PaymentId, PayError>> = begun.borrow_mut().take();
        Ok(match result {
            None => "begins".to_owned(),
            Some(Ok(_)) => "begun".to_owned(),
            Some(Err(error)) => variant(&error),
        })
    }

    fn pay(&mut self, from: Name, to: Name, amount: u64, kind: Kind) -> Outcome {
        let (payer, user) = (self.working(from)?, Authorization::user());
        let (amount_msat, max_fee_msat) = (msat(amount), msat(amount / 50 + 5_000));
        match kind {
            Kind::Invoice | Kind::Budgeted => {
                let payee = self.working(to)?;
                let new = NewInvoice {
                    amount_msat: Some(amount_msat),
                    description: "tea".into(),
                    expiry_secs: 86_400,
                    metadata: Default::default(),
                };
                let made = self.within(SECOND, async move { payee.payments().invoice(&new).await });
                let invoice = made.ok_or("no invoice in time")?.map_err(|_| "no invoice")?;
                self.facts.invoices.push((from, invoice.clone()));
                let budget = payer.budgets().policy().budget_of(&app()).filter(|_| kind == Kind::Budgeted);
                if budget.is_some() {
                    self.facts.budgeted.insert((from, PaymentId(invoice.payment_hash().0)));
                }
                let pay = PayInvoice { invoice, amount_msat: None, max_fee_msat };
                let budget = budget.unwrap_or(BudgetId::USER);
                self.begin_payment(payer, pay.into(), Authorization { budget, ..user })
            }
            Kind::Again => {
                let mine: Vec<_> = self.facts.invoices.iter().filter(|(payer, _)| *payer == from).collect();
                let count = u64::try_from(mine.len()).unwrap();
                let which = amount.checked_rem(count).ok_or("nothing was paid yet")?;
                let invoice = mine[usize::try_from(which).unwrap()].1.clone();
                if self.facts.budgeted.contains(&(from, PaymentId(invoice.payment_hash().0))) {
                    return Err("it is the app's");
                }
                self.begin_payment(
                    payer,
                    PayInvoice { invoice, amount_msat: None, max_fee_msat }.into(),
                    user,
                )
            }
            Kind::Keysend => {
                let keysend = Keysend { payee: self.id(to), amount_msat, max_fee_msat, records: Vec::new() };
                self.begin_payment(payer, keysend.into(), user)
            }
            Kind::Offer => {
                let new = NewOffer { amount_msat: Some(amount_msat), description: "tea".into() };
                let offer = self.working(to)?.payments().offer(&new).map_err(|_| "no offer")?;
                let pay = PayOffer { offer, amount_msat: None, max_fee_msat, note: None };
                self.begin_payment(payer, pay.into(), user)
            }
            Kind::Stream => self.stream(&payer, from, to, amount),
            Kind::Amp => {
                let payee = amp_payee(&self.amp_invoice(to, amount)?);
                self.pay_by_amp(payer, payee, amount)
            }
            Kind::AmpGift => self.pay_by_amp(payer, AmpPayee::node(self.id(to)), amount),
        }
    }

    /// In up to nine parts above dust: of dust a forwarder's loss is known by a payment's one hash (`audit`).
    fn pay_by_amp(&self, payer: Node, to: AmpPayee, amount: u64) -> Outcome {
        let count = (1 + amount % 9).min(amount / 1_000_000).max(1);
        let parts = AmpParts::even(msat(amount), u32::try_from(count).unwrap());
        let max_fee_msat = msat(amount / 50 + 40_000);
        let pay = PayAmp { to, amount_msat: Some(msat(amount)), max_fee_msat, parts };
        self.begin_payment(payer, pay.into(), Authorization::user())
    }

    /// An AMP invoice over any amount; one that was made before, for every other amount.
    fn amp_invoice(&mut self, of: Name, amount: u64) -> Result<String, &'static str> {
        let made = self.facts.amp_invoices.get(of).filter(|_| amount.is_multiple_of(2));
        if let Some(made) = made {
            return Ok(made.clone());
        }
        let payee = self.working(of)?;
        let new = NewInvoice {
            amount_msat: None,
            description: "tea".into(),
            expiry_secs: 86_400,
            metadata: Default::default(),
        };
        let made = self.within(SECOND, async move { payee.payments().amp_invoice(&new).await });
        let invoice = made.ok_or("no invoice in time")?.map_err(|_| "no invoice")?;
        self.facts.amp_invoices.insert(of, invoice.clone());
        Ok(invoice)
    }

    /// A few payments of the one stream between these two.
    fn stream(&mut self, payer: &Node, from: Name, to: Name, amount: u64) -> Outcome {
        let to = StreamTo { payee: self.id(to), session: format!("from {from}") };
        let node = payer.clone();
        let opened = self.within(SECOND, async move { node.payments().open_stream(&to).await });
        let stream = opened.ok_or("no stream in time")?.map_err(|_| "no stream")?;
        let mut last = done();
        for _ in 0..1 + amount % 4 {
            let (amount_msat, max_fee_msat) = (msat(amount / 10 + 1), msat(amount / 100 + 5_000));
            let next = PayStream { stream, amount_msat, max_fee_msat };
            last = self.begin_payment(payer.clone(), next.into(), Authorization::user());
        }
        last
    }

    fn send(&mut self, from: Name, to: Name, sat: u64) -> Outcome {
        let (payer, payee) = (self.working(from)?, self.working(to)?);
        let address = self.within(SECOND, async move { payee.onchain().new_address().await });
        let address = address.ok_or("no address in time")?.map_err(|_| "no address")?;
        self.facts.addresses.insert(address.to_string(), to);
        let signed = match payer.onchain().build(&address, Some(sat), None) {
            Ok(signed) => signed,
            Err(error) => return Ok(variant(&error)),
        };
        let order = SendOnchain { signed, address };
        self.attempt(async move { payer.payments().begin(order, &Authorization::user()).await })
    }

    fn bump(&mut self, name: Name, cancel: bool) -> Outcome {
        let (node, reader) = (self.working(name)?, self.working(name)?);
        let history = self.within(SECOND, async move { reader.ledger().history(None, 1_000).await });
        let history = history.ok_or("no history in time")?.map_err(|_| "no history")?;
        let waits = history.iter().find(|payment| {
            payment.status == PaymentStatus::Pending
                && matches!(payment.kind, PaymentKind::Onchain | PaymentKind::ChannelOpen)
        });
        let id = waits.ok_or("nothing waits")?.id;
        let built =
            if cancel { node.onchain().cancellation(id, None) } else { node.onchain().bump(id, None) };
        match built {
            Ok(bump) => self.attempt(async move { node.payments().bump(&bump).await }),
            Err(error) => Ok(variant(&error)),
        }
    }

    fn open_channel(&mut self, act: &Act) -> Outcome {
        let Act::Open { from, to, sat, push_sat, trusted, unanswered } = *act else { return done() };
        let node = self.working(from)?;
        self.working(to)?;
        if !node.peers().is_connected(&self.id(to)) {
            self.connect(&node, to);
            self.pass(SECOND);
        }
        self.facts.openings.push(Opening { from, to, sat, push_sat });
        self.world.trust_zero_conf.set(trusted);
        self.world.answer_no_channel.set(unanswered);
        let how = OpenChannel { zero_reserve: trusted, ..open(sat, push_sat * 1000, false) };
        let peer = self.id(to);
        let outcome = self.attempt(async move { node.channels().open(peer, &how).await });
        self.world.trust_zero_conf.set(false);
        self.world.answer_no_channel.set(false);
        outcome
    }

    fn close_channel(&mut self, name: Name, which: u64, force: bool) -> Outcome {
        let node = self.working(name)?;
        let channels = node.channels().list();
        let which = which.checked_rem(u64::try_from(channels.len()).unwrap()).ok_or("it has no channel")?;
        let id = channels[usize::try_from(which).unwrap()].channel_id;
        let closed = node.channels().close(id, force);
        if force && closed.is_ok() {
            self.facts.forced.insert(id);
        }
        self.pass(SECOND);
        Ok(closed.map_or_else(|error| variant(&error), |()| "done".to_owned()))
    }

    fn restart(&mut self, name: Name, clean: bool) -> Outcome {
        self.working(name)?;
        if clean {
            self.close(name, 0);
        } else {
            self.kill(name, 0);
        }
        self.open(name);
        self.facts.count("restarts");
        self.pass(SECOND);
        done()
    }

    fn fill(&mut self, name: Name, acts: u32) -> Outcome {
        self.working(name)?;
        self.world.disk(name).set_quota(Some(1));
        self.full.insert(name, acts);
        done()
    }

    fn absence(&mut self, name: Name, clean: bool, blocks: u32) -> Outcome {
        self.working(name)?;
        if clean {
            self.close(name, 1);
        } else {
            self.kill(name, 1);
        }
        self.facts.count("restarts");
        self.mine(blocks);
        self.open(name);
        self.pass(2 * SECOND);
        done()
    }

    fn noise(&mut self) -> Outcome {
        let node = self.working(MALLORY)?;
        let peers = node.peers().list();
        for peer in &peers {
            let said = [
                Message::GetTerms,
                Message::RequestChannel { request_id: 7, capacity_sat: u64::MAX, token: None },
                Message::ChannelComing { request_id: 7 },
                Message::ChannelOpened { request_id: 7, channel_id: amplet_protocol::ChannelId([9; 32]) },
            ];
            said.into_iter().for_each(|message| node.peers().send_message(*peer, message));
            // Of a channel that there is not.
            let nothing = ChannelId([7; 32]);
            let _ = node.manager().force_close_broadcasting_latest_txn(&nothing, peer, "noise".to_owned());
        }
        self.pass(Duration::from_millis(50));
        peers.into_iter().for_each(|peer| node.peers().disconnect(peer));
        self.pass(SECOND);
        done()
    }
}
