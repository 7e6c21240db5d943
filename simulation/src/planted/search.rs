//! Looking for a planted bug.

use crate::parallel::each;
use crate::plan::Plan;
use crate::planted::Bug;
use crate::run::run;

/// How many seeds lie between two trials.
const APART: u64 = 1_000_000;

/// How one bug was found.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// Which.
    pub bug: Bug,
    /// How many seeds each trial took; nothing for one that did not find it.
    pub trials: Vec<Option<u64>>,
    /// The invariants that found it, with how often.
    pub caught_by: Vec<(&'static str, usize)>,
    /// The first seed that found it.
    pub seed: Option<u64>,
}

impl Hunt {
    /// The median of the seeds that it took. A trial that did not find it took more than any.
    pub fn median(&self) -> Option<u64> {
        let mut trials = self.trials.clone();
        trials.sort_by_key(|trial| trial.unwrap_or(u64::MAX));
        trials.get(trials.len().div_euclid(2)).copied().flatten()
    }
}

/// Looks for a bug from so many places in the sequence of seeds, with at most so many from each.
pub fn hunt(bug: Bug, trials: u64, most: u64, threads: usize) -> Hunt {
    let starts: Vec<u64> = (0..trials).map(|trial| trial.saturating_mul(APART)).collect();
    let mut found: Vec<(u64, Option<(u64, &'static str)>)> = Vec::new();
    let look = |start: &u64| first_found(bug, *start, most);
    each(&starts, threads, look, |start, first| {
        found.push((*start, first));
        true
    });
    found.sort_by_key(|(start, _)| *start);
    summed_up(bug, &found)
}

/// Runs one seed with the bug. The invariant that found it, if one did.
pub fn caught(bug: Bug, seed: u64) -> Option<&'static str> {
    run(Plan::of(seed), Some(bug)).violations.first().map(|first| first.code)
}

fn first_found(bug: Bug, start: u64, most: u64) -> Option<(u64, &'static str)> {
    let seeds = start..start.saturating_add(most);
    seeds.into_iter().find_map(|seed| Some((seed, caught(bug, seed)?)))
}

fn summed_up(bug: Bug, found: &[(u64, Option<(u64, &'static str)>)]) -> Hunt {
    let mut hunt = Hunt { bug, trials: Vec::new(), caught_by: Vec::new(), seed: None };
    for (start, first) in found {
        let needed = first.map(|(seed, _)| seed.saturating_sub(*start).saturating_add(1));
        hunt.trials.push(needed);
        let Some((seed, code)) = first else { continue };
        hunt.seed = hunt.seed.or(Some(*seed));
        match hunt.caught_by.iter_mut().find(|(known, _)| known == code) {
            Some((_, times)) => *times = times.saturating_add(1),
            None => hunt.caught_by.push((code, 1)),
        }
    }
    hunt.caught_by.sort_by_key(|(code, times)| (std::cmp::Reverse(*times), *code));
    hunt
}
