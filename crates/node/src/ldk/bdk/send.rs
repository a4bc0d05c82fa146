//! Building and signing on-chain payments.

use bdk_wallet::error::CreateTxError;
use bdk_wallet::psbt::PsbtUtils;
use bdk_wallet::{KeychainKind, TxOrdering};
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, FeeRate, Psbt, ScriptBuf, Transaction};

use super::OnchainWallet;

/// Refusal of an on-chain payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnchainError {
    /// The text is not an address.
    #[error("this is not a Bitcoin address; copy it again")]
    NotAnAddress,
    /// It is one of another network.
    #[error("this address does not belong to {expected}; ask the payee for one of {expected}")]
    WrongNetwork {
        /// The wallet's network.
        expected: bitcoin::Network,
    },
    /// Not enough confirmed money beside the reserve.
    #[error("{needed_sat} sat are needed, {available_sat} sat of savings can be spent{}; deposit more, wait for a confirmation, or send less", reserve(*.reserve_sat))]
    Insufficient {
        /// Amount and fee, in sat.
        needed_sat: u64,
        /// Confirmed beside the reserve, in sat.
        available_sat: u64,
        /// Held back for closing channels, in sat.
        reserve_sat: u64,
    },
    /// Less than the network relays.
    #[error(
        "{amount_sat} sat is too small for an on-chain payment (dust); send at least {minimum_sat} sat, or use Lightning"
    )]
    Dust {
        /// RouteRequest for, in sat.
        amount_sat: u64,
        /// Smallest amount for this address, in sat.
        minimum_sat: u64,
    },
    /// The fee rate is out of range.
    #[error("a fee rate of {sat_per_kvb} sat per 1000 vB is out of range; choose 1000 (1 sat/vB) to 1000000")]
    FeeRate {
        /// As given.
        sat_per_kvb: u64,
    },
    /// BDK refused for another reason.
    #[error("the transaction cannot be built: {0}")]
    Build(String),
}

fn reserve(sat: u64) -> String {
    if sat == 0 { String::new() } else { format!(" ({sat} sat are held back to close channels)") }
}

/// A signed transaction and what it costs.
#[derive(Clone, Debug)]
pub struct SignedSend {
    /// Signed, not yet broadcast.
    pub tx: Transaction,
    /// Amount that the payee gets, in sat.
    pub amount_sat: u64,
    /// In sat.
    pub fee_sat: u64,
}

/// Minimum and maximum fee rates, in sat per 1000 vB.
const FEE_RATES: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;

impl OnchainWallet {
    /// Reads an address of `network`.
    ///
    /// # Errors
    /// [`OnchainError::NotAnAddress`], [`OnchainError::WrongNetwork`].
    pub fn parse_address(text: &str, network: bitcoin::Network) -> Result<Address, OnchainError> {
        let address: Address<NetworkUnchecked> =
            text.trim().parse().map_err(|_| OnchainError::NotAnAddress)?;
        address.require_network(network).map_err(|_| OnchainError::WrongNetwork { expected: network })
    }

    /// Turns a rate in sat per 1000 vB into BDK's.
    ///
    /// # Errors
    /// [`OnchainError::FeeRate`].
    pub fn parse_fee_rate(sat_per_kvb: u64) -> Result<FeeRate, OnchainError> {
        if !FEE_RATES.contains(&sat_per_kvb) {
            return Err(OnchainError::FeeRate { sat_per_kvb });
        }
        Ok(FeeRate::from_sat_per_kwu(sat_per_kvb.div_ceil(4)))
    }

    /// Builds and signs a payment to `script` from confirmed money, leaving at least `reserve_sat`. `amount_sat`: `None`
    /// sends all but the reserve, the fee taken off.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn build(
        &self,
        script: ScriptBuf,
        amount_sat: Option<u64>,
        rate: FeeRate,
        reserve_sat: u64,
    ) -> Result<SignedSend, OnchainError> {
        let minimum_sat = script.minimal_non_dust().to_sat();
        if let Some(amount_sat) = amount_sat.filter(|sat| *sat < minimum_sat) {
            return Err(OnchainError::Dust { amount_sat, minimum_sat });
        }
        let psbt = match amount_sat {
            Some(sat) => self.psbt_exact(script.clone(), sat, rate)?,
            None => self.psbt_all(script.clone(), rate, reserve_sat)?,
        };
        self.finish(psbt, &script, reserve_sat)
    }

    /// Returns whether a channel of `capacity_sat` can be funded beside the reserve, as far as is known before its script is known.
    ///
    /// # Errors
    /// [`OnchainError::Insufficient`].
    pub fn can_fund(&self, capacity_sat: u64, rate: FeeRate, reserve_sat: u64) -> Result<(), OnchainError> {
        // One input, the channel, change.
        const FUNDING_VBYTES: u64 = 160;
        let fee_sat = rate.fee_vb(FUNDING_VBYTES).map_or(u64::MAX, Amount::to_sat);
        let needed_sat = capacity_sat.saturating_add(fee_sat);
        let available_sat = self.free_sat().saturating_sub(reserve_sat);
        if needed_sat > available_sat {
            return Err(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat });
        }
        Ok(())
    }

    fn psbt_exact(&self, script: ScriptBuf, sat: u64, rate: FeeRate) -> Result<Psbt, OnchainError> {
        let mut state = self.lock();
        let mut builder = state.wallet.build_tx();
        builder.add_recipient(script, Amount::from_sat(sat)).fee_rate(rate).exclude_unconfirmed();
        let result = builder.finish();
        self.stage(&mut state);
        drop(state);
        result.map_err(|e| self.explain(e, 0))
    }

    fn psbt_all(&self, script: ScriptBuf, rate: FeeRate, reserve_sat: u64) -> Result<Psbt, OnchainError> {
        let mut state = self.lock();
        let reserve_script = (reserve_sat > 0)
            .then(|| state.wallet.next_unused_address(KeychainKind::Internal).address.script_pubkey());
        let mut builder = state.wallet.build_tx();
        builder.drain_wallet().drain_to(script).fee_rate(rate).exclude_unconfirmed();
        builder.ordering(TxOrdering::Shuffle);
        if let Some(reserve_script) = reserve_script {
            builder.add_recipient(reserve_script, Amount::from_sat(reserve_sat));
        }
        let result = builder.finish();
        self.stage(&mut state);
        drop(state);
        result.map_err(|e| self.explain(e, reserve_sat))
    }

    fn finish(
        &self,
        mut psbt: Psbt,
        payee: &ScriptBuf,
        reserve_sat: u64,
    ) -> Result<SignedSend, OnchainError> {
        let (confirmed, _) = self.balance();
        let fee_sat = psbt.fee_amount().map_or(0, Amount::to_sat);
        let tx = &psbt.unsigned_tx;
        let paid = tx.output.iter().find(|output| output.script_pubkey == *payee);
        let amount_sat = paid.map_or(0, |output| output.value.to_sat());
        let needed_sat = amount_sat.saturating_add(fee_sat);
        let available_sat = confirmed.saturating_sub(reserve_sat);
        if needed_sat > available_sat {
            return Err(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat });
        }
        if !self.lock().sign(&mut psbt) {
            return Err(OnchainError::Build("not all inputs could be signed".into()));
        }
        let tx = psbt.extract_tx().map_err(|e| OnchainError::Build(e.to_string()))?;
        Ok(SignedSend { tx, amount_sat, fee_sat })
    }

    fn explain(&self, error: CreateTxError, reserve_sat: u64) -> OnchainError {
        match error {
            CreateTxError::CoinSelection(missing) => OnchainError::Insufficient {
                needed_sat: missing.needed.to_sat(),
                available_sat: missing.available.to_sat().saturating_sub(reserve_sat),
                reserve_sat,
            },
            other => OnchainError::Build(other.to_string()),
        }
    }
}
