//! One file for each command, and what they share.

pub(crate) mod exhaustive;
pub(crate) mod model;
pub(crate) mod planted;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod run;

use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use ticketing_simulation::Bug;

/// Writes a line, at once: whoever waits for a long run wants to see it move.
pub(crate) fn say(line: impl AsRef<str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", line.as_ref())?;
    Ok(out.flush()?)
}

/// What a command ends with.
pub(crate) fn verdict(violations: u64) -> ExitCode {
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The commit that this was built from, as far as there is a repository to ask.
pub(crate) fn commit() -> String {
    let asked = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let told = asked.ok().filter(|told| told.status.success());
    let commit = told.and_then(|told| String::from_utf8(told.stdout).ok());
    let commit = commit.map(|commit| commit.trim().to_owned()).filter(|commit| !commit.is_empty());
    commit.unwrap_or_else(|| "unknown".to_owned())
}

/// A bug by its number.
pub(crate) fn bug_of(number: &str) -> Result<Bug, String> {
    Bug::of_number(number).ok_or_else(|| format!("there is no bug {number}"))
}

/// The time that passes outside of all histories.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    begun: Instant,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "it tells how long a run took, and nothing else")]
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    pub(crate) fn passed(self) -> Duration {
        self.begun.elapsed()
    }

    /// How many of something there were in a second.
    pub(crate) fn rate(self, number: u64) -> u64 {
        let millis = u64::try_from(self.passed().as_millis()).unwrap_or(u64::MAX).max(1);
        number.saturating_mul(1_000).div_euclid(millis)
    }
}
