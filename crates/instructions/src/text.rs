//! Characters: what is invisible is dropped before a text is read, and strangers' texts are made safe before they are shown.

use alloc::string::String;
use core::fmt::{self, Write};

/// Maximum length of a quotation in a message, in characters.
const QUOTED: usize = 40;

/// A character that has no glyph and no width, or that turns the writing direction: messengers and web pages put them around
/// what is copied.
const fn is_invisible(c: char) -> bool {
    is_joiner(c) || is_direction(c) || matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Characters that emoji and some scripts need, and that no invoice, address or name does.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Marks of direction, and all else that is never needed in a line of plain text.
const fn is_direction(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn spaced(c: char) -> char {
    if c.is_whitespace() || c.is_control() { ' ' } else { c }
}

/// The text without invisible characters; white space and control characters of any kind are plain spaces.
pub(crate) fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).map(spaced).collect()
}

/// The text without any space.
pub(crate) fn joined(text: &str) -> String {
    text.chars().filter(|c| *c != ' ').collect()
}

/// A stranger's text for a screen: on one line, without control characters and marks of direction.
#[must_use]
pub fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !is_direction(*c)).map(spaced).collect();
    clean.trim().into()
}

/// A stranger's text in a message: safe to show, in quotation marks, and short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    pub(crate) fn new(text: &str) -> Self {
        // Cleaned after it is cut, so that a long text costs no more than a short one.
        let start = text.char_indices().nth(QUOTED).map_or(text, |(end, _)| &text[..end]);
        let mut quoted = shown(start);
        if start.len() < text.len() {
            quoted.push('…');
        }
        Self(quoted)
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        f.write_str(&self.0)?;
        f.write_char('"')
    }
}

/// What stands after `scheme` and a colon, in any case; `//` and spaces after the colon are dropped.
pub(crate) fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_once(':')?;
    let rest = rest.trim_start();
    start.trim_end().eq_ignore_ascii_case(scheme).then(|| rest.strip_prefix("//").unwrap_or(rest).trim())
}

/// True if `text` begins with `start`, in any case (ASCII).
pub(crate) fn begins(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_quotation_cannot_turn_the_message_around() {
        let quoted = Quoted::new("\u{202e}gnp\u{7}\r\n.exe\u{2066}").to_string();
        assert_eq!(quoted, "\"gnp   .exe\"");
        let long = Quoted::new(&"ü".repeat(5000)).to_string();
        assert_eq!(long.chars().count(), QUOTED + 3);
    }

    #[test]
    fn a_scheme_is_found_in_any_case_with_slashes_and_spaces() {
        for text in ["lightning:x", "LIGHTNING: x", "Lightning://x", "lightning : x "] {
            assert_eq!(after_scheme(text, "lightning"), Some("x"), "{text}");
        }
        assert_eq!(after_scheme("lightnings:x", "lightning"), None);
    }

    #[test]
    fn shown_keeps_what_emoji_are_made_of() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(shown(family), family);
        assert_eq!(visible(family).chars().count(), 3);
    }
}
