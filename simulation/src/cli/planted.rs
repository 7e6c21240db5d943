//! `planted`: bugs that must be found.

use std::process::ExitCode;

use ticketing_simulation::parallel::cores;
use ticketing_simulation::planted::search::{Hunt, caught, hunt};
use ticketing_simulation::{Bug, Plan, run as run_plan};

use super::record::{Told, record_known_seeds};
use super::{bug_of, say, verdict};

/// Planted bugs.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// This bug alone, such as `B8`.
    #[arg(long, value_parser = bug_of)]
    bug: Option<Bug>,
    /// Only by the seed that is known to find it.
    #[arg(long)]
    known: bool,
    /// From how many places each is looked for.
    #[arg(long, default_value_t = 9)]
    trials: u64,
    /// With how many seeds at most from each place.
    #[arg(long, default_value_t = 20_000)]
    most: u64,
    /// Whether the table goes into `docs/reliability.md`, and the seeds into `known-seeds.txt`.
    #[arg(long, conflicts_with_all = ["bug", "known"])]
    record: bool,
}

/// The bug that has no place here, as the table has it.
const OF_DATABASES: &str = "| B15 | locks are taken in any order | - | - | deadlocks of PostgreSQL, \
     in `tests/crowd.rs` of ticketing-postgres | - |";

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if cfg!(not(feature = "planted-bugs")) {
        anyhow::bail!("this program has no planted bugs: build it with the feature planted-bugs");
    }
    let bugs = options.bug.map_or_else(|| Bug::ALL.to_vec(), |bug| vec![bug]);
    let missed = if options.known { known(&bugs)? } else { from_scratch(&bugs, options)? };
    let found = u64::try_from(bugs.len())?.saturating_sub(missed);
    say(format!("{found} of {} planted bugs found", bugs.len()))?;
    Ok(verdict(missed))
}

fn known(bugs: &[Bug]) -> anyhow::Result<u64> {
    let mut missed = 0_u64;
    for bug in bugs {
        let seed = bug.known_seed().unwrap_or_default();
        let clean = run_plan(Plan::of(seed), None).violations.is_empty();
        let code = caught(*bug, seed).filter(|_| clean);
        missed = missed.saturating_add(u64::from(code.is_none()));
        let found = code.unwrap_or(if clean { "not found" } else { "fails without the bug" });
        say(format!("{:<4} seed {seed:<8} {found}", bug.number()))?;
    }
    Ok(missed)
}

fn from_scratch(bugs: &[Bug], options: &Options) -> anyhow::Result<u64> {
    let (mut missed, mut table, mut known) = (0_u64, Told::default(), Vec::new());
    table.say("| bug | what is wrong | seeds needed (median) | most | found by | a seed |")?;
    table.say("|---|---|---|---|---|---|")?;
    for bug in bugs {
        if *bug == Bug::OpensBeforeWriting && bugs.len() > 1 {
            table.say(OF_DATABASES)?;
        }
        let hunt = hunt(*bug, options.trials, options.most, cores());
        missed = missed.saturating_add(u64::from(hunt.median().is_none()));
        known.extend(hunt.seed.map(|seed| format!("{} {seed}", bug.number())));
        table.say(row(&hunt))?;
    }
    if options.record && missed == 0 {
        table.record("planted bugs", false)?;
        record_known_seeds(&known)?;
    }
    Ok(missed)
}

/// A bug, and how it was found, as a row of the table.
fn row(hunt: &Hunt) -> String {
    let word = |seeds: Option<u64>| seeds.map_or_else(|| "not found".to_owned(), |n| n.to_string());
    let worst = hunt.trials.iter().copied().max_by_key(|trial| trial.unwrap_or(u64::MAX));
    let caught: Vec<&str> = hunt.caught_by.iter().map(|(code, _)| *code).collect();
    format!(
        "| {} | {} | {} | {} | {} | {} |",
        hunt.bug.number(),
        hunt.bug.what(),
        word(hunt.median()),
        word(worst.flatten()),
        caught.join(", "),
        word(hunt.seed)
    )
}
