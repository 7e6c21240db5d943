//! A shop of several processes, for races.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::Duties;
use crate::domain::order::Order;
use crate::domain::settlement::IntentStatus;
use crate::domain::ticket::NewTicket;
use crate::memory::MemoryGateway;
use crate::ports::{OrderDirection, PaymentMethod, Runtime, Storage, TokioRuntime};
use crate::service::{Error, PaymentOutcome};
use crate::testing::builders::user;
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::{fail, found, only, worked};
use crate::testing::faulty::{FaultKind, Faults, FaultyGateway, FaultyStorage};
use crate::ticketing::Ticketing;
use crate::values::{OrderId, Page, PoolId, TicketId, Timestamp, UserId};

/// How late a call of a storage comes at most: longer than it takes.
const LATE: Duration = Duration::from_millis(20);
/// How long the holds last that a race needs to be overdue: long enough to begin to pay.
const SHORT_HOLD: Duration = Duration::from_secs(1);
/// A hold that is overdue at once.
const NO_HOLD: Duration = Duration::from_millis(1);
/// How long a race waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Engines over one store, and the gateway of all of them.
pub(super) struct Shop {
    /// One for each process.
    pub(super) engines: Vec<Ticketing>,
    /// Over the first process: its holds are over when they begin.
    hurried: Ticketing,
    /// Over the first process: its holds last a moment, and it does not wait for the gateway.
    pub(super) impatient: Ticketing,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) gateway: MemoryGateway,
    /// What goes wrong between the engines and the gateway.
    pub(super) at_gateway: Faults,
    runtime: Arc<TokioRuntime>,
}

/// How many callers heard what.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) ok: usize,
    refused: BTreeMap<&'static str, usize>,
}

impl Told {
    /// How many heard this code.
    pub(super) fn refused(&self, code: &str) -> usize {
        self.refused.get(code).copied().unwrap_or(0)
    }
}

/// Counts what callers heard.
pub(super) fn count<T>(answers: Vec<Result<T, Error>>) -> Told {
    let mut told = Told::default();
    for answer in answers {
        let times = match answer {
            Ok(_) => &mut told.ok,
            Err(error) => told.refused.entry(error.code()).or_default(),
        };
        *times = times.saturating_add(1);
    }
    told
}

impl Shop {
    /// Opens it over the storages of all processes.
    pub(super) async fn open(processes: &[Arc<dyn Storage>]) -> Self {
        let runtime = Arc::new(found(TokioRuntime::current(), "the tokio runtime of the race"));
        let at_storage = Faults::new(1, Arc::<TokioRuntime>::clone(&runtime));
        at_storage.set_rate(FaultKind::Delay, 1000);
        at_storage.set_longest_delay(LATE);
        let at_gateway = Faults::new(2, Arc::<TokioRuntime>::clone(&runtime));
        let gateway = MemoryGateway::new();
        let start = |storage: &Arc<dyn Storage>, hold: Option<Duration>| {
            let storage = FaultyStorage::new(Arc::clone(storage), &at_storage);
            let gateway = FaultyGateway::new(Arc::new(gateway.clone()), &at_gateway);
            let engine =
                Ticketing::builder().storage(storage).gateway(gateway).duties(Duties::NONE);
            let engine = match hold {
                Some(hold) => engine
                    .hold_for(hold)
                    .hold_cap(hold)
                    .settings(|settings| settings.gateway_patience = NO_HOLD),
                None => engine,
            };
            async move { worked(engine.start().await, "an engine starts") }
        };
        let mut engines = Vec::with_capacity(processes.len());
        for storage in processes {
            engines.push(start(storage, None).await);
        }
        let storage = Arc::clone(found(processes.first(), "a process"));
        Self {
            engines,
            hurried: start(&storage, Some(NO_HOLD)).await,
            impatient: start(&storage, Some(SHORT_HOLD)).await,
            storage,
            gateway,
            at_gateway,
            runtime,
        }
    }

    /// Puts a listing on sale.
    pub(super) async fn list(&self, new: NewTicket) -> TicketId {
        let listed = self.impatient.tickets().list_for_sale(user("seller"), new).await;
        worked(listed, "list for sale").id
    }

    /// Lets so many callers act at once, each at the next process.
    pub(super) async fn each<T, F>(
        &self,
        callers: usize,
        act: impl Fn(Ticketing, usize) -> F,
    ) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let engines = self.engines.iter().cycle().take(callers).cloned();
        parallel(engines.enumerate().map(|(number, engine)| act(engine, number)).collect()).await
    }

    /// A hold whose time is up, and that nobody has ended yet. What stood in its way and was overdue
    /// is ended for it.
    pub(super) async fn overdue_hold(&self, buyer: &UserId, ticket: TicketId) -> OrderId {
        let order = self.hurried.orders().reserve(buyer.clone(), [(ticket, 1)]).await;
        let order = worked(order, "a hold that ends at once");
        self.pass(order.expires_at).await;
        order.id
    }

    /// Waits until it is that time for the storage.
    pub(super) async fn pass(&self, deadline: Timestamp) {
        let is_past = async || worked(self.storage.now().await, "now") >= deadline;
        self.until("a deadline has passed", is_past).await;
    }

    /// Waits until that is so.
    pub(super) async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let give_up = self.runtime.elapsed().saturating_add(PATIENCE);
        while !is_so().await {
            if self.runtime.elapsed() >= give_up {
                fail(&format!("it never came to this: {what}"));
            }
            self.runtime.sleep(LOOK_EVERY).await;
        }
    }

    /// Lets every buyer pay for an overdue order at the same moment, or reserve and pay anew.
    pub(super) async fn check_out_all(
        &self,
        overdue: Vec<(UserId, OrderId)>,
        ticket: TicketId,
    ) -> Vec<Result<OrderId, Error>> {
        let buyers = self.engines.iter().cycle().cloned().zip(overdue);
        let tasks = buyers
            .map(|(engine, (buyer, order))| async move {
                check_out(&engine, &buyer, order, ticket).await
            })
            .collect();
        parallel(tasks).await
    }

    /// A buyer's orders.
    pub(super) async fn orders_of(&self, buyer: &UserId) -> Vec<OrderId> {
        self.orders(buyer).await.into_iter().map(|order| order.id).collect()
    }

    async fn orders(&self, buyer: &UserId) -> Vec<Order> {
        let direction = OrderDirection::OldestFirst;
        let orders = self.storage.orders_of(buyer, direction, Page::default()).await;
        worked(orders, "a buyer's orders").items
    }

    /// None of a buyer's orders holds units.
    pub(super) async fn expect_no_hold(&self, buyer: &UserId) {
        for order in self.orders(buyer).await {
            assert!(!order.is_live(), "it holds units still: {order:?}");
        }
    }

    /// So many units of a ticket are held and sold.
    pub(super) async fn expect(&self, ticket: TicketId, held: u32, sold: u32) {
        let listing = only(worked(self.storage.listings(&[ticket]).await, "read"), "the listing");
        assert_eq!(listing.pool.id, PoolId::from(ticket));
        assert_eq!((listing.pool.held, listing.pool.sold), (held, sold), "{:?}", listing.pool);
    }

    /// Ends everything: so many charges were taken, and no other one can be any more.
    pub(super) async fn close(self, paid: usize) {
        for engine in self.engines.iter().chain([&self.hurried, &self.impatient]) {
            worked(engine.shutdown().await, "the end");
        }
        let (mut taken, mut open) = (0_usize, Vec::new());
        for intent in self.gateway.ledger().intents {
            match intent.status {
                IntentStatus::Captured if intent.refunded.is_zero() => {
                    assert_eq!(intent.captured, intent.opened.amount, "{intent:?}");
                    taken = taken.saturating_add(1);
                }
                IntentStatus::Captured if intent.refunded == intent.captured => {}
                IntentStatus::Gone => {}
                IntentStatus::Captured
                | IntentStatus::NeedsMethod { .. }
                | IntentStatus::NeedsAction
                | IntentStatus::Processing
                | IntentStatus::Authorized => open.push(intent),
            }
        }
        assert_eq!(open, [], "no money hangs in the air");
        assert_eq!(taken, paid, "as many charges as sales");
    }
}

/// Pays for an order; where its time is up, reserves anew and pays for that.
async fn check_out(
    engine: &Ticketing,
    buyer: &UserId,
    order: OrderId,
    ticket: TicketId,
) -> Result<OrderId, Error> {
    match pay(engine, buyer, order).await {
        Err(Error::Rejected(refused))
            if matches!(refused.code(), "order_expired" | "order_cancelled") => {}
        Ok(order) => fail(&format!("an overdue order was paid for: {order}")),
        Err(other) => return Err(other),
    }
    let order = engine.orders().reserve(buyer.clone(), [(ticket, 1)]).await?;
    pay(engine, buyer, order.id).await
}

async fn pay(engine: &Ticketing, buyer: &UserId, order: OrderId) -> Result<OrderId, Error> {
    let visa = PaymentMethod::card_token("tok_visa");
    let receipt = engine.payments().pay(buyer, order, visa).await?;
    assert_eq!(receipt.outcome(), PaymentOutcome::Complete, "{receipt:?}");
    Ok(order)
}
