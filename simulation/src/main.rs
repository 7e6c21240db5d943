//! The simulator's command line.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Histories of the ticketing engine with everything going wrong, each chosen by a seed.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs many seeds.
    Run(cli::run::Options),
    /// Runs one seed, and tells everything that happens in it.
    Replay(cli::replay::Options),
    /// Runs every scenario with every single fault at every call of a port.
    Exhaustive(cli::exhaustive::Options),
    /// Looks for planted bugs.
    Planted(cli::planted::Options),
    /// Tries everything that can happen in small models, and what each of their guards is for.
    Model(cli::model::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(options) => cli::run::run(&options),
        Command::Replay(options) => cli::replay::run(&options),
        Command::Exhaustive(options) => cli::exhaustive::run(&options),
        Command::Planted(options) => cli::planted::run(&options),
        Command::Model(options) => cli::model::run(&options),
    }
}
