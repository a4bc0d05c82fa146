//! Complaints about imports between rooms: those that run in a circle, and those that run up.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;

/// One import, from the room that its file is in to another room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The room of the file.
    pub from: String,
    /// The room that is imported from.
    pub to: String,
    /// File and line, for people.
    pub place: String,
}

/// Complaints, one line each.
#[must_use]
pub fn complaints(plan: &Plan, imports: &[Import]) -> Vec<String> {
    let mut complaints = circles(plan, imports);
    if !plan.floors.is_empty() {
        complaints.extend(upward(plan, imports));
    }
    complaints
}

/// Rooms that reach each other, each group once, with one import for each step of it.
fn circles(plan: &Plan, imports: &[Import]) -> Vec<String> {
    let mut direct: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for import in imports {
        direct.entry(&import.from).or_default().entry(&import.to).or_insert(&import.place);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        direct.keys().map(|room| (*room, reachable(room, &direct))).collect();
    let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|rooms| rooms.contains(to));
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    for room in reach.keys().filter(|room| reaches(room, room)) {
        if seen.contains(room) {
            continue;
        }
        let circle: BTreeSet<&str> =
            reach.keys().filter(|other| reaches(room, other) && reaches(other, room)).copied().collect();
        let steps: Vec<String> = imports_within(&circle, &direct);
        let rooms: Vec<&str> = circle.iter().copied().collect();
        complaints.push(format!("{}: a circle of {}: {}", plan.folder, rooms.join(", "), steps.join("; ")));
        seen.extend(circle);
    }
    complaints
}

fn imports_within(circle: &BTreeSet<&str>, direct: &BTreeMap<&str, BTreeMap<&str, &str>>) -> Vec<String> {
    let within = direct.iter().filter(|(from, _)| circle.contains(*from)).flat_map(|(from, targets)| {
        targets
            .iter()
            .filter(|(to, _)| circle.contains(*to))
            .map(move |(to, place)| format!("{from} -> {to} ({place})"))
    });
    within.collect()
}

fn reachable<'a>(
    start: &'a str,
    direct: &BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(room) = open.pop() {
        for next in direct.get(room).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(*next) {
                open.push(next);
            }
        }
    }
    found
}

/// Imports from a floor that is not below, and rooms that the plan does not know.
fn upward(plan: &Plan, imports: &[Import]) -> Vec<String> {
    let floor = |room: &str| plan.floors.iter().position(|floor| floor.contains(&room));
    let mut complaints = BTreeSet::new();
    for Import { from, to, place } in imports {
        let complaint = match (floor(from), floor(to)) {
            (None, _) => format!("room {from} has no floor in xtask's house/plan.rs"),
            (_, None) => format!("room {to} has no floor in xtask's house/plan.rs"),
            (Some(here), Some(there)) if there >= here => {
                format!("{place}: {from} imports {to}, which does not stand below it")
            }
            _ => continue,
        };
        complaints.insert(format!("{}: {complaint}", plan.folder));
    }
    complaints.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(pairs: &[(&str, &str)]) -> Vec<Import> {
        let import = |(from, to): &(&str, &str)| Import {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            place: format!("src/{from}.rs:1"),
        };
        pairs.iter().map(import).collect()
    }

    const FREE: Plan = Plan { folder: "crates/x", floors: &[] };
    const ORDERED: Plan = Plan { folder: "crates/x", floors: &[&["base"], &["left", "right"], &["top"]] };

    #[test]
    fn a_circle_is_named_with_its_imports() {
        let found =
            complaints(&FREE, &imports(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("c", "e")]));
        let expected =
            "crates/x: a circle of a, b, c: a -> b (src/a.rs:1); b -> c (src/b.rs:1); c -> a (src/c.rs:1)";
        assert_eq!(found, [expected]);
        assert!(complaints(&FREE, &imports(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    }

    #[test]
    fn imports_run_down_where_an_order_is_declared() {
        assert!(
            complaints(&ORDERED, &imports(&[("top", "base"), ("left", "base"), ("top", "right")])).is_empty()
        );
        for (pair, complaint) in [
            (("base", "top"), "base imports top"),
            (("left", "right"), "left imports right"),
            (("top", "cellar"), "room cellar has no floor"),
            (("attic", "top"), "room attic has no floor"),
        ] {
            let found = complaints(&ORDERED, &imports(&[pair]));
            assert!(found.iter().any(|text| text.contains(complaint)), "{found:?}");
        }
    }
}
