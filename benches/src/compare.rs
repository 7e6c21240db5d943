//! Alternating rounds: every contender once, then every one again.

use anyhow::Result;

use crate::Compare;
use crate::contenders::{self, Kind};
use crate::report::{Figures, Report};
use crate::round::{self, Round};

/// Measures, prints a table, and writes the figures to a file if one is named.
pub(crate) async fn run(compare: &Compare) -> Result<()> {
    let kinds = Kind::among(compare);
    let circumstances = contenders::circumstances(compare).await?;
    let mut rounds: Vec<Vec<Round>> = kinds.iter().map(|_| Vec::new()).collect();
    for _ in 0..compare.rounds {
        for (kind, done) in kinds.iter().zip(&mut rounds) {
            done.push(round::run(*kind, compare).await?);
        }
    }
    let figures = kinds.iter().zip(&rounds).map(|(kind, rounds)| Figures::of(*kind, rounds));
    let report = Report::new(compare, circumstances, figures.collect());
    println!("{report}");
    if let Some(file) = &compare.json {
        std::fs::write(file, report.to_json()?)?;
    }
    Ok(())
}
