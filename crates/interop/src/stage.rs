//! Two gateways with channels to the peer, and a wallet with a channel to each gateway.

use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::{self, Request};
use amplet_wallet::Response;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::sleep;
use xtask::regtest::peer::{InvoiceKind, PayOrder, Peer};

use crate::user::User;
use crate::world::{Gateway, World};

/// Capacity of each of the gateways' channels with the peer, in sat; half of it is on either side.
const PEER_CHANNEL_SAT: u64 = 400_000;
/// Channels of each gateway with the peer.
const PEER_CHANNELS: usize = 2;
/// Gateways.
const GATEWAYS: usize = 2;
/// Capacity of the wallet's channels, in sat; half of it is on either side.
const WALLET_CHANNEL_SAT: u64 = 600_000;
/// The peer's coins, in sat.
const PEER_COIN_SAT: u64 = 50_000_000;
/// A channel announcement is believed from so many confirmations on (BOLT 7).
const CONFIRMATIONS: u64 = 6;
/// Most that balances may be off what they were at first.
const SLACK_MSAT: u64 = 30_000_000;

/// What most scenarios run on.
pub struct Stage {
    /// Network and peer.
    pub world: World,
    /// A wallet with channels to both gateways, used without confirmation.
    pub user: User,
    /// What the peer had at first.
    peer_msat: u64,
}

/// Money on both sides, with nothing in flight.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// The wallet's.
    pub wallet_msat: u64,
    /// The peer's.
    pub peer_msat: u64,
}

impl Stage {
    /// Sets it up.
    ///
    /// # Errors
    /// When a channel does not come up, or the wallet finds no route to the peer.
    pub async fn set() -> Result<Self> {
        let world = World::described()?;
        for _ in 0..2 {
            let address = world.peer(|peer| peer.new_address()).await?;
            world.fund(&address, PEER_COIN_SAT).await?;
        }
        let gateways = (0..GATEWAYS).map(|number| world.gateway(number)).collect::<Result<Vec<_>>>()?;
        for gateway in &gateways {
            with_peer(&world, gateway).await.context("no channel from a gateway to the peer")?;
        }
        world.mine(CONFIRMATIONS, 0).await?;
        let all = GATEWAYS * PEER_CHANNELS;
        let active = || async {
            let channels = world.peer(|peer| peer.channels()).await?;
            Ok((channels.iter().filter(|channel| channel.active).count() == all).then_some(()))
        };
        world.until("the peer's channels", active).await?;
        for gateway in &gateways {
            usable(&world, gateway).await?;
            // A wallet that knew some of them alone would lay everything on those.
            let told = || async { Ok((world.peer_channels_told_by(gateway).await? == all).then_some(())) };
            world.until("a gateway's routing data about the peer's channels", told).await?;
        }
        let configured = gateways.iter().map(|gateway| page::Gateway {
            address: gateway.address.clone(),
            chain_url: None,
            trust_zero_conf: true,
        });
        let user = User::create(&world, "everyday", configured.collect(), Vec::new()).await?;
        let peer_msat = world.peer(|peer| peer.lightning_msat()).await?;
        let stage = Self { world, user, peer_msat };
        for gateway in &gateways {
            stage.wallet_channel(gateway).await.context("no channel from a gateway to the wallet")?;
        }
        stage.route_known().await?;
        Ok(stage)
    }

    async fn wallet_channel(&self, gateway: &Gateway) -> Result<()> {
        let before = self.user.channels().await?.len();
        let body = json!({
            "peer": self.user.node_id().await?,
            "capacitySat": WALLET_CHANNEL_SAT,
            "pushMsat": (WALLET_CHANNEL_SAT * 1_000 / 2).to_string(),
        });
        self.world.admin(gateway, "/admin/v1/channels", Some(body)).await?;
        let ready = || async { Ok(self.user.has_channels(before + 1).await?.then_some(())) };
        self.world.until("the wallet's channel", ready).await?;
        self.world.mine(1, 1).await?;
        Ok(())
    }

    /// Opens the wallet again until the routing data, which it fetches then, hold the peer's channels.
    async fn route_known(&self) -> Result<()> {
        // Without an invoice it would be paid in one part.
        let amount_msat = Msat::from_sat(PEER_CHANNEL_SAT / 20)?;
        self.world
            .until("a route from the wallet to the peer", || async {
                let payee = self.world.peer_id();
                match self.user.ask(Request::QuoteFee { payee, amount_msat }).await? {
                    Response::FeeQuote(quote) if quote.expected_fee_msat.is_some() => Ok(Some(())),
                    Response::FeeQuote(_) => {
                        self.user.kill();
                        self.user.reopen(&self.world).await?;
                        sleep(Duration::from_secs(2)).await;
                        Ok(None)
                    }
                    other => bail!("not a quote: {other:?}"),
                }
            })
            .await
    }

    /// Brings the balances to where they were at first, about, whatever scenarios have paid; returns them.
    ///
    /// # Errors
    /// When it cannot be paid back, or something stays in flight.
    pub async fn level(&self) -> Result<Sides> {
        let now = self.sides().await?;
        let more_msat = now.peer_msat.saturating_sub(self.peer_msat);
        let less_msat = self.peer_msat.saturating_sub(now.peer_msat);
        if more_msat > SLACK_MSAT {
            let asked = self.user.receive(Msat::new(more_msat)?, false).await?;
            let order = PayOrder {
                amount_msat: None,
                max_part_msat: PEER_CHANNEL_SAT * 1_000 / 4,
                max_fee_msat: more_msat / 50,
                amp: false,
            };
            self.world.peer(move |peer| peer.pay(&asked.invoice, &order)).await.context("not paid back")?;
        }
        if less_msat > SLACK_MSAT {
            let ask = move |peer: &dyn Peer| peer.invoice(InvoiceKind::Plain, Some(less_msat));
            let invoice = self.world.peer(ask).await?;
            self.user.pay(&invoice.text).await.context("not paid back")?;
        }
        self.sides().await
    }

    /// Money on both sides, once nothing is in flight.
    ///
    /// # Errors
    /// When something stays in flight.
    pub async fn sides(&self) -> Result<Sides> {
        sides(&self.world, &self.user).await
    }
}

/// Money of a wallet and of the peer, once nothing is in flight.
///
/// # Errors
/// When something stays in flight.
pub async fn sides(world: &World, user: &User) -> Result<Sides> {
    world
        .until("payments in flight to end", || async {
            let balance = user.balance().await?;
            let (channels, peer_msat) =
                world.peer(|peer| Ok((peer.channels()?, peer.lightning_msat()?))).await?;
            let is_still = balance.pending_outbound_msat == Msat::ZERO
                && balance.pending_inbound_msat == Msat::ZERO
                && channels.iter().all(|channel| channel.pending_htlcs == 0);
            Ok(is_still.then_some(Sides { wallet_msat: balance.lightning_msat.get(), peer_msat }))
        })
        .await
}

/// Opens a gateway's channels to the peer.
async fn with_peer(world: &World, gateway: &Gateway) -> Result<()> {
    world.admin(gateway, "/admin/v1/peers", Some(json!({ "address": world.peer_address() }))).await?;
    for _ in 0..PEER_CHANNELS {
        let body = json!({
            "peer": world.peer_id(),
            "capacitySat": PEER_CHANNEL_SAT,
            "pushMsat": (PEER_CHANNEL_SAT * 1_000 / 2).to_string(),
            "announce": true,
        });
        world.admin(gateway, "/admin/v1/channels", Some(body)).await?;
        world.mine(1, 1).await?;
    }
    Ok(())
}

/// Waits until a gateway's channels to the peer can be used.
async fn usable(world: &World, gateway: &Gateway) -> Result<()> {
    let peer = world.peer_id();
    let is_usable = |channel: &&Value| {
        let with_peer = channel.get("peer").and_then(Value::as_str) == Some(&*peer);
        with_peer && channel.get("usable").and_then(Value::as_bool) == Some(true)
    };
    world
        .until("a gateway's channels to the peer", || async {
            let answer = world.admin(gateway, "/admin/v1/channels", None).await?;
            let channels = answer.get("channels").and_then(Value::as_array);
            let count = channels.map_or(0, |channels| channels.iter().filter(is_usable).count());
            Ok((count == PEER_CHANNELS).then_some(()))
        })
        .await
}
