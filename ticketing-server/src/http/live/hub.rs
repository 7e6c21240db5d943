//! What all live streams of a process share: one subscription to the bus, one reading of what they
//! show, and what is known of it.
//!
//! What changes is heard from the bus at once. Since the bus may lose it, everything that some stream
//! shows is read again every few seconds, once, however many streams show it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use ticketing_core::ports::chain;
use ticketing_core::ports::event_bus::EventStream;
use ticketing_core::values::{OrderId, TicketId};
use ticketing_core::{DomainEvent, Ticketing};
use tokio_util::sync::CancellationToken;

mod gathered;
mod names;
mod orders;
mod places;
mod shown;
#[cfg(test)]
mod tests;
mod tickets;

use gathered::Gathered;
pub(super) use orders::WatchedOrder;
use orders::WatchedOrders;
pub(super) use places::Place;
use places::Places;
use tickets::Tickets;
pub(super) use tickets::{TicketNews, WatchedTickets};

use super::options::LiveOptions;
use crate::background::{every, watched};
use crate::http::error::ApiError;

/// How long to wait before subscribing again.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// What all live streams of a process share. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct LiveHub {
    tickets: Tickets,
    orders: WatchedOrders,
    places: Arc<Places>,
    /// Cancelled when streams must end.
    pub(super) closing: CancellationToken,
}

impl LiveHub {
    pub(super) fn start(
        engine: Ticketing,
        options: &LiveOptions,
        closing: CancellationToken,
    ) -> Self {
        let hub = Self {
            tickets: Tickets::new(engine.clone()),
            orders: WatchedOrders::new(engine.clone()),
            places: Arc::new(Places::new(options)),
            closing,
        };
        hub.spawn("live_bus", hub.clone().listen(engine));
        hub.spawn("live_refresh", hub.clone().read_again(options.refresh));
        hub.spawn("live_beginnings", hub.tickets.clone().read_what_is_new());
        hub
    }

    fn spawn(&self, task: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        let until_closing = async move {
            closing.run_until_cancelled_owned(work).await;
        };
        tokio::spawn(watched(task, self.closing.clone(), until_closing));
    }

    /// A place for one more stream, which names these tickets.
    pub(super) fn place(
        &self,
        request: &Parts,
        names: &BTreeSet<TicketId>,
    ) -> Result<Place, ApiError> {
        self.places.take(request, names)
    }

    /// Tickets from now on: these, or the newest that can be bought.
    pub(super) fn tickets(
        &self,
        named: Option<BTreeSet<TicketId>>,
    ) -> Result<WatchedTickets, ApiError> {
        self.tickets.watch(named)
    }

    /// An order from now on.
    pub(super) fn order(&self, id: OrderId) -> WatchedOrder {
        self.orders.watch(id)
    }

    async fn read_again(self, refresh: Duration) {
        let mut refresh = every(refresh);
        // What is shown from now on is read when it is asked for.
        refresh.reset();
        loop {
            refresh.tick().await;
            tokio::join!(self.tickets.read_again(), self.orders.read_again());
        }
    }

    async fn listen(self, engine: Ticketing) {
        loop {
            match engine.events().await {
                Ok(stream) => self.pass_on(stream).await,
                Err(error) => tracing::warn!(
                    code = "bus_unheard",
                    error = chain(&error),
                    "live streams hear nothing from the bus"
                ),
            }
            tokio::time::sleep(RESUBSCRIBE).await;
        }
    }

    /// Passes events on until the bus ends the stream.
    async fn pass_on(&self, mut stream: Box<dyn EventStream>) {
        let mut gathered = Gathered::default();
        loop {
            tokio::select! {
                delivery = stream.next() => {
                    let Some(delivery) = delivery else { return };
                    if let DomainEvent::InventoryChanged(units) = delivery.event.data {
                        gathered.add(units);
                    } else if let Some(order) = delivery.event.data.into_order() {
                        self.orders.tell(order);
                    }
                    if let Err(error) = delivery.receipt.acknowledge().await {
                        tracing::debug!(error = chain(&error), "an event was not acknowledged");
                    }
                }
                () = gathered.due() => self.tickets.tell(&gathered.take()),
            }
        }
    }
}
