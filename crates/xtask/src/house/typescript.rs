//! Imports between the folders of a package's sources. A file that stands in no folder is in the room `entries`; what a
//! package takes from its own `imports` (`#platform`) is a room of that name.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::rooms::Import;
use super::{files, read};

const ENTRIES: &str = "entries";
const KINDS: [&str; 4] = ["ts", "mts", "mjs", "svelte"];

/// All imports between rooms of the sources in `folder`.
///
/// # Errors
/// When a file cannot be read.
pub fn imports(folder: &Path) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    for file in files(folder, &KINDS)? {
        let inside = file.strip_prefix(folder).unwrap_or(&file);
        let from = room(inside);
        for (line, specifier) in specifiers(&read(&file)?) {
            let Some(to) = target(inside, &specifier).filter(|to| *to != from) else { continue };
            imports.push(Import { from: from.clone(), to, place: format!("{}:{line}", inside.display()) });
        }
    }
    imports.sort();
    Ok(imports)
}

/// The room of a file, by its path in the sources. A platform's folder and its alias are one room.
fn room(file: &Path) -> String {
    let mut parts = file.components();
    let first = parts.next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    match first {
        Some(first) if parts.next().is_some() => first,
        _ => ENTRIES.to_owned(),
    }
}

/// The room that a specifier leads to; `None` for other packages and for what lies outside of the sources.
fn target(file: &Path, specifier: &str) -> Option<String> {
    if let Some(alias) = specifier.strip_prefix('#') {
        return alias.split('/').next().map(ToOwned::to_owned);
    }
    if !specifier.starts_with('.') {
        return None;
    }
    let mut path: Vec<Component<'_>> = file.parent()?.components().collect();
    let specifier = PathBuf::from(specifier);
    for part in specifier.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(path.pop()?),
            other => path.push(other),
        }
    }
    Some(room(&path.iter().collect::<PathBuf>()))
}

/// Specifiers that are imported, exported from elsewhere, or imported later, each with its line.
fn specifiers(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in source.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("//") || line.starts_with('*') || line.starts_with("/*") {
            continue;
        }
        for quote in ['\'', '"'] {
            for (start, _) in line.match_indices(quote) {
                let (before, after) = line.split_at(start);
                let before = before.trim_end();
                let imports = before.ends_with("import(")
                    || before == "import"
                    || before.strip_suffix("from").is_some_and(|rest| rest.ends_with([' ', '}', '*']));
                if let Some((specifier, _)) =
                    after.get(1..).and_then(|rest| rest.split_once(quote)).filter(|_| imports)
                {
                    found.push((at + 1, specifier.to_owned()));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::plan::Plan;
    use super::super::rooms;
    use super::super::tests::folder;
    use super::*;

    const FILES: [(&str, &str); 4] = [
        ("index.ts", "export * from './wallet/index.js';\nimport type { Key } from '#platform/keys';"),
        (
            "wallet/index.ts",
            "import {\n  call,\n} from '../link/link.js';\nimport './own.js';\nimport x from 'axios';\n// from '../sites/a.js'",
        ),
        (
            "link/link.ts",
            "const later = () => import(\"../engine/host/a.js\");\nconst text = 'away from home';",
        ),
        ("engine/host/a.ts", "import { b } from \"./b.js\";\nexport type { W } from '../../wallet/index.js'"),
    ];

    #[test]
    fn every_way_to_write_an_import_is_seen() {
        let dir = folder("typescript", &FILES);
        let seen = imports(&dir).unwrap();
        let seen: Vec<(&str, &str, &str)> =
            seen.iter().map(|i| (i.from.as_str(), i.to.as_str(), i.place.as_str())).collect();
        let expected = [
            ("engine", "wallet", "engine/host/a.ts:2"),
            ("entries", "platform", "index.ts:2"),
            ("entries", "wallet", "index.ts:1"),
            ("link", "engine", "link/link.ts:1"),
            ("wallet", "link", "wallet/index.ts:3"),
        ];
        assert_eq!(seen, expected);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_import_that_runs_up_is_a_complaint() {
        let dir = folder("upward", &FILES);
        const FLOORS: &[&[&str]] =
            &[&["platform"], &["engine"], &["link"], &["wallet", "sites"], &["entries"]];
        let plan = Plan { folder: "pkg/src", floors: FLOORS };
        let complaints = rooms::complaints(&plan, &imports(&dir).unwrap());
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("a circle of engine, link, wallet"));
        assert!(complaints[1].contains("engine imports wallet"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
