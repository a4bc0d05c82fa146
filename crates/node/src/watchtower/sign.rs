//! Signing what punishes a revoked state.

use bitcoin::ScriptBuf;
use bitcoin::secp256k1::ecdsa::Signature;

use super::kit::{Kit, RATES, Spend, unsigned, values_sat};
use crate::ldk::justice::State;
use crate::ldk::types::Monitor;

/// A spend of a state's output that leaves `value_sat`, and the output's script; `None`: the state is not revoked, or its channel's
/// funding was spliced away.
fn spend(
    monitor: &Monitor,
    state: &State,
    destination: &ScriptBuf,
    value_sat: u64,
) -> Option<(Spend, ScriptBuf)> {
    let tx = unsigned(state.outpoint, destination, value_sat);
    let signed = monitor.sign_to_local_justice_tx(tx, 0, state.value_sat, state.number).ok()?;
    let witness = &signed.input.first()?.witness;
    let (_, signature) = witness.nth(0)?.split_last()?;
    let signature = Signature::from_der(signature).ok()?;
    Some((Spend { value_sat, signature }, ScriptBuf::from_bytes(witness.nth(2)?.to_vec())))
}

/// Returns whether a state is revoked and can be punished.
pub(super) fn is_revoked(monitor: &Monitor, state: &State) -> bool {
    spend(monitor, state, &ScriptBuf::new(), state.value_sat).is_some()
}

/// What punishes a state; `None` as for [`spend`].
pub(super) fn kit(monitor: &Monitor, state: &State, destination: &ScriptBuf) -> Option<Kit> {
    let mut script = ScriptBuf::new();
    let mut spends = Vec::with_capacity(RATES.len());
    for value_sat in values_sat(destination, state.value_sat) {
        let (signed, of) = spend(monitor, state, destination, value_sat)?;
        script = of;
        spends.push(signed);
    }
    let vout = u16::try_from(state.outpoint.vout).ok()?;
    Some(Kit { vout, script, destination: destination.clone(), spends: spends.try_into().ok()? })
}
