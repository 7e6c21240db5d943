//! The log: lines for people on a terminal, JSON for machines elsewhere.

use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object, with the fields of all spans around it.
    Json,
}

impl LogFormat {
    /// Lines for people if people read it: on a terminal.
    pub fn of_stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// The log can't be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is none.
    #[error("the filter is not one such as `info` or `info,ticketing_server=debug`")]
    Filter(#[from] ParseError),
    /// Somebody else has begun one.
    #[error("there is a log already")]
    Begun(#[from] SetGlobalDefaultError),
}

/// Logs to the standard error from now on, for the whole process. Only a program does this, never
/// a library: an embedder has a log of its own.
///
/// # Errors
/// A [`LogError`]: the filter is none, or there is a log already.
pub fn log_to_stderr(filter: &str, format: LogFormat) -> Result<(), LogError> {
    let log = log(filter, format, std::io::stderr)?;
    Ok(tracing::subscriber::set_global_default(log)?)
}

fn log<W>(
    filter: &str,
    format: LogFormat,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter)?;
    let log = registry().with(filter);
    Ok(match format {
        LogFormat::Text => Box::new(log.with(fmt::layer().with_writer(writer).with_ansi(true))),
        LogFormat::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
            Box::new(log.with(lines.with_writer(writer)))
        }
    })
}
