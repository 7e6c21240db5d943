//! The program: a ticket shop over HTTP, and the commands to look after it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use async_trait::async_trait;
use ticketing_core::values::UserId;
use ticketing_server::Config;
use ticketing_server::cli::{self, Doors};
use ticketing_server::telemetry::{LogFormat, log_to_stderr};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

/// The program, as its commands see it.
#[derive(Debug)]
struct Program;

#[async_trait]
impl Doors for Program {
    async fn serve(&self, config: Config, _demo: bool) -> Result<(), Failure> {
        log_to_stderr(&config.log, LogFormat::of_stderr())?;
        Err("this build can't serve".into())
    }

    async fn user_of(&self, _config: &Config, _email: &str) -> Result<Option<UserId>, Failure> {
        Err("this build has no accounts".into())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os(), variables()) {
        Ok(cli) => cli,
        Err(shown) => {
            // Nobody is left to be told if it can't be shown.
            shown.print().ok();
            return ExitCode::from(u8::try_from(shown.exit_code()).unwrap_or(1));
        }
    };
    match cli::run(cli, &Program, &mut std::io::stdout()).await {
        Ok(code) => code,
        Err(error) => {
            tell(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Variables that are text; a setting always is.
fn variables() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Tells an error, and what caused it.
fn tell(error: &(dyn Error + 'static)) {
    writeln!(std::io::stderr(), "{error}").ok();
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(std::io::stderr(), "  because {error}").ok();
        cause = error.source();
    }
}
