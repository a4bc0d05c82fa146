//! Building and signing on-chain payments.

use bdk_wallet::coin_selection::DefaultCoinSelectionAlgorithm;
use bdk_wallet::error::CreateTxError;
use bdk_wallet::psbt::PsbtUtils;
use bdk_wallet::{KeychainKind, TxBuilder, TxOrdering};
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Transaction};

use super::{OnchainWallet, WalletState};

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
        /// Amount asked for, in sat.
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
    /// No transaction of the payment waits for a block.
    #[error("this payment does not wait for a block any more; see the history")]
    NotPending,
    /// It funds a channel, which both sides have signed for this very transaction.
    #[error(
        "a channel's funding cannot be replaced or cancelled: both sides have signed for this transaction; speed it up, or close the channel when it has confirmed"
    )]
    Funding,
    /// Another transaction spends its change: a channel's funding, which both sides have signed.
    #[error(
        "a channel is funded with the change of this payment, so it cannot be replaced or cancelled; speed up the channel's funding, which pays for both"
    )]
    BuiltUpon,
    /// Nothing of it is ours to spend.
    #[error(
        "this transaction pays nothing to this wallet that could pay for a higher fee; wait for it to confirm"
    )]
    NothingToSpend,
    /// The network relays only replacements with a higher rate.
    #[error(
        "a replacement has to pay more: choose a fee rate of at least {minimum_sat_per_kvb} sat per 1000 vB"
    )]
    BumpTooLow {
        /// Minimum, in sat per 1000 vB.
        minimum_sat_per_kvb: u64,
    },
    /// Nothing is left to pay the higher fee from.
    #[error(
        "{missing_sat} sat of savings are missing for the higher fee; choose a lower one, deposit more, or let the payee get less"
    )]
    BumpUnpaid {
        /// In sat.
        missing_sat: u64,
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

    /// Builds and signs a payment to `script` from confirmed money. Confirmed coins worth `reserve_sat` are kept apart; where
    /// the rest does not suffice, they are spent and an output of that value takes their place. `amount_sat`: `None` sends all
    /// but the reserve, the fee taken off.
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
        let pay = match amount_sat {
            Some(sat) => Pay::Exact(vec![(script, sat)]),
            None => Pay::All(script),
        };
        self.built(&Draft { pay, rate, reserve_sat, from: Coins::Confirmed })
    }

    /// Builds and signs a funding of channels, of these scripts and values in sat: as [`build`](Self::build), and where confirmed money
    /// does not suffice, also from change of our own that waits for a block.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn build_funding(
        &self,
        outputs: Vec<(ScriptBuf, u64)>,
        rate: FeeRate,
        reserve_sat: u64,
    ) -> Result<SignedSend, OnchainError> {
        let mut draft = Draft { pay: Pay::Exact(outputs), rate, reserve_sat, from: Coins::Confirmed };
        match self.built(&draft) {
            Err(OnchainError::Insufficient { .. }) => {
                draft.from = Coins::OwnChange;
                self.built(&draft)
            }
            built => built,
        }
    }

    /// Returns whether channels of these capacities, in sat, can be funded together beside the reserve, as far as is known before their
    /// scripts are known.
    ///
    /// # Errors
    /// [`OnchainError::Insufficient`].
    pub fn can_fund(&self, capacities: &[u64], rate: FeeRate, reserve_sat: u64) -> Result<(), OnchainError> {
        // One input, change, the reserve's coin; and each channel's output (P2WSH).
        const FUNDING_VBYTES: u64 = 160;
        const CHANNEL_VBYTES: u64 = 43;
        let channels = CHANNEL_VBYTES.saturating_mul(capacities.len() as u64);
        let fee_sat = rate.fee_vb(FUNDING_VBYTES.saturating_add(channels)).map_or(u64::MAX, Amount::to_sat);
        let needed_sat = capacities.iter().copied().fold(fee_sat, u64::saturating_add);
        self.check_free(needed_sat, reserve_sat, Coins::OwnChange)
    }

    /// Checks that so much is free beside the reserve.
    fn check_free(&self, needed_sat: u64, reserve_sat: u64, from: Coins) -> Result<(), OnchainError> {
        let available_sat = self.free_of(from).saturating_sub(reserve_sat);
        if needed_sat > available_sat {
            return Err(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat });
        }
        Ok(())
    }

    fn free_of(&self, from: Coins) -> u64 {
        match from {
            Coins::Confirmed => self.free_sat(),
            Coins::OwnChange => self.free_for_funding_sat(),
        }
    }

    fn built(&self, draft: &Draft) -> Result<SignedSend, OnchainError> {
        let mut state = self.lock();
        let result = draft.build(&mut state);
        self.stage(&mut state);
        drop(state);
        self.finish(result.map_err(|error| self.explain(error, draft))?, draft)
    }

    fn finish(&self, psbt: Psbt, draft: &Draft) -> Result<SignedSend, OnchainError> {
        let fee_sat = psbt.fee_amount().map_or(0, Amount::to_sat);
        let amount_sat = draft.pay.amount_sat(&psbt.unsigned_tx);
        self.check_free(amount_sat.saturating_add(fee_sat), draft.reserve_sat, draft.from)?;
        let (tx, fee_sat) = self.lock().signed(psbt)?;
        Ok(SignedSend { tx, amount_sat, fee_sat })
    }

    fn explain(&self, error: CreateTxError, draft: &Draft) -> OnchainError {
        let reserve_sat = draft.reserve_sat;
        match error {
            CreateTxError::CoinSelection(missing) => OnchainError::Insufficient {
                needed_sat: missing.needed.to_sat(),
                available_sat: self.free_of(draft.from).saturating_sub(reserve_sat),
                reserve_sat,
            },
            other => OnchainError::Build(other.to_string()),
        }
    }
}

/// What a transaction pays.
enum Pay {
    /// These scripts get so many sat each.
    Exact(Vec<(ScriptBuf, u64)>),
    /// This one gets all but the reserve.
    All(ScriptBuf),
}

impl Pay {
    /// What the payees get by a transaction that was built for it, in sat.
    fn amount_sat(&self, tx: &Transaction) -> u64 {
        match self {
            Self::Exact(outputs) => outputs.iter().map(|(_, sat)| *sat).fold(0, u64::saturating_add),
            Self::All(script) => {
                let paid = tx.output.iter().find(|output| output.script_pubkey == *script);
                paid.map_or(0, |output| output.value.to_sat())
            }
        }
    }
}

/// A transaction to build.
struct Draft {
    pay: Pay,
    rate: FeeRate,
    reserve_sat: u64,
    from: Coins,
}

/// Coins that a transaction may spend.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coins {
    Confirmed,
    /// Also change of our own that waits for a block.
    OwnChange,
}

impl Draft {
    fn build(&self, state: &mut WalletState) -> Result<Psbt, CreateTxError> {
        let kept = state.reserve_coins(self.reserve_sat);
        let apart = kept.value_sat >= self.reserve_sat;
        match &self.pay {
            Pay::Exact(outputs) if apart => match self.exact(state, outputs, Reserve::Kept(kept.outpoints)) {
                Err(CreateTxError::CoinSelection(_)) => self.exact(state, outputs, Reserve::Renewed),
                done => done,
            },
            Pay::Exact(outputs) => self.exact(state, outputs, Reserve::Renewed),
            // What the reserve's coins are worth beyond it is part of all, unless it costs more to free.
            Pay::All(script)
                if apart && kept.value_sat.saturating_sub(self.reserve_sat) <= self.renewal_sat() =>
            {
                self.all(state, script, Reserve::Kept(kept.outpoints))
            }
            Pay::All(script) => self.all(state, script, Reserve::Renewed),
        }
    }

    /// Cost of spending a coin of the reserve and paying another one, in sat.
    fn renewal_sat(&self) -> u64 {
        // An input and an output of BIP 86.
        const VBYTES: u64 = 58 + 43;
        self.rate.fee_vb(VBYTES).map_or(u64::MAX, Amount::to_sat)
    }

    fn exact(
        &self,
        state: &mut WalletState,
        outputs: &[(ScriptBuf, u64)],
        reserve: Reserve,
    ) -> Result<Psbt, CreateTxError> {
        self.with_reserve(state, reserve, |builder| {
            for (script, sat) in outputs {
                builder.add_recipient(script.clone(), Amount::from_sat(*sat));
            }
        })
    }

    fn all(
        &self,
        state: &mut WalletState,
        script: &ScriptBuf,
        reserve: Reserve,
    ) -> Result<Psbt, CreateTxError> {
        self.with_reserve(state, reserve, |builder| {
            builder.drain_wallet().drain_to(script.clone()).ordering(TxOrdering::Shuffle);
        })
    }

    fn with_reserve(
        &self,
        state: &mut WalletState,
        reserve: Reserve,
        pay: impl FnOnce(&mut TxBuilder<'_, DefaultCoinSelectionAlgorithm>),
    ) -> Result<Psbt, CreateTxError> {
        let renewed = matches!(reserve, Reserve::Renewed) && self.reserve_sat > 0;
        let own = renewed.then(|| state.wallet.next_unused_address(KeychainKind::Internal));
        // The change gets another address.
        if let Some(own) = &own {
            state.wallet.mark_used(own.keychain, own.index);
        }
        let mut apart = match reserve {
            Reserve::Kept(coins) => coins,
            Reserve::Renewed => Vec::new(),
        };
        if self.from == Coins::OwnChange {
            apart.extend(state.foreign_unconfirmed());
        }
        let mut builder = state.wallet.build_tx();
        builder.fee_rate(self.rate).unspendable(apart);
        if self.from == Coins::Confirmed {
            builder.exclude_unconfirmed();
        }
        pay(&mut builder);
        if let Some(own) = &own {
            builder.add_recipient(own.address.script_pubkey(), Amount::from_sat(self.reserve_sat));
        }
        let built = builder.finish();
        if let Some(own) = &own {
            state.wallet.unmark_used(own.keychain, own.index);
        }
        built
    }
}

/// Where the reserve is after a transaction.
enum Reserve {
    /// In these coins, which it does not spend.
    Kept(Vec<OutPoint>),
    /// In an output of its own: spendable for a bump only when it confirms.
    Renewed,
}
