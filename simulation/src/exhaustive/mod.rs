//! Every scenario, with everything that can go wrong at every call of a port.
//!
//! A scenario is played once without faults, and its calls are noted. Then it is played again for
//! each of them and each fault, in a world of its own; when all has come to rest, every invariant
//! must hold.
//!
//! Background work asks again and again whether there is something to do. A question that was
//! asked before, and is asked again later, with nothing committed in between, is one point
//! together with those two: a fault there is a fault of a question that has no answer yet.

mod scenarios;

use std::collections::BTreeMap;

use ticketing_core::testing::{FaultKind, Operation, Violation};

pub use scenarios::{Scenario, all};

use crate::plan::Plan;
use crate::run::{replay, run};
use crate::world::Made;

/// What can go wrong at a call: the process dies before it or after it, its answer is lost whether
/// or not it was made, or it is made twice.
pub const FAULTS: [FaultKind; 5] = [
    FaultKind::CrashBefore,
    FaultKind::CrashAfter,
    FaultKind::RequestLost,
    FaultKind::ReplyLost,
    FaultKind::Duplicate,
];

/// Where a process may die, for pairs of such places.
const CRASHES: [FaultKind; 2] = [FaultKind::CrashBefore, FaultKind::CrashAfter];

/// Calls that background work makes again and again.
const QUESTIONS: [Operation; 13] = [
    Operation::StorageNow,
    Operation::DueOrders,
    Operation::ClearingPools,
    Operation::UnsettledPayments,
    Operation::UnsettledRefunds,
    Operation::ClaimWebhooks,
    Operation::ClaimOutbox,
    Operation::ClaimTimers,
    Operation::ListIntents,
    Operation::OutboxDepth,
    Operation::PublishedSince,
    Operation::Prune,
    Operation::LookUp,
];

/// What goes wrong in one history.
pub type Points = Vec<(u64, FaultKind)>;

/// A scenario, and the places in it where something can go wrong.
#[derive(Debug, Clone)]
pub struct Explored {
    /// Which.
    pub scenario: Scenario,
    /// How many calls it makes.
    pub calls: usize,
    /// Those of them that are a point of their own.
    pub points: Vec<Made>,
    /// What is wrong with it even without faults.
    pub violations: Vec<Violation>,
    /// What happened without faults.
    pub happened: BTreeMap<String, u64>,
}

/// Plays a scenario without faults.
pub fn explore(scenario: Scenario) -> Explored {
    let played = replay(scenario.plan(), None);
    Explored {
        scenario,
        calls: played.calls.len(),
        points: points_of(&played.calls),
        violations: played.violations,
        happened: played.happened,
    }
}

impl Explored {
    /// Every fault at every point.
    pub fn singles(&self) -> Vec<Points> {
        let at = |call: &Made| FAULTS.map(|kind| vec![(call.number, kind)]);
        self.points.iter().flat_map(at).collect()
    }

    /// Every pair of crashes.
    pub fn pairs(&self) -> Vec<Points> {
        let numbers: Vec<u64> = self.points.iter().map(|call| call.number).collect();
        let mut pairs = Vec::new();
        for (place, first) in numbers.iter().enumerate() {
            for second in numbers.iter().skip(place.saturating_add(1)) {
                for one in CRASHES {
                    pairs.extend(CRASHES.map(|other| vec![(*first, one), (*second, other)]));
                }
            }
        }
        pairs
    }
}

/// Plays a scenario with faults at these points. What must never be, and was, with the steps that
/// it took.
pub fn play(scenario: Scenario, points: &Points) -> (Vec<Violation>, u64) {
    let run = run(Plan { at_calls: points.clone(), ..scenario.plan() }, None);
    (run.violations, run.steps)
}

fn points_of(calls: &[Made]) -> Vec<Made> {
    let is_point = |(place, call): &(usize, &Made)| {
        if !QUESTIONS.contains(&call.operation) {
            return true;
        }
        let same = |other: &&Made| other.operation == call.operation;
        let before = calls.iter().take(*place).rev().find(same);
        let after = calls.iter().skip(place.saturating_add(1)).find(same);
        let (Some(before), Some(after)) = (before, after) else { return true };
        before.commits != after.commits
    };
    calls.iter().enumerate().filter(is_point).map(|(_, call)| *call).collect()
}
