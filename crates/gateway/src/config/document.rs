//! TOML read key by key, so that whatever is wrong is named with its line, column, key and remedy.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The gateway does not start.
    Error,
    /// It starts; the operator should know.
    Warning,
}

/// One finding in a configuration file. `Display` is `file:line:column: key: what; remedy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// True if it stops the gateway.
    pub severity: Severity,
    /// The configuration file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key with its sections, as in `channels.fee_ppm`; empty when the text is not TOML.
    pub key: String,
    /// The defect.
    pub what: String,
    /// The remedy.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Findings collected while a file is read.
pub(super) struct Findings<'a> {
    file: &'a Path,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, problems: RefCell::new(Vec::new()) }
    }

    pub(super) fn add(&self, severity: Severity, at: usize, key: &str, what: String, remedy: String) {
        let (line, column) = position(self.text, at);
        let (file, key) = (self.file.to_path_buf(), key.to_owned());
        self.problems.borrow_mut().push(Problem { severity, file, line, column, key, what, remedy });
    }

    /// Returns whether there is one.
    pub(super) fn any(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    /// All findings in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| (p.line, p.column));
        problems
    }
}

/// Line and column (both from 1) of a byte offset.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Parses the text; every syntax error becomes a finding.
pub(super) fn parse<'a>(findings: &Findings<'a>) -> Spanned<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(findings.text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let remedy = "mend the TOML there; text needs \"quotes\", sections look like [http]".into();
        findings.add(Severity::Error, at, "", error.message().trim().replace('\n', ", "), remedy);
    }
    table
}

/// All values of a table as text, by their keys with sections.
pub(super) fn values(table: &DeTable<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        match value.get_ref() {
            DeValue::Table(section) => {
                let inner = values(section).into_iter();
                all.extend(inner.map(|(inner, value)| (format!("{}.{inner}", key.get_ref()), value)));
            }
            value => {
                all.insert(key.get_ref().to_string(), show(value));
            }
        }
    }
    all
}

fn show(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(list) => list.iter().map(|one| format!("{:?},", show(one.get_ref()))).collect(),
        DeValue::Table(table) => format!("{:?}", values(table)),
    }
}

/// A table of the file being read. Its keys are taken one by one; [`finish`](Self::finish) refuses what is left.
pub(super) struct Section<'a, 'f> {
    findings: &'f Findings<'a>,
    name: String,
    table: Option<&'f DeTable<'a>>,
    at: usize,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a, 'f> Section<'a, 'f> {
    pub(super) fn root(findings: &'f Findings<'a>, table: &'f Spanned<DeTable<'a>>) -> Self {
        let known = RefCell::default();
        Self { findings, name: String::new(), table: Some(table.get_ref()), at: 0, known }
    }

    /// The section `[key]`; absent is as good as empty.
    pub(super) fn section(&self, key: &'static str) -> Section<'a, 'f> {
        let (table, at) = match self.take(key) {
            None => (None, self.at),
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => (Some(table), value.span().start),
                other => {
                    let remedy = format!("write it as a section: [{}] on a line of its own", self.path(key));
                    self.error(key, format!("is {}, not a section", describe(other)), remedy);
                    (None, value.span().start)
                }
            },
        };
        let name = self.path(key);
        Section { findings: self.findings, name, table, at, known: RefCell::default() }
    }

    /// True if the file has this section.
    pub(super) fn exists(&self) -> bool {
        self.table.is_some()
    }

    /// True if the file sets `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    fn take(&self, key: &'static str) -> Option<&'f Spanned<DeValue<'a>>> {
        self.known.borrow_mut().insert(key);
        self.table?.get(key)
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Reports `key` (where its value stands; where the section begins when it has none).
    pub(super) fn report(
        &self,
        severity: Severity,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let at = self.table.and_then(|table| table.get(key)).map_or(self.at, |value| value.span().start);
        self.findings.add(severity, at, &self.path(key), what.into(), remedy.into());
    }

    pub(super) fn error(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.report(Severity::Error, key, what, remedy);
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<&'f str> {
        let value = self.take(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "text", "put it in \"quotes\"");
        }
        text
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &'static str, example: &str) -> Option<&'f str> {
        if !self.has(key) {
            self.known.borrow_mut().insert(key);
            self.error(key, "is missing", format!("add {key} = {example:?}"));
            return None;
        }
        self.text(key)
    }

    /// A text that `parse` understands; its error says what is wrong and what to do, separated by `; `.
    pub(super) fn parsed<T, E: fmt::Display>(
        &self,
        key: &'static str,
        remedy: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        parse(text).map_err(|error| self.error(key, format!("{text:?}: {error}"), remedy)).ok()
    }

    /// A whole number within `range`; `default` when absent.
    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(value) = self.take(key) else { return default };
        let remedy = format!("give a whole number from {} to {}", range.start(), range.end());
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "a whole number", &remedy);
            return default;
        };
        match i128::from_str_radix(integer.as_str(), integer.radix()).map(u64::try_from) {
            Ok(Ok(number)) if range.contains(&number) => number,
            _ => {
                self.error(key, format!("{} is out of range", integer.as_str()), remedy);
                default
            }
        }
    }

    /// `true` or `false`; `default` when absent.
    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.take(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true or false", "write true or false, without quotes");
            default
        })
    }

    /// One of a few words; `default` when absent.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(key) else { return default };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return *choice;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.error(key, format!("{text:?} is not known"), format!("give one of {}", names.join(", ")));
        default
    }

    /// A list of texts, each understood by `parse`; empty when absent. What is wrong is reported at the element.
    pub(super) fn list<T, E: fmt::Display>(
        &self,
        key: &'static str,
        remedy: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list", &format!("put it in brackets: {key} = [\"…\"]"));
            return Vec::new();
        };
        let mut out = Vec::new();
        for (index, element) in array.iter().enumerate() {
            let path = format!("{}[{index}]", self.path(key));
            let wrong = |what: String| {
                self.findings.add(Severity::Error, element.span().start, &path, what, remedy.to_owned());
            };
            match element.get_ref().as_str().map(|text| (text, parse(text))) {
                Some((_, Ok(parsed))) => out.push(parsed),
                Some((text, Err(error))) => wrong(format!("{text:?}: {error}")),
                None => wrong(format!("is {}, not text", describe(element.get_ref()))),
            }
        }
        out
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str, remedy: &str) {
        self.error(key, format!("is {}, not {expected}", describe(value.get_ref())), remedy);
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for key in self.table.iter().flat_map(|table| table.keys()) {
            if known.contains(key.get_ref().as_ref()) {
                continue;
            }
            let remedy = match closest(key.get_ref(), &known) {
                Some(close) => format!("did you mean {close}?"),
                None => format!("remove it; known here: {}", join(&known)),
            };
            let Range { start, .. } = key.span();
            self.findings.add(
                Severity::Error,
                start,
                &self.path(key.get_ref()),
                "is not known".into(),
                remedy,
            );
        }
    }
}

/// Name of a value's type.
fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn closest(key: &str, known: &BTreeSet<&'static str>) -> Option<&'static str> {
    let scored = known.iter().map(|name| (strsim::jaro_winkler(key, name), *name));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

fn join(known: &BTreeSet<&'static str>) -> String {
    known.iter().copied().collect::<Vec<_>>().join(", ")
}
