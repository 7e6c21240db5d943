//! Which database, and with how many connections.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::error::OpenError;
use crate::inspector::PostgresInspector;
use crate::storage::PostgresStorage;

#[cfg(test)]
mod tests;

/// More connections of one kind than this are a mistake: each is a process of the server's.
const CONNECTIONS_MAX: u32 = 1000;

/// How to open a [`PostgresStorage`].
///
/// ```
/// use ticketing_postgres::PostgresConfig;
///
/// let config = PostgresConfig::from_url("postgres://tickets@db.example/shop?lanes=8&readers=16")?;
/// assert_eq!(config.connections(), 31);
/// # Ok::<(), ticketing_postgres::OpenError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before it is opened"]
pub struct PostgresConfig {
    pub(crate) server: PgConnectOptions,
    pub(crate) lanes: u32,
    pub(crate) readers: u32,
    pub(crate) background: u32,
}

/// Connections beside one for each lane: a group that has to try again, a webhook that is received,
/// an operator who repairs.
pub(crate) const SPARE_COMMANDS: u32 = 2;

/// Connections that note who works on what.
pub(crate) const NOTES: u32 = 2;

impl PostgresConfig {
    /// A database by its connection.
    pub fn new(server: PgConnectOptions) -> Self {
        Self { server, lanes: 4, readers: 8, background: 3 }
    }

    /// What a URL says: `postgres://user:password@host:5432/database`, with the parameters that
    /// sqlx knows, such as `sslmode`, and with `lanes`, `readers` and `background` of ours.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`] and [`OpenError::WrongNumber`].
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (ours, theirs): (Vec<_>, Vec<_>) = parameters
            .split('&')
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
            .partition(|(name, _)| matches!(*name, "lanes" | "readers" | "background"));
        let theirs: Vec<String> =
            theirs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let address = format!("{address}?{}", theirs.join("&"));
        let is_ours = address.starts_with("postgres://") || address.starts_with("postgresql://");
        let server = if is_ours {
            PgConnectOptions::from_str(&address)
        } else {
            Err(sqlx::Error::Configuration("its scheme is not postgres".into()))
        };
        let config = Self::new(server.map_err(OpenError::NotAUrl)?);
        ours.into_iter().try_fold(config, |config, (name, value)| config.with(name, value))
    }

    fn with(self, name: &str, given: &str) -> Result<Self, OpenError> {
        let number = |name: &'static str| {
            let number = given.parse::<NonZeroU32>().ok().map(NonZeroU32::get);
            let number = number.filter(|number| *number <= CONNECTIONS_MAX);
            number.ok_or_else(|| OpenError::WrongNumber { name, given: given.to_owned() })
        };
        match name {
            "lanes" => Ok(Self { lanes: number("lanes")?, ..self }),
            "readers" => Ok(Self { readers: number("readers")?, ..self }),
            _ => Ok(Self { background: number("background")?, ..self }),
        }
    }

    /// How many groups are committed at the same time, each with a connection of its own; at least
    /// one, and four unless said otherwise. More help where many tickets sell at once and the
    /// database has the cores and the disks for it.
    pub fn lanes(self, lanes: u32) -> Self {
        Self { lanes: lanes.clamp(1, CONNECTIONS_MAX), ..self }
    }

    /// How many connections read for callers at the same time; eight unless said otherwise.
    pub fn readers(self, readers: u32) -> Self {
        Self { readers: readers.clamp(1, CONNECTIONS_MAX), ..self }
    }

    /// How many connections work in the background, where they end holds, settle payments and
    /// publish events; three unless said otherwise.
    pub fn background(self, background: u32) -> Self {
        Self { background: background.clamp(1, CONNECTIONS_MAX), ..self }
    }

    /// How many connections a storage opens at the most. The server's `max_connections` must have
    /// room for those of all processes.
    pub fn connections(&self) -> u32 {
        [self.readers, self.background, NOTES]
            .into_iter()
            .fold(self.lanes.saturating_add(SPARE_COMMANDS), u32::saturating_add)
    }

    /// Where the database is, without user and password.
    pub fn place(&self) -> String {
        let (host, port) = (self.server.get_host(), self.server.get_port());
        let socket = self.server.get_socket().map(|path| path.display().to_string());
        let host = socket.unwrap_or_else(|| format!("{host}:{port}"));
        let database = self.server.get_database().unwrap_or(self.server.get_username());
        format!("{host}/{database}")
    }

    /// Looks into the database without opening it as a storage, see [`PostgresInspector`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn inspect(&self) -> Result<PostgresInspector, OpenError> {
        PostgresInspector::connect(self.server.clone()).await
    }

    /// Opens the database, after bringing its tables up to date.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn open(self) -> Result<PostgresStorage, OpenError> {
        crate::open::open(self).await
    }
}

/// Without what leads to the database: it has a password.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("host", &self.server.get_host())
            .field("port", &self.server.get_port())
            .field("database", &self.server.get_database())
            .field("lanes", &self.lanes)
            .field("readers", &self.readers)
            .field("background", &self.background)
            .finish_non_exhaustive()
    }
}
