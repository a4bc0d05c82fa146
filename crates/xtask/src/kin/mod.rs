//! Functions of one kind side by side, for what travels: brotli packs a module by 5 % better when the many copies that
//! Rust makes of a generic function follow each other, the likest ones first. Binaryen orders by name, so the names are made to say
//! the kind and the place in it.

mod likeness;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_encoder::{NameMap, NameSection, RawSection};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Renames each function of `module` so that the order of names is that of kinds, and within a kind each is followed by its likest.
/// Other names are dropped.
///
/// # Errors
/// When the file is no wasm module, cannot be read or cannot be written.
pub fn rename(module: &Path) -> Result<()> {
    let what = || format!("cannot order the functions of {}", module.display());
    let bytes = std::fs::read(module).with_context(what)?;
    std::fs::write(module, renamed(&bytes).with_context(what)?).with_context(what)
}

fn renamed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = wasm_encoder::Module::new();
    let mut bodies: Vec<&[u8]> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    if matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                        bodies.push(&[]);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names {
                        if let Name::Function(names) = name? {
                            out.section(&functions(names, &bodies)?);
                        }
                    }
                    continue;
                }
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = bytes
                .get(usize::try_from(range.start)?..usize::try_from(range.end)?)
                .context("a section reaches beyond the end")?;
            out.section(&RawSection { id, data });
        }
    }
    Ok(out.finish())
}

/// A kind of so few functions is ordered together with its neighbours.
const FEW: usize = 4;
/// Neighbours have as many parts of their names in common.
const SHARED: usize = 3;

fn functions(names: wasmparser::NameMap, bodies: &[&[u8]]) -> Result<NameSection> {
    let mut kinds: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for naming in names {
        let naming = naming?;
        kinds.entry(kind(naming.name)).or_default().push(naming.index);
    }
    let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (kind, copies) in kinds {
        let group = if copies.len() > FEW { kind } else { neighbourhood(&kind) };
        groups.entry(group).or_default().extend(copies);
    }
    let mut renamed: BTreeMap<u32, String> = BTreeMap::new();
    for (group, copies) in groups {
        let body = |index: &u32| bodies.get(usize::try_from(*index).ok()?).copied();
        let of: Vec<&[u8]> = copies.iter().map(|index| body(index).unwrap_or_default()).collect();
        for (place, copy) in likeness::order(&of).into_iter().enumerate() {
            if let Some(index) = copies.get(copy) {
                renamed.insert(*index, format!("{group}|{place:06}"));
            }
        }
    }
    let mut map = NameMap::new();
    for (index, name) in &renamed {
        map.append(*index, name);
    }
    let mut section = NameSection::new();
    section.functions(&map);
    Ok(section)
}

/// Names the rare kinds that a kind is ordered with, after the common ones that begin as it does.
fn neighbourhood(kind: &str) -> String {
    let shared: Vec<&str> = kind.split("::").take(SHARED).collect();
    format!("{}::~", shared.join("::"))
}

/// Names the generic function that a function is a copy of: of `<Vec<T> as Clone>::clone::<X>` that is `Clone::clone`, of `<Vec<T>>::push` it is
/// `Vec::push`.
fn kind(name: &str) -> String {
    let mut segments = segments(name);
    let first = if segments.is_empty() { String::new() } else { segments.remove(0) };
    let own = match first.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) => bare(interface(inner)),
        None => bare(&first),
    };
    let rest =
        segments.iter().map(|segment| if segment.starts_with('{') { segment.clone() } else { bare(segment) });
    let parts: Vec<String> = std::iter::once(own).chain(rest).filter(|part| !part.is_empty()).collect();
    parts.join("::")
}

/// Depth of each character in angle brackets; `->` closes nothing.
fn depths(text: &str) -> impl Iterator<Item = (usize, char, u32)> + '_ {
    let mut depth = 0_u32;
    let mut before = ' ';
    text.char_indices().map(move |(at, c)| {
        let here = match c {
            '<' => {
                depth = depth.saturating_add(1);
                depth
            }
            '>' if before != '-' => {
                depth = depth.saturating_sub(1);
                depth.saturating_add(1)
            }
            _ => depth,
        };
        before = c;
        (at, c, here)
    })
}

/// The parts between `::` outside of angle brackets.
fn segments(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut colons = 0;
    for (_, c, depth) in depths(name) {
        if c == ':' && depth == 0 {
            colons += 1;
            if colons == 2 {
                parts.push(String::new());
            }
            continue;
        }
        colons = 0;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

/// Of `Type as Trait` the trait, else the type.
fn interface(inner: &str) -> &str {
    let at = depths(inner)
        .find(|(at, _, depth)| *depth == 0 && inner.get(*at..).is_some_and(|rest| rest.starts_with(" as ")));
    at.and_then(|(at, ..)| inner.get(at..)).map_or(inner, |rest| rest.trim_start_matches(" as "))
}

/// Without what is in angle or square brackets: type arguments and crate hashes.
fn bare(text: &str) -> String {
    let mut square = false;
    let outside = depths(text).filter_map(|(_, c, depth)| {
        match c {
            '[' => square = true,
            ']' => {
                square = false;
                return None;
            }
            _ => {}
        }
        (depth == 0 && !square).then_some(c)
    });
    outside.collect::<String>().trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_encoder::{
        CodeSection, EntityType, Function, FunctionSection, ImportSection, Instruction, Module, TypeSection,
    };

    use super::*;

    #[test]
    fn copies_are_of_one_kind() {
        let same = [
            "<lightning[ab031cf3d5a36335]::events::Event as lightning[ab031cf3d5a36335]::util::ser::Writeable>::write::<lightning[ab]::VecWriter>",
            "<alloc[7e41]::vec::Vec<(u64, fn() -> bool)> as lightning[ab031cf3d5a36335]::util::ser::Writeable>::write::<core[1]::A<B>>",
        ];
        for name in same {
            assert_eq!(kind(name), "lightning::util::ser::Writeable::write");
        }
        assert_eq!(kind("<alloc[1]::vec::Vec<u8>>::push_mut"), "alloc::vec::Vec::push_mut");
        assert_eq!(kind("core[1]::ptr::drop_in_place::<alloc[1]::vec::Vec<u8>>"), "core::ptr::drop_in_place");
        assert_eq!(
            kind("amplet_wallet[1]::open::open::{closure#0}"),
            "amplet_wallet::open::open::{closure#0}"
        );
        assert_eq!(kind("rustsecp256k1_v0_10_0_fe_sqrt"), "rustsecp256k1_v0_10_0_fe_sqrt");
        assert_eq!(kind(""), "");
    }

    #[test]
    fn a_module_keeps_its_code_and_gets_other_names() {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("host", "x", EntityType::Function(0));
        let mut declared = FunctionSection::new();
        declared.function(0).function(0);
        let mut code = CodeSection::new();
        for nops in [0, 1] {
            let mut body = Function::new([]);
            for _ in 0..nops {
                body.instruction(&Instruction::Nop);
            }
            code.function(body.instruction(&Instruction::End));
        }
        let mut map = NameMap::new();
        map.append(0, "x");
        map.append(1, "b::<u8>");
        map.append(2, "b::<u16>");
        let mut names = NameSection::new();
        names.functions(&map);
        module.section(&types).section(&imports).section(&declared).section(&code);
        let without = module.clone().finish();
        let new = renamed(&module.section(&names).clone().finish()).unwrap();
        assert!(new.starts_with(&without), "all but the names is as it was");
        let text = String::from_utf8_lossy(&new);
        assert!(
            ["x::~|000000", "\u{1}\u{b}b::~|000001", "\u{2}\u{b}b::~|000000"]
                .iter()
                .all(|name| text.contains(name)),
            "{text}"
        );
        assert!(renamed(b"no wasm").is_err());
    }
}
