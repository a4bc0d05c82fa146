//! Outputs that closed channels leave to our signature.

use bitcoin::OutPoint;
use lightning::sign::SpendableOutputDescriptor;

/// Value of an output, in sat.
pub(crate) fn value_sat(descriptor: &SpendableOutputDescriptor) -> u64 {
    match descriptor {
        SpendableOutputDescriptor::StaticOutput { output, .. } => output.value.to_sat(),
        SpendableOutputDescriptor::DelayedPaymentOutput(output) => output.output.value.to_sat(),
        SpendableOutputDescriptor::StaticPaymentOutput(output) => output.output.value.to_sat(),
    }
}

/// Place of an output.
pub(crate) fn outpoint(descriptor: &SpendableOutputDescriptor) -> OutPoint {
    let outpoint = match descriptor {
        SpendableOutputDescriptor::StaticOutput { outpoint, .. } => outpoint,
        SpendableOutputDescriptor::DelayedPaymentOutput(output) => &output.outpoint,
        SpendableOutputDescriptor::StaticPaymentOutput(output) => &output.outpoint,
    };
    outpoint.into_bitcoin_outpoint()
}
