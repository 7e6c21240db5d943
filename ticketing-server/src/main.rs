//! The program.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use async_trait::async_trait;
use ticketing_core::ports::chain;
use ticketing_core::values::UserId;
use ticketing_server::cli::{self, Doors};
use ticketing_server::signals::{EndSignals, Ended};
use ticketing_server::telemetry::{LogFormat, log_to_stderr};
use ticketing_server::{Config, Server};

/// Many small allocations of many threads are what a server makes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let cli = match cli::parse(std::env::args_os(), variables) {
        Ok(cli) => cli,
        Err(help) => help.exit(),
    };
    match cli::run(cli, &Program, &mut io::stdout()).await {
        Ok(code) => code,
        Err(failure) => {
            // There is nobody left to tell when this fails too.
            writeln!(io::stderr(), "ticketing-server: {}", chain(failure.as_ref())).ok();
            ExitCode::FAILURE
        }
    }
}

/// What the commands need of the program.
struct Program;

#[async_trait]
impl Doors for Program {
    async fn serve(&self, config: Config, demo: bool) -> Result<(), Failure> {
        log_to_stderr(&config.log, LogFormat::of_stderr())?;
        // From here on a signal ends what was begun in order.
        let mut signals = EndSignals::listen()?;
        let server = Server::builder(config).demo(demo).start().await?;
        signals.next().await;
        match signals.end(server.shutdown()).await {
            Ended::Whole => Ok(()),
            Ended::CutShort => Err("told twice to end: cut short".into()),
        }
    }

    async fn user_of(&self, config: &Config, email: &str) -> Result<Option<UserId>, Failure> {
        Ok(ticketing_server::auth::user_of(&config.accounts, email).await?)
    }
}
