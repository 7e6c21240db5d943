//! `run`: many seeds.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use ticketing_core::testing::{FaultKind, Operation};
use ticketing_simulation::parallel::{cores, each};
use ticketing_simulation::{Plan, Run, run as run_plan};

use super::record::Told;
use super::{Stopwatch, commit, say, verdict};

/// How often a long run says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// The most failing seeds that are described.
const DESCRIBED_MAX: u64 = 10;

/// Many seeds.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// In how many threads; as many as there are cores unless it is said.
    #[arg(long)]
    threads: Option<usize>,
    /// Whether to tell what happened, and which faults there were.
    #[arg(long)]
    figures: bool,
    /// Whether that goes into `docs/reliability.md`.
    #[arg(long, requires = "figures")]
    record: bool,
}

/// What came of all seeds so far.
#[derive(Debug, Default)]
struct Total {
    seeds: u64,
    steps: u64,
    time: Duration,
    violations: u64,
    faults: BTreeMap<(Operation, FaultKind), u64>,
    happened: BTreeMap<String, u64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let seeds: Vec<u64> = (0..options.seeds).map(|n| options.seed.saturating_add(n)).collect();
    let (watch, commit) = (Stopwatch::start(), commit());
    let mut total = Total::default();
    let mut told = Duration::ZERO;
    let mut said = Ok(());
    let threads = options.threads.unwrap_or_else(cores);
    each(
        &seeds,
        threads,
        |seed| run_plan(Plan::of(*seed), None),
        |_, run| {
            total.add(&run);
            if !run.violations.is_empty() && total.violations <= DESCRIBED_MAX {
                said = describe(&run, &commit);
            }
            if watch.passed() >= told.saturating_add(TELL_EVERY) {
                told = watch.passed();
                said = total.tell_progress(options.seeds, watch);
            }
            said.is_ok()
        },
    );
    said?;
    let mut told = Told::default();
    if options.figures {
        total.tell_figures(&mut told, watch, threads)?;
    }
    let Total { seeds, steps, violations, .. } = total;
    told.say(format!("{seeds} seeds, {steps} steps, {violations} violations"))?;
    if options.record {
        told.record("figures of a run", true)?;
    }
    Ok(verdict(violations))
}

fn describe(run: &Run, commit: &str) -> anyhow::Result<()> {
    let seed = run.seed;
    say(format!("seed {seed} of commit {commit} fails:"))?;
    for violation in &run.violations {
        say(format!("  {violation}"))?;
    }
    say(format!("  cargo run --release -p ticketing-simulation -- replay {seed}"))
}

impl Total {
    fn add(&mut self, run: &Run) {
        self.seeds = self.seeds.saturating_add(1);
        self.steps = self.steps.saturating_add(run.steps);
        self.time = self.time.saturating_add(run.time);
        self.violations = self.violations.saturating_add(u64::from(!run.violations.is_empty()));
        for (fault, times) in &run.faults {
            let sum = self.faults.entry(*fault).or_default();
            *sum = sum.saturating_add(*times);
        }
        for (what, times) in &run.happened {
            let sum = self.happened.entry(what.clone()).or_default();
            *sum = sum.saturating_add(*times);
        }
    }

    fn tell_progress(&self, wanted: u64, watch: Stopwatch) -> anyhow::Result<()> {
        let (seeds, violations) = (self.seeds, self.violations);
        let rate = watch.rate(seeds);
        say(format!("{seeds} of {wanted} seeds, {rate} a second, {violations} violations"))
    }

    fn tell_figures(
        &self,
        told: &mut Told,
        watch: Stopwatch,
        threads: usize,
    ) -> anyhow::Result<()> {
        let hours = self.time.as_secs().div_euclid(3_600);
        let (seconds, rate) = (watch.passed().as_secs(), watch.rate(self.seeds));
        told.say(format!(
            "{hours} simulated hours in {seconds} s, {rate} seeds a second in {threads} threads"
        ))?;
        for (what, times) in &self.happened {
            told.say(format!("  {times:>10}  {what}"))?;
        }
        let mut by_kind: BTreeMap<(&str, FaultKind), u64> = BTreeMap::new();
        for ((operation, kind), times) in &self.faults {
            let sum = by_kind.entry((operation.port(), *kind)).or_default();
            *sum = sum.saturating_add(*times);
        }
        for ((port, kind), times) in by_kind {
            told.say(format!("  {times:>10}  {port} {kind:?}"))?;
        }
        Ok(())
    }
}
