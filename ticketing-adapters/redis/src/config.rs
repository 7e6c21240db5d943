//! Which server, and under which names.

use std::fmt;
use std::num::NonZeroU8;
use std::path::PathBuf;

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, TlsCertificates};

use crate::error::OpenError;
use crate::risks::{Risk, risks_of};
use crate::timers::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, RedisTimers};

#[cfg(test)]
mod tests;

/// More shards than this only make a claim slower: each of them is asked.
const SHARDS_MAX: u8 = 64;

/// What keys begin with, unless it is said.
const PREFIX: &str = "ticketing";

/// The longest prefix.
const PREFIX_MAX: usize = 64;

/// How to open [`RedisTimers`].
///
/// ```
/// use ticketing_redis::RedisConfig;
///
/// let config = RedisConfig::from_url("rediss://:secret@cache.example/2?prefix=shop&shards=4")?;
/// assert_eq!(config.place(), "cache.example:6379/2, shop");
/// # Ok::<(), ticketing_redis::OpenError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before it is opened"]
pub struct RedisConfig {
    client: Client,
    authority: Option<PathBuf>,
    pub(crate) prefix: String,
    pub(crate) shards: NonZeroU8,
}

impl RedisConfig {
    /// What a URL says: `redis://user:password@host:6379/0`, or `rediss://` for TLS, with the
    /// parameters `prefix`, `shards` and `ca`, the name of a file with the certificates of those
    /// who are trusted to sign the server's.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`], [`OpenError::UnknownParameter`] and [`OpenError::WrongParameter`].
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        // A password that should have been written otherwise must not be taken for a parameter,
        // and shown.
        if parameters.contains('@') {
            return Err(OpenError::Malformed);
        }
        let client = Client::open(address).map_err(OpenError::NotAUrl)?;
        let config =
            Self { client, authority: None, prefix: PREFIX.to_owned(), shards: NonZeroU8::MIN };
        let mut parameters = parameters.split('&').filter(|parameter| !parameter.is_empty());
        parameters.try_fold(config, |config, parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            config.with(name, value)
        })
    }

    fn with(self, name: &str, value: &str) -> Result<Self, OpenError> {
        match name {
            "prefix" => self.prefix(value),
            "shards" => match value.parse::<NonZeroU8>() {
                Ok(shards) if shards.get() <= SHARDS_MAX => Ok(self.shards(shards)),
                Ok(_) | Err(_) => Err(OpenError::WrongParameter("shards", "a number from 1 to 64")),
            },
            "ca" if !value.is_empty() => Ok(Self { authority: Some(value.into()), ..self }),
            "ca" => Err(OpenError::WrongParameter("ca", "the name of a file")),
            _ => Err(OpenError::UnknownParameter(name.to_owned())),
        }
    }

    /// What the names of all keys begin with, `ticketing` unless it is said: two stores that use
    /// the same server need two.
    ///
    /// # Errors
    /// [`OpenError::WrongParameter`] for one that is not made of letters, digits and `-_.`.
    pub fn prefix(self, prefix: &str) -> Result<Self, OpenError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if prefix.is_empty() || prefix.len() > PREFIX_MAX || !prefix.bytes().all(fits) {
            let wanted = "1 to 64 letters, digits, dots and dashes";
            return Err(OpenError::WrongParameter("prefix", wanted));
        }
        Ok(Self { prefix: prefix.to_owned(), ..self })
    }

    /// Over how many sorted sets the wake-ups are spread; one unless it is said. Every process must
    /// say the same.
    pub fn shards(self, shards: NonZeroU8) -> Self {
        let most = NonZeroU8::new(SHARDS_MAX).unwrap_or(NonZeroU8::MAX);
        Self { shards: shards.min(most), ..self }
    }

    /// Where the server is, without user and password.
    pub fn place(&self) -> String {
        let info = self.client.get_connection_info();
        let host = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                format!("{host}:{port}")
            }
            ConnectionAddr::Unix(path) => path.display().to_string(),
            _ => "a server".to_owned(),
        };
        format!("{host}/{}, {}", info.redis_settings().db(), self.prefix)
    }

    /// Opens it. A server that can't be reached is told in the log, and is no error: it is reached
    /// when it is there, and until then the storage's deadlines do without.
    ///
    /// # Errors
    /// An [`OpenError`] that says what only an operator can mend.
    pub async fn open(self) -> Result<RedisTimers, OpenError> {
        RedisTimers::open(self).await
    }

    /// Connects, and leaves nothing behind. Answers by which settings of its own the server may lose
    /// wake-ups.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn reach(&self) -> Result<Vec<Risk>, OpenError> {
        let connecting = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let client = self.client()?;
        let connection = client.get_multiplexed_async_connection_with_config(&connecting).await;
        let mut connection = connection.map_err(OpenError::Server)?;
        risks_of(&mut connection).await.map_err(OpenError::Server)
    }

    /// What connects, with the certificates that are trusted.
    pub(crate) fn client(&self) -> Result<Client, OpenError> {
        let Some(file) = &self.authority else {
            return Ok(self.client.clone());
        };
        let root_cert = std::fs::read(file)
            .map_err(|why| OpenError::Authority { file: file.clone(), source: why })?;
        let info = self.client.get_connection_info().clone().into_connection_info();
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
        let info = info.map_err(OpenError::NotAUrl)?;
        Client::build_with_tls(info, certificates).map_err(OpenError::Server)
    }
}

/// Without what leads to the server: it may have a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("place", &self.place())
            .field("authority", &self.authority)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}
