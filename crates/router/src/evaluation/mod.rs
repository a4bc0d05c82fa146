//! The JSON-lines protocol of the routing evaluation: one request per line, one response per line. I/O and clock stay
//! with the caller, so that the native program and its wasm twin are the same code. Beside it generators of
//! conversations ([`converse`]), of graphs ([`generated`]) and of payments that only just fit ([`tight`](fn@tight)).

mod conversation;
mod generated;
mod tight;

pub use conversation::{Line, converse};
pub use generated::{Dice, csv, pairs};
pub use tight::{Tight, tight};

use crate::belief::{Beliefs, Certainty};
use crate::graph::{Direction, Graph, NodeId};
use crate::payment::{Outcome, Payment};
use crate::plan::Planner;
use crate::request::{FirstHop, Link, Mode, Part, Request};
use crate::snapshot::{read_graph, write_graph};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use amplet_protocol::Msat;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Open(Open),
    Pay(Pay),
    Result(Results),
    Abandon(Abandon),
    Measure {},
}

#[derive(Deserialize)]
struct Open {
    graph: String,
}

#[derive(Deserialize)]
struct Pay {
    id: String,
    sources: Vec<String>,
    destination: String,
    amount_msat: Msat,
    /// The largest number there is: no limit.
    max_fee_msat: u64,
    final_cltv: u32,
    max_cltv: u32,
}

#[derive(Deserialize)]
struct Results {
    id: String,
    parts: Vec<PartResult>,
}

#[derive(Deserialize)]
struct PartResult {
    ok: bool,
    failed_hop: Option<usize>,
}

#[derive(Deserialize)]
struct Abandon {
    id: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Response {
    Ready { ready: bool },
    Parts { parts: Vec<PartOut>, ms: f64 },
    Done { done: String, why: Option<String>, ms: f64 },
    Measured(Measured),
    Error { error: String },
}

/// The cost of the graph: the response to `{"measure": {}}`, which the evaluation's driver does not send.
#[derive(Serialize)]
struct Measured {
    nodes: usize,
    channels: usize,
    memory_bytes: usize,
    stored_bytes: usize,
    /// CPU of reading it from the form in which it is stored.
    ms: f64,
}

#[derive(Serialize)]
struct PartOut {
    amount_msat: Msat,
    hops: Vec<HopOut>,
}

#[derive(Serialize)]
struct HopOut {
    scid: String,
    dir: u32,
    from: String,
    amount_msat: Msat,
}

/// Services of the caller: the graph's file and CPU time.
pub trait Host {
    /// The text of the graph's CSV.
    ///
    /// # Errors
    /// The reason for which it cannot be read, for the response.
    fn read(&mut self, path: &str) -> Result<String, String>;
    /// CPU milliseconds spent so far.
    fn cpu_ms(&mut self) -> f64;
    /// True if problems are to be passed to [`Self::dump`].
    fn dumps(&self) -> bool {
        false
    }
    /// Takes a payment's first problem in DIMACS format.
    fn dump(&mut self, _payment: &str, _problem: String) {}
}

/// The router under evaluation.
#[derive(Default)]
pub struct Evaluation {
    graph: Graph,
    planner: Planner,
    beliefs: Beliefs,
    mode: Mode,
    current: Option<Current>,
}

struct Current {
    id: String,
    payment: Payment,
    parts: Vec<Part>,
}

impl Current {
    /// Plans what is left to pay.
    fn plan(
        &mut self,
        planner: &mut Planner,
        graph: &Graph,
        beliefs: &Beliefs,
        host: &mut impl Host,
    ) -> Response {
        let before = host.cpu_ms();
        let plan = self.payment.next(planner, graph, beliefs, 0);
        let ms = host.cpu_ms() - before;
        match plan {
            Ok(plan) => {
                let parts = plan.parts.iter().map(part_out).collect();
                self.parts = plan.parts;
                Response::Parts { parts, ms }
            }
            Err(reason) => Response::Done { done: "no_route".into(), why: Some(reason.to_string()), ms },
        }
    }
}

impl Evaluation {
    /// One that pays in `mode`.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Responds to one line.
    pub fn respond(&mut self, line: &str, host: &mut impl Host) -> String {
        let answer = match serde_json::from_str::<Message>(line) {
            Ok(message) => self.handle(message, host).unwrap_or_else(|error| Response::Error { error }),
            Err(error) => Response::Error { error: error.to_string() },
        };
        serde_json::to_string(&answer).unwrap_or_else(|error| error.to_string())
    }

    fn handle(&mut self, message: Message, host: &mut impl Host) -> Result<Response, String> {
        match message {
            Message::Open(open) => {
                let text = host.read(&open.graph)?;
                self.graph = crate::csv::read(&text).map_err(|error| error.to_string())?.graph;
                self.current = None;
                Ok(Response::Ready { ready: true })
            }
            Message::Pay(pay) => self.pay(pay, host),
            Message::Result(results) => self.results(&results, host),
            Message::Abandon(abandon) => {
                in_progress(&mut self.current, &abandon.id)?;
                self.current = None;
                Ok(Response::Done { done: "abandoned".into(), why: None, ms: 0.0 })
            }
            Message::Measure {} => self.measure(host),
        }
    }

    fn pay(&mut self, pay: Pay, host: &mut impl Host) -> Result<Response, String> {
        let id = pay.id.clone();
        let payment = Payment::new(request(pay, self.mode)?);
        self.beliefs = Beliefs::new();
        if host.dumps() {
            let request = payment.request_now();
            let problem = self.planner.dimacs(&self.graph, &self.beliefs, &request, 0);
            host.dump(&id, problem.map_err(|error| error.to_string())?);
        }
        let current = self.current.insert(Current { id, payment, parts: Vec::new() });
        Ok(current.plan(&mut self.planner, &self.graph, &self.beliefs, host))
    }

    fn results(&mut self, results: &Results, host: &mut impl Host) -> Result<Response, String> {
        let current = in_progress(&mut self.current, &results.id)?;
        // All are looked at before any is taken in: a wrong line changes nothing.
        let outcomes = outcomes(&current.parts, &results.parts)?;
        let before = host.cpu_ms();
        for (part, outcome) in current.parts.drain(..).zip(outcomes) {
            current.payment.report(&part, outcome, &self.graph, &mut self.beliefs, 0);
        }
        if current.payment.remaining_msat() == Msat::ZERO {
            return Ok(Response::Done { done: "paid".into(), why: None, ms: host.cpu_ms() - before });
        }
        Ok(current.plan(&mut self.planner, &self.graph, &self.beliefs, host))
    }

    fn measure(&self, host: &mut impl Host) -> Result<Response, String> {
        let stored = write_graph(&self.graph);
        let before = host.cpu_ms();
        let graph = read_graph(&stored).map_err(|error| error.to_string())?;
        let ms = host.cpu_ms() - before;
        Ok(Response::Measured(Measured {
            nodes: graph.node_count(),
            channels: graph.channels().len(),
            memory_bytes: graph.memory_bytes(),
            stored_bytes: stored.len(),
            ms,
        }))
    }
}

fn in_progress<'a>(current: &'a mut Option<Current>, id: &str) -> Result<&'a mut Current, String> {
    let current = current.as_mut().filter(|current| current.id == id);
    current.ok_or_else(|| alloc::format!("payment {id} is not in progress: pay first"))
}

/// The outcome of each part, in the planner's terms.
fn outcomes(parts: &[Part], results: &[PartResult]) -> Result<Vec<Outcome>, String> {
    if results.len() != parts.len() {
        return Err(alloc::format!("{} results for {} parts: send one for each", results.len(), parts.len()));
    }
    let outcome = |(part, result): (&Part, &PartResult)| match (result.ok, result.failed_hop) {
        (true, _) => Ok(Outcome::Arrived),
        // The protocol counts from the gateway on; our own channel comes first here.
        (false, Some(hop)) if hop < part.hops.len().saturating_sub(1) => {
            Ok(Outcome::Failed(hop + 1, Certainty::Certain))
        }
        (false, Some(hop)) => Err(alloc::format!("failed_hop {hop} is not a hop of its part: count from 0")),
        (false, None) => Err("a failed part needs its failed_hop".into()),
    };
    parts.iter().zip(results).map(outcome).collect()
}

fn part_out(part: &Part) -> PartOut {
    let mut hops = Vec::new();
    for hop in &part.hops {
        if let (Link::Channel(scid, direction), Some(from)) = (hop.link, hop.from) {
            hops.push(HopOut {
                scid: scid.to_string(),
                dir: Direction::bit(direction),
                from: from.to_string(),
                amount_msat: hop.amount_msat,
            });
        }
    }
    PartOut { amount_msat: part.delivered_msat, hops }
}

fn request(pay: Pay, mode: Mode) -> Result<Request, String> {
    let node = |hex: &str| NodeId::from_hex(hex).map_err(|_| alloc::format!("{hex} is not a node id"));
    let first_hops = pay.sources.iter().map(|source| {
        // The evaluation's wallet has ample channels.
        let peer = node(source)?;
        Ok(FirstHop {
            peer,
            spendable_msat: Msat::MAX,
            min_msat: Msat::ZERO,
            max_msat: Msat::MAX,
            slots: 483,
        })
    });
    Ok(Request {
        first_hops: first_hops.collect::<Result<_, String>>()?,
        destination: node(&pay.destination)?,
        last_hops: Vec::new(),
        amount_msat: pay.amount_msat,
        max_fee_msat: Msat::up_to_max(pay.max_fee_msat),
        final_cltv: pay.final_cltv,
        max_cltv: pay.max_cltv,
        max_parts: 100,
        max_part_msat: Msat::MAX,
        retries: 0,
        mode,
    })
}
