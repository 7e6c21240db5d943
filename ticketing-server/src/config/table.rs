//! Every setting, in the one table that the command line, the variables, the file and the
//! documentation are made of.

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the file. The flag and the variable follow from it.
    pub name: &'static str,
    /// What it is unless it is set, in words where it is not the same for all.
    pub default: &'static str,
    /// What it means, and what is allowed.
    pub meaning: &'static str,
    /// What of it nobody may read.
    pub secrecy: Secrecy,
}

/// What of a setting nobody may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Nothing is secret.
    Open,
    /// It is a URL, in which a password or a key can stand: that much of it is never shown, and a
    /// `_FILE` variable is beside it.
    Url,
    /// All of it: its flag names a file, and a `_FILE` variable is beside it.
    Whole,
}

impl Setting {
    /// Its variable: `TICKETING_LISTEN`.
    pub fn variable(&self) -> String {
        format!("TICKETING_{}", self.name.to_uppercase())
    }

    /// Its flag: `--listen`; that of a secret names a file.
    pub fn flag(&self) -> String {
        format!("--{}", self.flag_name())
    }

    /// The flag without its dashes.
    pub(crate) fn flag_name(&self) -> String {
        let name = self.name.replace('_', "-");
        if self.is_secret() { format!("{name}-file") } else { name }
    }

    /// Whether nobody may read any of it.
    pub fn is_secret(&self) -> bool {
        self.secrecy == Secrecy::Whole
    }

    /// Whether it can stand in a file of its own, which a variable with `_FILE` behind it names.
    pub fn has_file(&self) -> bool {
        self.secrecy != Secrecy::Open
    }

    const fn new(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self { name, default, meaning, secrecy: Secrecy::Open }
    }

    const fn url(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self { secrecy: Secrecy::Url, ..Self::new(name, default, meaning) }
    }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "env",
        "development",
        "`development` or `production`, which refuses what is only fit for development",
    ),
    Setting::new("listen", "127.0.0.1:8080", "address and port to listen on"),
    Setting::new("data_dir", "./ticketing-data", "folder of everything that is kept in files"),
    Setting::url(
        "database",
        "sqlite:DATA_DIR/ticketing.db",
        "where the truth is kept: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE`",
    ),
    Setting::url(
        "accounts",
        "sqlite:DATA_DIR/accounts.db, or beside a Postgres database",
        "where accounts and sessions are kept: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` with `?schema=NAME` if need be",
    ),
    Setting::url(
        "bus",
        "local:",
        "how services tell each other what happened: `local:`, `nats://USER:PASSWORD@HOST`, or \
         `amqp://USER:PASSWORD@HOST/VHOST`",
    ),
    Setting::url(
        "timers",
        "local:",
        "what wakes at deadlines: `local:`, or `redis://USER:PASSWORD@HOST`",
    ),
    Setting::url(
        "payments",
        "sandbox:",
        "where the money moves: `stripe:`, or without real money `sandbox:` or `sandbox:PATH`",
    ),
    Setting {
        name: "stripe_secret_key",
        default: "none",
        meaning: "the key that calls to Stripe are made with: `sk_...`, or a restricted one, `rk_...`",
        secrecy: Secrecy::Whole,
    },
    Setting {
        name: "stripe_webhook_secrets",
        default: "none",
        meaning: "secrets that webhooks of Stripe are signed with, with commas: `whsec_...`",
        secrecy: Secrecy::Whole,
    },
    Setting::new(
        "stripe_publishable_key",
        "none",
        "the key that browsers are given: `pk_...`, of the same mode as the secret key",
    ),
    Setting::new("hold", "15m", "how long units are held for an unpaid order"),
    Setting::new("pay_grace", "10m", "the least time that the first payment of an order gets"),
    Setting::new("hold_cap", "two holds and a grace", "the longest hold in all, not below `hold`"),
    Setting::new(
        "gateway_patience",
        "10m",
        "how long the gateway may be out of reach before units of an order that ends are released",
    ),
    Setting::new(
        "event_retention",
        "168h",
        "how long events are kept to be published again, 72h at least",
    ),
    Setting::new(
        "services",
        "all",
        "which of auth, tickets, orders, payments, expiration, client this process does: `all`, or a list with commas",
    ),
    Setting::new("operators", "nobody", "user ids of operators, with commas"),
    Setting::new(
        "cookie_secure",
        "true in production, else false",
        "whether cookies are for HTTPS alone: `true` or `false`",
    ),
    Setting {
        name: "session_keys",
        default: "made once, and kept in the data folder",
        meaning: "secrets that sign sessions, the first of them new ones: `name:secret` with commas, each secret of 32 characters or more",
        secrecy: Secrecy::Whole,
    },
    Setting::new("session_lifetime", "336h", "how long a session lasts at most"),
    Setting::new("session_idle", "168h", "after how long without use a session ends"),
    Setting::new(
        "client_upstream",
        "none",
        "a web client that gets every request that is not for the API: `http://HOST:PORT`",
    ),
    Setting::new(
        "trusted_proxies",
        "nobody",
        "addresses or networks of proxies whose `X-Forwarded-For` is believed, with commas",
    ),
    Setting::new(
        "address_rate",
        "no limit",
        "how many requests a second one address may send, probes and webhooks aside, 1 at least",
    ),
    Setting::new("max_connections", "10000", "how many connections are open at once, 1 at least"),
    Setting::new(
        "address_connections",
        "2000",
        "how many of them one address has, trusted proxies aside, 1 at least",
    ),
    Setting::new("max_streams", "5000", "how many live streams are open at once, 1 at least"),
    Setting::new("address_streams", "200", "how many of them one address has, 1 at least"),
    Setting::new(
        "idle_timeout",
        "1m",
        "how long an HTTP/2 connection may be without a request; an HTTP/1 connection, 5s",
    ),
    Setting::new(
        "stall_timeout",
        "30s",
        "how long a client may take nothing of an answer or stream that waits for it",
    ),
    Setting::new(
        "shutdown_delay",
        "none",
        "how long the server, told to end, says that it is not ready and goes on serving all the same",
    ),
    Setting::new(
        "shutdown_deadline",
        "25s",
        "how long running requests may take to end when the server does",
    ),
    Setting::new(
        "log",
        "info",
        "what is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,ticketing_core=debug`",
    ),
];

/// The setting of that name.
pub(crate) fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}
