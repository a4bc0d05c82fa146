//! BIP 39 mnemonics in English, and the check of one that a user typed.

use amplet_protocol::page::{ErrorCode, WalletError};
use bip39::{Language, Mnemonic};
use serde::Serialize;
use zeroize::Zeroizing;

/// Maximum length of a text, in bytes: 24 words of 8 letters are 215.
const MAX_TEXT: usize = 2_000;

/// Number of words suggested for a wrong one.
const SUGGESTIONS: usize = 4;

/// A defect of a mnemonic. Positions count from 1.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Problem {
    /// Neither 12 nor 24 words.
    WordCount { count: u32 },
    /// A word that is not in the list; the first such.
    UnknownWord { position: u32, word: String, suggestions: Vec<&'static str> },
    /// All words are in the list, but the checksum is wrong.
    Checksum,
}

/// The result of a check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// Lower case, single spaces.
    pub normalized: String,
    /// `None`: valid.
    pub problem: Option<Problem>,
    /// The problem in words for the user; empty when there is none.
    pub message: String,
}

/// A new mnemonic of 12 or 24 words.
pub(super) fn generate(words: u32) -> Result<String, WalletError> {
    let bytes = match words {
        12 => 16,
        24 => 32,
        other => {
            let message = format!("a mnemonic has 12 or 24 words, not {other}: ask for one of these");
            return Err(WalletError::new(ErrorCode::InvalidInput, message));
        }
    };
    let mut entropy = Zeroizing::new(vec![0; bytes]);
    let failed = |cause: String| {
        let message = "the system's random number generator failed: reload, or restart the device";
        WalletError { causes: vec![cause], ..WalletError::new(ErrorCode::Internal, message) }
    };
    getrandom::getrandom(&mut entropy).map_err(|error| failed(error.to_string()))?;
    let mnemonic = Mnemonic::from_entropy(&entropy).map_err(|error| failed(error.to_string()))?;
    Ok(mnemonic.to_string())
}

/// Checks a user's text: unknown words first, then their number, then the checksum.
pub(super) fn check(text: &str) -> Result<Check, WalletError> {
    if text.len() > MAX_TEXT {
        let message = "this text is much longer than a mnemonic: enter its 12 or 24 words only";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let normalized = words.join(" ");
    let problem = problem(&words, &normalized);
    let message = problem.as_ref().map(explain).unwrap_or_default();
    Ok(Check { normalized, problem, message })
}

/// The words that begin with `prefix`, in the list's order.
pub(super) fn suggest(prefix: &str, limit: usize) -> Vec<&'static str> {
    let prefix = prefix.trim().to_lowercase();
    Language::English.words_by_prefix(&prefix).iter().copied().take(limit).collect()
}

fn problem(words: &[String], normalized: &str) -> Option<Problem> {
    let known = |word: &String| Language::English.find_word(word).is_some();
    if let Some((position, word)) = (1..).zip(words).find(|(_, word)| !known(word)) {
        let word: String = word.chars().take(20).collect();
        let suggestions = similar(&word);
        return Some(Problem::UnknownWord { position, word, suggestions });
    }
    if !matches!(words.len(), 12 | 24) {
        return Some(Problem::WordCount { count: u32::try_from(words.len()).unwrap_or(u32::MAX) });
    }
    Mnemonic::parse_in_normalized(Language::English, normalized).err().map(|_| Problem::Checksum)
}

fn explain(problem: &Problem) -> String {
    match problem {
        Problem::WordCount { count } => {
            format!("a mnemonic has 12 or 24 words, these are {count}: enter all of them")
        }
        Problem::UnknownWord { position, word, suggestions } if suggestions.is_empty() => {
            format!(
                "word {position}, \"{word}\", is not in the word list: compare it with what you wrote down"
            )
        }
        Problem::UnknownWord { position, word, suggestions } => {
            let suggestions = suggestions.join(", ");
            format!("word {position}, \"{word}\", is not in the word list: did you mean {suggestions}?")
        }
        Problem::Checksum => "all words are in the list but they do not belong together (wrong checksum): \
                              compare them, and their order, with what you wrote down"
            .to_owned(),
    }
}

/// Words of the list that one or two mistakes away, the nearest first.
fn similar(word: &str) -> Vec<&'static str> {
    let mut near: Vec<(usize, &'static str)> = Language::English
        .word_list()
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    let least = near.iter().map(|(distance, _)| *distance).min();
    near.retain(|(distance, _)| Some(*distance) == least);
    near.into_iter().map(|(_, word)| word).take(SUGGESTIONS).collect()
}

/// Levenshtein's distance: letters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (line, from) in (1..).zip(a.chars()) {
        let mut diagonal = line - 1;
        let mut left = line;
        if let Some(first) = row.first_mut() {
            *first = line;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (diagonal + usize::from(from != to)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const VALID: &str =
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn generated_mnemonics_are_valid_and_differ() {
        for words in [12, 24] {
            let mnemonic = generate(words).unwrap();
            assert_eq!(mnemonic.split(' ').count(), words as usize);
            assert_eq!(check(&mnemonic).unwrap().problem, None);
            assert_ne!(mnemonic, generate(words).unwrap());
        }
        assert_eq!(generate(15).unwrap_err().code, ErrorCode::InvalidInput);
    }

    #[test]
    fn typing_is_forgiven() {
        let check = check(&format!("\n  {} ", VALID.to_uppercase().replace(' ', " \t "))).unwrap();
        assert_eq!((check.normalized.as_str(), check.problem), (VALID, None));
    }

    #[test]
    fn the_first_wrong_word_is_named() {
        let check = check(&VALID.replacen("abandon abandon", "abandon abandn", 1)).unwrap();
        let suggestions = vec!["abandon"];
        assert_eq!(
            check.problem,
            Some(Problem::UnknownWord { position: 2, word: "abandn".into(), suggestions })
        );
        assert!(check.message.contains("word 2"), "{}", check.message);
    }

    #[test]
    fn wrong_counts_and_checksums_are_told_apart() {
        assert_eq!(check("").unwrap().problem, Some(Problem::WordCount { count: 0 }));
        let fifteen = "abandon ".repeat(14) + "address"; // valid BIP 39, but of a length that wallets here do not have
        assert_eq!(check(&fifteen).unwrap().problem, Some(Problem::WordCount { count: 15 }));
        assert_eq!(check(&"abandon ".repeat(12)).unwrap().problem, Some(Problem::Checksum));
    }

    #[test]
    fn strange_texts_are_refused() {
        assert!(matches!(check("密码").unwrap().problem, Some(Problem::UnknownWord { position: 1, .. })));
        assert_eq!(check(&"abandon ".repeat(1000)).unwrap_err().code, ErrorCode::InvalidInput);
    }

    #[test]
    fn suggestions_begin_with_the_prefix() {
        assert_eq!(suggest("aban", 8), ["abandon"]);
        assert_eq!(suggest(" ZO", 8), ["zone", "zoo"]);
        assert_eq!(suggest("a", 3).len(), 3);
        assert!(suggest("xyz", 8).is_empty());
    }

    #[test]
    fn distances_count_single_mistakes() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("zoo", "zoo", 0),
            ("zo", "zoo", 1),
            ("zone", "zoo", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
