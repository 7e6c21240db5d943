//! Everything that a start would need, tried without starting: nothing is changed, and a server that
//! runs does not mind.

use std::fmt;
use std::io;
use std::time::Duration;

use axum::http::Uri;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::config::Config;
use crate::{admin, auth};

pub(crate) mod files;
mod ready;
#[cfg(test)]
mod tests;

pub(crate) use ready::ready;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One thing that a start needs, and how it is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tried {
    /// Which.
    pub what: &'static str,
    /// How it is, or why it can't be used.
    pub outcome: Result<String, Failure>,
}

/// How something is that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It answers.
    Answers,
    /// It is not there yet, and will be made at the first start.
    WillBeMade,
    /// It is of an earlier version.
    WillBeUpdated,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answers => "it answers",
            Self::WillBeMade => "it is made at the first start",
            Self::WillBeUpdated => "it is brought up to date at the next start",
        })
    }
}

/// How long a web client may take to be reached.
const CLIENT_WITHIN: Duration = Duration::from_secs(3);

/// Tries everything, also once something has failed.
pub async fn check(config: &Config) -> Vec<Tried> {
    let data = &config.data_dir;
    let is_running = admin::is_there(data).await;
    let folder = files::can_keep_files(data).map(|()| {
        let server = if is_running { ", and a server runs over it" } else { "" };
        format!("{} can be used{server}", data.display())
    });
    let mut tried = vec![
        Tried { what: "folder", outcome: folder },
        Tried { what: "database", outcome: told(config.database.reach().await) },
        Tried { what: "accounts", outcome: told(config.accounts.reach().await) },
        Tried { what: "session key", outcome: session_keys(config) },
        Tried { what: "bus", outcome: config.bus.reach().await },
        Tried { what: "timers", outcome: config.timers.reach().await },
        Tried { what: "payments", outcome: told(config.payments.reach(&config.stripe).await) },
        Tried { what: "listen", outcome: listen(config, is_running).await },
    ];
    if let Some(client) = &config.client_upstream {
        tried.push(Tried { what: "web client", outcome: web_client(client).await });
    }
    tried
}

fn told(reached: Result<Reached, Failure>) -> Result<String, Failure> {
    reached.map(|reached| reached.to_string())
}

fn session_keys(config: &Config) -> Result<String, Failure> {
    if config.session_keys.is_some() {
        return Ok("it is set".to_owned());
    }
    told(auth::reach_session_keys(&config.data_dir))
}

/// Whether the address can be had. One that the server over the same folder has is no problem of a
/// start: that server would have ended before.
async fn listen(config: &Config, is_running: bool) -> Result<String, Failure> {
    let address = config.listen;
    match TcpListener::bind(address).await {
        Ok(_listener) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_running => {
            Ok(format!("{address} is in use, by the server that runs as it seems"))
        }
        Err(error) => Err(format!("can't listen at {address}: {error}").into()),
    }
}

async fn web_client(origin: &Uri) -> Result<String, Failure> {
    let (host, port) = (origin.host().unwrap_or_default(), origin.port_u16().unwrap_or(80));
    // An IPv6 address is written in brackets in a URL alone.
    let host = host.trim_matches(['[', ']']);
    let reached = timeout(CLIENT_WITHIN, TcpStream::connect((host, port))).await;
    let _connection = reached.map_err(|_late| format!("{origin} takes too long to answer"))??;
    Ok(format!("{origin} takes connections"))
}
