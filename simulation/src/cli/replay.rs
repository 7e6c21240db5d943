//! `replay`: one seed, and everything that happens in it.

use std::process::ExitCode;

use ticketing_simulation::shrink::shrink;
use ticketing_simulation::{Bug, Plan, replay};

use super::{bug_of, commit, say, verdict};

/// One seed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which.
    seed: u64,
    /// A bug to plant, such as `B8`.
    #[arg(long, value_parser = bug_of)]
    bug: Option<Bug>,
    /// Whether to cut the plan down first, if it fails.
    #[arg(long)]
    shrink: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut plan = Plan::of(options.seed);
    if options.shrink {
        match shrink(plan.clone(), options.bug) {
            Some(shrunk) => {
                let acts = (plan.acts.len(), shrunk.plan.acts.len());
                say(format!(
                    "cut down from {} acts to {} in {} tries",
                    acts.0, acts.1, shrunk.tries
                ))?;
                plan = shrunk.plan;
            }
            None => say("it does not fail, so that nothing is cut down")?,
        }
    }
    say(format!("commit {}", commit()))?;
    say(plan.to_string())?;
    let run = replay(plan, options.bug);
    for line in &run.lines {
        say(line)?;
    }
    for violation in &run.violations {
        say(format!("violation: {violation}"))?;
    }
    say(format!("trace hash {:016x}", run.trace_hash))?;
    let violations = u64::from(!run.violations.is_empty());
    say(format!("1 seeds, {} steps, {violations} violations", run.steps))?;
    Ok(verdict(violations))
}
