//! The order of things: phases that are compared, or all at once for long.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_transport::NativePlatform;
use amplet_wallet::Wallet;
use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::audit::Sums;
use crate::crowd::Crowd;
use crate::gateway::{Gateway, own_cpu};
use crate::options::Options;
use crate::paying::{Attempts, Paying};
use crate::print::{Line, Phase, print, progress};
use crate::wallets;

/// Rest before something is measured. This and the next two are no longer than a phase.
const REST: Duration = Duration::from_secs(5);
/// Time over which the number of idle WebSockets settles, and their memory is looked at.
const IDLE_LOOK: Duration = Duration::from_secs(30);
/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two looks at the memory of a soak.
const SOAK_LOOK: Duration = Duration::from_secs(5);
/// Time in which strangers come and the first are thrown out, before a phase with them is measured.
const ARRIVAL: Duration = Duration::from_secs(15);

/// Runs all of it and prints what is measured.
///
/// # Errors
/// When wallets do not come up, or the gateway is gone.
pub async fn run(options: &Options, crowd: &Crowd) -> Result<()> {
    let platform = NativePlatform::new()?;
    let gateway = Gateway::new(options, &platform);
    let wallets = wallets::open(options, &platform, &gateway).await?;
    wallets::confirmed(&wallets).await?;
    let stage = Stage {
        options,
        crowd,
        gateway: &gateway,
        sums: Sums::now(&wallets, &gateway).await?,
        wallets,
        attempts: Attempts::default(),
    };
    if options.soak_seconds > 0 { stage.soak().await } else { stage.phases().await }
}

struct Stage<'a> {
    options: &'a Options,
    crowd: &'a Crowd,
    gateway: &'a Gateway<'a>,
    wallets: Vec<Rc<Wallet>>,
    sums: Sums,
    attempts: Attempts,
}

impl Stage<'_> {
    async fn phases(&self) -> Result<()> {
        self.phase("wallets alone").await?;
        sleep(self.at_most(REST)).await;
        progress("idle WebSockets");
        let before = (self.gateway.resident_bytes()?, self.gateway.connections().await?);
        let idle = self.crowd.idle(self.options.idle);
        self.memory(before).await?;
        self.phase("with idle WebSockets").await?;
        let hostile = self.crowd.hostile(self.options.hostile);
        progress("strangers come");
        sleep(self.at_most(ARRIVAL)).await;
        self.phase("and under attack").await?;
        drop((idle, hostile));
        self.audit().await
    }

    fn at_most(&self, time: Duration) -> Duration {
        time.min(self.options.phase())
    }

    /// Looks at the memory while idle WebSockets come, and prints it for the moment at which most were open.
    async fn memory(&self, (before_bytes, had): (u64, u64)) -> Result<()> {
        let mut most = (0, before_bytes);
        let end = Instant::now() + self.at_most(IDLE_LOOK);
        while Instant::now() < end {
            sleep(LOOK).await;
            let look = (self.gateway.connections().await?, self.gateway.resident_bytes()?);
            most = most.max(look);
        }
        let (connections, with_bytes) = most;
        print(&Line::Memory { before_bytes, with_bytes, connections: connections.saturating_sub(had) });
        Ok(())
    }

    /// Lets the wallets pay for the time of a phase, and prints what happened.
    async fn phase(&self, name: &'static str) -> Result<()> {
        progress(name);
        let attempts = Attempts::default();
        let paying = Paying::begin(&self.wallets, self.options.pause_ms, &attempts);
        let (began, cpu, own) = (Instant::now(), self.gateway.cpu()?, own_cpu()?);
        let Crowd { idle, hostile, .. } = self.crowd;
        let begun = [idle.begun(), hostile.begun()];
        let (mut looks, mut open) = (0.0_f64, [0.0; 2]);
        while began.elapsed() < self.options.phase() {
            sleep(LOOK).await;
            looks += 1.0;
            open[0] += idle.open() as f64;
            open[1] += hostile.open() as f64;
        }
        let seconds = began.elapsed().as_secs_f64();
        let again = [idle.begun() - begun[0], hostile.begun() - begun[1]].map(|more| more as f64 / seconds);
        let (gateway_cpu, load_cpu) = (self.gateway.cpu()? - cpu, own_cpu()? - own);
        paying.end().await?;
        let attempts = attempts.take();
        let took = attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().ok());
        let latencies_ms: Vec<f64> = took.map(|took| took.as_secs_f64() * 1e3).collect();
        let others = attempts.len() - latencies_ms.len();
        self.attempts.borrow_mut().extend(attempts);
        let [idle, hostile] = open.map(|sum| sum / looks.max(1.0));
        let [idle_again, hostile_again] = again;
        print(&Line::Phase(Phase {
            name,
            seconds,
            latencies_ms,
            others,
            idle,
            idle_again,
            hostile,
            hostile_again,
            gateway_cpu,
            load_cpu,
        }));
        Ok(())
    }

    async fn soak(&self) -> Result<()> {
        let crowd = (self.crowd.idle(self.options.idle), self.crowd.hostile(self.options.hostile));
        let paying = Paying::begin(&self.wallets, self.options.pause_ms, &self.attempts);
        let (began, mut looks) = (Instant::now(), Vec::new());
        let limit = Duration::from_secs(self.options.soak_seconds);
        while began.elapsed() < limit {
            let bytes = self.gateway.resident_bytes()?;
            looks.push((began.elapsed().as_secs_f64(), bytes));
            progress(format!(
                "soak, {} s, {} MB, {} payments, {} idle, {} hostile",
                began.elapsed().as_secs(),
                bytes / 1_000_000,
                self.attempts.borrow().len(),
                self.crowd.idle.open(),
                self.crowd.hostile.open()
            ));
            sleep(SOAK_LOOK).await;
        }
        paying.end().await?;
        drop(crowd);
        print(&Line::Soak(looks));
        self.audit().await
    }

    async fn audit(&self) -> Result<()> {
        progress("audit");
        let attempts = RefCell::take(&self.attempts);
        print(&Line::Audit(self.sums.audit(&self.wallets, self.gateway, &attempts).await?));
        Ok(())
    }
}
