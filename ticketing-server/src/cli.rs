//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};
use ticketing_core::values::{PaymentId, RefundId, Timestamp};

use crate::config::{SETTINGS, Sources};

mod commands;
mod report;
#[cfg(test)]
mod tests;

pub use commands::{Doors, run};

/// What the program was called for.
#[derive(Debug, Clone)]
pub struct Cli {
    /// Where its settings come from.
    pub sources: Sources,
    /// What it is to do.
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve, until it is told to end.
    Serve {
        /// Whether an empty store gets a catalogue.
        demo: bool,
    },
    /// Tell whether the settings can be used.
    Check,
    /// Bring the tables up to date.
    Migrate,
    /// Tell whether the server that runs with these settings is ready.
    Health,
    /// Check everything that must always hold of the store.
    Verify,
    /// List what waits for a person.
    Stuck,
    /// Send a payment back to be settled.
    Resume(PaymentId),
    /// Send a failed refund once more.
    RetryRefund(RefundId),
    /// Publish events once more.
    Replay(Timestamp),
    /// Tell the user id behind an e-mail address.
    Operator(String),
}

/// Reads the command line.
///
/// # Errors
/// What to show in place of doing something: help, the version, or what is wrong.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    variables: BTreeMap<String, String>,
) -> Result<Cli, clap::Error> {
    let matches = program().try_get_matches_from(arguments)?;
    let mut sources = Sources { variables, ..Sources::default() };
    let command = command_of(&matches, &mut sources)?;
    Ok(Cli { sources, command })
}

/// The program, with a flag for each setting at each of its commands.
fn program() -> Clap {
    let config = Arg::new("config").long("config").value_name("FILE").global(true);
    let config = config.help("The file with settings [TICKETING_CONFIG]");
    let settings = SETTINGS.iter().map(|setting| {
        let help = format!("{} [{}, {}]", setting.meaning, setting.variable(), setting.default);
        let value = if setting.is_secret() { "FILE" } else { "VALUE" };
        Arg::new(setting.name).long(setting.flag_name()).value_name(value).help(help).global(true)
    });
    let demo = Arg::new("demo").long("demo").action(ArgAction::SetTrue);
    Clap::new("ticketing-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A ticket shop over HTTP. Without a command, it serves.")
        .arg(demo.help("Fill an empty store with a catalogue to look at"))
        .arg(config)
        .args(settings)
        .subcommand(Clap::new("check").about("Tell whether the settings can be used"))
        .subcommand(Clap::new("migrate").about("Make the tables, or bring them up to date"))
        .subcommand(
            Clap::new("health").about("Tell whether the server that listens there is ready"),
        )
        .subcommand(admin())
}

fn admin() -> Clap {
    let id = |name: &'static str| Arg::new("id").value_name(name).required(true);
    let resume = Clap::new("resume").about("Send a payment back to be settled").arg(id("PAYMENT"));
    let retry = Clap::new("retry-refund").about("Send a failed refund once more").arg(id("REFUND"));
    let since = Arg::new("since").long("since").value_name("TIME").required(true);
    let since = since.help("Since when, such as 2026-01-02T03:04:05Z");
    Clap::new("admin")
        .about("Look after a store")
        .subcommand_required(true)
        .subcommand(Clap::new("verify").about("Check everything that must always hold"))
        .subcommand(
            Clap::new("stuck")
                .about("List what waits for a person, or set it going again")
                .subcommand(resume)
                .subcommand(retry),
        )
        .subcommand(Clap::new("replay").about("Publish events once more").arg(since))
        .subcommand(
            Clap::new("operator")
                .about("Tell the user id behind an e-mail address")
                .arg(Arg::new("email").required(true)),
        )
}

/// Takes the flags of every level, of which the innermost wins.
fn note_flags(matches: &ArgMatches, sources: &mut Sources) {
    if let Some(file) = matches.get_one::<String>("config") {
        sources.file = Some(PathBuf::from(file));
    }
    for setting in SETTINGS {
        if let Some(value) = matches.get_one::<String>(setting.name) {
            sources.flags.insert(setting.name, value.clone());
        }
    }
}

fn command_of(matches: &ArgMatches, sources: &mut Sources) -> Result<Command, clap::Error> {
    note_flags(matches, sources);
    let Some((name, inner)) = matches.subcommand() else {
        return Ok(Command::Serve { demo: matches.get_flag("demo") });
    };
    note_flags(inner, sources);
    match name {
        "check" => return Ok(Command::Check),
        "migrate" => return Ok(Command::Migrate),
        "health" => return Ok(Command::Health),
        _ => {}
    }
    let Some((name, inner)) = inner.subcommand() else {
        return Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand));
    };
    note_flags(inner, sources);
    match name {
        "stuck" => stuck(inner, sources),
        "replay" => {
            read(inner, "since", "a time such as 2026-01-02T03:04:05Z").map(Command::Replay)
        }
        "operator" => read(inner, "email", "an e-mail address").map(Command::Operator),
        _ => Ok(Command::Verify),
    }
}

fn stuck(matches: &ArgMatches, sources: &mut Sources) -> Result<Command, clap::Error> {
    let Some((name, inner)) = matches.subcommand() else {
        return Ok(Command::Stuck);
    };
    note_flags(inner, sources);
    match name {
        "resume" => read(inner, "id", "the id of a payment").map(Command::Resume),
        _ => read(inner, "id", "the id of a refund").map(Command::RetryRefund),
    }
}

fn read<T: std::str::FromStr>(
    matches: &ArgMatches,
    name: &str,
    expected: &str,
) -> Result<T, clap::Error> {
    let given = matches.get_one::<String>(name).map_or("", String::as_str);
    given.parse().map_err(|_wrong| {
        let told = format!("{given:?} is not {expected}");
        program().error(clap::error::ErrorKind::ValueValidation, told)
    })
}
