//! One subscription to the bus for all streams of a process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ticketing_core::domain::view::{InventoryView, OrderView};
use ticketing_core::ports::event_bus::EventStream;
use ticketing_core::values::{OrderId, TicketId};
use ticketing_core::{DomainEvent, Ticketing};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stream::REFRESH;
use crate::http::error::ApiError;

/// How long changes of availability are gathered before they are told. A sale of a thousand units
/// a second is five messages a second to each page, not a thousand.
const GATHER: Duration = Duration::from_millis(200);

/// How many gathered messages a stream may fall behind before it starts over.
const BACKLOG: usize = 16;

/// How many streams a process has at once. Each reads again what it shows every five seconds, so
/// that all of them together cost some hundred reads a second.
const STREAMS_MAX: usize = 2_048;

/// How long to wait before subscribing again.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// Tickets whose units changed, with what is left now.
pub(super) type Changes = Arc<[InventoryView]>;

/// Tells streams what changed.
#[derive(Debug, Clone)]
pub(super) struct LiveHub {
    availability: broadcast::Sender<Changes>,
    orders: Arc<Mutex<HashMap<OrderId, watch::Sender<Option<OrderView>>>>>,
    /// Cancelled when streams must end.
    pub(super) closing: CancellationToken,
    places: Arc<Semaphore>,
}

/// A stream's place among those of the process; free again when this is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl LiveHub {
    pub(super) fn start(engine: Ticketing, closing: CancellationToken) -> Self {
        let (availability, _) = broadcast::channel(BACKLOG);
        let places = Arc::new(Semaphore::new(STREAMS_MAX));
        let hub = Self { availability, orders: Arc::default(), closing, places };
        let listening = hub.clone();
        tokio::spawn(async move {
            let closing = listening.closing.clone();
            closing.run_until_cancelled(listening.listen(engine)).await;
        });
        hub
    }

    /// A place for one more stream.
    pub(super) fn place(&self) -> Result<Place, ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_none_free| ApiError::unavailable(REFRESH))
    }

    /// What is left of tickets from now on, as far as it changes.
    pub(super) fn availability(&self) -> broadcast::Receiver<Changes> {
        self.availability.subscribe()
    }

    /// An order from now on, as often as it changes.
    pub(super) fn order(&self, id: OrderId) -> watch::Receiver<Option<OrderView>> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.retain(|_, watched| watched.receiver_count() > 0);
        orders.entry(id).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    async fn listen(&self, engine: Ticketing) {
        loop {
            match engine.events().await {
                Ok(stream) => self.pass_on(stream).await,
                Err(error) => tracing::warn!(%error, "live streams hear nothing from the bus"),
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
                        self.tell_order(order);
                    }
                    if let Err(error) = delivery.receipt.acknowledge().await {
                        tracing::debug!(%error, "an event was not acknowledged");
                    }
                }
                () = gathered.due() => self.tell(gathered.take()),
            }
        }
    }

    fn tell(&self, changes: Changes) {
        // Nobody may be listening.
        self.availability.send(changes).ok();
    }

    fn tell_order(&self, order: OrderView) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = orders.get(&order.id) {
            watched.send_if_modified(|seen| {
                let is_newer = seen.as_ref().is_none_or(|seen| seen.version < order.version);
                if is_newer {
                    *seen = Some(order);
                }
                is_newer
            });
        }
    }
}

/// The last of each ticket's changes, until they are told.
#[derive(Debug, Default)]
struct Gathered {
    units: BTreeMap<TicketId, InventoryView>,
    due_at: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, units: InventoryView) {
        self.due_at.get_or_insert_with(|| Instant::now() + GATHER);
        let known = self.units.entry(units.ticket_id).or_insert(units);
        if known.version < units.version {
            *known = units;
        }
    }

    /// Ends when something is to be told.
    async fn due(&self) {
        match self.due_at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    fn take(&mut self) -> Changes {
        self.due_at = None;
        std::mem::take(&mut self.units).into_values().collect()
    }
}
