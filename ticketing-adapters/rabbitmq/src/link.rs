//! The connection, and who makes it anew whenever it has ended.
//!
//! The driver could recover by itself, but then nobody would know which of its confirmations belong
//! to which connection. Here a connection is used until it ends, and never again.

use std::sync::Arc;
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use ticketing_core::ports::chain;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::backoff;
use crate::config::RabbitConfig;
use crate::error::{Failure, OpenError, is_for_the_operator};

/// How long it may take until a server lets one in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait between two tries to connect: a server that is back is used soon.
const CONNECT_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether the connection has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What became of the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse {
    /// The connection, while there is one.
    pub(crate) connection: Option<Arc<Connection>>,
    /// How often there was one again after one had ended.
    pub(crate) interruptions: u64,
    /// Whether the bus was shut down.
    pub(crate) is_over: bool,
}

/// A connection of a bus. When the last of these is dropped, it ends.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pulse: watch::Receiver<Pulse>,
    over: Arc<watch::Sender<bool>>,
}

/// Makes connections.
struct Supervisor {
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    place: String,
    pulse: watch::Sender<Pulse>,
    over: watch::Receiver<bool>,
}

impl Link {
    /// Connects. A server that is not there is waited for, behind the caller's back.
    pub(crate) async fn open(config: &RabbitConfig) -> Result<Self, OpenError> {
        let (pulse, watched) = watch::channel(Pulse::default());
        let (over, ends) = watch::channel(false);
        let supervisor = Supervisor {
            uri: config.uri.clone(),
            tls: config.tls()?,
            place: config.place(),
            pulse,
            over: ends,
        };
        match connect(&supervisor.uri, &supervisor.tls).await {
            Ok(connection) => supervisor.pulse.send_modify(|pulse| {
                pulse.connection = Some(Arc::new(connection));
            }),
            Err(OpenError::Server(error)) if is_for_the_operator(&error) => {
                return Err(OpenError::Server(error));
            }
            Err(error) => tracing::warn!(
                place = supervisor.place,
                error = chain(&error),
                "the bus can't be reached: until it can, events wait"
            ),
        }
        tokio::spawn(supervisor.run());
        Ok(Self { pulse: watched, over: Arc::new(over) })
    }

    /// The connection, if there is one.
    pub(crate) fn connection(&self) -> Result<Arc<Connection>, Failure> {
        let connection = self.pulse.borrow().connection.clone();
        connection.filter(|connection| connection.status().connected()).ok_or(Failure::Away)
    }

    /// Waits for a connection, but not any longer than this.
    pub(crate) async fn comes_back_within(&self, longest: Duration) {
        let mut pulse = self.pulse.clone();
        let is_up = |pulse: &Pulse| {
            let connection = pulse.connection.as_ref();
            pulse.is_over || connection.is_some_and(|it| it.status().connected())
        };
        // Whether it came, whoever uses it finds out.
        drop(timeout(longest, pulse.wait_for(is_up)).await);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Pulse> {
        self.pulse.clone()
    }

    pub(crate) fn interruptions(&self) -> u64 {
        self.pulse.borrow().interruptions
    }

    pub(crate) fn is_over(&self) -> bool {
        self.pulse.borrow().is_over
    }

    /// Ends it.
    pub(crate) async fn close(&self) {
        self.over.send_replace(true);
        let mut pulse = self.pulse.clone();
        // It has ended, too, when nobody can tell any more.
        drop(pulse.wait_for(|pulse| pulse.is_over).await);
    }
}

impl Supervisor {
    async fn run(mut self) {
        let mut tries: u32 = 0;
        // The end of all links is an end as well.
        while !*self.over.borrow() {
            let wait = match self.look().await {
                Ok(()) => {
                    tries = 0;
                    LOOK_EVERY
                }
                Err(error) => {
                    tries = tries.saturating_add(1);
                    tracing::warn!(place = self.place, tries, error = chain(&error), "no bus");
                    backoff::after(tries).min(CONNECT_EVERY)
                }
            };
            if let Ok(Err(_)) = timeout(wait, self.over.changed()).await {
                break;
            }
        }
        let connection = self.pulse.borrow().connection.clone();
        if let Some(connection) = connection {
            drop(timeout(CONNECT_TIMEOUT, connection.close(200, "bye".into())).await);
        }
        self.pulse.send_modify(|pulse| {
            pulse.connection = None;
            pulse.is_over = true;
        });
    }

    /// Sees to it that there is a connection.
    async fn look(&self) -> Result<(), OpenError> {
        let connection = self.pulse.borrow().connection.clone();
        if connection.is_some_and(|connection| connection.status().connected()) {
            return Ok(());
        }
        let had_one = self.pulse.borrow().connection.is_some();
        let connection = Arc::new(connect(&self.uri, &self.tls).await?);
        tracing::info!(place = self.place, "connected to the bus");
        self.pulse.send_modify(|pulse| {
            pulse.connection = Some(connection);
            pulse.interruptions = pulse.interruptions.saturating_add(u64::from(had_one));
        });
        Ok(())
    }
}

/// Makes one connection, which ends for good when it ends.
pub(crate) async fn connect(uri: &AMQPUri, tls: &OwnedTLSConfig) -> Result<Connection, OpenError> {
    let properties = ConnectionProperties::default().with_connection_name("ticketing".into());
    let runtime = lapin::runtime::default_runtime().map_err(OpenError::Server)?;
    let (uri, tls) = (uri.clone(), tls.clone());
    let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connection) => connection.map_err(OpenError::Server),
        Err(_) => Err(OpenError::Late),
    }
}
