//! Texts as values: what is allowed, and the words for what is not.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use ipnet::IpNet;
use jiff::SignedDuration;
use ticketing_core::values::UserId;
use tracing_subscriber::filter::LevelFilter;

use super::redacted::redacted;
use crate::auth::{InvalidSessionKeys, SessionKeys};
use crate::services::{Services, UnknownService};

/// A year: longer ones are a slip of the finger, and would not fit everywhere.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// What the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// To be tried out and worked on.
    Development,
    /// To be relied on.
    Production,
}

impl Environment {
    /// Whether it is to be relied on.
    pub fn is_production(self) -> bool {
        self == Self::Production
    }
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
    let wrong = || not(text, "a level, or a filter such as info,ticketing_core=debug");
    // A lone word is the name of a target as well, of which nothing would ever be logged.
    let is_word = text.chars().all(char::is_alphanumeric);
    if is_word && text.parse::<LevelFilter>().is_err() {
        return Err(wrong());
    }
    let filter = tracing_subscriber::EnvFilter::builder().parse(text);
    filter.map(|_good| text.to_owned()).map_err(|_wrong| wrong())
}

pub(super) fn services(text: &str) -> Read<Services> {
    text.parse().map_err(|unknown: UnknownService| unknown.to_string())
}

pub(super) fn operators(text: &str) -> Read<BTreeSet<UserId>> {
    list(text, |id| UserId::new(id).map_err(|_wrong| not(id, "a user id")))
}

pub(super) fn networks(text: &str) -> Read<Vec<IpNet>> {
    list(text, |network| {
        let address = || network.parse::<IpAddr>().map(IpNet::from);
        let read = network.parse().or_else(|_no_network| address());
        read.map_err(|_wrong| not(network, "an address or a network such as 10.0.0.0/8"))
    })
}

pub(super) fn upstream(text: &str) -> Read<Uri> {
    let read = text.parse::<Uri>().ok().filter(|uri| {
        let has_only_an_origin = uri.path() == "/" && uri.query().is_none();
        let is_plain = uri.authority().is_some_and(|place| !place.as_str().contains('@'));
        uri.scheme_str() == Some("http") && is_plain && has_only_an_origin
    });
    read.ok_or_else(|| "write it as http://HOST:PORT, without a path or a user".to_owned())
}

/// What is wrong with keys is told without them.
pub(super) fn session_keys(text: &str) -> Read<SessionKeys> {
    text.parse().map_err(|wrong: InvalidSessionKeys| wrong.to_string())
}

/// Entries with commas between them.
fn list<T, C: FromIterator<T>>(text: &str, entry: impl Fn(&str) -> Read<T>) -> Read<C> {
    text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(entry).collect()
}

fn not(text: &str, allowed: &str) -> String {
    // A URL with a password in it may stand in the wrong place.
    format!("{:?} is not allowed: write {allowed}", redacted(text))
}
