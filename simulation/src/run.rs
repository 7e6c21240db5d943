//! One history, from its plan to its judgement.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ticketing_core::testing::{FaultKind, Operation, Violation};

use crate::plan::Plan;
use crate::planted::Bug;
use crate::world::{Made, World};

/// What became of a history.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The seed of its plan.
    pub seed: u64,
    /// How many steps it had.
    pub steps: u64,
    /// How much virtual time passed in it.
    pub time: Duration,
    /// A hash of all that happened: equal for equal histories.
    pub trace_hash: u64,
    /// The calls of ports that were made before faults ended, if they were asked for.
    pub calls: Vec<Made>,
    /// What must never be, and was.
    pub violations: Vec<Violation>,
    /// How often each kind of fault was put into each operation.
    pub faults: BTreeMap<(Operation, FaultKind), u64>,
    /// What happened, and how often.
    pub happened: BTreeMap<String, u64>,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
}

/// Runs a plan to its end, perhaps with a planted bug.
pub fn run(plan: Plan, bug: Option<Bug>) -> Run {
    run_with(plan, bug, false)
}

/// The same, and tells everything.
pub fn replay(plan: Plan, bug: Option<Bug>) -> Run {
    run_with(plan, bug, true)
}

fn run_with(plan: Plan, bug: Option<Bug>, traced: bool) -> Run {
    let seed = plan.seed;
    let _planted = crate::planted::in_this_thread(bug);
    let mut world = World::new(plan, bug, traced);
    let mut calls = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| {
        world.play();
        calls = world.made();
        world.come_to_rest();
    }));
    if played.is_err() {
        world.findings.add("PANIC", || "something panicked; its message went to stderr".to_owned());
    }
    Run {
        seed,
        steps: world.steps(),
        time: world.elapsed(),
        trace_hash: world.trace_hash(),
        calls,
        violations: world.findings.all(),
        faults: world.injected(),
        happened: world.happened(),
        lines: world.trace.lines(),
    }
}
