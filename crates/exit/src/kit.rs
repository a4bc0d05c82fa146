//! The kit: the file that a wallet exports. Its channels, what has become of them since, and what of their money waits for us.

use std::path::Path;

use amplet_node::lightning::chain::channelmonitor::{Balance, BalanceSource};
use amplet_node::lightning::sign::SpendableOutputDescriptor;
use amplet_node::{Kit as Stored, keys::Keys};
use bitcoin::Network;

use crate::ExitError;
use crate::channel::{Channel, Spent};
use crate::coins::{Coin, Owner};
use crate::follow::Outbox;
use crate::server::Client;

/// A wallet's file, read.
pub struct Kit {
    /// Keys of the installation that wrote it.
    pub keys: Keys,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// Outputs of closed channels that are ours.
    pub outputs: Vec<SpendableOutputDescriptor>,
    /// What is known against the file's being the newest state.
    pub age: Age,
}

/// Whether a later state than the file's may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Nothing is known.
    Unknown,
    /// The wallet had itself been restored from a file.
    Restored,
    /// A peer has proved it.
    Old,
}

impl Kit {
    /// Reads a file with its recovery phrase.
    ///
    /// # Errors
    /// [`ExitError::File`], [`ExitError::Kit`], [`ExitError::Channels`], [`ExitError::OtherNetwork`].
    pub async fn read(path: &Path, phrase: &str, network: Network) -> Result<Self, ExitError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ExitError::File { place: path.display().to_string(), source })?;
        let (keys, store) = amplet_wallet::read_exported(phrase, network, &bytes).await?;
        if keys.network() != network {
            return Err(ExitError::OtherNetwork { of_kit: keys.network(), given: network });
        }
        let Stored { monitors, outputs, old_copy } = Stored::read(&*store, &keys).await?;
        let age = match old_copy {
            None => Age::Unknown,
            Some(mark) if mark.is_proved() => Age::Old,
            Some(_) => Age::Restored,
        };
        let channels = monitors.into_iter().map(|monitor| Channel { monitor, spent: Spent::No }).collect();
        Ok(Self { keys, channels, outputs, age })
    }

    /// Brings all channels to the chain's newest block, and finds which outputs of closed ones are ours.
    ///
    /// # Errors
    /// [`ExitError`].
    pub async fn follow(
        &mut self,
        client: &Client,
        outbox: &Outbox,
        told: &dyn Fn(String),
    ) -> Result<(), ExitError> {
        for channel in &mut self.channels {
            channel.spent = client.spent(channel.funding()).await?;
        }
        client.follow(&self.channels, outbox, told).await?;
        // What was to be sent on the way is out of date by now.
        drop(outbox.take());
        Ok(())
    }

    /// Coins of closed channels that only the file can spend, as soon as their delay is over: our own commitments' `to_local` (BOLT 3), and
    /// what followed from their HTLCs.
    ///
    /// # Errors
    /// [`ExitError`].
    pub async fn coins(&self, client: &Client) -> Result<Vec<Coin>, ExitError> {
        let mut coins: Vec<Coin> = Vec::new();
        for output in &self.outputs {
            // LDK's other kinds pay to keys of the phrase alone.
            let SpendableOutputDescriptor::DelayedPaymentOutput(output) = output else { continue };
            let outpoint = output.outpoint.into_bitcoin_outpoint();
            let is_known = coins.iter().any(|coin| coin.outpoint == outpoint);
            if !is_known && client.spent(outpoint).await? == Spent::No {
                let owner =
                    Owner::Delayed { number: self.keys.installation(), output: Box::new(output.clone()) };
                coins.push(Coin { outpoint, output: output.output.clone(), owner, confirmed: true });
            }
        }
        Ok(coins)
    }

    /// Returns whether any channel's money is not home yet.
    #[must_use]
    pub fn has_money(&self) -> bool {
        self.channels.iter().any(|channel| !channel.balances().is_empty())
    }

    /// Channels that are open, as far as the chain tells.
    pub fn open(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(|channel| channel.spent == Spent::No && !channel.balances().is_empty())
    }

    /// Returns whether a close waits for a block.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.channels.iter().any(|channel| channel.spent == Spent::Waits)
    }

    /// Returns whether HTLCs on a commitment of ours are to be claimed, now or when they expire. Such a claim has no fee of its own
    /// (BOLT 3): it adds coins of the savings.
    #[must_use]
    pub fn has_htlcs_to_pay_for(&self) -> bool {
        let is_our_commitment = |balance: &Balance| {
            matches!(
                balance,
                Balance::ClaimableAwaitingConfirmations { source: BalanceSource::HolderForceClosed, .. }
            )
        };
        let is_htlc = |balance: &Balance| {
            matches!(
                balance,
                Balance::ContentiousClaimable { .. } | Balance::MaybeTimeoutClaimableHTLC { .. }
            )
        };
        self.channels.iter().any(|channel| {
            let balances = channel.balances();
            balances.iter().any(is_our_commitment) && balances.iter().any(is_htlc)
        })
    }

    /// A line for each channel and each part of its money.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let lines = self.channels.iter().flat_map(|channel| {
            let monitor = &channel.monitor;
            let state = match channel.spent {
                Spent::No => "open",
                Spent::Waits => "being closed, waits for a block",
                Spent::Yes => "closed",
            };
            let peer = monitor.get_counterparty_node_id();
            let head = format!("channel  {}  {state}  with {peer}", channel.funding());
            let parts: Vec<String> = channel.balances().iter().map(described).collect();
            std::iter::once(head).chain(parts)
        });
        lines.collect()
    }
}

fn described(balance: &Balance) -> String {
    let sat = balance.claimable_amount_satoshis();
    match balance {
        Balance::ClaimableOnChannelClose { .. } => format!("  {sat} sat  ours after a close"),
        Balance::ClaimableAwaitingConfirmations { confirmation_height, .. } => {
            format!("  {sat} sat  ours from block {confirmation_height} on: run this again then")
        }
        Balance::ContentiousClaimable { timeout_height, .. } => {
            format!("  {sat} sat  paid to us; the claim has to be in a block before {timeout_height}")
        }
        Balance::MaybeTimeoutClaimableHTLC { amount_satoshis, claimable_height, .. } => format!(
            "  {amount_satoshis} sat  of a payment of ours; comes back from block {claimable_height} on if the payee does not take it"
        ),
        Balance::MaybePreimageClaimableHTLC { amount_satoshis, .. } => {
            format!("  {amount_satoshis} sat  of a payment whose proof is not known; goes back to its payer")
        }
        Balance::CounterpartyRevokedOutputClaimable { .. } => {
            format!("  {sat} sat  taken from a peer that has broadcast a revoked state")
        }
    }
}
