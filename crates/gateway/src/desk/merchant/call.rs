//! Calls to webhooks: signed, and only to addresses on the internet.
//!
//! `Amplet-Signature: t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256, keyed with the secret's text, over `<t>.<body>`. Check the
//! time as well, so that an overheard call cannot be repeated later.

use std::net::IpAddr;
use std::time::Duration;

use amplet_transport::{FetchError, HttpClient, HttpRequest, is_public};
use axum::http::Uri;
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use bitcoin::hex::DisplayHex;

/// Maximum length of a URL, in bytes.
const MAX_URL: usize = 2000;

/// Time for an answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Of an answer nothing is used but its status.
const MAX_ANSWER: usize = 64 << 10;

/// A call to make.
pub(super) struct Call<'a> {
    pub url: &'a str,
    pub secret: &'a str,
    pub event: &'a str,
    pub body: &'a str,
}

/// A signing secret as it is shown.
pub(super) fn secret(random: &[u8; 32]) -> String {
    format!("whsec_{}", random.to_lower_hex_string())
}

/// Checks that a URL may be called; an error names the defect and the remedy. `private`: this machine and its network may be, too.
pub(super) fn check(url: &str, private: bool) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|error| format!("{error}; give an absolute https:// URL"))?;
    let authority = uri.authority().ok_or("has no host; give an absolute https:// URL")?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if private => {}
        _ => return Err("has to begin with https://; calls carry what was bought".into()),
    }
    if url.len() > MAX_URL {
        return Err(format!("is longer than {MAX_URL} bytes; shorten it"));
    }
    if authority.as_str().contains('@') {
        return Err("carries a login; leave it out and check the signature instead".into());
    }
    let ip = authority.host().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if ip.is_ok_and(|ip| !private && !is_public(ip)) {
        return Err("is not on the internet; give a public address, or have the operator set [merchant] private_webhooks".into());
    }
    Ok(())
}

/// The signature's header.
pub(super) fn signature(secret: &str, at: u64, body: &str) -> String {
    let mut engine = HmacEngine::<sha256::Hash>::new(secret.as_bytes());
    engine.input(format!("{at}.").as_bytes());
    engine.input(body.as_bytes());
    format!("t={at},v1={:x}", Hmac::<sha256::Hash>::from_engine(engine))
}

/// Why a call failed.
pub(super) struct Failure {
    /// For whoever has a key with the scope `webhooks`: nothing of what the name leads to, which may be the operator's network.
    pub told: String,
    /// For the operator's log.
    pub detail: String,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let told = format!(
            "no answer came within {} s; check its name, its certificate and its firewall, and answer before the work is done",
            LIMIT.as_secs()
        );
        Self { told, detail: error.to_string() }
    }
}

/// Makes a call; anything but a 2xx in time is a failure.
pub(super) async fn make(http: &HttpClient, call: &Call<'_>, now: u64) -> Result<(), Failure> {
    let request = HttpRequest::post(call.url, call.body.as_bytes().to_vec())
        .header("content-type", "application/json")
        .header("user-agent", concat!("amplet-gateway/", env!("CARGO_PKG_VERSION")))
        .header("amplet-event", call.event)
        .header("amplet-signature", signature(call.secret, now, call.body))
        .timeout(LIMIT)
        .max_body(MAX_ANSWER);
    let answer = http.fetch(request).await?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let told = format!("it answered {}; answer 200 once the event is noted", answer.status);
    Err(Failure { detail: told.clone(), told })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Computed with Python's hmac and hashlib.
    #[test]
    fn the_signature_is_hmac_over_time_and_body() {
        assert_eq!(
            signature("whsec_00", 1_700_000_000, r#"{"id":"evt_1"}"#),
            "t=1700000000,v1=aa988a0cc9738b481b778760c02a7be1bcf0db59304f3bbcc733a318537732fa"
        );
    }

    #[test]
    fn only_urls_on_the_internet_are_called() {
        for good in [
            "https://shop.example/hook",
            "https://shop.example:8443/h?x=1",
            "https://8.8.8.8/",
            "https://[2606:4700::1]/",
        ] {
            assert_eq!(check(good, false), Ok(()), "{good}");
        }
        for bad in [
            "http://shop.example/hook",
            "ftp://shop.example",
            "/hook",
            "shop.example",
            "https://user:pass@shop.example/",
            "https://127.0.0.1/",
            "https://10.1.2.3:8443/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://0.0.0.0/",
            "",
        ] {
            assert!(check(bad, false).unwrap_err().contains(';'), "{bad}");
        }
        assert_eq!(check("http://127.0.0.1:8080/hook", true), Ok(()));
        assert!(check(&format!("https://a.example/{}", "x".repeat(2000)), true).is_err());
    }
}
