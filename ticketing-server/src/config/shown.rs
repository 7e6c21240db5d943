//! Settings as they are in force, in the words that would set them.

use std::fmt::Display;
use std::time::Duration;

use jiff::SignedDuration;

use super::redacted::redacted;
use super::{Config, Environment, Setting};
use crate::auth::AccountsPlace;
use crate::backends::{Bus, Database, PaymentBackend, WakeUps};

/// Nothing is set, and nothing is in its place.
const NONE: &str = "(none)";

/// The value that a setting has when it is not set: one that depends on others as they are now, one
/// that is nothing as such.
pub(super) fn of(config: &Config, setting: &Setting) -> String {
    match setting.name {
        "database" => database(&config.database),
        "accounts" => accounts(&config.accounts),
        "bus" => match &config.bus {
            Bus::Local => "local:".to_owned(),
            Bus::Nats(config) => format!("(at {})", config.place()),
            Bus::Rabbit(config) => format!("(at {})", config.place()),
        },
        "timers" => match &config.timers {
            WakeUps::Local => "local:".to_owned(),
            WakeUps::Redis(config) => format!("(at {})", config.place()),
        },
        "payments" => payments(&config.payments),
        "hold_cap" => duration(config.hold_cap.unwrap_or_else(|| usual_cap(config))),
        "operators" => list(&config.operators),
        "cookie_secure" => config.cookie_secure.to_string(),
        "session_keys" => session_keys(config),
        "stripe_secret_key" | "stripe_webhook_secrets" => NONE.to_owned(),
        "stripe_publishable_key" => or_none(config.stripe.publishable()),
        "client_upstream" => or_none(config.client_upstream.as_ref()),
        "trusted_proxies" => list(&config.trusted_proxies),
        "address_rate" => or_none(config.address_rate),
        "shutdown_delay" => or_none(config.shutdown_delay.map(duration)),
        _ => plain(config, setting),
    }
}

/// The others, whose defaults are the same for all.
fn plain(config: &Config, setting: &Setting) -> String {
    match setting.name {
        "env" => match config.environment {
            Environment::Development => "development".to_owned(),
            Environment::Production => "production".to_owned(),
        },
        "listen" => config.listen.to_string(),
        "data_dir" => config.data_dir.display().to_string(),
        "hold" => duration(config.hold),
        "pay_grace" => duration(config.pay_grace),
        "gateway_patience" => duration(config.gateway_patience),
        "event_retention" => duration(config.event_retention),
        "shutdown_deadline" => duration(config.shutdown_deadline),
        "services" => config.services.to_string(),
        "max_connections" => config.max_connections.to_string(),
        "log" => config.log.clone(),
        _ => setting.default.to_owned(),
    }
}

/// The cap that the engine takes unless it is told another.
fn usual_cap(config: &Config) -> Duration {
    config.hold.saturating_mul(2).saturating_add(config.pay_grace)
}

/// How a database is reached has a password in it: where it is is told in words.
fn database(database: &Database) -> String {
    match database {
        Database::Sqlite(file) => redacted(&format!("sqlite:{}", file.path().display())),
        Database::Postgres(config) => format!("(in {})", config.place()),
    }
}

fn accounts(accounts: &AccountsPlace) -> String {
    match accounts {
        AccountsPlace::Sqlite(file) => format!("sqlite:{}", file.display()),
        AccountsPlace::Postgres(config) => format!("(in {})", config.place()),
    }
}

fn payments(payments: &PaymentBackend) -> String {
    match payments {
        PaymentBackend::Sandbox { ledger } => format!("sandbox:{}", ledger.display()),
        PaymentBackend::Stripe { address: None } => "stripe:".to_owned(),
        PaymentBackend::Stripe { address: Some(address) } => {
            format!("(Stripe at {})", redacted(address))
        }
    }
}

fn session_keys(config: &Config) -> String {
    match config.session_keys {
        Some(_) => "(secret)".to_owned(),
        None => format!("(kept in {})", config.data_dir.join("session.keys").display()),
    }
}

fn duration(duration: Duration) -> String {
    // A year is the most that can be set.
    SignedDuration::try_from(duration).map_or_else(|_| NONE.to_owned(), |it| format!("{it:#}"))
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    if values.is_empty() { NONE.to_owned() } else { values.join(",") }
}
