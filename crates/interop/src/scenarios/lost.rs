//! A wallet whose storage is gone, and a peer that has a channel with it and knows nothing of our messages: it is asked as the lost
//! node, and closes (BOLT 2, `channel_reestablish`).

use std::time::Duration;

use amplet_protocol::lost::LostPeerState;
use amplet_protocol::page::Request;
use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep};

use crate::scenarios::home::{
    BLOCKS_BY_FORCE, Side, brought_home, channel_with, onchain, pay_there, with_a_channel,
};
use crate::stage::Stage;
use crate::user::User;

/// Time after the user's word in which it can be taken back.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The wallet looks each minute whether it is time.
const PATIENCE: Duration = Duration::from_secs(300);

/// A channel in which something has moved; the wallet restored from its words alone; all its money on-chain.
pub async fn run(stage: &Stage) -> Result<String> {
    let world = &stage.world;
    let user = with_a_channel(world, "lost", Side::Wallet).await?;
    pay_there(world, &user).await.context("the wallet does not pay")?;
    let theirs = channel_with(world, &user).await?.context("the peer has no channel with the wallet")?;
    let had = user.balance().await?.lightning_msat.to_sat_floor();
    let before = onchain(world, &user).await?;
    user.kill();

    let restored = user.restored(world).await?;
    let found = || async { Ok((onchain(world, &restored).await? == before).then_some(())) };
    world.until("the savings by the words", found).await?;
    restored.ask(Request::CloseLostChannels { close: true }).await?;
    restored.later(DAY);
    asked(&restored).await?;
    let gone = || async { Ok(channel_with(world, &user).await?.is_none().then_some(())) };
    world.until("the peer to close", gone).await?;
    let [wallet, peer] =
        brought_home(world, &restored, BLOCKS_BY_FORCE, before, [had, theirs.local_sat]).await?;
    restored.ask(Request::Close).await?;
    Ok(format!("home came {wallet} of {had} sat, and {peer} sat to the peer"))
}

/// Waits until the peer was told that the channel's state is lost.
async fn asked(user: &User) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let lost = user.status().await?.lost.context("no installation is looked for")?;
        if lost.peers.iter().any(|peer| peer.state == LostPeerState::Asked && peer.asked.len() == 1) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "not asked within {} s: {:?}", PATIENCE.as_secs(), lost.peers);
        sleep(Duration::from_millis(500)).await;
    }
}
