//! Authentication by signature, as vss-server's signature authorizer checks it: the header `Authorization` holds a compressed public
//! key, a compact ECDSA signature (both in lower-case hex) and a time in seconds since the UNIX epoch (decimal), without anything
//! between them. What is signed is the SHA-256 of a constant, the key's bytes and the time's digits.
//!
//! An extension: the header [`DEVICE_HEADER`] of the same form proves the key of one of the account's devices, with another constant,
//! and the account's key before the device's.

use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey, Signing, Verification};
use hex_conservative::{DisplayHex, FromHex};

use crate::Refusal;

/// Name of the header.
pub const HEADER: &str = "authorization";

/// Time from a signature within which it holds, before and after, in seconds.
pub const LIFETIME_SECS: u64 = 24 * 60 * 60;

/// Name of the header of a device.
pub const DEVICE_HEADER: &str = "amplet-device";

const CONSTANT: &[u8; 64] = b"VSS Signature Authorizer Signing Salt Constant..................";
const DEVICE_CONSTANT: &[u8; 64] = b"Amplet: a device of the account of a VSS backup.................";
const KEY_DIGITS: usize = 66;
const SIGNATURE_DIGITS: usize = 128;

/// What is signed: for an account `context` is the constant, for a device constant and account.
fn digest(context: &[&[u8]], key: &PublicKey, time: &str) -> Message {
    let mut engine = sha256::Hash::engine();
    for part in context.iter().copied().chain([key.serialize().as_slice(), time.as_bytes()]) {
        engine.input(part);
    }
    Message::from_digest(sha256::Hash::from_engine(engine).to_byte_array())
}

fn sign<C: Signing>(secp: &Secp256k1<C>, context: &[&[u8]], key: &SecretKey, now_secs: u64) -> String {
    let public = PublicKey::from_secret_key(secp, key);
    let time = now_secs.to_string();
    let signature = secp.sign_ecdsa(&digest(context, &public, &time), key).serialize_compact();
    format!("{}{}{time}", public.serialize().as_hex(), signature.as_hex())
}

/// Makes the header's value for requests around `now_secs` (seconds since the UNIX epoch).
pub fn header<C: Signing>(secp: &Secp256k1<C>, key: &SecretKey, now_secs: u64) -> String {
    sign(secp, &[CONSTANT], key, now_secs)
}

/// As [`header`], of the device with this key, in the account `account`.
pub fn device_header<C: Signing>(
    secp: &Secp256k1<C>,
    account: &PublicKey,
    device: &SecretKey,
    now_secs: u64,
) -> String {
    sign(secp, &[DEVICE_CONSTANT, &account.serialize()], device, now_secs)
}

/// Returns the public key that the header's value proves. `now_secs`: seconds since the UNIX epoch.
///
/// # Errors
/// [`Refusal::Auth`]: it proves none, or did so too long ago.
pub fn verify<C: Verification>(
    secp: &Secp256k1<C>,
    header: &str,
    now_secs: u64,
) -> Result<PublicKey, Refusal> {
    check(secp, "Authorization", &[CONSTANT], header, now_secs)
}

/// As [`verify`], of a device in the account `account`.
///
/// # Errors
/// As [`verify`].
pub fn verify_device<C: Verification>(
    secp: &Secp256k1<C>,
    account: &PublicKey,
    header: &str,
    now_secs: u64,
) -> Result<PublicKey, Refusal> {
    check(secp, "Amplet-Device", &[DEVICE_CONSTANT, &account.serialize()], header, now_secs)
}

fn check<C: Verification>(
    secp: &Secp256k1<C>,
    name: &str,
    context: &[&[u8]],
    header: &str,
    now_secs: u64,
) -> Result<PublicKey, Refusal> {
    let wrong = |what: &str| Refusal::Auth(format!("the header {name} {what}"));
    let form = || wrong("is not a public key, a signature and a time");
    let (key, rest) = header.split_at_checked(KEY_DIGITS).ok_or_else(form)?;
    let (signature, time) = rest.split_at_checked(SIGNATURE_DIGITS).ok_or_else(form)?;
    let key = <[u8; 33]>::from_hex(key).map_err(|_| form())?;
    let signature = <[u8; 64]>::from_hex(signature).map_err(|_| form())?;
    let signed_at: u64 = time.parse().map_err(|_| form())?;
    if signed_at.abs_diff(now_secs) > LIFETIME_SECS {
        return Err(wrong("was signed more than a day from now; check the device's clock"));
    }
    let key = PublicKey::from_slice(&key).map_err(|_| wrong("has no public key"))?;
    let signature = Signature::from_compact(&signature).map_err(|_| wrong("has no signature"))?;
    secp.verify_ecdsa(&digest(context, &key, time), &signature, &key)
        .map_err(|_| wrong("is signed by another key"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key() -> SecretKey {
        SecretKey::from_slice(&[42; 32]).unwrap()
    }

    #[test]
    fn a_header_proves_its_key_for_a_day() {
        let secp = Secp256k1::new();
        let header = header(&secp, &key(), NOW);
        assert!(header.ends_with("1800000000") && header.len() == KEY_DIGITS + SIGNATURE_DIGITS + 10);
        let public = PublicKey::from_secret_key(&secp, &key());
        for now in [NOW - LIFETIME_SECS, NOW, NOW + LIFETIME_SECS] {
            assert_eq!(verify(&secp, &header, now).unwrap(), public);
        }
        for now in [NOW - LIFETIME_SECS - 1, NOW + LIFETIME_SECS + 1, 0, u64::MAX] {
            assert!(matches!(verify(&secp, &header, now), Err(Refusal::Auth(_))), "{now}");
        }
    }

    #[test]
    fn anything_else_proves_nothing() {
        let secp = Secp256k1::new();
        let good = header(&secp, &key(), NOW);
        let other = header(&secp, &SecretKey::from_slice(&[43; 32]).unwrap(), NOW);
        let swapped = format!("{}{}", &other[..KEY_DIGITS], &good[KEY_DIGITS..]);
        let later = format!("{}{}", &good[..KEY_DIGITS + SIGNATURE_DIGITS], NOW + 1);
        let wide = format!("é{}", &good[1..]);
        for bad in
            ["", "Bearer x", &good[..190], &good[..194], &swapped, &later, &wide, &good.replace('0', "z")]
        {
            assert!(matches!(verify(&secp, bad, NOW), Err(Refusal::Auth(_))), "{bad}");
        }
    }

    #[test]
    fn a_device_is_proved_for_its_account_only() {
        let secp = Secp256k1::new();
        let device = SecretKey::from_slice(&[43; 32]).unwrap();
        let [account, other] =
            [[42; 32], [44; 32]].map(|bytes| SecretKey::from_slice(&bytes).unwrap().public_key(&secp));
        let good = device_header(&secp, &account, &device, NOW);
        assert_eq!(verify_device(&secp, &account, &good, NOW).unwrap(), device.public_key(&secp));
        assert!(verify_device(&secp, &other, &good, NOW).is_err());
        assert!(verify(&secp, &good, NOW).is_err(), "it is no account's");
        let own = header(&secp, &device, NOW);
        assert!(verify_device(&secp, &account, &own, NOW).is_err());
    }
}
