//! Texts as values: what is allowed, and the words for what is not.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use secrecy::SecretSlice;
use ticketing_core::values::UserId;

/// A year: longer ones are a slip of the finger, and would not fit everywhere.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// The least bytes of a key that signs sessions.
const KEY_MIN: usize = 32;

/// What the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// To be tried out and worked on.
    Development,
    /// To be relied on.
    Production,
}

/// A part of the server that a process may do alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Accounts and sessions.
    Auth,
    /// Listings.
    Tickets,
    /// Orders.
    Orders,
    /// Payments, refunds and webhooks.
    Payments,
    /// Deadlines.
    Expiration,
    /// The web client.
    Client,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Auth, Self::Tickets, Self::Orders, Self::Payments, Self::Expiration, Self::Client];

    /// Its name among the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Tickets => "tickets",
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Expiration => "expiration",
            Self::Client => "client",
        }
    }
}

/// A key that signs sessions.
#[derive(Debug, Clone)]
pub struct SessionKey {
    /// Its name, which every session that it signed carries.
    pub id: String,
    /// The key itself.
    pub secret: SecretSlice<u8>,
}

type Read<T> = Result<T, String>;

pub(super) fn environment(text: &str) -> Read<Environment> {
    match text {
        "development" => Ok(Environment::Development),
        "production" => Ok(Environment::Production),
        _ => Err(not(text, "`development` or `production`")),
    }
}

pub(super) fn listen(text: &str) -> Read<SocketAddr> {
    text.parse().map_err(|_wrong| not(text, "an address and a port such as 127.0.0.1:8080"))
}

pub(super) fn truth(text: &str) -> Read<bool> {
    text.parse().map_err(|_wrong| not(text, "`true` or `false`"))
}

pub(super) fn duration(text: &str) -> Read<Duration> {
    let wrong =
        || not(text, "a duration above zero, a year at most, such as 500ms, 2s, 15m or 72h");
    let read = SignedDuration::from_str(text).map_err(|_wrong| wrong())?;
    let read = Duration::try_from(read).map_err(|_wrong| wrong())?;
    if read.is_zero() || read > LONGEST { Err(wrong()) } else { Ok(read) }
}

pub(super) fn count<T: TryFrom<u32>>(text: &str) -> Read<T> {
    let number = text.parse::<u32>().ok().filter(|number| *number > 0);
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| not(text, "a whole number from 1 to 4294967295"))
}

pub(super) fn log_filter(text: &str) -> Read<String> {
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(not(text, "a level, or a filter such as info,ticketing_core=debug")),
    }
}

pub(super) fn services(text: &str) -> Read<BTreeSet<Service>> {
    if text == "all" {
        return Ok(Service::ALL.into());
    }
    let named = |name: &str| {
        let found = Service::ALL.into_iter().find(|service| service.name() == name);
        let names = Service::ALL.map(Service::name).join(", ");
        found.ok_or_else(|| not(name, &format!("`all`, or some of {names}")))
    };
    list(text, named)
}

pub(super) fn operators(text: &str) -> Read<BTreeSet<UserId>> {
    list(text, |id| UserId::new(id).map_err(|_wrong| not(id, "a user id")))
}

pub(super) fn addresses(text: &str) -> Read<Vec<IpAddr>> {
    list(text, |address| {
        address.parse().map_err(|_wrong| not(address, "an address such as 10.0.0.1"))
    })
}

pub(super) fn upstream(text: &str) -> Read<Uri> {
    let read = text.parse::<Uri>().ok().filter(|uri| {
        let has_only_an_origin = uri.path() == "/" && uri.query().is_none();
        uri.scheme_str() == Some("http") && uri.authority().is_some() && has_only_an_origin
    });
    read.ok_or_else(|| "write it as http://HOST:PORT, without a path".to_owned())
}

/// What is wrong with keys is told without them.
pub(super) fn session_keys(text: &str) -> Read<Vec<SessionKey>> {
    let wrong = || {
        let least = format!("each of {KEY_MIN} bytes or more in base64url without padding");
        format!("write it as id:key with commas between keys, each id once, {least}")
    };
    let keys: Vec<SessionKey> = list(text, |entry| {
        let (id, key) = entry.split_once(':').ok_or_else(wrong)?;
        let secret = URL_SAFE_NO_PAD.decode(key).map_err(|_wrong| wrong())?;
        let is_good = !id.is_empty() && secret.len() >= KEY_MIN;
        let secret = secret.into();
        if is_good { Ok(SessionKey { id: id.to_owned(), secret }) } else { Err(wrong()) }
    })?;
    let ids: BTreeSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    if keys.is_empty() || ids.len() < keys.len() { Err(wrong()) } else { Ok(keys) }
}

/// Entries with commas between them.
fn list<T, C: FromIterator<T>>(text: &str, entry: impl Fn(&str) -> Read<T>) -> Read<C> {
    text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(entry).collect()
}

fn not(text: &str, allowed: &str) -> String {
    format!("{text:?} is not allowed: write {allowed}")
}
