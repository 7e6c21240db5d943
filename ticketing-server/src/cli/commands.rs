//! What each command does.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use async_trait::async_trait;
use ticketing_core::values::UserId;

use super::report;
use super::{Cli, Command};
use crate::admin::{self, AdminAnswer, AdminRequest};
use crate::check;
use crate::config::Config;
use crate::wiring::bring_up_to_date;

type Failure = Box<dyn Error + Send + Sync>;

/// The most that is listed of each kind that waits for a person.
const STUCK_MAX: usize = 1_000;

/// What the commands need of the program around them.
#[async_trait]
pub trait Doors: Send + Sync {
    /// Serves, until it is told to end.
    async fn serve(&self, config: Config, demo: bool) -> Result<(), Failure>;

    /// The user behind an e-mail address.
    async fn user_of(&self, config: &Config, email: &str) -> Result<Option<UserId>, Failure>;
}

/// Does what the program was called for. It is a failure when something is wrong with the settings or
/// the store, and not only when that can't be told.
///
/// # Errors
/// What kept it from being done.
pub async fn run(
    cli: Cli,
    doors: &dyn Doors,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let config = Config::load(&cli.sources)?;
    match cli.command {
        Command::Serve { demo } => {
            doors.serve(config, demo).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check => check(&config, out).await,
        Command::Migrate => migrate(&config, out).await,
        Command::Health => health(&config, out).await,
        Command::Verify => verify(&config, out).await,
        Command::Stuck => stuck(&config, out).await,
        Command::Resume(payment) => ask(&config, AdminRequest::Resume { payment }, out).await,
        Command::RetryRefund(refund) => {
            ask(&config, AdminRequest::RetryRefund { refund }, out).await
        }
        Command::Replay(since) => ask(&config, AdminRequest::Replay { since }, out).await,
        Command::Operator(email) => operator(&config, doors, &email, out).await,
    }
}

async fn check(config: &Config, out: &mut (dyn Write + Send)) -> Result<ExitCode, Failure> {
    report::settings(config, out)?;
    let tried = check::check(config).await;
    report::tried(&tried, out)?;
    let all_good = tried.iter().all(|tried| tried.outcome.is_ok());
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn migrate(config: &Config, out: &mut (dyn Write + Send)) -> Result<ExitCode, Failure> {
    bring_up_to_date(config).await?;
    writeln!(out, "the tables are up to date")?;
    Ok(ExitCode::SUCCESS)
}

async fn health(config: &Config, out: &mut (dyn Write + Send)) -> Result<ExitCode, Failure> {
    let address = check::ready(config.listen).await?;
    writeln!(out, "the server at {address} is ready")?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(config: &Config, out: &mut (dyn Write + Send)) -> Result<ExitCode, Failure> {
    let audit = config.database.audit().await?;
    for finding in &audit.findings {
        writeln!(out, "{finding}")?;
    }
    writeln!(out, "{} rules checked, {} findings", audit.checks, audit.findings.len())?;
    Ok(if audit.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn stuck(config: &Config, out: &mut (dyn Write + Send)) -> Result<ExitCode, Failure> {
    let waiting = config.database.waiting(STUCK_MAX).await?;
    report::waiting(&waiting, out)?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(
    config: &Config,
    request: AdminRequest,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let asked = admin::ask(&config.data_dir, &request).await;
    let answer = asked.map_err(|error| {
        let folder = config.data_dir.display();
        format!("no server that runs over {folder} could be asked: {error}")
    })?;
    match answer {
        AdminAnswer::Done(told) => {
            writeln!(out, "{told}")?;
            Ok(ExitCode::SUCCESS)
        }
        AdminAnswer::Failed(why) => Err(why.into()),
    }
}

async fn operator(
    config: &Config,
    doors: &dyn Doors,
    email: &str,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    match doors.user_of(config, email).await? {
        Some(user) => {
            writeln!(out, "{user}")?;
            Ok(ExitCode::SUCCESS)
        }
        None => Err(format!("nobody has signed up as {email}").into()),
    }
}
