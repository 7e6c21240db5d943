//! An engine over a storage whose clock the test moves, with Stripe's stand-in for its gateway.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::domain::order::OrderState;
use ticketing_core::domain::payment::Payment;
use ticketing_core::domain::view::OrderView;
use ticketing_core::memory::MemoryStorage;
use ticketing_core::ports::storage::Received;
use ticketing_core::ports::{Storage, WebhookError, WebhookRequest};
use ticketing_core::service::{Duty as _, Error, Progress, WebhookFailure};
use ticketing_core::testing::ManualClock;
use ticketing_core::testing::builders::user;
use ticketing_core::testing::invariants::violations;
use ticketing_core::values::{Money, OrderId, TicketId, Timestamp, UserId};
use ticketing_core::{Duties, NewTicket, PaymentMethod, PaymentOutcome, PaymentReceipt, Ticketing};
use ticketing_postgres::{PostgresConfig, PostgresInspector, PostgresStorage};
use ticketing_stripe::{SecretKey, StripeConfig, StripeGateway, WebhookSecret};
use ticketing_stripe_stand_in::{Event, IntentStatus, SignedEvent, StandIn};

use super::agreement::Agreement;
use crate::database::{Backup, Clocked, in_database};

pub(super) const PRICE: Money = Money::usd(20_00);
pub(super) const HOLD: Duration = Duration::from_mins(15);
pub(super) const GRACE: Duration = Duration::from_mins(10);
pub(super) const PATIENCE: Duration = Duration::from_mins(10);
pub(super) const MILLI: Duration = Duration::from_millis(1);
/// More than any of our pauses before something is tried again.
const A_WHILE: Duration = Duration::from_secs(90);
/// How long to wait for what other tasks do.
const SOON: Duration = Duration::from_secs(20);

/// Tests of these functions, each over each storage. What is in braces is in a module of that name.
macro_rules! each_storage {
    ($($name:ident)+) => {
        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::stripe::world::in_memory(super::$name).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::stripe::world::in_postgres(super::$name).await;
                }
            )+
        }
    };
    ($($file:ident { $($name:ident)+ })+) => {
        mod memory {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::stripe::world::in_memory(super::$file::$name).await;
                }
            )+)+
        }

        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::stripe::world::in_postgres(super::$file::$name).await;
                }
            )+)+
        }
    };
}

pub(super) use each_storage;

/// One storage, one engine without background work, and Stripe.
pub(super) struct World {
    pub(super) stripe: StandIn,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) engine: Ticketing,
    pub(super) agreement: Agreement,
    clock: ManualClock,
    place: Place,
}

/// Where its storage is.
enum Place {
    Memory(MemoryStorage),
    Database { clock: Clocked, storage: PostgresStorage },
}

/// What a storage was like at some time.
pub(super) enum Copied {
    Memory(MemoryStorage),
    Database(Backup),
}

/// Runs a race over a storage in memory.
pub(super) async fn in_memory(race: impl AsyncFnOnce(&World)) {
    let stripe = StandIn::start().await.unwrap();
    let clock = ManualClock::new(now_of(&stripe));
    let storage = MemoryStorage::with_clock(Arc::new(clock.clone()));
    let world = World::over(stripe, clock, Place::Memory(storage)).await;
    race(&world).await;
    world.end().await;
}

/// Runs a race over a Postgres database of its own.
pub(super) async fn in_postgres(race: impl AsyncFnOnce(&World)) {
    in_database(async |url| {
        let stripe = StandIn::start().await.unwrap();
        let clock = ManualClock::new(now_of(&stripe));
        let place = Place::database(Clocked::standing(url, clock.now()).await).await;
        let world = World::over(stripe, clock, place).await;
        race(&world).await;
        world.end().await;
    })
    .await;
}

fn now_of(stripe: &StandIn) -> Timestamp {
    Timestamp::from_micros(stripe.now() * 1_000_000)
}

impl Place {
    async fn database(clock: Clocked) -> Self {
        let storage = PostgresConfig::from_url(clock.url()).unwrap().open().await.unwrap();
        Self::Database { clock, storage }
    }

    fn storage(&self) -> Arc<dyn Storage> {
        match self {
            Self::Memory(storage) => Arc::new(storage.clone()),
            Self::Database { storage, .. } => Arc::new(storage.clone()),
        }
    }
}

impl World {
    async fn over(stripe: StandIn, clock: ManualClock, place: Place) -> Self {
        let storage = place.storage();
        let engine = engine(&stripe, &clock, &storage, Duration::from_secs(2)).await;
        let agreement = Agreement::watched(Arc::clone(&storage), stripe.clone());
        Self { stripe, storage, engine, agreement, clock, place }
    }

    /// A process that waits very long for Stripe: where an answer never comes, as good as dead.
    pub(super) async fn doomed(&self) -> Ticketing {
        engine(&self.stripe, &self.clock, &self.storage, Duration::from_hours(1)).await
    }

    /// A copy of its storage as it is now, while it goes on.
    pub(super) async fn copied(&self) -> Copied {
        match &self.place {
            Place::Memory(storage) => Copied::Memory(storage.fork()),
            Place::Database { clock, .. } => Copied::Database(Backup::of(clock.url()).await),
        }
    }

    /// The same world after its storage came back as it was when that was copied.
    pub(super) async fn restored(&self, copied: &Copied) -> Self {
        self.engine.shutdown().await.unwrap();
        let place = match (&self.place, copied) {
            (Place::Memory(_), Copied::Memory(storage)) => Place::Memory(storage.clone()),
            (Place::Database { clock, storage }, Copied::Database(backup)) => {
                storage.close().await;
                backup.restore(clock.url()).await;
                let clock = clock.restored(self.clock.now()).await;
                Place::database(clock).await
            }
            _ => panic!("that is no copy of this"),
        };
        Self::over(self.stripe.clone(), self.clock.clone(), place).await
    }

    pub(super) fn gateway(&self) -> StripeGateway {
        gateway(&self.stripe, Duration::from_secs(5))
    }

    /// Time goes on, here and at Stripe, without anybody doing anything.
    pub(super) async fn wait(&self, by: Duration) {
        self.clock.advance(by);
        self.stripe.advance(by);
        if let Place::Database { clock, .. } = &self.place {
            clock.advance(by).await;
        }
    }

    pub(super) async fn wait_until(&self, at: Timestamp) {
        self.wait(at.since(self.clock.now())).await;
    }

    /// Time goes on in steps, and the background work with it.
    pub(super) async fn pass(&self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(Duration::from_mins(1));
            self.wait(step).await;
            self.work().await;
            left -= step;
        }
    }

    /// The background work does what there is to do now. What fails is tried again later.
    pub(super) async fn work(&self) {
        let (mut sweeper, mut reconciler) =
            (self.engine.expiry_sweeper(), self.engine.payment_reconciler());
        for _ in 0..10 {
            let swept = sweeper.step().await.unwrap();
            let asked = reconciler.step().await.unwrap_or(Progress::Idle);
            if swept == Progress::Idle && asked == Progress::Idle {
                break;
            }
        }
    }

    pub(super) async fn list(&self, quantity: u32) -> TicketId {
        let new = NewTicket::new("A place", PRICE).quantity(quantity);
        self.engine.tickets().list_for_sale(user("seller"), new).await.unwrap().id
    }

    pub(super) async fn held_by(&self, buyer: &UserId) -> OrderView {
        let ticket = self.list(1).await;
        self.reserve(buyer, ticket).await
    }

    pub(super) async fn reserve(&self, buyer: &UserId, ticket: TicketId) -> OrderView {
        self.engine.orders().reserve(buyer.clone(), [(ticket, 1)]).await.unwrap()
    }

    pub(super) async fn pay(
        &self,
        order: &OrderView,
        token: &str,
    ) -> Result<PaymentReceipt, Error> {
        pay(&self.engine, order, token).await
    }

    pub(super) async fn pays(&self, order: &OrderView, token: &str) -> PaymentOutcome {
        self.pay(order, token).await.unwrap().outcome()
    }

    /// Opens an intent that the buyer's browser confirms.
    pub(super) async fn opened(&self, order: &OrderView) -> String {
        drop(self.engine.payments().open(&order.buyer_id, order.id).await.unwrap());
        self.stripe.ledger().intents.pop().unwrap().id
    }

    /// Delivers an event, signed by this world's time.
    pub(super) async fn deliver(&self, event: &Event) -> Received {
        for _ in 0..3 {
            match self.engine.payments().webhook(&self.signed(event)).await {
                Ok(received) => return received,
                // A commit that ran while the test moved the clocks has learned a time between them.
                Err(WebhookFailure::NotBelieved(WebhookError::OutOfDate)) => self.work().await,
                Err(failure) => panic!("{failure:?}"),
            }
        }
        panic!("its time is never believed")
    }

    pub(super) fn signed(&self, event: &Event) -> WebhookRequest {
        let seconds = self.clock.now().as_micros() / 1_000_000;
        let signed = SignedEvent::sign(event.body(), self.stripe.webhook_secret(), seconds);
        let headers = vec![("stripe-signature".to_owned(), signed.signature)];
        WebhookRequest { body: signed.body, headers }
    }

    pub(super) async fn deliver_all(&self) {
        for event in self.stripe.take_events() {
            self.deliver(&event).await;
        }
    }

    pub(super) async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, waiting).await.unwrap_or_else(|_late| {
            panic!("it never came to this: {what}: {:?}", self.stripe.ledger())
        });
    }

    pub(super) async fn state(&self, order: OrderId) -> OrderState {
        self.storage.order(order).await.unwrap().unwrap().state
    }

    pub(super) async fn attempts(&self, order: OrderId) -> Vec<Payment> {
        self.storage.payments_of(order).await.unwrap()
    }

    pub(super) fn statuses(&self) -> Vec<IntentStatus> {
        self.stripe.ledger().intents.iter().map(|intent| intent.status).collect()
    }

    pub(super) async fn units(&self, ticket: TicketId) -> (u32, u32) {
        let listing = self.storage.listings(&[ticket]).await.unwrap().pop().unwrap();
        (listing.pool.held, listing.pool.sold)
    }

    /// The order is complete, its unit sold, and its money taken once.
    pub(super) async fn assert_sold_once(&self, order: &OrderView) {
        let state = self.state(order.id).await;
        assert!(matches!(state, OrderState::Complete { .. }), "{state:?}");
        assert_eq!(self.units(order.lines[0].ticket_id).await, (0, 1));
        let charges = self.stripe.ledger().charges;
        let taken: i64 = charges.iter().map(|charge| charge.captured - charge.refunded).sum();
        assert_eq!(taken, PRICE.minor(), "{charges:?}");
    }

    /// Everybody gets the time to finish; then both ledgers agree.
    pub(super) async fn rest(&self) {
        for _ in 0..60 {
            self.deliver_all().await;
            self.work().await;
            if self.agreement.is_at_rest().await {
                return self.assert_agreement().await;
            }
            self.wait(A_WHILE).await;
        }
        panic!("it never comes to rest: {:?}", self.stripe.ledger());
    }

    /// M1 to M9, and everything else that must hold of the books.
    async fn assert_agreement(&self) {
        Agreement::assert_none(&self.agreement.broken().await);
        match &self.place {
            Place::Memory(storage) => assert_eq!(violations(&storage.books()), []),
            Place::Database { clock, .. } => {
                let mut inspector = PostgresInspector::from_url(clock.url()).await.unwrap();
                assert_eq!(inspector.verify().await.unwrap(), []);
            }
        }
    }

    pub(super) async fn end(&self) {
        self.engine.shutdown().await.unwrap();
        if let Place::Database { storage, .. } = &self.place {
            storage.close().await;
        }
    }
}

pub(super) async fn pay(
    engine: &Ticketing,
    order: &OrderView,
    token: &str,
) -> Result<PaymentReceipt, Error> {
    engine.payments().pay(&order.buyer_id, order.id, PaymentMethod::card_token(token)).await
}

fn gateway(stripe: &StandIn, try_within: Duration) -> StripeGateway {
    StripeConfig::new(SecretKey::new(stripe.secret_key()).unwrap())
        .webhook_secret(WebhookSecret::new(stripe.webhook_secret()).unwrap())
        .address(stripe.url())
        .try_within(try_within)
        .tries(1)
        .open()
        .unwrap()
}

async fn engine(
    stripe: &StandIn,
    clock: &ManualClock,
    storage: &Arc<dyn Storage>,
    try_within: Duration,
) -> Ticketing {
    Ticketing::builder()
        .shared_storage(Arc::clone(storage))
        .gateway(gateway(stripe, try_within))
        .clock(Arc::new(clock.clone()))
        .hold_for(HOLD)
        .pay_grace(GRACE)
        .settings(|settings| settings.gateway_patience = PATIENCE)
        .duties(Duties::NONE)
        .start()
        .await
        .unwrap()
}
