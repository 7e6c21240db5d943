//! Which server, who we are there, and under which names.

use std::fmt;
use std::path::PathBuf;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPScheme, AMQPUri};

use crate::bus::RabbitBus;
use crate::error::OpenError;

#[cfg(test)]
mod tests;

/// What exchanges and queues begin with, unless it is said.
const PREFIX: &str = "ticketing";

/// The longest prefix.
const PREFIX_MAX: usize = 32;

/// A server that is not heard for twice as long is gone, in seconds.
const HEARTBEAT: u16 = 10;

/// How long a server may take to accept a connection, in milliseconds.
const CONNECT_TIMEOUT: u64 = 5_000;

/// How to open a [`RabbitBus`].
///
/// ```
/// use ticketing_rabbitmq::RabbitConfig;
///
/// let config = RabbitConfig::from_url("amqps://shop:secret@mq.example/events?prefix=shop")?;
/// assert_eq!(config.place(), "mq.example:5671/events, shop");
/// # Ok::<(), ticketing_rabbitmq::OpenError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before it is opened"]
pub struct RabbitConfig {
    pub(crate) uri: AMQPUri,
    authority: Option<PathBuf>,
    pub(crate) prefix: String,
}

impl RabbitConfig {
    /// What a URL says: `amqp://user:password@host:5672/vhost`, or `amqps://` for TLS, with the
    /// parameters `prefix` and `ca`, the name of a file with the certificates of those who are
    /// trusted to sign the server's. `%2f` is the virtual host that a server has by itself.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`], [`OpenError::UnknownParameter`] and [`OpenError::WrongParameter`].
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        // What is said to be wrong with it may be a password.
        let parsed = address.parse::<AMQPUri>().map_err(|_may_tell| OpenError::NotAUrl);
        let mut uri = parsed?;
        // A password that should have been written otherwise must not be taken for a parameter,
        // and shown.
        if uri.authority.host.is_empty() || parameters.contains('@') {
            return Err(OpenError::NotAUrl);
        }
        uri.query.heartbeat = Some(HEARTBEAT);
        uri.query.connection_timeout = Some(CONNECT_TIMEOUT);
        let config = Self { uri, authority: None, prefix: PREFIX.to_owned() };
        let mut parameters = parameters.split('&').filter(|parameter| !parameter.is_empty());
        parameters.try_fold(config, |config, parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "prefix" => config.prefix(value),
                "ca" if !value.is_empty() => Ok(Self { authority: Some(value.into()), ..config }),
                "ca" => Err(OpenError::WrongParameter("ca", "the name of a file")),
                _ => Err(OpenError::UnknownParameter(name.to_owned())),
            }
        })
    }

    /// What the names of exchanges and queues begin with, `ticketing` unless it is said: two stores
    /// that use the same virtual host need two.
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

    /// Where the server is, without user and password.
    pub fn place(&self) -> String {
        let authority = &self.uri.authority;
        let vhost = &self.uri.vhost;
        format!("{}:{}/{vhost}, {}", authority.host, authority.port, self.prefix)
    }

    /// Opens it. A server that can't be reached is told in the log, and is no error: it is reached
    /// when it is there, and until then nothing can be published.
    ///
    /// # Errors
    /// An [`OpenError`] that says what only an operator can mend.
    pub async fn open(self) -> Result<RabbitBus, OpenError> {
        RabbitBus::open(self).await
    }

    /// Connects, and leaves nothing behind.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn reach(&self) -> Result<(), OpenError> {
        let connection = crate::link::connect(&self.uri, &self.tls()?).await?;
        connection.close(200, "bye".into()).await.map_err(OpenError::Server)
    }

    /// What is trusted beside the certificates of Mozilla.
    pub(crate) fn tls(&self) -> Result<OwnedTLSConfig, OpenError> {
        let cert_chain = match &self.authority {
            Some(file) if self.uri.scheme == AMQPScheme::AMQPS => {
                let read = std::fs::read_to_string(file);
                Some(read.map_err(|source| OpenError::Authority { file: file.clone(), source })?)
            }
            Some(_) | None => None,
        };
        Ok(OwnedTLSConfig { identity: None, cert_chain })
    }
}

/// Without what leads to the server: it may have a password.
impl fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitConfig")
            .field("place", &self.place())
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}
