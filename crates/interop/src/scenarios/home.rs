//! A wallet whose home node is the peer itself, reached through a gateway's WebSocket: the peer has none.

use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::{self, Channel, Request};
use amplet_wallet::Response;
use anyhow::{Context, Result, bail, ensure};
use tokio::time::sleep;
use xtask::regtest::peer::{InvoiceKind, InvoiceState, PayOrder, PeerChannel};

use crate::checks::{peer_paid, proof, same, wallet_paid, whole};
use crate::stage::{Stage, sides};
use crate::user::User;
use crate::world::World;

const CAPACITY_SAT: u64 = 1_000_000;
/// What the peer gives the wallet in a channel that it opens.
const PUSH_SAT: u64 = 500_000;
/// What the wallet has on-chain at first, in sat.
const DEPOSIT_SAT: u64 = 1_500_000;
/// What the wallet pays, and then the peer, in msat: neither is whole satoshis.
const THERE_MSAT: u64 = 300_000_123;
const BACK_MSAT: u64 = 100_000_045;
/// Most that fees of commitment, closing and sweeping, with anchors, come to on either side, in sat.
const COST_SAT: u64 = 25_000;
/// Rounds of blocks until all money of a closed channel is on-chain.
const ROUNDS: usize = 60;
/// Rounds without a pause. A peer's height is not what it has made of all its blocks: on a busy machine it may lag by thousands.
const ROUNDS_AT_ONCE: usize = 20;
/// The pause before each further round.
const PAUSE: Duration = Duration::from_secs(5);
/// Blocks of a round: of a channel closed by force the delays pass (BOLT 2, `to_self_delay`).
pub const BLOCKS_BY_FORCE: u64 = 144;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The wallet.
    Wallet,
    /// The peer.
    Peer,
}

/// How a channel is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// By both, with one transaction.
    Together,
    /// By a commitment transaction.
    ByForce,
}

/// A channel's life: opened, payments both ways, closed, the money of both sides on-chain.
pub async fn run(stage: &Stage, opener: Side, closer: Side, close: Close) -> Result<String> {
    let world = &stage.world;
    let name = format!("{opener:?}-{close:?}").to_lowercase();
    let user = with_a_channel(world, &name, opener).await?;
    let fee_msat = pay_there(world, &user).await.context("the wallet does not pay")?;
    pay_back(world, &user).await.context("the peer does not pay")?;
    same("the fee of a payment to a neighbour", fee_msat, 0)?;
    let brought = close_and_wait(world, &user, (opener, closer), close).await?;
    user.ask(Request::Close).await?;
    Ok(format!("{THERE_MSAT} msat there, {BACK_MSAT} msat back; {brought}"))
}

/// A wallet with savings and a channel with the peer.
pub async fn with_a_channel(world: &World, name: &str, opener: Side) -> Result<User> {
    let (first, second) = (world.gateway(0)?, world.gateway(1)?);
    let relay = first.address.split_once('@').map_or("", |(_, url)| url);
    let home = page::Gateway {
        address: format!("{id}@{relay}?node={id}", id = world.peer_id()),
        chain_url: Some(first.chain_url),
        trust_zero_conf: false,
    };
    let user = User::create(world, name, vec![home], vec![second.chain_url]).await?;
    deposit(world, &user).await?;
    open(world, &user, opener).await.context("the channel does not open")?;
    Ok(user)
}

async fn deposit(world: &World, user: &User) -> Result<()> {
    world.fund(&user.address().await?, DEPOSIT_SAT).await?;
    let arrived = || async { Ok((user.balance().await?.onchain_sat == DEPOSIT_SAT).then_some(())) };
    world.until("the deposit", arrived).await
}

async fn open(world: &World, user: &User, opener: Side) -> Result<()> {
    match opener {
        Side::Wallet => {
            let request = Request::OpenChannel { gateway: world.peer_id(), capacity_sat: CAPACITY_SAT };
            user.ask(request).await?;
        }
        Side::Peer => {
            let id = user.node_id().await?;
            world.peer(move |peer| peer.open_channel(&id, CAPACITY_SAT, PUSH_SAT)).await?;
        }
    }
    world.mine(1, 1).await?;
    for _ in 0..ROUNDS {
        let mine = user.has_channels(1).await?;
        if mine && channel_with(world, user).await?.is_some_and(|channel| channel.active) {
            return Ok(());
        }
        caught_up(world, user, 1).await?;
    }
    bail!("it is not confirmed after {ROUNDS} blocks: {:?}", user.channels().await?)
}

/// The peer's channel with the wallet.
pub async fn channel_with(world: &World, user: &User) -> Result<Option<PeerChannel>> {
    let id = user.node_id().await?;
    let channels = world.peer(|peer| peer.channels()).await?;
    Ok(channels.into_iter().find(|channel| channel.node_id == id))
}

/// Mines blocks that both take in.
async fn caught_up(world: &World, user: &User, blocks: u64) -> Result<()> {
    let height = world.mine(blocks, 0).await?;
    let seen = || async { Ok((u64::from(user.status().await?.chain.height) >= height).then_some(())) };
    world.until("the wallet to see the block", seen).await
}

pub async fn pay_there(world: &World, user: &User) -> Result<u64> {
    let before = sides(world, user).await?;
    let invoice = world.peer(|peer| peer.invoice(InvoiceKind::Plain, Some(THERE_MSAT))).await?;
    let payment = user.pay(&invoice.text).await?;
    let received = world.peer(move |peer| peer.received(&invoice)).await?;
    ensure!(received.state == InvoiceState::Settled, "the invoice is {:?}", received.state);
    whole(&received, THERE_MSAT)?;
    proof(payment.preimage.as_deref(), payment.id.0)?;
    let fee_msat = payment.fee_msat.context("no fee in the record")?.get();
    wallet_paid(before, sides(world, user).await?, THERE_MSAT, fee_msat)?;
    Ok(fee_msat)
}

async fn pay_back(world: &World, user: &User) -> Result<()> {
    let before = sides(world, user).await?;
    // Its own graph may lack a channel that it lists as active already: then it finds no route, and nothing was sent.
    let attempt = || async {
        let asked = user.receive(Msat::new(BACK_MSAT)?, false).await?;
        let invoice = asked.invoice.clone();
        let order = PayOrder {
            amount_msat: None,
            max_part_msat: BACK_MSAT,
            max_fee_msat: BACK_MSAT / 50,
            amp: false,
        };
        Ok(world.peer(move |peer| peer.pay(&invoice, &order)).await.ok().map(|paid| (asked, paid)))
    };
    let (asked, paid) = world.until("the peer to pay", attempt).await?;
    proof(Some(&paid.preimage), asked.payment_hash.0)?;
    peer_paid(before, sides(world, user).await?, BACK_MSAT, paid.fee_msat)
}

/// On-chain money of both sides, in sat.
pub async fn onchain(world: &World, user: &User) -> Result<[u64; 2]> {
    let balance = user.balance().await?;
    let peer = world.peer(|peer| peer.onchain_sat()).await?;
    Ok([balance.onchain_sat.saturating_add(balance.onchain_pending_sat), peer])
}

async fn close_and_wait(
    world: &World,
    user: &User,
    (opener, closer): (Side, Side),
    close: Close,
) -> Result<String> {
    let theirs = channel_with(world, user).await?.context("the peer has no channel with the wallet")?;
    let [ours]: [Channel; 1] =
        user.channels().await?.try_into().map_err(|other| anyhow::anyhow!("not one channel: {other:?}"))?;
    let before = onchain(world, user).await?;
    begin_to_close(world, user, closer, close == Close::ByForce, (&ours, &theirs)).await?;
    let blocks = if close == Close::ByForce { BLOCKS_BY_FORCE } else { 1 };
    let had = ours.balance_msat.to_sat_floor();
    let [wallet, peer] = brought_home(world, user, blocks, before, [had, theirs.local_sat]).await?;
    if close == Close::Together && opener == Side::Peer {
        same("the wallet's sat, which pays no fee", wallet, had)?;
    }
    Ok(format!("home came {wallet} of {had} sat, and {peer} sat to the peer"))
}

/// Mines a close that waits, and rounds of so many blocks until all money is on-chain; returns what came to the wallet and to the
/// peer since `before`, in sat: what each `had`, but for fees.
pub async fn brought_home(
    world: &World,
    user: &User,
    blocks: u64,
    before: [u64; 2],
    had: [u64; 2],
) -> Result<[u64; 2]> {
    world.mine(1, 1).await?;
    home_again(world, user, blocks).await?;
    let after = onchain(world, user).await?;
    let [wallet, peer] = [0, 1].map(|side: usize| after[side].saturating_sub(before[side]));
    near("the wallet", wallet, had[0])?;
    near("the peer", peer, had[1])?;
    let all = wallet.saturating_add(peer);
    ensure!(all <= CAPACITY_SAT, "{all} sat came out of a channel of {CAPACITY_SAT}");
    Ok([wallet, peer])
}

async fn begin_to_close(
    world: &World,
    user: &User,
    closer: Side,
    force: bool,
    (ours, theirs): (&Channel, &PeerChannel),
) -> Result<()> {
    match closer {
        Side::Wallet => match user.ask(Request::CloseChannel { channel_id: ours.id, force }).await? {
            Response::None => Ok(()),
            other => bail!("not the end of it: {other:?}"),
        },
        Side::Peer => {
            let funding = theirs.funding.clone();
            world.peer(move |peer| peer.close_channel(&funding, force)).await
        }
    }
}

/// Mines until no money of the channel is elsewhere than on-chain.
async fn home_again(world: &World, user: &User, blocks: u64) -> Result<()> {
    for round in 0..ROUNDS {
        if round >= ROUNDS_AT_ONCE {
            sleep(PAUSE).await;
        }
        caught_up(world, user, blocks).await?;
        let balance = user.balance().await?;
        let is_ours =
            user.channels().await?.is_empty() && balance.closing_sat == 0 && balance.onchain_pending_sat == 0;
        if is_ours && world.peer(|peer| peer.closing()).await? == 0 {
            return Ok(());
        }
    }
    let closing = world.peer(|peer| peer.closing()).await?;
    bail!("not all is home: {:?}; the peer closes {closing} channels", user.balance().await?)
}

/// Checks that what came is what was there, but for fees.
fn near(whose: &str, came_sat: u64, was_sat: u64) -> Result<()> {
    ensure!(came_sat.abs_diff(was_sat) <= COST_SAT, "{whose} had {was_sat} sat, and {came_sat} came");
    Ok(())
}
