//! Finding what can be paid in a text: the whole of it, or a part of a sentence.

use alloc::string::String;
use alloc::vec::Vec;

use amplet_protocol::page::MAX_TEXT;

use crate::address;
use crate::invoice;
use crate::lightning;
use crate::link::{self, Link};
use crate::method::{Kind, Method};
use crate::offer::OfferFault;
use crate::reader::Reader;
use crate::refusal::{LinkFault, Refusal};
use crate::text::{after_scheme, begins, visible};

/// Maximum number of pieces that an invoice is put together from: a mail breaks it into lines.
const PIECES: usize = 40;
/// Maximum number of times that pieces are put together, in all of a text.
const ATTEMPTS: usize = 400;
/// Schemes that begin something to be paid, wherever they stand.
const SCHEMES: [&str; 7] = ["bitcoin:", "lightning:", "lnurlp:", "lnurlw:", "lnurlc:", "keyauth:", "lnurl:"];
/// What a sentence puts around a word.
const AROUND: &[char] =
    &['"', '\'', '<', '>', '(', ')', '[', ']', '{', '}', '“', '”', '„', '‘', '’', '«', '»'];
const BEHIND: &[char] = &['.', ',', ';', ':', '!', '?'];

/// Every method of payment that a text offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// The methods, the preferred first; at least one.
    pub methods: Vec<Method>,
    /// Amount that the link asks for, in sat; `None`: it states none (an invoice may).
    pub amount_sat: Option<u64>,
    /// The link's label, safe to show: who is paid.
    pub label: Option<String>,
    /// The link's message, safe to show: what for.
    pub message: Option<String>,
}

impl From<Method> for Instructions {
    fn from(method: Method) -> Self {
        Self { methods: Vec::from([method]), amount_sat: None, label: None, message: None }
    }
}

impl From<Link> for Instructions {
    fn from(mut link: Link) -> Self {
        link.methods.sort_by_key(|method| method.kind.rank());
        Self { methods: link.methods, amount_sat: link.amount_sat, label: link.label, message: link.message }
    }
}

type Reading = Option<Result<Instructions, Refusal>>;

impl Reader<'_> {
    /// Reads a text that a user pasted or scanned.
    ///
    /// # Errors
    /// [`Refusal`]: nothing in it can be read, or more than one thing, or what it says contradicts itself.
    pub fn read(self, text: &str) -> Result<Instructions, Refusal> {
        if text.len() > MAX_TEXT {
            return Err(Refusal::Length);
        }
        let visible = visible(text);
        let trimmed = visible.trim();
        if trimmed.is_empty() { Err(Refusal::Length) } else { read(trimmed, self) }
    }
}

/// Reads a text without invisible characters.
fn read(trimmed: &str, reader: Reader<'_>) -> Result<Instructions, Refusal> {
    let whole = whole(trimmed, reader);
    match whole {
        Some(Ok(found)) => return Ok(found),
        // A piece of it would be read below.
        Some(Err(Refusal::Offer(OfferFault::Continuation))) => return Err(OfferFault::Continuation.into()),
        _ => {}
    }
    let words: Vec<&str> = trimmed.split(' ').filter(|word| !word.is_empty()).collect();
    if words.len() == 1 && bare(trimmed).len() == trimmed.len() && scheme_at(trimmed).unwrap_or(0) == 0 {
        return whole.unwrap_or(Err(Refusal::Unknown));
    }
    match (sentence(&words, reader), whole) {
        // Of a whole offer in pieces the fault of the whole is told, not that of its first piece.
        (Some(Err(Refusal::Offer(_))), Some(Err(refusal @ Refusal::Offer(_)))) => Err(refusal),
        (found, whole) => found.or(whole).unwrap_or(Err(Refusal::Unknown)),
    }
}

/// Reads a text that holds nothing else; `None`: it is nothing of ours.
fn whole(text: &str, reader: Reader<'_>) -> Reading {
    if let Some(rest) = after_scheme(text, "bitcoin") {
        let another =
            SCHEMES.iter().any(|scheme| rest.to_ascii_lowercase().contains(&[" ", scheme].concat()));
        let link = if another { Err(Refusal::Several) } else { link::read(rest, reader) };
        return Some(link.map(Instructions::from));
    }
    if let Some(value) = fallback(text) {
        return lightning::read(&value, reader).map(|method| method.map(Instructions::from));
    }
    if let Some(rest) = after_scheme(text, "lightning") {
        let method = lightning::read(rest, reader).unwrap_or(Err(Refusal::Unknown));
        return Some(method.map(Instructions::from));
    }
    if let Some(method) = lightning::read(text, reader) {
        return Some(method.map(Instructions::from));
    }
    let joined: String = text.chars().filter(|c| *c != ' ').collect();
    let address = address::read(&joined, reader.network)?;
    Some(Ok(Method::new(Kind::Onchain(address), reader.network).into()))
}

/// LUD-01: a web address for those without a wallet, with the LNURL as its parameter `lightning`.
fn fallback(text: &str) -> Option<String> {
    let rest = after_scheme(text, "https").or_else(|| after_scheme(text, "http"))?;
    let (_, query) = rest.split_once('?')?;
    let pairs = query.split(['&', '#']).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case("lightning"))?;
    Some(visible(&percent_encoding::percent_decode_str(value).decode_utf8_lossy()))
}

/// Place of a scheme in a word: at its beginning, or after what is no letter or digit of ASCII. (Chinese, for one, has no
/// spaces.)
fn scheme_at(word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase();
    let places = SCHEMES.iter().flat_map(|scheme| lower.match_indices(scheme).map(|(at, _)| at));
    places.filter(|at| !word[..*at].ends_with(|c: char| c.is_ascii_alphanumeric())).min()
}

/// What the words of a sentence hold.
#[derive(Default)]
struct Found {
    /// Things with a checksum or a scheme, without repetition.
    things: Vec<Instructions>,
    /// Names, which a sentence may have beside what is to be paid.
    names: Vec<Instructions>,
    /// What is meant to be one and is broken: nothing else is chosen in its place.
    refusal: Option<Refusal>,
    /// Times that pieces were put together.
    attempts: usize,
}

fn sentence(words: &[&str], reader: Reader<'_>) -> Reading {
    let mut found = Found::default();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += found.take(word, words.get(at + 1..).unwrap_or_default(), reader);
    }
    if let Some(refusal) = found.refusal {
        return Some(Err(refusal));
    }
    let list = if found.things.is_empty() { found.names } else { found.things };
    let mut list = list.into_iter();
    match (list.next(), list.next()) {
        (Some(one), None) => Some(Ok(one)),
        (Some(_), Some(_)) => Some(Err(Refusal::Several)),
        (None, _) => None,
    }
}

impl Found {
    /// Reads what begins with a word; returns how many words that are.
    fn take(&mut self, word: &str, after: &[&str], reader: Reader<'_>) -> usize {
        let word = word.trim_start_matches(AROUND);
        let scheme = if fallback(word).is_some() { Some(0) } else { scheme_at(word) };
        let word = word.get(scheme.unwrap_or(0)..).unwrap_or_default();
        let (reading, used) = self.longest(word, after, reader);
        match reading {
            Some(Ok(found)) => {
                let next = after.get(used - 1).and_then(|next| next.chars().next());
                if begins(word, "bitcoin:") && next.is_some_and(|c| c.is_numeric() || ",.&=?".contains(c)) {
                    self.refusal.get_or_insert(LinkFault::Broken.into());
                }
                let named = scheme.is_none()
                    && found.methods.iter().all(|method| matches!(method.kind, Kind::LightningAddress(_)));
                let list = if named { &mut self.names } else { &mut self.things };
                if !list.contains(&found) {
                    list.push(found);
                }
            }
            Some(Err(refusal)) if scheme.is_some() || is_meant(word) => {
                self.refusal.get_or_insert(refusal);
            }
            _ => {}
        }
        used
    }
    /// Reads a word, with the following ones if it needs them to be whole; returns how many words were read.
    fn longest(&mut self, word: &str, after: &[&str], reader: Reader<'_>) -> (Reading, usize) {
        let first = whole(bare(word), reader);
        if !matches!(first, Some(Err(Refusal::Invoice(_) | Refusal::Lnurl(_) | Refusal::Offer(_)))) {
            return (first, 1);
        }
        let mut pieces = String::from(word);
        for (at, next) in after.iter().take(PIECES).enumerate() {
            pieces.push_str(next);
            self.attempts += 1;
            if self.attempts > ATTEMPTS {
                break;
            }
            if let Some(Ok(found)) = whole(bare(&pieces), reader) {
                return (Some(Ok(found)), at + 2);
            }
        }
        (first, 1)
    }
}

/// True if a word is meant to be something with a form of its own, however broken.
fn is_meant(word: &str) -> bool {
    invoice::is_meant(word) || begins(word, "lnurl1") || begins(word, "lno1")
}

/// A word without what a sentence puts around and behind it.
fn bare(word: &str) -> &str {
    word.trim_start_matches(AROUND).trim_end_matches(|c| AROUND.contains(&c) || BEHIND.contains(&c))
}
