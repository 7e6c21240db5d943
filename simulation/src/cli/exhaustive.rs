//! `exhaustive`: every scenario, with every fault at every call.

use std::process::ExitCode;

use ticketing_simulation::exhaustive::{Explored, Points, all, explore, play};
use ticketing_simulation::parallel::{cores, each};

use super::record::Told;
use super::{Stopwatch, say, verdict};

/// Every crash point.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// This scenario alone, such as `R9`.
    #[arg(long)]
    scenario: Option<String>,
    /// Whether pairs of crashes are tried as well, in the scenarios of payments: this takes long.
    #[arg(long)]
    pairs: bool,
    /// Whether the table goes into `docs/reliability.md`.
    #[arg(long, conflicts_with = "scenario")]
    record: bool,
}

/// What came of some histories.
#[derive(Debug, Default)]
struct Total {
    histories: u64,
    steps: u64,
    violations: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let watch = Stopwatch::start();
    let (mut total, mut told) = (Total::default(), Told::default());
    for scenario in all() {
        let wanted = options.scenario.as_ref();
        if wanted.is_some_and(|name| !name.eq_ignore_ascii_case(scenario.name)) {
            continue;
        }
        let explored = explore(scenario);
        for violation in &explored.violations {
            say(format!("{} fails without any fault: {violation}", scenario.name))?;
            total.violations = total.violations.saturating_add(1);
        }
        let mut histories = explored.singles();
        let singles = histories.len();
        if options.pairs && scenario.in_pairs {
            histories.extend(explored.pairs());
        }
        play_all(&explored, &histories, &mut total)?;
        told.say(format!(
            "{:<6} {:<70} {:>4} calls, {:>4} points, {:>5} single faults, {:>6} pairs",
            scenario.name,
            scenario.what,
            explored.calls,
            explored.points.len(),
            singles,
            histories.len().saturating_sub(singles),
        ))?;
    }
    told.say(format!("all points covered in {} s", watch.passed().as_secs()))?;
    let Total { histories, steps, violations } = total;
    told.say(format!("{histories} seeds, {steps} steps, {violations} violations"))?;
    if options.record {
        told.record("crash points", true)?;
    }
    Ok(verdict(violations))
}

fn play_all(explored: &Explored, histories: &[Points], total: &mut Total) -> anyhow::Result<()> {
    let scenario = explored.scenario;
    let mut said = Ok(());
    each(
        histories,
        cores(),
        |points| play(scenario, points),
        |points, (violations, steps)| {
            total.histories = total.histories.saturating_add(1);
            total.steps = total.steps.saturating_add(steps);
            if let Some(violation) = violations.first() {
                total.violations = total.violations.saturating_add(1);
                said = describe(explored, points, &violation.to_string());
            }
            said.is_ok()
        },
    );
    said
}

fn describe(explored: &Explored, points: &Points, violation: &str) -> anyhow::Result<()> {
    for (number, kind) in points {
        let call = explored.points.iter().find(|call| call.number == *number);
        let operation = call.map_or("?", |call| call.operation.name());
        say(format!("{} {kind:?} at call {number}, {operation}:", explored.scenario.name))?;
    }
    say(format!("  {violation}"))
}
