//! Which database, and which schema of it.

use std::fmt;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// Which database has the accounts, and in which schema. It is shown without its password.
///
/// ```
/// use ticketing_server::auth::PostgresAccountsConfig;
///
/// let config = PostgresAccountsConfig::from_url("postgres://shop:secret@db.example/shop")?;
/// assert_eq!(config.place(), "db.example:5432/shop, schema ticketing_accounts");
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), ticketing_server::auth::InvalidPostgresUrl>(())
/// ```
#[derive(Clone)]
pub struct PostgresAccountsConfig {
    pub(super) server: Box<PgConnectOptions>,
    schema: String,
    pub(super) patience: Duration,
}

/// A text that is no URL of a Postgres database. What is wrong is told without the text, which may
/// have a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPostgresUrl {
    /// It is written in another way, or a parameter has a value that is not allowed.
    #[error("write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Form,
    /// It has a parameter that nothing knows.
    #[error("there is no parameter {0}")]
    Parameter(String),
    /// Its schema has another name than is allowed.
    #[error(
        "a schema is named by small letters, digits and _ (63 at most), and begins with no digit"
    )]
    Schema,
}

/// The schema unless it is named.
const SCHEMA: &str = "ticketing_accounts";

/// What the driver understands. It would log what it does not, with its value.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// How long one try of a command may take in all, for a database that can't be heard any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the database itself ends. A process that stops in the middle holds its locks for `idle`;
/// those who wait for them wait a little longer, and so get them.
const LIMITS: [(&str, &str); 3] = [
    ("idle_in_transaction_session_timeout", "3s"),
    ("lock_timeout", "4s"),
    ("statement_timeout", "5s"),
];

impl PostgresAccountsConfig {
    /// What a URL says: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with the parameters of
    /// `libpq`, and `schema`.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn from_url(url: &str) -> Result<Self, InvalidPostgresUrl> {
        let (address, parameters) = parts(url)?;
        refuse_strange_parameters(url, &["schema"])?;
        let schema = parameters.iter().find(|it| name(it) == "schema");
        let schema = schema.map(|it| it.split_once('=').map_or("", |(_, value)| value));
        Self::new(address, &parameters)?.schema(schema.unwrap_or(SCHEMA))
    }

    /// Accounts in the database that a URL names for something else, in their own schema. What it
    /// says beyond the connection is not for the accounts.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn beside(url: &str) -> Result<Self, InvalidPostgresUrl> {
        let (address, parameters) = parts(url)?;
        Self::new(address, &parameters)
    }

    /// With the accounts in that schema.
    ///
    /// # Errors
    /// [`InvalidPostgresUrl::Schema`]: the name is not one that needs no quotes.
    pub fn schema(self, name: &str) -> Result<Self, InvalidPostgresUrl> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins_well = name.starts_with(|c: char| is_plain(c) && !c.is_ascii_digit());
        if name.len() > 63 || !begins_well || !name.chars().all(is_plain) {
            return Err(InvalidPostgresUrl::Schema);
        }
        Ok(Self { schema: name.to_owned(), ..self })
    }

    /// Where the accounts are, without user and password.
    pub fn place(&self) -> String {
        let (host, port) = (self.server.get_host(), self.server.get_port());
        let socket = self.server.get_socket().map(|path| path.display().to_string());
        let host = socket.unwrap_or_else(|| format!("{host}:{port}"));
        let user = self.server.get_username();
        let database = self.server.get_database().unwrap_or(user);
        format!("{host}/{database}, schema {}", self.schema)
    }

    fn new(address: &str, parameters: &[&str]) -> Result<Self, InvalidPostgresUrl> {
        let parameters: Vec<&str> = parameters.iter().filter(|it| is_known(it)).copied().collect();
        let url = format!("{address}?{}", parameters.join("&"));
        let server = url.parse::<PgConnectOptions>().map_err(|_wrong| InvalidPostgresUrl::Form)?;
        let named = server.get_application_name().is_some();
        let server = if named { server } else { server.application_name("ticketing-accounts") };
        let server = Box::new(server.disable_statement_logging());
        Ok(Self { server, schema: SCHEMA.to_owned(), patience: PATIENCE })
    }

    /// How its connections are made.
    pub(super) fn options(&self) -> PgConnectOptions {
        self.with_limits(LIMITS)
    }

    /// The same, with other limits.
    pub(super) fn with_limits(&self, limits: [(&str, &str); 3]) -> PgConnectOptions {
        let path = [("search_path", self.schema.as_str())];
        PgConnectOptions::clone(&self.server).options(path).options(limits)
    }

    /// The name of the schema, which needs no quotes but may be a word of the language.
    pub(super) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema)
    }

    /// The name of the schema.
    pub(super) fn schema_name(&self) -> &str {
        &self.schema
    }
}

/// Refuses the URL of a Postgres database with a parameter that the driver does not know, and that is
/// none of ours.
pub(crate) fn refuse_strange_parameters(
    url: &str,
    ours: &[&str],
) -> Result<(), InvalidPostgresUrl> {
    let (_, parameters) = parts(url)?;
    match parameters.iter().find(|it| !is_known(it) && !ours.contains(&name(it))) {
        Some(unknown) => Err(InvalidPostgresUrl::Parameter(name(unknown).to_owned())),
        None => Ok(()),
    }
}

/// What comes before the parameters, and each of them.
fn parts(url: &str) -> Result<(&str, Vec<&str>), InvalidPostgresUrl> {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    if !["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme)) {
        return Err(InvalidPostgresUrl::Form);
    }
    Ok((address, parameters.split('&').filter(|it| !it.is_empty()).collect()))
}

fn name(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

fn is_known(parameter: &str) -> bool {
    let name = name(parameter);
    PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

/// The driver's options would be shown with the password.
impl fmt::Debug for PostgresAccountsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresAccountsConfig").field(&self.place()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<String, InvalidPostgresUrl> {
        PostgresAccountsConfig::from_url(url).map(|config| config.place())
    }

    #[test]
    fn urls_name_a_database_and_a_schema() {
        for (url, expected) in [
            ("postgres://u:p@h/d", "h:5432/d, schema ticketing_accounts"),
            ("postgresql://u:p@h:7/d?sslmode=disable", "h:7/d, schema ticketing_accounts"),
            ("postgres://u:p@h/d?schema=some_1&sslmode=require", "h:5432/d, schema some_1"),
            ("postgres://u@h", "h:5432/u, schema ticketing_accounts"),
            ("postgres:///d?host=/run/pg&user=u", "/run/pg/d, schema ticketing_accounts"),
        ] {
            assert_eq!(place(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        for (url, expected) in [
            ("sqlite:secret", InvalidPostgresUrl::Form),
            ("postgres:secret", InvalidPostgresUrl::Form),
            ("postgres://u:secret@h:x/d", InvalidPostgresUrl::Form),
            ("postgres://u:secret@h/d?sslmode=secret", InvalidPostgresUrl::Form),
            ("postgres://h/d?pasword=secret", InvalidPostgresUrl::Parameter("pasword".to_owned())),
            ("postgres://h/d?schema=", InvalidPostgresUrl::Schema),
            ("postgres://h/d?schema=1a", InvalidPostgresUrl::Schema),
            ("postgres://h/d?schema=a\"b", InvalidPostgresUrl::Schema),
            ("postgres://h/d?schema=Secret", InvalidPostgresUrl::Schema),
        ] {
            let told = PostgresAccountsConfig::from_url(url).unwrap_err();
            assert_eq!(told, expected, "{url}");
            assert!(!format!("{told} {told:?}").to_lowercase().contains("secret"), "{told:?}");
        }
    }

    #[test]
    fn a_database_for_something_else_has_room_for_accounts() {
        let url = "postgres://u:p@h/d?schema=ticketing&lanes=4&sslmode=disable";
        let config = PostgresAccountsConfig::beside(url).unwrap();
        assert_eq!(config.place(), "h:5432/d, schema ticketing_accounts");
    }

    #[test]
    fn the_password_is_not_shown() {
        for url in ["postgres://u:secret@h/d", "postgres://u@h/d?password=secret"] {
            let config = PostgresAccountsConfig::from_url(url).unwrap();
            assert!(!format!("{config:?} {config:#?}").contains("secret"));
        }
    }
}
