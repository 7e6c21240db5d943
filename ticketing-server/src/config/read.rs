//! From texts to a configuration, and what must hold of it as a whole.

use std::path::PathBuf;
use std::time::Duration;

use super::given::Given;
use super::redacted::redacted;
use super::table::{SETTINGS, Secrecy, Setting, setting};
use super::values;
use super::{Config, ConfigError, Problem, Told};
use crate::auth::AccountsPlace;
use crate::backends::{Bus, Database, InvalidStripeKeys, PaymentBackend, WakeUps};

/// The least time that events are kept: as long as idempotency keys are.
const RETENTION_MIN: Duration = Duration::from_hours(72);

/// The folder for data unless it is named.
const DATA_DIR: &str = "./ticketing-data";

pub(super) fn read(given: Given) -> Result<Config, ConfigError> {
    let told = told(&given);
    let mut reader = Reader { given };
    let data = reader.value("data_dir", |text| Ok(PathBuf::from(text)));
    let mut config = Config::defaults(&data.unwrap_or_else(|| DATA_DIR.into()));
    config.told = told;
    config.strangers = std::mem::take(&mut reader.given.strangers);
    reader.read_backends(&mut config);
    reader.read_times(&mut config);
    reader.read_people(&mut config);
    reader.read_limits(&mut config);
    reader.check_whole(&config);
    let problems = reader.given.problems;
    if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
}

pub(super) fn told(given: &Given) -> Vec<Told> {
    let said = |setting: &'static Setting| Some((setting, given.said.get(setting.name)?));
    let told = SETTINGS.iter().filter_map(said).map(|(setting, said)| {
        let value = match setting.secrecy {
            Secrecy::Open => said.value.clone(),
            Secrecy::Url => redacted(&said.value),
            Secrecy::Whole => "(secret)".to_owned(),
        };
        Told { setting, value, origin: said.origin }
    });
    told.collect()
}

struct Reader {
    given: Given,
}

impl Reader {
    /// The value of a setting, if it was set to one that is allowed.
    fn value<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let said = self.given.said.get(name)?;
        match read(&said.value) {
            Ok(value) => Some(value),
            Err(what) => {
                self.problem(name, what);
                None
            }
        }
    }

    /// Sets a field, if its setting was set.
    fn set<T>(
        &mut self,
        field: &mut T,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) {
        if let Some(value) = self.value(name, read) {
            *field = value;
        }
    }

    fn problem(&mut self, name: &'static str, what: impl Into<String>) {
        let variable = setting(name).map(Setting::variable);
        let setting = variable.unwrap_or_else(|| name.to_owned());
        self.given.problems.push(Problem { setting, what: what.into() });
    }

    fn read_backends(&mut self, config: &mut Config) {
        let data = config.data_dir.clone();
        self.set(&mut config.database, "database", |url| {
            Database::parse(url).map_err(|error| error.to_string())
        });
        self.read_accounts(config);
        self.set(&mut config.bus, "bus", |url| Bus::parse(url).map_err(|error| error.to_string()));
        self.set(&mut config.timers, "timers", |url| {
            WakeUps::parse(url).map_err(|error| error.to_string())
        });
        self.set(&mut config.payments, "payments", |url| {
            PaymentBackend::parse(url, &data).map_err(|error| error.to_string())
        });
        self.read_stripe(config);
        self.set(&mut config.services, "services", values::services);
        let upstream = self.value("client_upstream", values::upstream);
        config.client_upstream = upstream;
    }

    fn read_stripe(&mut self, config: &mut Config) {
        let keys = |config: &Config| config.stripe.clone();
        let was = keys(config);
        self.set(&mut config.stripe, "stripe_secret_key", |key| {
            was.with_secret(key).map_err(|error| error.to_string())
        });
        let was = keys(config);
        self.set(&mut config.stripe, "stripe_webhook_secrets", |secrets| {
            was.with_webhook_secrets(secrets).map_err(|error| error.to_string())
        });
        let was = keys(config);
        self.set(&mut config.stripe, "stripe_publishable_key", |key| {
            was.with_publishable(key).map_err(|error| error.to_string())
        });
    }

    fn read_accounts(&mut self, config: &mut Config) {
        if self.given.said.contains_key("accounts") {
            self.set(&mut config.accounts, "accounts", |url| {
                AccountsPlace::parse(url).map_err(|error| error.to_string())
            });
            return;
        }
        // What is wrong with it was told already.
        let is_shared = matches!(config.database, Database::Postgres(_));
        let database = self.given.said.get("database").filter(|_| is_shared);
        let database = database.map(|said| said.value.as_str());
        match AccountsPlace::beside(database, &config.data_dir) {
            Ok(accounts) => config.accounts = accounts,
            Err(error) => self.problem("database", error.to_string()),
        }
    }

    fn read_times(&mut self, config: &mut Config) {
        self.set(&mut config.hold, "hold", values::duration);
        self.set(&mut config.pay_grace, "pay_grace", values::duration);
        config.hold_cap = self.value("hold_cap", values::duration);
        self.set(&mut config.gateway_patience, "gateway_patience", values::duration);
        self.set(&mut config.event_retention, "event_retention", values::duration);
        config.shutdown_delay = self.value("shutdown_delay", values::duration);
        self.set(&mut config.shutdown_deadline, "shutdown_deadline", values::duration);
    }

    fn read_people(&mut self, config: &mut Config) {
        self.set(&mut config.environment, "env", values::environment);
        config.cookie_secure = config.environment.is_production();
        self.set(&mut config.cookie_secure, "cookie_secure", values::truth);
        self.set(&mut config.operators, "operators", values::operators);
        config.session_keys = self.value("session_keys", values::session_keys);
        self.set(&mut config.session_lifetime, "session_lifetime", values::duration);
        self.set(&mut config.session_idle, "session_idle", values::duration);
        self.set(&mut config.log, "log", values::log_filter);
    }

    fn read_limits(&mut self, config: &mut Config) {
        self.set(&mut config.listen, "listen", values::listen);
        self.set(&mut config.trusted_proxies, "trusted_proxies", values::networks);
        config.address_rate = self.value("address_rate", values::count);
        self.set(&mut config.max_connections, "max_connections", values::count);
        self.set(&mut config.address_connections, "address_connections", values::count);
        self.set(&mut config.max_streams, "max_streams", values::count);
        self.set(&mut config.address_streams, "address_streams", values::count);
        self.set(&mut config.idle_timeout, "idle_timeout", values::duration);
        self.set(&mut config.stall_timeout, "stall_timeout", values::duration);
    }

    fn check_whole(&mut self, config: &Config) {
        if config.hold_cap.is_some_and(|cap| cap < config.hold) {
            self.problem("hold_cap", "it is shorter than TICKETING_HOLD: write a longer one");
        }
        if config.event_retention < RETENTION_MIN {
            self.problem("event_retention", "it is too short: write 72h or more");
        }
        let can_be_shared = config.database.can_be_shared()
            && config.accounts.can_be_shared()
            && config.bus.can_be_shared();
        if !config.services.is_all() && !can_be_shared {
            let what = "a process does some of them only beside others, and this database, bus or \
                        place of accounts belongs to one process: write `all`";
            self.problem("services", what);
        }
        self.check_stripe(config);
        if config.environment.is_production() {
            self.check_production(config);
        }
    }

    /// Whether keys and address make a gateway. What is wrong with a key by itself was told already.
    fn check_stripe(&mut self, config: &Config) {
        let PaymentBackend::Stripe { address } = &config.payments else { return };
        if let Err(why) = config.stripe.open(address.as_deref())
            && !(why == InvalidStripeKeys::NoSecret
                && self.given.said.contains_key("stripe_secret_key"))
        {
            self.problem(why.setting(), why.to_string());
        }
    }

    fn check_production(&mut self, config: &Config) {
        if config.session_keys.is_none() {
            let what = "production needs keys that outlive this machine: set it, or its _FILE";
            self.problem("session_keys", what);
        }
        match &config.payments {
            PaymentBackend::Sandbox { .. } => {
                let what = "production needs a gateway that moves money; the sandbox does not";
                self.problem("payments", what);
            }
            PaymentBackend::Stripe { .. } => self.check_live_stripe(config),
        }
        if !config.cookie_secure {
            self.problem("cookie_secure", "production needs cookies for HTTPS alone: write `true`");
        }
    }

    fn check_live_stripe(&mut self, config: &Config) {
        if !config.payments.is_real(&config.stripe) {
            let what = "production needs a live key: sk_live_... or rk_live_...";
            self.problem("stripe_secret_key", what);
        }
        if !config.stripe.has_webhook_secret() {
            let what = "production needs the secret of a webhook endpoint: whsec_...";
            self.problem("stripe_webhook_secrets", what);
        }
    }
}
