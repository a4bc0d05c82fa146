//! The evaluation's CSV: `scid,node1,node2,capacity_sat`, then for each direction
//! `enabled,base_msat,ppm,cltv,min_msat,max_msat` (blank where nothing was announced).

use crate::graph::{Direction, Graph, GraphError, Loaded, NodeId, Policy, Scid};
use amplet_protocol::Msat;

/// A refusal of a CSV: a field is missing or does not fit its column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: column {column} is missing or malformed: export the graph anew")]
pub struct CsvError {
    /// The line, counted from 1, the header included.
    pub line: usize,
    /// The column's name.
    pub column: &'static str,
}

/// Reads a whole CSV, its first line a header (it begins with `scid`). Rows that are well formed but name an impossible channel are left
/// out and reported beside the graph.
///
/// # Errors
/// The first row that is malformed, a missing header included.
pub fn read(text: &str) -> Result<Loaded, CsvError> {
    let mut loaded = Loaded::default();
    let header = text.lines().next().unwrap_or_default();
    if !header.trim_start_matches('\u{feff}').starts_with("scid") {
        return Err(CsvError { line: 1, column: "scid" });
    }
    for (number, row) in text.lines().enumerate().skip(1).filter(|(_, row)| !row.is_empty()) {
        read_row(&mut loaded, number + 1, row)?;
    }
    loaded.graph.index();
    Ok(loaded)
}

fn read_row(loaded: &mut Loaded, line: usize, row: &str) -> Result<(), CsvError> {
    let mut fields = row.split(',');
    let field = |column| CsvError { line, column };
    let scid = fields.next().and_then(Scid::parse).ok_or(field("scid"))?;
    let node1 = fields.next().and_then(|hex| NodeId::from_hex(hex).ok()).ok_or(field("node1"))?;
    let node2 = fields.next().and_then(|hex| NodeId::from_hex(hex).ok()).ok_or(field("node2"))?;
    let capacity_sat =
        fields.next().and_then(|text| text.parse::<u64>().ok()).ok_or(field("capacity_sat"))?;
    let policies = [read_policy(&mut fields, line)?, read_policy(&mut fields, line)?];
    if let Err(error) = add(&mut loaded.graph, scid, [node1, node2], capacity_sat, policies) {
        loaded.skipped.push(error);
    }
    Ok(())
}

fn add(
    graph: &mut Graph,
    scid: Scid,
    ids: [NodeId; 2],
    capacity_sat: u64,
    policies: [Policy; 2],
) -> Result<(), GraphError> {
    let nodes = [graph.add_node(ids[0])?, graph.add_node(ids[1])?];
    let capacity_msat = Msat::from_sat(capacity_sat).unwrap_or(Msat::MAX);
    let channel = graph.add_channel(scid, nodes, Some(capacity_msat))?;
    for (direction, policy) in [Direction::Forward, Direction::Backward].into_iter().zip(policies) {
        graph.set_policy(channel, direction, policy);
    }
    Ok(())
}

fn read_policy<'a>(fields: &mut impl Iterator<Item = &'a str>, line: usize) -> Result<Policy, CsvError> {
    let mut next = |column| fields.next().map(str::trim).ok_or(CsvError { line, column });
    let enabled = match next("enabled")? {
        "1" => true,
        "0" | "" => false,
        _ => return Err(CsvError { line, column: "enabled" }),
    };
    let (base, ppm, cltv) = (next("base_msat")?, next("ppm")?, next("cltv")?);
    let (min, max) = (next("min_msat")?, next("max_msat")?);
    if !enabled {
        return Ok(Policy::UNKNOWN);
    }
    let number = |text: &str, column| text.parse::<u64>().map_err(|_| CsvError { line, column });
    let narrow = |text, column| number(text, column).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    Ok(Policy {
        enabled,
        base_msat: narrow(base, "base_msat")?,
        ppm: narrow(ppm, "ppm")?,
        cltv: u16::try_from(number(cltv, "cltv")?).unwrap_or(u16::MAX),
        min_msat: Msat::up_to_max(number(min, "min_msat")?),
        max_msat: Msat::up_to_max(number(max, "max_msat")?),
    })
}
