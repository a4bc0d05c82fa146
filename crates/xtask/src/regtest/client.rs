//! JSON over plain HTTP to loopback.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Sends a request with an optional JSON body; returns the status and the text of the answer.
///
/// # Errors
/// When nobody answers in time, or not with text.
pub fn send(
    request: minreq::Request,
    body: Option<&str>,
    authorization: &str,
    timeout_secs: u64,
) -> Result<(u16, String)> {
    let mut request = request.with_timeout(timeout_secs).with_header("authorization", authorization);
    if let Some(body) = body {
        request = request.with_header("content-type", "application/json").with_body(body);
    }
    let answer = request.send().context("no answer")?;
    Ok((answer.status_code, answer.as_str().context("the answer is not text")?.to_owned()))
}

/// The admin API of one gateway process.
#[derive(Clone)]
pub struct Admin {
    /// `http://127.0.0.1:<port>`
    pub url: String,
    /// Bearer token.
    pub token: String,
}

impl Admin {
    /// `GET`.
    ///
    /// # Errors
    /// When the node does not answer, or its own error.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.finish(path, minreq::get(format!("{}{path}", self.url)), None, 30)
    }

    /// `POST` with a JSON body; waits up to `timeout_secs`.
    ///
    /// # Errors
    /// When the node does not answer in time, or its own error.
    pub fn post(&self, path: &str, body: &Value, timeout_secs: u64) -> Result<Value> {
        self.finish(path, minreq::post(format!("{}{path}", self.url)), Some(body), timeout_secs)
    }

    fn finish(
        &self,
        path: &str,
        request: minreq::Request,
        body: Option<&Value>,
        timeout: u64,
    ) -> Result<Value> {
        let body = body.map(Value::to_string);
        let (status, text) = send(request, body.as_deref(), &format!("Bearer {}", self.token), timeout)
            .with_context(|| format!("{}{path}", self.url))?;
        if !(200..300).contains(&status) {
            bail!("{}{path} answered {status}: {text}", self.url);
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{}{path} answered no JSON: {text}", self.url))
    }
}

/// Standard base64 with padding (RFC 4648, section 4), for HTTP's basic authentication.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(group >> (18 - 6 * place) & 63).ok().and_then(|at| DIGITS.get(at));
            let digit = if place <= chunk.len() { digit.copied().unwrap_or(b'=') } else { b'=' };
            text.push(char::from(digit));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// RFC 4648, section 10.
    #[test]
    fn base64_vectors() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
