//! The evaluation's protocol: a response to each line, even an invalid one; and the generated network it converses over.
#![allow(clippy::unwrap_used)]

use amplet_router::evaluation::{self, Evaluation, Host, converse};
use amplet_router::{Graph, csv};
use serde_json::{Value, json};

/// Files in memory, and a clock that stands still.
struct Files(String);

impl Host for Files {
    fn read(&mut self, path: &str) -> Result<String, String> {
        if path == "graph.csv" { Ok(self.0.clone()) } else { Err(format!("{path}: not found")) }
    }

    fn cpu_ms(&mut self) -> f64 {
        0.0
    }
}

fn made_up() -> (Files, Graph) {
    let text = evaluation::csv(300, 1500, 7);
    let graph = csv::read(&text).unwrap().graph;
    (Files(text), graph)
}

struct Session {
    evaluation: Evaluation,
    files: Files,
    pair: [String; 2],
}

impl Session {
    fn open() -> Self {
        let (files, graph) = made_up();
        let pair = evaluation::pairs(&graph, 1, 1)[0].map(|id| id.to_string());
        let mut session = Self { evaluation: Evaluation::default(), files, pair };
        assert_eq!(session.ask(r#"{"open": {"graph": "graph.csv"}}"#), json!({ "ready": true }));
        session
    }

    fn ask(&mut self, line: &str) -> Value {
        let answer = self.evaluation.respond(line, &mut self.files);
        assert!(!answer.contains('\n'), "one line: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    fn pay(&mut self, sources: &[&str], destination: &str, amount_msat: u64) -> Value {
        let question = json!({ "pay": {
            "id": "p", "sources": sources, "destination": destination, "amount_msat": amount_msat,
            "max_fee_msat": u64::MAX, "final_cltv": 18, "max_cltv": 1008,
        } });
        self.ask(&question.to_string())
    }
}

#[test]
fn every_line_gets_an_answer_and_a_wrong_one_changes_nothing() {
    let mut session = Session::open();
    let [source, destination] = session.pair.clone();
    let planned = session.pay(&[&source], &destination, 1_000_000);
    let hops = planned["parts"][0]["hops"].as_array().unwrap().len();
    let deep = "[".repeat(100_000);
    let wrong = [
        "",
        "null",
        "{}",
        "\u{fffd}\0",
        &deep,
        r#"{"open": {"graph": "elsewhere.csv"}}"#,
        r#"{"open": {}}"#,
        r#"{"close": {}}"#,
        r#"{"pay": {"id": "x"}}"#,
        r#"{"pay": {"id": "x", "sources": ["02"], "destination": "", "amount_msat": 1, "max_fee_msat": 1, "final_cltv": 1, "max_cltv": 1}}"#,
        r#"{"pay": {"id": "x", "sources": [], "destination": "", "amount_msat": -1, "max_fee_msat": 1, "final_cltv": 1, "max_cltv": 1}}"#,
        r#"{"result": {"id": "other", "parts": []}}"#,
        r#"{"result": {"id": "p", "parts": []}}"#,
        r#"{"result": {"id": "p", "parts": [{"ok": false}]}}"#,
        r#"{"result": {"id": "p", "parts": [{"ok": false, "failed_hop": 18446744073709551615}]}}"#,
        &format!(r#"{{"result": {{"id": "p", "parts": [{{"ok": false, "failed_hop": {hops}}}]}}}}"#),
        r#"{"abandon": {"id": "other"}}"#,
    ];
    for line in wrong {
        let answer = session.ask(line);
        assert!(answer["error"].as_str().is_some_and(|error| !error.is_empty()), "{line:.80}: {answer}");
    }
    let paid = session.ask(r#"{"result": {"id": "p", "parts": [{"ok": true}]}}"#);
    assert_eq!(paid["done"], "paid", "the payment went on as if nothing had been said: {paid}");
    assert_eq!(session.ask(r#"{"abandon": {"id": "p"}}"#)["done"], "abandoned");
    assert!(session.ask(r#"{"abandon": {"id": "p"}}"#)["error"].is_string());
}

#[test]
fn amounts_and_ends_that_cannot_be_are_answered() {
    let mut session = Session::open();
    let [source, destination] = session.pair.clone();
    let stranger = "03".repeat(33);
    let nothing = session.pay(&[&source], &destination, 0);
    assert_eq!(nothing["done"], "no_route", "{nothing}");
    assert!(nothing["why"].as_str().unwrap().contains("is not an amount"), "{nothing}");
    for amount_msat in [21_000_000 * 100_000_000 * 1000 + 1, u64::MAX - 1, u64::MAX] {
        let answer = session.pay(&[&source], &destination, amount_msat);
        assert!(answer["error"].as_str().unwrap().contains("more than all bitcoin"), "{answer}");
    }
    let whole = session.pay(&[&source], &destination, 21_000_000 * 100_000_000 * 1000);
    assert_eq!(whole["done"], "no_route", "all the money there is: {whole}");
    let least = session.pay(&[&source], &destination, 1);
    assert!(least["parts"].is_array() || least["done"] == "no_route", "{least}");
    let home = session.pay(&[&source], &source, 5000);
    assert_eq!(home["parts"], json!([{ "amount_msat": 5000, "hops": [] }]), "the gateway itself is paid");
    for (sources, destination) in [
        (&[][..], destination.as_str()),
        (&[stranger.as_str()], destination.as_str()),
        (&[source.as_str()], stranger.as_str()),
        (&[stranger.as_str()], stranger.replace("0303", "0203").as_str()),
    ] {
        assert_eq!(session.pay(sources, destination, 1000)["done"], "no_route");
    }
    let beside = session.pay(&[&stranger, &source], &destination, 1000);
    assert!(beside["parts"].is_array(), "a known gateway beside an unknown one: {beside}");
    let twice = session.pay(&[&source, &source], &destination, 1000);
    assert!(twice["parts"].is_array(), "two channels to one gateway: {twice}");
}

#[test]
fn conversations_repeat() {
    let (mut files, graph) = made_up();
    let pairs = evaluation::pairs(&graph, 10, 1);
    assert_eq!(pairs.len(), 10);
    let lines = converse(&mut files, "graph.csv", &pairs, &[1_000, 1_000_000, 5_000_000]);
    let planned = lines.iter().filter(|line| line.answer.contains("\"parts\"")).count();
    assert!(planned > 40, "{planned} plans in {} lines", lines.len());
    assert!(!lines.iter().any(|line| line.answer.contains("\"error\"")));
    let mut again = Evaluation::default();
    for line in &lines {
        assert_eq!(again.respond(&line.question, &mut files), line.answer);
    }
}

#[test]
fn a_made_up_network_is_of_the_size_asked_for_and_its_seed_decides() {
    let (text, other) = (evaluation::csv(300, 1500, 7), evaluation::csv(300, 1500, 8));
    assert_eq!(text, evaluation::csv(300, 1500, 7));
    assert_ne!(text, other);
    let loaded = csv::read(&text).unwrap();
    assert!(loaded.skipped.is_empty());
    assert_eq!(loaded.graph.node_count(), 300);
    assert!((1400..=1500).contains(&loaded.graph.channels().len()), "self loops are left out");
    assert_eq!(csv::read(&evaluation::csv(0, 10, 1)).unwrap().graph.node_count(), 0);
}
