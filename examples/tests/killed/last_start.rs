//! The start after the last kill: nobody buys any more, and what was begun comes to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ticketing_core::Ticketing;
use ticketing_core::domain::{AggregateKind, Event};
use ticketing_core::memory::{Books, Ledger};
use ticketing_core::ports::{Clock, ListingQuery, Storage, SystemClock};
use ticketing_core::testing::invariants::{against_ledger, at_rest, violations};
use ticketing_core::values::{OrderId, PaymentId, RefundId, StoreId, Timestamp};
use ticketing_local::SandboxGateway;
use ticketing_sqlite::{SqliteConfig, SqliteStorage};
use tokio::time::{sleep, timeout};

use crate::kills::PATIENCE;

/// More than any list here is long.
const ALL: usize = 1_000_000;

/// The system's clock, some hours ahead: what was leased or put off before the kill is due.
#[derive(Debug, Clone)]
struct Later(Arc<AtomicU64>);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        let hours = Duration::from_hours(self.0.load(Ordering::Relaxed));
        SystemClock.now().plus(hours)
    }
}

/// An engine over the files of the shop.
pub(crate) struct LastStart {
    clock: Later,
    storage: SqliteStorage,
    gateway: SandboxGateway,
    ledger: PathBuf,
    engine: Ticketing,
}

/// What is left when everything has come to its end.
pub(crate) struct Quiet {
    pub(crate) books: Books,
    ledger: Ledger,
    ledger_in_file: Ledger,
    store: StoreId,
}

impl LastStart {
    pub(crate) async fn over(folder: &Path) -> Self {
        let clock = Later(Arc::new(AtomicU64::new(1)));
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let storage = SqliteConfig::new(folder.join("tickets.db")).clock(Arc::clone(&time));
        let storage = storage.open().await.unwrap();
        let ledger = folder.join("sandbox.ledger");
        let gateway = SandboxGateway::builder().clock(Arc::clone(&time));
        let gateway = gateway.open(&ledger).await.unwrap();
        let builder = Ticketing::builder().storage(storage.clone()).gateway(gateway.clone());
        let engine = builder.clock(Arc::clone(&time)).start().await.unwrap();
        Self { clock, storage, gateway, ledger, engine }
    }

    /// Waits until nothing is left to do, ends, and reads what is there.
    pub(crate) async fn quiet(self) -> Quiet {
        let webhooks = self.gateway.deliver_to(self.engine.payments()).unwrap();
        let quiet = timeout(PATIENCE, async {
            while let Some(restless) = self.restless().await {
                sleep(Duration::from_millis(20)).await;
                drop(restless);
            }
        });
        let ended = quiet.await;
        assert!(ended.is_ok(), "never quiet: {:?}", self.restless().await);
        webhooks.stop().await;
        self.engine.shutdown().await.unwrap();
        // Leases hide what they are on. After another hour there are none.
        self.clock.0.fetch_add(1, Ordering::Relaxed);
        let (books, store) = (self.books().await, self.storage.store_id().await.unwrap());
        let ledger = self.gateway.ledger();
        self.gateway.close().await.unwrap();
        let ledger_in_file = SandboxGateway::open(&self.ledger).await.unwrap().ledger();
        Quiet { books, ledger, ledger_in_file, store }
    }

    /// What is still under way.
    async fn restless(&self) -> Option<String> {
        let undelivered = self.gateway.undelivered().await.unwrap().len();
        let unpublished = self.storage.outbox_depth().await.unwrap().rows;
        if undelivered + unpublished > 0 {
            return Some(format!("{undelivered} webhooks, {unpublished} outbox rows"));
        }
        let books = self.books().await;
        let left = at_rest(&books).into_iter().map(|left| left.to_string());
        let live = books.orders.iter().filter(|order| order.is_live());
        left.chain(live.map(|order| format!("{order:?}"))).next()
    }

    /// Everything that is stored, found by the events that were published of it.
    async fn books(&self) -> Books {
        let storage = &self.storage;
        let listings = ListingQuery { all: true, ..ListingQuery::default() };
        let listings = storage.search(&listings).await.unwrap().items.into_iter();
        let (tickets, pools) = listings.map(|it| (it.ticket, it.pool)).unzip();
        let events = self.events().await;
        let mut books = Books {
            now: storage.now().await.unwrap(),
            tickets,
            pools,
            allowances: Vec::new(),
            orders: Vec::new(),
            payments: Vec::new(),
            refunds: Vec::new(),
            keys: Vec::new(),
            dead_letters: storage.dead_letters(ALL).await.unwrap(),
            unpublished: storage.outbox_depth().await.unwrap().rows,
            open_webhooks: storage.claim_webhooks(Duration::ZERO, ALL).await.unwrap().len(),
            events,
        };
        self.read_into(&mut books).await;
        books
    }

    async fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut after = None;
        loop {
            let rows = self.storage.published_since(Timestamp::EPOCH, after, 500).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            events.extend(rows.into_iter().flat_map(|row| row.events));
        }
        events.sort_by_key(Event::key);
        events
    }

    /// The aggregates whose events there are.
    async fn read_into(&self, books: &mut Books) {
        let mut told: Vec<_> = books.events.iter().map(|event| event.key().aggregate).collect();
        told.dedup();
        let storage = &self.storage;
        for aggregate in told {
            let id = aggregate.id;
            match aggregate.kind {
                AggregateKind::Ticket | AggregateKind::Pool => {}
                AggregateKind::Order => {
                    books.orders.extend(storage.order(OrderId::from_uuid(id)).await.unwrap());
                }
                AggregateKind::Payment => {
                    let payment = storage.payment(PaymentId::from_uuid(id)).await.unwrap();
                    books.payments.extend(payment);
                }
                AggregateKind::Refund => {
                    books.refunds.extend(storage.refund(RefundId::from_uuid(id)).await.unwrap());
                }
            }
        }
    }
}

impl Quiet {
    /// Everything that is wrong with the books, with the ledger, or between them.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let Self { books, ledger, ledger_in_file, store } = self;
        let found = [violations(books), at_rest(books), against_ledger(books, ledger, *store)];
        let found = found.into_iter().flatten().map(|violation| violation.to_string());
        let same = ledger == ledger_in_file;
        found.chain((!same).then(|| "the file has another ledger".to_owned())).collect()
    }
}
