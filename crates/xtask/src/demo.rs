//! A user's first minutes: a Lightning network on this machine and a wallet page on it.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::artifacts::Purpose;
use crate::cache::Cache;
use crate::regtest::session::{Options, Session};
use crate::tools::{self, Tool, npm};
use crate::ui::{self, Step};
use crate::{build, proc, report, root};

const HEADLESS_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Brings everything up and waits for Ctrl-C; with `headless`, drives the page in Chromium instead and ends.
///
/// # Errors
/// Names what did not come up, or the step of the headless run that failed.
pub fn run(cache: &Cache, headless: bool) -> Result<()> {
    let start = Instant::now();
    prepare(cache, headless)?;
    // The script mines what it waits for in the mempool, where another miner would be quicker now and then.
    let mine = !headless;
    let options = Options { mine, examples: true, www: Some(root().join("www/dist")), ..Options::default() };
    let session = Session::start(cache, options)?;
    ui::line(&format!("\n{}up after {}", report::pieces(start, &ui::ended()), ui::human(start.elapsed())));
    if headless {
        drive(cache, &session)?;
        shopping(cache, &session)?;
    } else {
        invite(&session)?;
        while !proc::interrupted() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    session.finish()
}

/// Gets tools and builds page and gateway, all at once: each keeps a core busy for a part of its time only.
fn prepare(cache: &Cache, headless: bool) -> Result<()> {
    let mut needed = vec![Tool::Bitcoind, Tool::WasmBindgen, Tool::Node];
    needed.extend(headless.then_some(Tool::Browser));
    std::thread::scope(|scope| {
        let parts = [
            scope.spawn(|| tools::ensure(cache, &needed)),
            scope.spawn(|| build::gateway(cache, false).map(drop)),
            scope.spawn(|| npm::install(cache)),
            scope.spawn(|| build::page(cache, Purpose::Demo)),
        ];
        let ended = parts.map(|part| part.join().unwrap_or_else(|_| bail!("a thread died")));
        ended.into_iter().collect()
    })
}

fn drive(cache: &Cache, session: &Session) -> Result<()> {
    let folder = root().join("e2e");
    npm::install(cache)?;
    let step = Step::begin("demo in Chromium", Duration::from_secs(60));
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "demo"]).current_dir(&folder);
    session.tell(&mut npm);
    let outcome = proc::watch(npm, &step, &cache.log("demo"), HEADLESS_LIMIT, true)?;
    if outcome.timed_out {
        bail!(
            "the demo did not end within {} minutes; logs: {}",
            HEADLESS_LIMIT.as_secs() / 60,
            session.folder().display()
        );
    }
    if !outcome.success {
        bail!("the demo failed, see above; logs: {}", session.folder().display());
    }
    step.done();
    Ok(())
}

/// Buys something from each example, with a gateway in place of a user's wallet, and shows the receipts.
fn shopping(cache: &Cache, session: &Session) -> Result<()> {
    let step = Step::begin("shopping at the examples", Duration::from_secs(10));
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "buy"]).current_dir(root().join("examples"));
    session.tell(&mut npm);
    let outcome = proc::watch(npm, &step, &cache.log("demo-examples"), HEADLESS_LIMIT, true)?;
    if outcome.timed_out || !outcome.success {
        bail!("an example did not sell, see above; logs: {}", session.folder().display());
    }
    step.done();
    Ok(())
}

/// Prints what to open and what to try, with an invoice ready to pay.
fn invite(session: &Session) -> Result<()> {
    let page = session.text("wwwUrl").context("the page is not served")?;
    let control = session.text("controlUrl").context("the control API is not served")?;
    let body =
        json!({ "amountMsat": "21000000", "description": "A coffee in the demo", "expirySecs": 86400 });
    let invoice = session.network.payee.admin.post("/admin/v1/invoices", &body, 30)?;
    let invoice = invoice.get("invoice").and_then(|i| i.as_str()).context("the payee made no invoice")?;
    let site = |name: &str| {
        let url = session.description.get("examples").and_then(|all| all.get(name)?.as_str());
        url.unwrap_or("(not served)").to_owned()
    };
    println!(
        "
Open  {page}

1. Create a wallet and write down its words.
2. Receive > savings: copy the address and send it regtest bitcoin:
     curl -d '{{\"address\": \"ADDRESS\", \"sat\": 1000000}}' {control}/fund
3. Open a channel to a gateway; blocks come by themselves.
4. Pay this invoice of a shop two hops away:
     {invoice}
5. Receive > Lightning: let the shop pay your invoice:
     curl -d '{{\"invoice\": \"INVOICE\"}}' {control}/pay

6. Pay the example sites, with the wallet or any other on this network:
     {shop}  a shop: QR code or browser wallet, told by a signed webhook
     {l402}  an API that answers 402: L402 and the Payment scheme
     {video}  a film by the second
     {game}  a game: pay per life, get paid per win

More: curl {control}/info      logs: {logs}
Ctrl-C ends everything.",
        logs = session.folder().display(),
        shop = site("shop"),
        l402 = site("l402"),
        video = site("video"),
        game = site("game"),
    );
    Ok(())
}
