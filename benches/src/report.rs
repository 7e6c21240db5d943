//! What was measured, as a table for people and as JSON for programs.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::Compare;
use crate::contenders::Kind;
use crate::round::Round;

/// The figures of one contender over all its rounds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    contender: &'static str,
    /// Reservations a second: the median of the rounds, and their ends.
    per_second: f64,
    slowest_round: f64,
    fastest_round: f64,
    /// How long callers waited, in milliseconds, over all rounds.
    p50: f64,
    p99: f64,
    p999: f64,
    /// Reservations in one transaction, on average.
    per_transaction: Option<f64>,
}

impl Figures {
    pub(crate) fn of(kind: Kind, rounds: &[Round]) -> Self {
        let mut speeds: Vec<f64> = rounds.iter().map(Round::per_second).collect();
        speeds.sort_unstable_by(f64::total_cmp);
        let mut waits: Vec<u32> =
            rounds.iter().flat_map(|round| round.waits.iter().copied()).collect();
        waits.sort_unstable();
        let reserved: u64 = rounds.iter().map(|round| round.reserved).sum();
        let transactions: Option<u64> = rounds.iter().map(|round| round.stored.transactions).sum();
        Self {
            contender: kind.name(),
            per_second: at(&speeds, 0.5).unwrap_or_default(),
            slowest_round: at(&speeds, 0.0).unwrap_or_default(),
            fastest_round: at(&speeds, 1.0).unwrap_or_default(),
            p50: milliseconds(&waits, 0.5),
            p99: milliseconds(&waits, 0.99),
            p999: milliseconds(&waits, 0.999),
            per_transaction: transactions.map(|number| ratio(reserved, number)),
        }
    }
}

impl Round {
    #[expect(clippy::float_arithmetic, reason = "a speed is a ratio")]
    fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.reserved).unwrap_or(u32::MAX)) / self.taken.as_secs_f64()
    }
}

/// The value at this part of a sorted list.
#[expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a list has fewer items than a float has exact integers"
)]
fn at<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * part).round() as usize).copied()
}

#[expect(clippy::float_arithmetic, reason = "microseconds as milliseconds")]
fn milliseconds(sorted: &[u32], part: f64) -> f64 {
    f64::from(at(sorted, part).unwrap_or_default()) / 1_000.0
}

#[expect(clippy::float_arithmetic, reason = "an average")]
fn ratio(number: u64, of: u64) -> f64 {
    let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(number) / float(of.max(1))
}

/// The figures of all contenders. What the others are compared with is the last one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    store: String,
    callers: u32,
    tickets: u32,
    rounds: u32,
    seconds_per_round: f64,
    /// What has to be known of the servers.
    circumstances: Vec<String>,
    contenders: Vec<Figures>,
    /// How many times the speed of the last contender each one has.
    ratios: Vec<f64>,
    /// How many times the speed of each contender the first one has.
    first_to_each: Vec<f64>,
}

impl Report {
    #[expect(clippy::float_arithmetic, reason = "a ratio is what is measured")]
    pub(crate) fn new(
        compare: &Compare,
        circumstances: Vec<String>,
        contenders: Vec<Figures>,
    ) -> Self {
        let first = contenders.first().map_or(1.0, |first| first.per_second);
        let base = contenders.last().map_or(1.0, |last| last.per_second);
        let ratios = contenders.iter().map(|figures| figures.per_second / base).collect();
        let first_to_each = contenders.iter().map(|figures| first / figures.per_second).collect();
        Self {
            store: format!("{:?}", compare.store).to_lowercase(),
            callers: compare.callers,
            tickets: compare.tickets,
            rounds: compare.rounds,
            seconds_per_round: compare.seconds.as_secs_f64(),
            circumstances,
            contenders,
            ratios,
            first_to_each,
        }
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, callers, tickets, rounds, seconds_per_round, .. } = self;
        writeln!(
            f,
            "{store}, {callers} callers, {tickets} tickets, {rounds} rounds of {seconds_per_round} s each; \
             waits in milliseconds"
        )?;
        for circumstance in &self.circumstances {
            writeln!(f, "{circumstance}")?;
        }
        writeln!(
            f,
            "\n{:<24}{:>12}{:>20}{:>9}{:>9}{:>9}{:>11}{:>8}",
            "", "orders/s", "slowest .. fastest", "p50", "p99", "p99.9", "per commit", "ratio"
        )?;
        for (figures, ratio) in self.contenders.iter().zip(&self.ratios) {
            let ends = format!("{:.0} .. {:.0}", figures.slowest_round, figures.fastest_round);
            let per_commit =
                figures.per_transaction.map_or(String::new(), |number| format!("{number:.1}"));
            writeln!(
                f,
                "{:<24}{:>12.0}{ends:>20}{:>9.2}{:>9.2}{:>9.2}{per_commit:>11}{ratio:>7.2}x",
                figures.contender, figures.per_second, figures.p50, figures.p99, figures.p999
            )?;
        }
        self.show_first(f)?;
        write!(
            f,
            "\nEvery round: orders, held units and events in the store are what was answered."
        )
    }
}

impl Report {
    /// The first contender beside each of the others, of which the table shows only the last.
    fn show_first(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut beside = self.contenders.iter().zip(&self.first_to_each);
        let Some((first, _)) = beside.next() else { return Ok(()) };
        writeln!(f)?;
        for (other, ratio) in beside {
            writeln!(f, "{}: {ratio:.2} times {}", first.contender, other.contender)?;
        }
        Ok(())
    }
}
