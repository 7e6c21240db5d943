//! The connection, which its driver keeps up, and what became of it so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use ticketing_core::ports::chain;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::NatsConfig;
use crate::error::OpenError;

/// What became of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// How often there was one again after there was none.
    pub(crate) interruptions: u64,
    /// Whether it was lost and has not come back.
    pub(crate) is_away: bool,
    /// Whether the bus was shut down.
    pub(crate) is_over: bool,
}

/// The connection of a bus.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    pulse: Arc<watch::Sender<Pulse>>,
    /// The highest place in the stream that an event of ours has got.
    last_place: Arc<AtomicU64>,
}

impl Link {
    /// Connects. Servers that are not there are waited for, behind the caller's back.
    pub(crate) async fn open(config: &NatsConfig) -> Result<Self, OpenError> {
        let pulse = Arc::new(watch::Sender::new(Pulse::default()));
        let first = listening(config.options().await?, &pulse);
        let client = match first.connect(config.servers()).await {
            Ok(client) => client,
            Err(error) if is_for_the_operator(error.kind()) => {
                return Err(OpenError::Server(error));
            }
            Err(error) => {
                tracing::warn!(
                    place = config.place(),
                    error = chain(&error),
                    "no server of the bus can be reached: until one can, events wait"
                );
                pulse.send_modify(|pulse| pulse.is_away = true);
                let patient = listening(config.options().await?, &pulse).retry_on_initial_connect();
                patient.connect(config.servers()).await.map_err(OpenError::Server)?
            }
        };
        let jetstream = jetstream::context::ContextBuilder::new()
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Self { client, jetstream, pulse, last_place: Arc::default() })
    }

    /// Whether a server can be talked to now.
    pub(crate) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    pub(crate) fn pulse(&self) -> Pulse {
        *self.pulse.borrow()
    }

    /// Waits for a connection, but not any longer than this.
    pub(crate) async fn comes_back_within(&self, longest: Duration) {
        let mut pulse = self.pulse.subscribe();
        // Whether it came, whoever uses it finds out.
        drop(timeout(longest, pulse.wait_for(|pulse| !pulse.is_away || pulse.is_over)).await);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    pub(crate) fn last_place(&self) -> u64 {
        self.last_place.load(Ordering::Relaxed)
    }

    /// Notes which place an event has got. It was sent when `before` had been given, so one that is
    /// not behind it is in another stream: somebody has made it anew, and what was in it is gone.
    pub(crate) fn note_taken(&self, taken: &PublishAck, before: u64) {
        // One that was there already keeps its place.
        if taken.duplicate {
            return;
        }
        if taken.sequence <= before && self.last_place() >= before {
            tracing::warn!("the stream was made anew: what was in it is published again");
            self.note_loss();
        }
        self.last_place.fetch_max(taken.sequence, Ordering::Relaxed);
    }

    /// Notes that the server has forgotten what it knew, though the connection held. Answers how
    /// many interruptions there were with this one.
    pub(crate) fn note_loss(&self) -> u64 {
        let mut interruptions = 0;
        self.last_place.store(0, Ordering::Relaxed);
        self.pulse.send_modify(|pulse| {
            pulse.interruptions = pulse.interruptions.saturating_add(1);
            interruptions = pulse.interruptions;
        });
        interruptions
    }

    /// Ends it, after what was told to it was sent.
    pub(crate) async fn close(&self) {
        self.pulse.send_modify(|pulse| pulse.is_over = true);
        if let Err(error) = self.client.drain().await {
            tracing::debug!(error = chain(&error), "the connection had ended");
        }
    }
}

/// Writes down what becomes of the connection.
fn listening(options: ConnectOptions, pulse: &Arc<watch::Sender<Pulse>>) -> ConnectOptions {
    let pulse = Arc::clone(pulse);
    options.event_callback(move |event| {
        match event {
            Event::Disconnected => pulse.send_modify(|pulse| pulse.is_away = true),
            Event::Connected => pulse.send_modify(|pulse| {
                if pulse.is_away {
                    pulse.is_away = false;
                    pulse.interruptions = pulse.interruptions.saturating_add(1);
                }
            }),
            Event::SlowConsumer(_) => {
                tracing::warn!("events came faster than they were taken, and some were dropped");
            }
            Event::LameDuckMode
            | Event::Draining
            | Event::Closed
            | Event::ServerError(_)
            | Event::ClientError(_) => {}
        }
        std::future::ready(())
    })
}

/// Whether waiting mends nothing.
fn is_for_the_operator(kind: ConnectErrorKind) -> bool {
    match kind {
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Authentication
        | ConnectErrorKind::AuthorizationViolation
        | ConnectErrorKind::Tls => true,
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => false,
    }
}
