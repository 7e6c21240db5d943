//! Which servers, who we are there, and under which names.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr, jetstream};
use percent_encoding::percent_decode_str;

use crate::bus::NatsBus;
use crate::error::OpenError;

#[cfg(test)]
mod tests;

/// What subjects begin with, and what the stream is called, unless it is said.
const PREFIX: &str = "ticketing";

/// The longest prefix, which is part of every subject.
const PREFIX_MAX: usize = 32;

/// How long a delivery may take before it comes again, unless it is said.
const ACK_WAIT: Duration = Duration::from_secs(30);
const ACK_WAIT_MAX: u64 = 3600;

/// How many copies a cluster may keep.
const REPLICAS_MAX: usize = 5;

/// How long a server may take to let one in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that does not answer for two of these is gone.
const PING_EVERY: Duration = Duration::from_secs(10);

/// The longest wait between two tries to connect: a server that is back is used soon.
const RECONNECT_EVERY: Duration = Duration::from_secs(1);

/// How to open a [`NatsBus`].
///
/// ```
/// use ticketing_nats::NatsConfig;
///
/// let url = "tls://shop:secret@one.example,two.example:4223?prefix=shop&replicas=3";
/// let config = NatsConfig::from_url(url)?;
/// assert_eq!(config.place(), "one.example:4222,two.example:4223, shop");
/// # Ok::<(), ticketing_nats::OpenError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before it is opened"]
pub struct NatsConfig {
    servers: Vec<ServerAddr>,
    who: Who,
    credentials: Option<PathBuf>,
    authority: Option<PathBuf>,
    pub(crate) prefix: String,
    pub(crate) replicas: Option<usize>,
    pub(crate) ack_wait: Duration,
}

impl NatsConfig {
    /// What a URL says: `nats://user:password@host:4222`, `nats://token@host`, or `tls://` for TLS,
    /// with more servers of the cluster behind commas, and with the parameters `prefix`,
    /// `replicas`, `ack_wait` (seconds), `creds` and `ca`, which are names of files.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`], [`OpenError::UnknownParameter`] and [`OpenError::WrongParameter`].
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let (addresses, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, hosts) = addresses.split_once("://").ok_or(OpenError::NotAUrl)?;
        // A password that should have been written otherwise must not be taken for a parameter,
        // and shown.
        if !matches!(scheme, "nats" | "tls") || parameters.contains('@') {
            return Err(OpenError::NotAUrl);
        }
        // Who signs in is said once, and is the same at every server. The client is told apart from
        // the servers: it does not read it in their addresses, which it also writes to the log.
        let (who, hosts) = hosts.rsplit_once('@').map_or(("", hosts), |(who, hosts)| (who, hosts));
        let server = |host: &str| {
            let address = format!("{scheme}://{host}").parse::<ServerAddr>();
            address.ok().filter(|it| !it.host().is_empty()).ok_or(OpenError::NotAUrl)
        };
        let servers = hosts.split(',').map(server).collect::<Result<_, _>>()?;
        let config = Self {
            servers,
            who: Who::of(who)?,
            credentials: None,
            authority: None,
            prefix: PREFIX.to_owned(),
            replicas: None,
            ack_wait: ACK_WAIT,
        };
        let mut parameters = parameters.split('&').filter(|parameter| !parameter.is_empty());
        parameters.try_fold(config, |config, parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            config.with(name, value)
        })
    }

    fn with(self, name: &str, value: &str) -> Result<Self, OpenError> {
        let file = |name| match value {
            "" => Err(OpenError::WrongParameter(name, "the name of a file")),
            path => Ok(Some(PathBuf::from(path))),
        };
        match name {
            "prefix" => self.prefix(value),
            "replicas" => match value.parse() {
                Ok(replicas) if (1..=REPLICAS_MAX).contains(&replicas) => {
                    Ok(Self { replicas: Some(replicas), ..self })
                }
                Ok(_) | Err(_) => {
                    Err(OpenError::WrongParameter("replicas", "a number from 1 to 5"))
                }
            },
            "ack_wait" => match value.parse() {
                Ok(seconds) if (1..=ACK_WAIT_MAX).contains(&seconds) => {
                    Ok(Self { ack_wait: Duration::from_secs(seconds), ..self })
                }
                Ok(_) | Err(_) => {
                    Err(OpenError::WrongParameter("ack_wait", "seconds, from 1 to 3600"))
                }
            },
            "creds" => Ok(Self { credentials: file("creds")?, ..self }),
            "ca" => Ok(Self { authority: file("ca")?, ..self }),
            _ => Err(OpenError::UnknownParameter(name.to_owned())),
        }
    }

    /// What the environment says where the URL said nothing, by the names that the tools of NATS
    /// use: `NATS_CREDS`, a file of credentials, and `NATS_CA`, a file of certificates that are
    /// trusted.
    pub fn with_environment(self) -> Self {
        let file = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        Self {
            credentials: self.credentials.or_else(|| file("NATS_CREDS")),
            authority: self.authority.or_else(|| file("NATS_CA")),
            ..self
        }
    }

    /// What subjects begin with and what the stream is called, `ticketing` unless it is said: two
    /// stores that use the same servers need two.
    ///
    /// # Errors
    /// [`OpenError::WrongParameter`] for one that is not made of letters, digits, `-` and `_`.
    pub fn prefix(self, prefix: &str) -> Result<Self, OpenError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if prefix.is_empty() || prefix.len() > PREFIX_MAX || !prefix.bytes().all(fits) {
            let wanted = "1 to 32 letters, digits and dashes";
            return Err(OpenError::WrongParameter("prefix", wanted));
        }
        Ok(Self { prefix: prefix.to_owned(), ..self })
    }

    /// Where the servers are, without user and password.
    pub fn place(&self) -> String {
        let hosts = self.servers.iter().map(|it| format!("{}:{}", it.host(), it.port()));
        format!("{}, {}", hosts.collect::<Vec<_>>().join(","), self.prefix)
    }

    /// Opens it. Servers that can't be reached are told in the log, and are no error: they are
    /// reached when they are there, and until then nothing can be published.
    ///
    /// # Errors
    /// An [`OpenError`] that says what only an operator can mend.
    pub async fn open(self) -> Result<NatsBus, OpenError> {
        NatsBus::open(self).await
    }

    /// Connects, asks whether there is `JetStream`, and leaves nothing behind.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn reach(&self) -> Result<(), OpenError> {
        let client = self.options().await?.connect(self.servers()).await;
        let client = client.map_err(OpenError::Server)?;
        let asked = jetstream::new(client).query_account().await;
        asked.map(|_| ()).map_err(OpenError::NoJetStream)
    }

    pub(crate) fn servers(&self) -> Vec<ServerAddr> {
        self.servers.clone()
    }

    /// How to connect, but for what listens to what becomes of the connection.
    pub(crate) async fn options(&self) -> Result<ConnectOptions, OpenError> {
        let options = ConnectOptions::new()
            .name("ticketing")
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_EVERY)
            .reconnect_delay_callback(|tries| {
                let tries = u32::try_from(tries).unwrap_or(u32::MAX);
                crate::backoff::after(tries).min(RECONNECT_EVERY)
            });
        let options = match &self.authority {
            Some(file) => options.add_root_certificates(file.clone()),
            None => options,
        };
        let options = self.who.signs_in(options);
        match &self.credentials {
            Some(file) => options
                .credentials_file(file)
                .await
                .map_err(|source| OpenError::Credentials { file: file.clone(), source }),
            None => Ok(options),
        }
    }
}

/// Who signs in, as the URL says it.
#[derive(Clone, PartialEq, Eq)]
enum Who {
    Anybody,
    Token(String),
    User { name: String, password: String },
}

impl Who {
    fn of(said: &str) -> Result<Self, OpenError> {
        let plain = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(Cow::into_owned).map_err(|_no_text| OpenError::NotAUrl)
        };
        Ok(match said.split_once(':') {
            None if said.is_empty() => Self::Anybody,
            None => Self::Token(plain(said)?),
            Some((name, password)) => Self::User { name: plain(name)?, password: plain(password)? },
        })
    }

    fn signs_in(&self, options: ConnectOptions) -> ConnectOptions {
        match self.clone() {
            Self::Anybody => options,
            Self::Token(token) => options.token(token),
            Self::User { name, password } => options.user_and_password(name, password),
        }
    }
}

/// Without what leads to the servers: it may have a password.
impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig")
            .field("place", &self.place())
            .field("credentials", &self.credentials)
            .field("authority", &self.authority)
            .field("replicas", &self.replicas)
            .field("ack_wait", &self.ack_wait)
            .finish_non_exhaustive()
    }
}
