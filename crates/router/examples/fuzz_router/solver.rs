//! Absurd payments over absurd graphs: every plan satisfies its request.

use crate::making::{beliefs, certainty, graph, msat, request};
use amplet_router::evaluation::Dice;
use amplet_router::{Beliefs, Link, Outcome, Part, Payment, Planner, Request, Tuning, verify};

pub fn run(dice: &mut Dice) {
    let graph = graph(dice);
    // Learned here, or where the same ids were other channels.
    let mut known = match dice.below(3) {
        0 => Beliefs::new(),
        1 => beliefs(dice, &graph),
        _ => {
            let elsewhere = crate::making::graph(dice);
            beliefs(dice, &elsewhere)
        }
    };
    // Also given up at any place.
    let work = if dice.below(2) == 0 { Tuning::default().work } else { dice.below(20_000) };
    let mut planner = Planner::with(Tuning { work, ..Tuning::default() });
    for _ in 0..8 {
        pay(dice, &mut planner, &graph, &mut known);
    }
}

fn pay(dice: &mut Dice, planner: &mut Planner, graph: &amplet_router::Graph, known: &mut Beliefs) {
    let mut payment = Payment::new(request(dice));
    for _ in 0..5 {
        let now_s = dice.roll() as u32;
        let asked: Request = payment.request_now();
        let Ok(plan) = payment.next(planner, graph, known, now_s) else { return };
        verify(graph, &asked, &plan).unwrap_or_else(|wrong| panic!("{wrong}: {asked:?} {plan:?}"));
        assert!((0.0..=1.0).contains(&plan.probability), "{plan:?}");
        let reasons = planner.explain(graph, known, (&asked, &plan), now_s);
        assert_eq!(reasons.map(|reasons| reasons.len()), Ok(plan.parts.len()), "a reason for each part");
        for part in &plan.parts {
            let outcome = outcome(dice, part);
            payment.report(part, outcome, graph, known, now_s);
            if let (Outcome::Arrived, Some(Link::Channel(scid, direction))) =
                (outcome, part.hops.last().map(|hop| hop.link))
            {
                known.settled(scid, direction, msat(dice), now_s);
            }
        }
    }
}

fn outcome(dice: &mut Dice, part: &Part) -> Outcome {
    match dice.below(2) {
        0 => Outcome::Arrived,
        _ => Outcome::Failed(dice.below(part.hops.len() as u64 + 1) as usize, certainty(dice)),
    }
}
