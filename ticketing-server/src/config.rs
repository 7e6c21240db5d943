//! What the server is told: by a file, by variables and by flags, of which later wins.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use ipnet::IpNet;
use ticketing_core::values::UserId;

use crate::auth::{AccountsPlace, SessionKeys};
use crate::backends::{Bus, Database, PaymentBackend, StripeKeys, WakeUps};
use crate::services::Services;

mod given;
mod problem;
mod read;
mod redacted;
mod shown;
mod table;
#[cfg(test)]
mod tests;
mod values;

use given::Given;
pub use given::Origin;
pub use problem::{ConfigError, Problem};
pub use table::{SETTINGS, Secrecy, Setting};
pub use values::Environment;

/// What the server is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// What it is for.
    pub environment: Environment,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The folder of everything that is kept in files.
    pub data_dir: PathBuf,
    /// Where the truth is kept.
    pub database: Database,
    /// Where accounts and sessions are kept.
    pub accounts: AccountsPlace,
    /// How services tell each other what happened.
    pub bus: Bus,
    /// What wakes at deadlines.
    pub timers: WakeUps,
    /// Where the money moves.
    pub payments: PaymentBackend,
    /// The keys for it, where that is Stripe.
    pub stripe: StripeKeys,
    /// How long units are held for an unpaid order.
    pub hold: Duration,
    /// The least time that the first payment of an order gets.
    pub pay_grace: Duration,
    /// The longest hold in all; two holds and a grace unless set.
    pub hold_cap: Option<Duration>,
    /// How long the gateway may be out of reach before units of an order that ends are released.
    pub gateway_patience: Duration,
    /// How long events are kept.
    pub event_retention: Duration,
    /// What this process does.
    pub services: Services,
    /// Users who may give any money back.
    pub operators: BTreeSet<UserId>,
    /// Whether cookies are for HTTPS alone.
    pub cookie_secure: bool,
    /// What signs sessions; made once and kept unless given.
    pub session_keys: Option<SessionKeys>,
    /// How long a session lasts at most.
    pub session_lifetime: Duration,
    /// After how long without use it ends.
    pub session_idle: Duration,
    /// A web client that gets every request that is not for the API.
    pub client_upstream: Option<Uri>,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How many requests a second one address may send.
    pub address_rate: Option<NonZeroU32>,
    /// How many connections are open at once.
    pub max_connections: usize,
    /// How many of them one address has.
    pub address_connections: usize,
    /// How many live streams are open at once.
    pub max_streams: usize,
    /// How many of them one address has.
    pub address_streams: usize,
    /// How long an HTTP/2 connection may be without a request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what waits for it.
    pub stall_timeout: Duration,
    /// How long the server goes on serving after it was told to end, not ready any more.
    pub shutdown_delay: Option<Duration>,
    /// How long running requests may take to end when the server does.
    pub shutdown_deadline: Duration,
    /// What is logged.
    pub log: String,
    told: Vec<Told>,
    strangers: Vec<String>,
}

/// A setting that was set, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub setting: &'static Setting,
    /// Its value, without what of it is secret.
    pub value: String,
    /// Where it was set.
    pub origin: Origin,
}

/// Where settings come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file, unless a variable names it.
    pub file: Option<PathBuf>,
    /// The variables of the process.
    pub variables: BTreeMap<String, String>,
    /// Flags, by the name of their setting.
    pub flags: BTreeMap<&'static str, String>,
}

/// What variables and flags say can be secret: only their names are shown.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("variables", &self.variables.keys())
            .field("flags", &self.flags.keys())
            .finish()
    }
}

impl Config {
    /// For tests and embedders: everything in one folder, on a port that is free.
    pub fn in_folder(data: impl AsRef<Path>) -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..Self::defaults(data.as_ref()) }
    }

    /// What the sources say, and defaults for the rest.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut given = Given::default();
        let named = sources.variables.get("TICKETING_CONFIG").map(PathBuf::from);
        if let Some(file) = sources.file.clone().or(named) {
            given.add_file(&file);
        }
        given.add_variables(&sources.variables);
        given.add_flags(&sources.flags);
        read::read(given)
    }

    /// What was set, in the order of the table. Secrets are left out.
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// The value that a setting has, set or not, without what of it is secret.
    pub fn shown(&self, setting: &Setting) -> String {
        let told = self.told.iter().find(|told| told.setting == setting);
        told.map_or_else(|| shown::of(self, setting), |told| told.value.clone())
    }

    /// Variables that begin like those of settings and are none: anybody's, or a slip of the finger.
    pub fn strangers(&self) -> &[String] {
        &self.strangers
    }

    fn defaults(data: &Path) -> Self {
        Self {
            environment: Environment::Development,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data_dir: data.to_owned(),
            database: Database::in_folder(data),
            accounts: AccountsPlace::in_folder(data),
            bus: Bus::Local,
            timers: WakeUps::Local,
            payments: PaymentBackend::in_folder(data),
            stripe: StripeKeys::default(),
            hold: Duration::from_mins(15),
            pay_grace: Duration::from_mins(10),
            hold_cap: None,
            gateway_patience: Duration::from_mins(10),
            event_retention: Duration::from_hours(168),
            services: Services::all(),
            operators: BTreeSet::new(),
            cookie_secure: false,
            session_keys: None,
            session_lifetime: Duration::from_hours(336),
            session_idle: Duration::from_hours(168),
            client_upstream: None,
            trusted_proxies: Vec::new(),
            address_rate: None,
            max_connections: 10_000,
            address_connections: 2_000,
            max_streams: 5_000,
            address_streams: 200,
            idle_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_secs(30),
            shutdown_delay: None,
            shutdown_deadline: Duration::from_secs(25),
            log: "info".to_owned(),
            told: Vec::new(),
            strangers: Vec::new(),
        }
    }
}
