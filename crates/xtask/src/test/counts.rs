//! Counts of the tests that a suite ran, read from what its runner prints.

use std::ops::AddAssign;

/// Results of one or more suites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: u64,
    /// Failed, flaky, interrupted or never begun.
    pub failed: u64,
    /// Ignored, skipped or to do.
    pub skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// The sum of all summaries in a log of cargo test, wasm-bindgen-test, node:test, Vitest or Playwright.
    #[must_use]
    pub fn read(log: &str) -> Self {
        let mut counts = Self::default();
        for line in log.lines() {
            let line = without_colours(line);
            counts += Self::line(line.trim());
        }
        counts
    }

    fn line(line: &str) -> Self {
        if let Some(rest) = line.strip_prefix("test result: ") {
            // "ok. 3 passed; 0 failed; 0 ignored; 0 measured; .."
            let list = rest.split_once(". ").map_or("", |(_, list)| list);
            return Self::list(list.split(';'));
        }
        if let Some(rest) = line.strip_prefix("Tests ") {
            // Vitest: "Tests  1 failed | 3 passed (4)"
            let list = rest.split_once(" (").map_or(rest, |(list, _)| list);
            return Self::list(list.split('|'));
        }
        if let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            // node:test: "# pass 12"
            let mut words = rest.split_whitespace();
            let (name, number, end) = (words.next(), words.next(), words.next());
            let number = number.and_then(|n| n.parse().ok()).filter(|_| end.is_none());
            return name.zip(number).map_or(Self::default(), |(name, number)| Self::of(number, name));
        }
        // Playwright: "12 passed (3.4s)", "1 did not run"
        let known = ["passed", "failed", "flaky", "skipped", "interrupted", "did not run"];
        let part = line.split_once(" (").map_or(line, |(part, _)| part);
        match part.split_once(' ') {
            Some((_, word)) if known.contains(&word) => Self::list([part].into_iter()),
            _ => Self::default(),
        }
    }

    fn list<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = Self::default();
        for part in parts {
            if let Some((number, word)) = part.trim().split_once(' ')
                && let Ok(number) = number.parse()
            {
                counts += Self::of(number, word);
            }
        }
        counts
    }

    fn of(number: u64, word: &str) -> Self {
        match word {
            "passed" | "pass" => Self { passed: number, ..Self::default() },
            "failed" | "fail" | "flaky" | "interrupted" | "did not run" | "cancelled" => {
                Self { failed: number, ..Self::default() }
            }
            "ignored" | "skipped" | "todo" => Self { skipped: number, ..Self::default() },
            _ => Self::default(),
        }
    }
}

/// Without the terminal's escape sequences (`ESC [ .. letter`).
fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            let _ = chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_is_understood() {
        for (log, passed, failed, skipped) in [
            (
                "test result: ok. 8 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.33s",
                8,
                0,
                1,
            ),
            ("test a ... ok\ntest result: FAILED. 7 passed; 2 failed; 0 ignored; 0 filtered out", 7, 2, 0),
            ("# tests 5\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n# duration_ms 8", 3, 1, 1),
            ("ℹ tests 2\nℹ pass 2\nℹ fail 0", 2, 0, 0),
            ("\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m1 failed\u{1b}[22m | 3 passed (4)", 3, 1, 0),
            (
                "  1 failed\n    [chromium] › a.spec.ts\n  1 flaky\n  2 did not run\n  12 passed (3.4s)",
                12,
                4,
                0,
            ),
            ("2 passed tests are nice\n# pass the salt\npassed", 0, 0, 0),
        ] {
            assert_eq!(Counts::read(log), Counts { passed, failed, skipped }, "{log}");
        }
    }
}
