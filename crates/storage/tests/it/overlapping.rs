//! Writes that are on their way at once: over a network that loses, delays, repeats and reorders them, with devices that take over from
//! each other in between.

#![allow(clippy::unwrap_used)]

use super::mirror::{Device, MOVE, RESTORE, Running, all, kill, world};
use super::vss::{batch, commit, turns};
use amplet_fuzz::Dice;
use amplet_storage::{Batch, Purpose, Receipt, Store, StoreError};
use futures::FutureExt;
use futures::future::join_all;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Lives that are tried.
const SEEDS: u64 = 200;

/// Random numbers that all of a life's parts draw from.
#[derive(Clone)]
pub struct Chance(Rc<RefCell<Dice>>);

impl Chance {
    fn below(&self, limit: usize) -> usize {
        self.0.borrow_mut().below(limit)
    }
}

/// What becomes of a request.
pub enum Fate {
    Delivered {
        before: usize,
        after: usize,
    },
    Lost,
    AnswerLost,
    /// It arrives after its sender has given up.
    Late {
        turns: usize,
    },
    /// It arrives a second time.
    Twice {
        turns: usize,
    },
}

impl Fate {
    pub fn draw(chance: &Chance) -> Self {
        match chance.below(14) {
            0 => Self::Lost,
            1 => Self::AnswerLost,
            2 => Self::Late { turns: chance.below(60) },
            3 => Self::Twice { turns: chance.below(60) },
            _ => Self::Delivered { before: chance.below(5), after: chance.below(5) },
        }
    }
}

/// What a wallet has, as the numbers of its commits tell it.
type Records = BTreeMap<String, String>;

/// Commits to a device, and what they must have left behind.
struct Life {
    chance: Chance,
    /// After each commit, the first first.
    states: Vec<Records>,
    /// The commit that the device with the wallet goes on from. Those after it are another device's, which goes on from them unless
    /// something was committed here.
    found: usize,
    /// Number of the newest commit that was said to be durable.
    said: Rc<Cell<usize>>,
}

impl Life {
    fn next(&mut self) -> Batch {
        self.states.truncate(self.found + 1);
        let number = self.states.len();
        self.found = number;
        let mut state = self.states.last().cloned().unwrap_or_default();
        let mut batch = Batch::new();
        for _ in 0..=self.chance.below(3) {
            let name = format!("payment/{}", self.chance.below(6));
            if self.chance.below(3) == 0 {
                batch.remove(&name);
                state.remove(&name);
            } else {
                batch.put(&name, number.to_string().into_bytes());
                state.insert(name, number.to_string());
            }
        }
        batch.put("ldk/manager", number.to_string().into_bytes());
        state.insert("ldk/manager".into(), number.to_string());
        self.states.push(state);
        batch
    }

    /// Commits a few times; nobody waits for one to be durable before the next.
    async fn commits(&mut self, running: &Running) -> Vec<(usize, Receipt)> {
        let mut receipts = Vec::new();
        for _ in 0..self.chance.below(10) {
            let batch = self.next();
            let number = self.states.len() - 1;
            match running.store.commit(batch).await {
                Ok(receipt) => receipts.push((number, receipt)),
                // What is not here is nowhere.
                Err(_) => {
                    self.states.pop();
                    self.found -= 1;
                }
            }
            turns(self.chance.below(6)).await;
        }
        receipts
    }

    fn hear(&self, receipts: Vec<(usize, Receipt)>) -> Vec<impl Future<Output = ()> + use<>> {
        let hear = |(number, receipt): (usize, Receipt)| {
            let said = Rc::clone(&self.said);
            async move {
                if receipt.durable().await.is_ok() {
                    said.set(said.get().max(number));
                }
            }
        };
        receipts.into_iter().map(hear).collect()
    }

    /// Checks a device that has just taken the wallet, and goes on from what it has.
    async fn check(&mut self, running: &Running) {
        let found: Records = all(&running.store).await.into_iter().collect();
        let number: usize = found.get("ldk/manager").unwrap().parse().unwrap();
        assert!(number >= self.said.get(), "{number} is there, {} was durable", self.said.get());
        assert_eq!(found, *self.states.get(number).unwrap(), "not the state after any commit");
        self.found = number;
    }
}

async fn opened(device: &Device, purpose: Purpose) -> Running {
    loop {
        match device.open(purpose).await {
            Ok(running) => {
                // A server that could not be reached is asked again in the background.
                if running.store.ready().await.is_ok() {
                    return running;
                }
                kill(running).await;
            }
            Err(StoreError::BackupUnreachable { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn live(devices: &[Device; 3], chance: Chance) {
    let [one, two, third] = devices;
    let mut life = Life { chance: chance.clone(), states: Vec::new(), found: 0, said: Rc::default() };
    let (mut here, mut there) = (one, two);
    let mut running = opened(here, Purpose::SetUp).await;
    let first = life.next();
    running.store.commit(first).await.unwrap().durable().await.unwrap();
    for _ in 0..4 {
        let receipts = life.commits(&running).await;
        let heard = join_all(life.hear(receipts));
        let end = chance.below(3);
        if end == 0 {
            heard.await;
            continue;
        }
        let (heard, limit) = (heard.boxed_local(), turns(chance.below(30)).boxed_local());
        drop(futures::future::select(heard, limit).await);
        if end == 1 {
            std::mem::swap(&mut here, &mut there);
            let other = opened(here, MOVE).await;
            life.check(&other).await;
            kill(std::mem::replace(&mut running, other)).await;
        } else {
            kill(running).await;
            running = opened(here, MOVE).await;
            life.check(&running).await;
        }
    }
    let receipts = life.commits(&running).await;
    join_all(life.hear(receipts)).await;
    turns(100).await;
    let restored = third.open(RESTORE).await.unwrap();
    life.check(&restored).await;
}

#[test]
fn what_arrives_late_twice_or_never_mixes_up_nothing() {
    for seed in 0..SEEDS {
        let mut world = world();
        let chance = Chance(Rc::new(RefCell::new(Dice(seed))));
        let [mut one, mut two, third] = ["one", "two", "three"].map(|name| world.device(name));
        (one.way.storm, two.way.storm) = (Some(chance.clone()), Some(chance.clone()));
        println!("seed {seed}");
        world.run(live(&[one, two, third], chance));
    }
}

#[test]
fn a_commit_is_sent_while_others_are_on_their_way() {
    let mut world = world();
    let device = world.device("only");
    let server = world.server.clone();
    world.run(async {
        let a = device.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/0", "0").await;
        let before = server.puts();
        server.set_delay_ms(50);
        let mut durable = Vec::new();
        for number in 1..=3 {
            let receipt = a.store.commit(batch("payment/1", &number.to_string())).await.unwrap();
            durable.push(receipt.durable().boxed_local());
            turns(3).await;
        }
        assert_eq!(server.puts() - before, 3, "one waited for another's answer");
        assert!((&mut durable[0]).now_or_never().is_none(), "durable without an answer");
        join_all(durable).await.into_iter().for_each(Result::unwrap);
    });
}
