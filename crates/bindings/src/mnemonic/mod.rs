//! Mnemonics, for the screens that create or check one. Apart from `page`, because an existing wallet opens without the list of
//! words.

mod words;

use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::convert::{thrown, to_js};

/// A new mnemonic of 12 or 24 words.
///
/// # Errors
/// `invalidInput` for another number of words, `internal` when the system returns no randomness.
#[wasm_bindgen(js_name = newMnemonic)]
pub fn new_mnemonic(words: u32) -> Result<String, JsValue> {
    words::generate(words).map_err(|error| thrown(&error))
}

/// Checks a mnemonic: a `MnemonicCheck`.
///
/// # Errors
/// `invalidInput` for a text too long to be one.
#[wasm_bindgen(js_name = checkMnemonic)]
pub fn check_mnemonic(text: String) -> Result<JsValue, JsValue> {
    let text = Zeroizing::new(text);
    let check = words::check(&text).map_err(|error| thrown(&error))?;
    to_js(&check)
}

/// The words that begin with `prefix`, at most `limit` of them.
#[wasm_bindgen(js_name = suggestWords)]
pub fn suggest_words(prefix: &str, limit: usize) -> Vec<String> {
    words::suggest(prefix, limit).into_iter().map(str::to_owned).collect()
}
