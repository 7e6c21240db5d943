//! Orders that streams show.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use ticketing_core::Ticketing;
use ticketing_core::domain::view::OrderView;
use ticketing_core::ports::chain;
use ticketing_core::values::OrderId;
use tokio::sync::watch;

/// How many orders are read at the same time.
const READ_AT_ONCE: usize = 8;

/// Orders that streams show, with what is known of them.
#[derive(Debug, Clone)]
pub(super) struct WatchedOrders {
    engine: Ticketing,
    orders: Arc<Mutex<HashMap<OrderId, Watched>>>,
}

/// What is known of an order; nothing until somebody was allowed to read it.
type Known = Option<Arc<OrderView>>;

#[derive(Debug)]
struct Watched {
    streams: usize,
    known: watch::Sender<Known>,
}

/// An order that a stream shows, until this is dropped.
#[derive(Debug)]
pub(in crate::http::live) struct WatchedOrder {
    id: OrderId,
    of: WatchedOrders,
    known: watch::Receiver<Known>,
}

impl WatchedOrders {
    pub(super) fn new(engine: Ticketing) -> Self {
        Self { engine, orders: Arc::default() }
    }

    pub(super) fn watch(&self, id: OrderId) -> WatchedOrder {
        let mut orders = self.orders();
        let watched = orders
            .entry(id)
            .or_insert_with(|| Watched { streams: 0, known: watch::channel(None).0 });
        watched.streams = watched.streams.saturating_add(1);
        let known = watched.known.subscribe();
        drop(orders);
        WatchedOrder { id, of: self.clone(), known }
    }

    /// Tells streams what an order is now, unless they know it.
    pub(super) fn tell(&self, order: OrderView) {
        if let Some(watched) = self.orders().get(&order.id) {
            watched.tell(order);
        }
    }

    /// Reads every order once, in its buyer's name.
    pub(super) async fn read_again(&self) {
        let known: Vec<Arc<OrderView>> = {
            let orders = self.orders();
            orders.values().filter_map(|watched| watched.known.borrow().clone()).collect()
        };
        let reading = futures_util::stream::iter(known)
            .for_each_concurrent(READ_AT_ONCE, async |order| self.read(&order).await);
        reading.await;
    }

    async fn read(&self, known: &OrderView) {
        match self.engine.orders().get(&known.buyer_id, known.id).await {
            Ok(read) => self.tell(read),
            Err(error) => tracing::debug!(error = chain(&error), "a watched order was not read"),
        }
    }

    fn leave(&self, id: OrderId) {
        let mut orders = self.orders();
        let Some(watched) = orders.get_mut(&id) else { return };
        watched.streams = watched.streams.saturating_sub(1);
        if watched.streams == 0 {
            orders.remove(&id);
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.orders().len()
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<OrderId, Watched>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn tell(&self, order: OrderView) {
        self.known.send_if_modified(|known| {
            let is_newer = known.as_ref().is_none_or(|known| known.version < order.version);
            if is_newer {
                *known = Some(Arc::new(order));
            }
            is_newer
        });
    }
}

impl WatchedOrder {
    /// Takes in what this stream read itself, as it was allowed to. From now on the order is read for
    /// it.
    pub(in crate::http::live) fn begin(&mut self, read: OrderView) {
        self.of.tell(read);
    }

    /// The order, as far as it is known.
    pub(in crate::http::live) fn known(&mut self) -> Known {
        self.known.borrow_and_update().clone()
    }

    /// Ends when the order has changed.
    pub(in crate::http::live) async fn changed(&mut self) {
        // The sender is there as long as this is.
        if self.known.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for WatchedOrder {
    fn drop(&mut self) {
        self.of.leave(self.id);
    }
}
