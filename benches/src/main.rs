#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod compare;
mod contenders;
mod growth;
mod report;
mod round;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

/// Measures the ticketing engine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reservations a second: the engine, and the same storage without what the engine does.
    Compare(Compare),
    /// What browsing, own orders, reserving and sweeping cost as more and more is stored.
    Growth(growth::Growth),
}

/// What is compared, and how.
#[derive(Debug, Clone, clap::Args)]
struct Compare {
    /// Where orders are kept.
    #[arg(long, value_enum)]
    store: Store,
    /// Where PostgreSQL is: `postgres://user:password@host/database`. Each round has a schema of its
    /// own there, which is dropped afterwards.
    #[arg(long, required_if_eq("store", "postgres"))]
    url: Option<String>,
    /// Where a Redis is that is measured beside PostgreSQL: `redis://host`. What a round writes there
    /// is removed afterwards.
    #[arg(long, requires = "url")]
    redis: Option<String>,
    /// How many connections to PostgreSQL the programs without the engine have: one for each caller
    /// and 64 at most, if nothing is said.
    #[arg(long, requires = "url", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: Option<u32>,
    /// How many callers reserve at the same time, each waiting for its answer.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    callers: u32,
    /// Over how many tickets they spread.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tickets: u32,
    /// How many rounds each contender has; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How long a round lasts.
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,
    /// Where files are kept while they are measured, instead of the system's temporary folder.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Writes the figures to a file too.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    /// In this process: what the engine itself costs.
    Memory,
    /// A SQLite file, every commit on disk before it is answered.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{error}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Compare(compare) => compare::run(&compare).await,
        Command::Growth(growth) => growth::run(&growth).await,
    }
}
