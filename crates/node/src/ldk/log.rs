//! LDK's log lines, handed to the `log` crate (feature `ldk-log`), without the preimages and secrets that are in some.

use lightning::util::logger::{Logger, Record};

/// Forwards LDK's records; gossip-level noise is dropped.
pub struct Log;

#[cfg(not(feature = "ldk-log"))]
impl Logger for Log {
    fn log(&self, _: Record) {}
}

#[cfg(feature = "ldk-log")]
impl Logger for Log {
    fn log(&self, record: Record) {
        use lightning::util::logger::Level;
        let level = match record.level {
            Level::Gossip => return,
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            // Most of its errors are a peer's, or a route that there is not: nothing to wake an operator for.
            Level::Warn | Level::Error => log::Level::Warn,
        };
        if log::log_enabled!(target: "ldk", level) {
            let text = redacted(&record.args.to_string());
            log::log!(target: "ldk", level, "{text} ({}:{})", record.module_path, record.line);
        }
    }
}

/// Hexadecimal digits that are left of what may be a secret: enough to find it again in other lines.
#[cfg(feature = "ldk-log")]
const LEFT: usize = 16;
/// Digits of a secret, a hash or an id; of a public key two more.
#[cfg(feature = "ldk-log")]
const SECRET: usize = 64;
/// Numbers in a list of bytes of which few are left.
#[cfg(feature = "ldk-log")]
const LISTED: usize = 16;

/// Cuts everything that may be a secret: whatever has as many digits, since nothing tells a preimage from its hash.
#[cfg(feature = "ldk-log")]
fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let listed = list(rest);
        let (taken, written) = match (digits, listed) {
            (_, Some(end)) => (end, "[…]"),
            (SECRET.., _) if !is_public_key(rest, digits) => {
                out.push_str(rest.get(..LEFT).unwrap_or_default());
                (digits, "…")
            }
            (1.., _) => (digits, rest.get(..digits).unwrap_or_default()),
            _ => (first.len_utf8(), rest.get(..first.len_utf8()).unwrap_or_default()),
        };
        out.push_str(written);
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

#[cfg(feature = "ldk-log")]
fn is_public_key(text: &str, digits: usize) -> bool {
    digits == SECRET.saturating_add(2) && (text.starts_with("02") || text.starts_with("03"))
}

/// The end of a long list of bytes with which the text begins.
#[cfg(feature = "ldk-log")]
fn list(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find(|it: char| !it.is_ascii_digit() && it != ',' && it != ' ')?;
    let is_long = inside.get(..end)?.matches(',').count() >= LISTED;
    (is_long && inside.get(end..)?.starts_with(']')).then(|| end.saturating_add(2))
}

#[cfg(all(test, feature = "ldk-log"))]
mod tests {
    use super::redacted;

    #[test]
    fn secrets_are_cut_and_keys_and_words_are_not() {
        let (secret, key) = ("ab".repeat(32), format!("02{}", "cd".repeat(32)));
        assert_eq!(
            redacted(&format!("preimage {secret}, of {key}")),
            format!("preimage abababababababab…, of {key}")
        );
        assert_eq!(redacted(&format!("tx {secret}{secret}")), "tx abababababababab…");
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!(redacted(&format!("secret: {bytes:?}, next: [1, 2]")), "secret: […], next: [1, 2]");
        for text in ["", "added a façade, 12 of [", "[1, 2, x]", "𝄞 dead beef"] {
            assert_eq!(redacted(text), text);
        }
    }
}
