//! Domain names with letters beyond ASCII, as DNS has them: mapped as UTS #46 does, then in Punycode (RFC 3492).

use alloc::string::String;
use alloc::vec::Vec;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

// Parameters of RFC 3492, section 5.
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_N: u32 = 128;

/// The name that DNS has for a domain with letters beyond ASCII, in lower case, for [`crate::Reader`]; `None`: it has none. A browser's
/// own `URL` gives the same without these tables, which are 60 kB.
#[must_use]
pub fn ascii_domain(domain: &str) -> Option<String> {
    let labels: Option<Vec<String>> = mapped(domain).split('.').map(label).collect();
    Some(labels?.join("."))
}

/// The domain in lower case and composed, its ideographic full stops as dots.
fn mapped(domain: &str) -> String {
    let lower = domain.nfkc().flat_map(char::to_lowercase);
    lower.nfkc().map(|c| if c == '\u{3002}' { '.' } else { c }).collect()
}

/// A label as DNS has it: as it is in ASCII, `xn--…` otherwise. `None`: it has a character that no domain has, or is too long.
fn label(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.into());
    }
    let letters = label.chars().all(|c| c == '-' || c.is_alphanumeric() || is_combining_mark(c));
    if !letters || label.chars().next().is_some_and(is_combining_mark) {
        return None;
    }
    let mut encoded = String::from("xn--");
    punycode(label, &mut encoded)?;
    Some(encoded)
}

/// RFC 3492, section 6.3; a label has at most 63 octets, so none is read beyond that.
fn punycode(label: &str, out: &mut String) -> Option<()> {
    let input: Vec<u32> = label.chars().map(u32::from).take(64).collect();
    if input.len() > 63 {
        return None;
    }
    out.extend(label.chars().filter(char::is_ascii));
    let basic = u32::try_from(input.iter().filter(|c| **c < FIRST_N).count()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (FIRST_N, 0u32, FIRST_BIAS, basic);
    while (handled as usize) < input.len() {
        let next = *input.iter().filter(|c| **c >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for &c in &input {
            if c < n {
                delta = delta.checked_add(1)?;
            }
            if c == n {
                number(delta, bias, out);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(())
}

/// A generalised variable-length integer.
fn number(mut q: u32, bias: u32, out: &mut String) {
    let mut k = BASE;
    loop {
        let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if q < t {
            break;
        }
        out.push(digit(t + (q - t) % (BASE - t)));
        q = (q - t) / (BASE - t);
        k += BASE;
    }
    out.push(digit(q));
}

fn digit(value: u32) -> char {
    // a to z, then 0 to 9.
    char::from_digit(if value < 26 { value + 10 } else { value - 26 }, BASE).unwrap_or('a')
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_browsers_make_of_them() {
        // Made with Python's `str.encode("punycode")`.
        for (unicode, ascii) in [
            ("bücher", "xn--bcher-kva"),
            ("münchen-ost", "xn--mnchen-ost-9db"),
            ("straße", "xn--strae-oqa"),
            ("пример", "xn--e1afmkfd"),
            ("例え", "xn--r8jz45g"),
            ("ليهمابتكلموشعربي؟", ""),
            ("δοκιμή", "xn--jxalpdlp"),
            ("aéb1ñc", "xn--ab1c-bpa4c"),
            ("plain", "plain"),
        ] {
            assert_eq!(label(unicode).as_deref().unwrap_or_default(), ascii, "{unicode}");
        }
    }

    #[test]
    fn domains_are_mapped_to_one_form() {
        assert_eq!(mapped("BU\u{308}CHER。Example"), "bücher.example");
        assert_eq!(mapped("ｅｘａｍｐｌｅ．com"), "example.com");
    }

    #[test]
    fn what_no_domain_has_is_none() {
        for wrong in ["a☃b é", "\u{301}é", "é/..", "é@x"] {
            assert_eq!(label(wrong), None, "{wrong}");
        }
        assert_eq!(label(&"é".repeat(64)), None);
    }
}
