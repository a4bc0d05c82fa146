//! Imports between the top-level modules of a crate, read from its sources.
//!
//! A reader of tokens, not a parser: `use` trees and paths that begin with `crate`, `self` or `super` are all it needs.
//! What is compiled for tests only does not count, nor does the crate's root, which imports everything to export it; a
//! name that the root exports counts as imported from where it is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::rooms::Import;
use super::{files, read};

/// All imports between rooms of the crate in `folder`.
///
/// # Errors
/// When a file cannot be read.
pub fn imports(folder: &Path) -> Result<Vec<Import>> {
    let src = folder.join("src");
    let mut modules = Vec::new();
    for file in files(&src, &["rs"])? {
        let tokens = without_tests(tokens(&read(&file)?));
        let path = module_path(file.strip_prefix(&src).unwrap_or(&file));
        modules.push((path, file.strip_prefix(folder).unwrap_or(&file).display().to_string(), tokens));
    }
    let tests_only = tests_only(&modules);
    let exports = modules.iter().find(|(path, ..)| path.is_empty()).map(|(.., tokens)| exports(tokens));
    let exports = exports.unwrap_or_default();
    let is_room = |name: &str| modules.iter().any(|(path, ..)| path.first().is_some_and(|room| room == name));
    let mut imports = Vec::new();
    for (path, file, tokens) in &modules {
        let Some(room) = path.first().filter(|_| !tests_only.iter().any(|module| path.starts_with(module)))
        else {
            continue;
        };
        for (words, line) in paths(tokens) {
            let Some(first) = absolute(path, &words) else { continue };
            let target = if is_room(&first) { Some(&first) } else { exports.get(&first) };
            if let Some(to) = target.filter(|to| *to != room) {
                let place = format!("{file}:{line}");
                imports.push(Import { from: room.clone(), to: to.clone(), place });
            }
        }
    }
    imports.sort();
    Ok(imports)
}

type Module = (Vec<String>, String, Vec<Token>);

fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|name| name == "mod")
        || path.len() == 1 && (path == ["lib"] || path == ["main"])
    {
        path.pop();
    }
    path
}

/// The first word of a path after `crate`, seen from a module; `None` for what is not in a room.
fn absolute(module: &[String], words: &[String]) -> Option<String> {
    let (head, rest) = words.split_first()?;
    match head.as_str() {
        "crate" => rest.first().cloned(),
        "self" => module.first().or_else(|| rest.first()).cloned(),
        "super" => {
            let ups = words.iter().take_while(|word| *word == "super").count();
            let kept = module.len().checked_sub(ups)?;
            module.get(..kept)?.iter().chain(words.iter().skip(ups)).next().cloned()
        }
        _ => None,
    }
}

/// Names that the root exports from its modules, with the module of each.
fn exports(tokens: &[Token]) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for (words, _) in use_trees(tokens) {
        let mut words = words.iter().filter(|word| *word != "crate" && *word != "self");
        if let (Some(module), Some(name)) = (words.next(), words.next_back()) {
            exports.insert(name.clone(), module.clone());
        }
    }
    exports
}

/// Modules that stand in files of their own and are declared for tests only. [`without_tests`] leaves `test name` of them.
fn tests_only(modules: &[Module]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (path, _, tokens) in modules {
        for pair in tokens.windows(2) {
            if let [Token { text: mark, .. }, Token { text: name, .. }] = pair
                && mark == TEST_MODULE
            {
                found.push(path.iter().chain([name]).cloned().collect());
            }
        }
    }
    found
}

/// Paths that are used and paths that are written out, each with its line.
fn paths(tokens: &[Token]) -> Vec<(Vec<String>, usize)> {
    let mut found = use_trees(tokens);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let begins = matches!(token.text.as_str(), "crate" | "self" | "super");
        let mut words = vec![token.text.clone()];
        at += 1;
        while begins && tokens.get(at).is_some_and(|next| next.text == "::") {
            let Some(word) = tokens.get(at + 1).filter(|word| word.is_word()) else { break };
            words.push(word.text.clone());
            at += 2;
        }
        if begins && words.len() > 1 {
            found.push((words, token.line));
        }
    }
    found
}

/// Every path of every `use`, its braces opened up; the name after `as` last where there is one.
fn use_trees(tokens: &[Token]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if token.text == "use" {
            at = tree(tokens, at, &[], &mut found);
        }
    }
    found
}

/// Reads one tree from `at` on, with what stands before it; returns where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<(Vec<String>, usize)>) -> usize {
    let mut words = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = tree(tokens, at, &words, found);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            "," | ";" | "}" => break,
            "::" | "as" | "*" => {}
            word => words.push(word.to_owned()),
        }
        at += 1;
    }
    found.push((words, line));
    at
}

/// A word, `::`, or one other character.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// Tokens without comments and without what stands in texts and characters.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, shown) = if first.is_alphabetic() || first == '_' {
            match raw_text(rest) {
                Some(length) => (length, false),
                None => (rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()), true),
            }
        } else {
            other(rest, first)
        };
        let (token, after) = rest.split_at(length);
        if shown {
            tokens.push(Token { text: token.to_owned(), line });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Length of what begins here and is no word, and whether it is a token.
fn other(rest: &str, first: char) -> (usize, bool) {
    match first {
        '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
        '/' if rest.starts_with("/*") => (block_comment(rest), false),
        '"' => (quoted(rest, '"').unwrap_or(1), false),
        // A character, not a lifetime.
        '\'' => match quoted(rest, '\'').filter(|length| is_character(rest, *length)) {
            Some(length) => (length, false),
            None => (1, false),
        },
        ':' if rest.starts_with("::") => (2, true),
        space if space.is_whitespace() => (space.len_utf8(), false),
        sign => (sign.len_utf8(), true),
    }
}

fn is_character(rest: &str, length: usize) -> bool {
    let inner = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
    inner.starts_with('\\') || inner.chars().count() == 1
}

/// Length of a text in quotes, escapes skipped.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            end if end == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Length of `r"..."`, `br#"..."#` and their like.
fn raw_text(rest: &str) -> Option<usize> {
    let body = ["r", "br", "cr"].iter().find_map(|prefix| {
        let body = rest.strip_prefix(prefix)?;
        body.trim_start_matches('#').starts_with('"').then_some(body)
    })?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let inner = body.get(hashes + 1..)?;
    let length = inner.find(&end)?;
    Some(rest.len() - inner.len() + length + end.len())
}

/// Length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Stands for `mod` in what is left of a module in a file of its own that is for tests only.
const TEST_MODULE: &str = "test mod";
const TEST_ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// Without items under `#[cfg(test)]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let here = tokens.get(at..).unwrap_or_default();
        let is_test = here.len() >= TEST_ATTRIBUTE.len()
            && here.iter().zip(TEST_ATTRIBUTE).all(|(token, text)| token.text == text);
        if !is_test {
            kept.push(token.clone());
            at += 1;
            continue;
        }
        let item = here.get(TEST_ATTRIBUTE.len()..).unwrap_or_default();
        let length = item_length(item);
        let words: Vec<&Token> = item.iter().take(length).collect();
        if let [.., mark, name, end] = words.as_slice()
            && mark.text == "mod"
            && end.text == ";"
        {
            kept.push(Token { text: TEST_MODULE.to_owned(), line: mark.line });
            kept.push((*name).clone());
        }
        at += TEST_ATTRIBUTE.len() + length;
    }
    kept
}

/// Tokens of an item: to its semicolon, or to the end of its braces. Attributes before it belong to it.
fn item_length(item: &[Token]) -> usize {
    let is_use =
        item.iter().find(|token| token.is_word() && token.text != "pub").is_some_and(|t| t.text == "use");
    let mut depth = 0_usize;
    for (at, token) in item.iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && !is_use {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
mod tests;
