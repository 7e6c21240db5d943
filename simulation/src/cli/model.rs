//! `model`: everything that can happen within small bounds, and what each guard is for.

use std::process::ExitCode;

use ticketing_simulation::models::{Candidate, Report, Size, all};

use super::record::Told;
use super::{Stopwatch, verdict};

/// Models.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// This model alone: a part of its name, such as `lease`.
    #[arg(long)]
    model: Option<String>,
    /// Whether the larger bounds are tried, which takes minutes.
    #[arg(long)]
    large: bool,
    /// Whether the steps to everything that was found are told.
    #[arg(long)]
    steps: bool,
    /// Whether what is told goes into `docs/reliability.md`.
    #[arg(long, conflicts_with_all = ["model", "steps"])]
    record: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let size = if options.large { Size::Large } else { Size::Small };
    let mut told = Told::default();
    let (mut models, mut states, mut violations) = (0_u64, 0_u64, 0_u64);
    for candidate in all() {
        if options.model.as_ref().is_some_and(|part| !candidate.name.contains(part.as_str())) {
            continue;
        }
        let watch = Stopwatch::start();
        let report = candidate.check(size);
        let seconds = watch.passed().as_secs();
        tell(&mut told, candidate, &report, seconds, options.steps)?;
        models = models.saturating_add(1);
        states = states.saturating_add(u64::try_from(report.unique)?);
        violations = violations.saturating_add(u64::from(!report.is_good()));
    }
    told.say(format!("{models} models, {states} states, {violations} violations"))?;
    if options.record {
        told.record(if options.large { "large models" } else { "models" }, true)?;
    }
    Ok(verdict(violations))
}

fn tell(
    told: &mut Told,
    candidate: Candidate,
    report: &Report,
    seconds: u64,
    with_steps: bool,
) -> anyhow::Result<()> {
    let Report { bounds, states, unique, depth, .. } = report;
    told.say(format!("{}: {bounds}", candidate.name))?;
    told.say(format!("  {states} states, {unique} of them different, depth {depth}, {seconds} s"))?;
    for property in &report.properties {
        let found = match (&property.steps, property.is_sometimes) {
            (None, false) => "always".to_owned(),
            (None, true) => "NEVER FOUND".to_owned(),
            (Some(steps), false) => format!("BROKEN after {} steps", steps.len()),
            (Some(steps), true) => format!("possible, after {} steps", steps.len()),
        };
        told.say(format!("  {:<64} {found}", property.name))?;
        tell_steps(told, property.steps.as_ref().filter(|_| with_steps || !property.is_good()))?;
    }
    for removal in &report.without {
        let (found, steps) = match &removal.broken {
            None => ("NOTHING IS BROKEN".to_owned(), None),
            Some((property, steps)) => {
                (format!("{property}, after {} steps", steps.len()), Some(steps))
            }
        };
        let guard = removal.guard;
        told.say(format!("  unless {guard:<64} {found}"))?;
        if with_steps {
            let (file, place) = removal.place;
            told.say(format!("      the real guard is `{place}` in {file}"))?;
        }
        tell_steps(told, steps.filter(|_| with_steps))?;
    }
    Ok(())
}

fn tell_steps(told: &mut Told, steps: Option<&Vec<String>>) -> anyhow::Result<()> {
    steps.into_iter().flatten().try_for_each(|step| told.say(format!("      {step}")))
}
