//! What a subscriber holds: the stream of its events, and what it was handed.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::domain::envelope::Event;
use crate::ports::error::PortError;
use crate::ports::event_bus::{Acknowledge, Delivery, EventStream};

use super::{Shared, State};

/// Whose events a stream gives out.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Group(String),
    Listener(u64),
}

pub(super) struct Stream {
    pub(super) shared: Arc<Shared>,
    pub(super) source: Source,
    pub(super) arrived: Arc<Notify>,
}

impl Stream {
    /// What can be said without waiting: the next event, or that there will be none.
    fn look(&self) -> Poll<Option<Delivery>> {
        let mut state = self.shared.state();
        if state.closed {
            return Poll::Ready(None);
        }
        match self.take_from(&mut state) {
            Some(delivery) => Poll::Ready(Some(delivery)),
            None => Poll::Pending,
        }
    }

    fn take_from(&self, state: &mut State) -> Option<Delivery> {
        match &self.source {
            Source::Group(name) => {
                let event = state.groups.get_mut(name)?.deliver()?;
                let receipt = Held {
                    shared: Arc::clone(&self.shared),
                    group: name.clone(),
                    event: Some(Arc::clone(&event)),
                };
                Some(delivery(&event, receipt))
            }
            Source::Listener(number) => {
                let event = state.listeners.get_mut(number)?.take()?;
                Some(delivery(&event, NothingToKeep))
            }
        }
    }
}

#[async_trait]
impl EventStream for Stream {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            // Made before the look, so that it hears of what arrives during it.
            let arrived = self.arrived.notified();
            if let Poll::Ready(answer) = self.look() {
                return answer;
            }
            arrived.await;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        match &self.source {
            Source::Group(_) => {}
            Source::Listener(number) => {
                self.shared.state().listeners.remove(number);
            }
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.source).finish()
    }
}

/// An event in the hands of a group's member: back in the queue when it is dropped.
struct Held {
    shared: Arc<Shared>,
    group: String,
    event: Option<Arc<Event>>,
}

#[async_trait]
impl Acknowledge for Held {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), PortError> {
        self.event = None;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Some(queue) = state.groups.get_mut(&self.group) {
            queue.end_delivery(self.event.take());
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("group", &self.group).finish_non_exhaustive()
    }
}

/// Nothing is kept for a listener to everything, so nothing waits for its word.
#[derive(Debug)]
struct NothingToKeep;

#[async_trait]
impl Acknowledge for NothingToKeep {
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

fn delivery(event: &Event, receipt: impl Acknowledge + 'static) -> Delivery {
    Delivery { event: event.clone(), receipt: Box::new(receipt) }
}
