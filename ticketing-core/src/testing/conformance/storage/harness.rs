//! What an adapter gives to the suite: a storage for each case, and a hand on its time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::event::Actor;
use crate::domain::order::Order;
use crate::domain::payment::{ConfirmedBy, Payment};
use crate::ports::{BatchBuilder, BoxFuture, Cause, IdSource, Storage, WriteBatch};
use crate::values::{OrderId, PaymentId, Timestamp};

/// Opens storages for the suite.
#[async_trait]
pub trait StorageHarness: fmt::Debug + Send + Sync {
    /// Opens an empty storage that no other case sees: a file, a schema, a map.
    async fn open(&self) -> Box<dyn StorageNamespace>;
}

/// One case's storage. Whatever it keeps goes away with it.
#[async_trait]
pub trait StorageNamespace: fmt::Debug + Send + Sync {
    /// The storage.
    fn storage(&self) -> Arc<dyn Storage>;

    /// Another handle to the same data: another process's, where the adapter allows more than
    /// one, else another connection, else the same handle.
    async fn second(&self) -> Arc<dyn Storage> {
        self.storage()
    }

    /// Closes every handle and opens the same data again, as after a restart. An adapter that
    /// keeps nothing beyond its process leaves this empty.
    async fn reopen(&mut self) {}

    /// Makes the stored row of an order unreadable, as a careless hand in the database would, and
    /// gives back what mends it; nothing if the harness can't reach the rows.
    async fn spoil(&self, order: OrderId) -> Option<BoxFuture> {
        let _unreached = order;
        None
    }

    /// Removes what the case kept, after it has passed. What a failed case kept goes when this is
    /// dropped, or stays to be looked at.
    async fn close(&mut self) {}

    /// Lets at least `duration` of the storage's time go by: moves the clock that the storage
    /// was given, shifts the one of the database, or really waits.
    async fn pass(&self, duration: Duration);

    /// Whether the storage's time goes by only with [`pass`](Self::pass). Cases are exact to the
    /// microsecond then.
    fn time_stands(&self) -> bool;

    /// A time so long that a few calls in a row surely take less. Cases lease for one tick, and
    /// let two pass to end a lease. A harness that really waits wants it short.
    fn tick(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// A batch that [`resolve`](crate::ports::resolve::resolve()) accepts and this storage's
    /// backend refuses. It may be committed once.
    ///
    /// This one starts a second attempt to pay for `order`, which is stored and has a live one:
    /// the database allows one. An adapter that keeps this rule nowhere plants another check.
    async fn poison(&self, order: &Order, ids: &dyn IdSource, now: Timestamp) -> WriteBatch {
        let id = PaymentId::from_uuid(ids.next());
        let owner = (order.id, order.buyer.clone());
        let second = Payment::initiate(id, owner, order.total, ConfirmedBy::Server, now);
        let cause = Cause { actor: Actor::Engine, correlation: None };
        BatchBuilder::new(cause, ids, now).payment(second).build()
    }
}
