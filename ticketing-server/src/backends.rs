//! What a URL stands for: the one place that knows which backends are compiled in.

use std::path::{Path, PathBuf};

use ticketing_nats::NatsConfig;
use ticketing_postgres::PostgresConfig;
use ticketing_rabbitmq::RabbitConfig;
use ticketing_redis::RedisConfig;
use ticketing_sqlite::{OpenError, SqliteConfig};

use crate::auth::{
    AccountsPlace, InvalidPostgresUrl, PostgresAccountsConfig, refuse_strange_parameters,
};

mod asked;
mod stripe;

pub use asked::{Audit, Waiting};
pub use stripe::{InvalidStripeKeys, StripeKeys};

/// What keeps tickets or accounts.
const DATABASES: &str = "sqlite, postgres";
/// What carries events.
const BUSES: &str = "local, nats, amqp";
/// What keeps wake-ups.
const TIMERS: &str = "local, redis";

/// Where money moves.
const GATEWAYS: &str = "sandbox, stripe";

/// Where the truth is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Database {
    /// `sqlite:PATH`: a file, which belongs to one process.
    Sqlite(SqliteConfig),
    /// `postgres://...`: a database that any number of processes share.
    Postgres(Box<PostgresConfig>),
}

/// How services tell each other what happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Bus {
    /// `local:`: in this process.
    Local,
    /// `nats://...` or `tls://...`: NATS with `JetStream`, which any number of processes share.
    Nats(Box<NatsConfig>),
    /// `amqp://...` or `amqps://...`: a RabbitMQ, which any number of processes share.
    Rabbit(Box<RabbitConfig>),
}

/// What wakes at deadlines.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WakeUps {
    /// `local:`: in this process. What it forgets, the storage knows.
    Local,
    /// `redis://...` or `rediss://...`: a Redis, which any number of processes share.
    Redis(Box<RedisConfig>),
}

/// Where the money moves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaymentBackend {
    /// `sandbox:` or `sandbox:PATH`: no real money, and a ledger in a file.
    Sandbox {
        /// The ledger.
        ledger: PathBuf,
    },
    /// `stripe:`: real money with live keys. The keys are settings of their own.
    Stripe {
        /// Another place for its API: a stand-in, or a proxy.
        address: Option<String>,
    },
}

/// A URL that stands for none of the backends compiled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownBackend {
    /// Another scheme.
    #[error("the scheme {found:?} is not compiled in; there is {known}")]
    Scheme {
        /// Which; what follows it may be secret.
        found: String,
        /// Those that are compiled in.
        known: &'static str,
    },
    /// A scheme that is known, with something behind it that is not.
    #[error("write it as {0}")]
    Form(&'static str),
    /// A parameter that is not known, or has a wrong value.
    #[error("{0}")]
    Parameter(String),
    /// A URL of a Postgres database that is not as it must be.
    #[error(transparent)]
    Postgres(#[from] InvalidPostgresUrl),
}

impl Database {
    /// The file that is used when nothing is said.
    pub fn in_folder(data: &Path) -> Self {
        Self::Sqlite(SqliteConfig::new(data.join("ticketing.db")))
    }

    /// What a URL stands for.
    ///
    /// # Errors
    /// None of the databases compiled in.
    pub fn parse(url: &str) -> Result<Self, UnknownBackend> {
        match scheme(url, DATABASES)? {
            "sqlite" => {
                SqliteConfig::from_url(url).map(Self::Sqlite).map_err(|wrong| wrong_file(&wrong))
            }
            "postgres" | "postgresql" => {
                refuse_strange_parameters(url, &["lanes", "readers", "background"])?;
                let config = PostgresConfig::from_url(url).map_err(|wrong| wrong_database(&wrong));
                config.map(|config| Self::Postgres(Box::new(config)))
            }
            _ => Err(unknown(url, DATABASES)),
        }
    }

    /// Whether several processes can work on it.
    pub fn can_be_shared(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
        }
    }
}

impl AccountsPlace {
    /// What a URL stands for.
    ///
    /// # Errors
    /// None of the places compiled in.
    pub fn parse(url: &str) -> Result<Self, UnknownBackend> {
        match scheme(url, DATABASES)? {
            "sqlite" => SqliteConfig::from_url(url)
                .map(|file| Self::Sqlite(file.path().to_owned()))
                .map_err(|_wrong| UnknownBackend::Form("sqlite:PATH, such as sqlite:accounts.db")),
            "postgres" | "postgresql" => Ok(Self::Postgres(PostgresAccountsConfig::from_url(url)?)),
            _ => Err(unknown(url, DATABASES)),
        }
    }

    /// Where the accounts are unless it is said: in the database, if that is one that processes
    /// share, or else in a file in that folder.
    ///
    /// # Errors
    /// The database can't be used for accounts.
    pub fn beside(database: Option<&str>, data: &Path) -> Result<Self, UnknownBackend> {
        let postgres = |url: &&str| matches!(scheme(url, ""), Ok("postgres" | "postgresql"));
        match database.filter(postgres) {
            Some(url) => Ok(Self::Postgres(PostgresAccountsConfig::beside(url)?)),
            None => Ok(Self::in_folder(data)),
        }
    }
}

impl Bus {
    /// What a URL stands for.
    ///
    /// # Errors
    /// None of the buses compiled in.
    pub fn parse(url: &str) -> Result<Self, UnknownBackend> {
        match scheme(url, BUSES)? {
            "local" => in_process(url).map(|()| Self::Local),
            "nats" | "tls" => match NatsConfig::from_url(url) {
                Ok(config) => Ok(Self::Nats(Box::new(config.with_environment()))),
                Err(ticketing_nats::OpenError::NotAUrl) => {
                    Err(UnknownBackend::Form("nats://USER:PASSWORD@HOST:PORT"))
                }
                Err(wrong) => Err(UnknownBackend::Parameter(wrong.to_string())),
            },
            "amqp" | "amqps" => match RabbitConfig::from_url(url) {
                Ok(config) => Ok(Self::Rabbit(Box::new(config))),
                Err(ticketing_rabbitmq::OpenError::NotAUrl) => {
                    Err(UnknownBackend::Form("amqp://USER:PASSWORD@HOST:PORT/VHOST"))
                }
                Err(wrong) => Err(UnknownBackend::Parameter(wrong.to_string())),
            },
            _ => Err(unknown(url, BUSES)),
        }
    }

    /// Whether it reaches other processes.
    pub fn can_be_shared(&self) -> bool {
        match self {
            Self::Local => false,
            Self::Nats(_) | Self::Rabbit(_) => true,
        }
    }
}

impl WakeUps {
    /// What a URL stands for.
    ///
    /// # Errors
    /// None of the timers compiled in.
    pub fn parse(url: &str) -> Result<Self, UnknownBackend> {
        match scheme(url, TIMERS)? {
            "local" => in_process(url).map(|()| Self::Local),
            "redis" | "rediss" => match RedisConfig::from_url(url) {
                Ok(config) => Ok(Self::Redis(Box::new(config))),
                Err(
                    ticketing_redis::OpenError::NotAUrl(_) | ticketing_redis::OpenError::Malformed,
                ) => Err(UnknownBackend::Form("redis://USER:PASSWORD@HOST:PORT/NUMBER")),
                Err(wrong) => Err(UnknownBackend::Parameter(wrong.to_string())),
            },
            _ => Err(unknown(url, TIMERS)),
        }
    }
}

impl PaymentBackend {
    /// The sandbox that is used when nothing is said.
    pub fn in_folder(data: &Path) -> Self {
        Self::Sandbox { ledger: data.join("sandbox.ledger") }
    }

    /// What a URL stands for, with files in that folder unless it names them.
    ///
    /// # Errors
    /// None of the gateways compiled in.
    pub fn parse(url: &str, data: &Path) -> Result<Self, UnknownBackend> {
        match scheme(url, GATEWAYS)? {
            "stripe" => Ok(Self::Stripe { address: stripe::address(after_scheme(url)) }),
            "sandbox" => Ok(match after_scheme(url) {
                "" => Self::in_folder(data),
                path => Self::Sandbox { ledger: PathBuf::from(path) },
            }),
            _ => Err(unknown(url, GATEWAYS)),
        }
    }

    /// Whether real money moves, with these keys.
    pub fn is_real(&self, keys: &StripeKeys) -> bool {
        match self {
            Self::Sandbox { .. } => false,
            Self::Stripe { .. } => keys.is_live(),
        }
    }
}

/// What is wrong with the URL of a file. A parameter is named, in which nothing is secret.
fn wrong_file(wrong: &OpenError) -> UnknownBackend {
    if matches!(wrong, OpenError::UnknownParameter(_) | OpenError::WrongReaders(_)) {
        return UnknownBackend::Parameter(wrong.to_string());
    }
    UnknownBackend::Form("sqlite:PATH, such as sqlite:ticketing.db")
}

/// What is wrong with the URL of a database, without anything of it: it may have a password in it.
fn wrong_database(wrong: &ticketing_postgres::OpenError) -> UnknownBackend {
    if let ticketing_postgres::OpenError::WrongNumber { name, .. } = wrong {
        return UnknownBackend::Parameter(format!("write {name} as a number from 1 to 1000"));
    }
    InvalidPostgresUrl::Form.into()
}

fn in_process(url: &str) -> Result<(), UnknownBackend> {
    match after_scheme(url) {
        "" => Ok(()),
        _ => Err(UnknownBackend::Form("local:")),
    }
}

fn scheme<'a>(url: &'a str, known: &'static str) -> Result<&'a str, UnknownBackend> {
    url.split_once(':')
        .map(|(scheme, _)| scheme)
        .ok_or(UnknownBackend::Scheme { found: "none".to_owned(), known })
}

fn after_scheme(url: &str) -> &str {
    let rest = url.split_once(':').map_or("", |(_, rest)| rest);
    rest.strip_prefix("//").unwrap_or(rest)
}

fn unknown(url: &str, known: &'static str) -> UnknownBackend {
    // What follows the scheme may have a password in it.
    let found = url.split(':').next().unwrap_or_default().to_owned();
    UnknownBackend::Scheme { found, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_schemes_name_those_compiled_in_and_tell_no_secrets() {
        let url = "mysql://user:secret@host/db";
        let told = Database::parse(url).unwrap_err().to_string();
        assert_eq!(told, r#"the scheme "mysql" is not compiled in; there is sqlite, postgres"#);
        let told = Bus::parse("kafka://token@host").unwrap_err().to_string();
        assert_eq!(told, r#"the scheme "kafka" is not compiled in; there is local, nats, amqp"#);
        let told = PaymentBackend::parse("paypal:key", Path::new("")).unwrap_err().to_string();
        assert_eq!(told, r#"the scheme "paypal" is not compiled in; there is sandbox, stripe"#);
        let told = WakeUps::parse("redis").unwrap_err().to_string();
        assert_eq!(told, r#"the scheme "none" is not compiled in; there is local, redis"#);
    }

    #[test]
    fn known_schemes_are_understood() {
        assert!(matches!(Database::parse("sqlite:some.db"), Ok(Database::Sqlite(_))));
        assert!(matches!(Database::parse("sqlite:"), Err(UnknownBackend::Form(_))));
        let told = Database::parse("sqlite:some.db?mode=ro").unwrap_err().to_string();
        assert_eq!(told, r#"the parameter "mode" of the URL is not known, only: readers"#);
        assert!(matches!(Bus::parse("local:"), Ok(Bus::Local)));
        assert!(matches!(WakeUps::parse("local://"), Ok(WakeUps::Local)));
        assert!(matches!(Bus::parse("local:elsewhere"), Err(UnknownBackend::Form(_))));
        let ledger = |url| PaymentBackend::parse(url, Path::new("data"));
        let sandbox = |path: &str| Ok(PaymentBackend::Sandbox { ledger: path.into() });
        assert_eq!(ledger("sandbox:"), sandbox("data/sandbox.ledger"));
        assert_eq!(ledger("sandbox:/var/ledger"), sandbox("/var/ledger"));
        let stripe = |address: Option<&str>| {
            Ok(PaymentBackend::Stripe { address: address.map(str::to_owned) })
        };
        assert_eq!(ledger("stripe:"), stripe(None));
        assert_eq!(ledger("stripe://"), stripe(None));
        assert_eq!(ledger("stripe://api.stripe.com"), stripe(Some("https://api.stripe.com")));
        assert_eq!(ledger("stripe:http://127.0.0.1:1"), stripe(Some("http://127.0.0.1:1")));
    }

    #[test]
    fn a_database_that_is_shared_is_told_without_its_password() {
        let url = "postgresql://user:secret@host/db?lanes=2&sslmode=disable";
        let shared = Database::parse(url).unwrap();
        assert!(shared.can_be_shared());
        assert!(!format!("{shared:?}").contains("secret"), "{shared:?}");
        for (wrong, told) in [
            ("postgres:secret", "write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
            (
                "postgres://u:secret@h:x/d",
                "write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE",
            ),
            ("postgres://h/d?lanes=secret", "write lanes as a number from 1 to 1000"),
            ("postgres://h/d?pasword=secret", "there is no parameter pasword"),
            ("postgres://h/d?schema=secret", "there is no parameter schema"),
        ] {
            let error = Database::parse(wrong).unwrap_err();
            assert_eq!(error.to_string(), told, "{wrong}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn a_bus_and_timers_that_are_shared_are_told_without_their_passwords() {
        for url in ["nats://u:secret@h,i", "tls://secret@h", "amqp://u:secret@h/v?prefix=shop"] {
            let bus = Bus::parse(url).unwrap();
            assert!(bus.can_be_shared() && !format!("{bus:?}").contains("secret"), "{bus:?}");
        }
        for url in ["redis://:secret@h/3", "rediss://u:secret@h?prefix=shop&shards=4"] {
            let timers = WakeUps::parse(url).unwrap();
            assert!(!format!("{timers:?}").contains("secret"), "{timers:?}");
        }
        for (url, told) in [
            ("nats://u:secret@h:x", "write it as nats://USER:PASSWORD@HOST:PORT"),
            ("nats://u:a?secret@h", "write it as nats://USER:PASSWORD@HOST:PORT"),
            ("amqp://u:secret@h:x", "write it as amqp://USER:PASSWORD@HOST:PORT/VHOST"),
            ("amqp://u:secret@h?prefix=", "write prefix as 1 to 32 letters, digits and dashes"),
        ] {
            let error = Bus::parse(url).unwrap_err();
            assert_eq!(error.to_string(), told, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        for (url, told) in [
            ("redis://u:secret@h:x", "write it as redis://USER:PASSWORD@HOST:PORT/NUMBER"),
            ("redis://u:secret@h?shards=0", "write shards as a number from 1 to 64"),
        ] {
            let error = WakeUps::parse(url).unwrap_err();
            assert_eq!(error.to_string(), told, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }

    fn shown(place: Result<AccountsPlace, UnknownBackend>) -> String {
        match place {
            Ok(AccountsPlace::Sqlite(file)) => file.display().to_string(),
            Ok(AccountsPlace::Postgres(config)) => config.place(),
            Err(why) => format!("{why} ({why:?})"),
        }
    }

    #[test]
    fn accounts_are_in_a_file_or_in_a_schema() {
        let named = |url| shown(AccountsPlace::parse(url));
        assert_eq!(named("sqlite:some.db"), "some.db");
        assert_eq!(named("postgres://u:p@h/d?schema=s"), "h:5432/d, schema s");
        assert_eq!(named("postgresql://u:p@h/d"), "h:5432/d, schema ticketing_accounts");
        for wrong in ["postgres:secret", "postgres://u:secret@h:x/d", "mysql://u:secret@h/d"] {
            assert!(!named(wrong).contains("secret"), "{}", named(wrong));
        }
    }

    #[test]
    fn accounts_live_beside_a_database_that_is_shared() {
        let beside = |database| shown(AccountsPlace::beside(database, Path::new("data")));
        assert_eq!(beside(None), "data/accounts.db");
        assert_eq!(beside(Some("sqlite:/elsewhere/ticketing.db")), "data/accounts.db");
        let database = "postgres://u:p@h/d?schema=ticketing";
        assert_eq!(beside(Some(database)), "h:5432/d, schema ticketing_accounts");
    }
}
