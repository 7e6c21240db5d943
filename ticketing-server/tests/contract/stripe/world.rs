//! An engine over a storage whose clock the test moves, with Stripe's stand-in for its gateway.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ticketing_core::domain::order::OrderState;
use ticketing_core::domain::payment::{Payment, PaymentState};
use ticketing_core::domain::refund::{Refund, RefundState};
use ticketing_core::domain::view::OrderView;
use ticketing_core::memory::MemoryStorage;
use ticketing_core::ports::storage::Received;
use ticketing_core::ports::{Storage, WebhookError, WebhookRequest};
use ticketing_core::service::{Duty as _, Error, Progress, WebhookFailure};
use ticketing_core::testing::ManualClock;
use ticketing_core::testing::builders::user;
use ticketing_core::testing::invariants::violations;
use ticketing_core::values::{IntentRef, Money, OrderId, TicketId, Timestamp, UserId};
use ticketing_core::{Duties, NewTicket, PaymentMethod, PaymentOutcome, PaymentReceipt, Ticketing};
use ticketing_postgres::PostgresConfig;
use ticketing_stripe::{SecretKey, StripeConfig, StripeGateway, WebhookSecret};
use ticketing_stripe_stand_in::{Event, IntentStatus, SignedEvent, StandIn};

use crate::database::in_database;

pub(super) const PRICE: Money = Money::usd(20_00);
pub(super) const HOLD: Duration = Duration::from_mins(15);
pub(super) const GRACE: Duration = Duration::from_mins(10);
pub(super) const PATIENCE: Duration = Duration::from_mins(10);
pub(super) const MILLI: Duration = Duration::from_millis(1);
/// More than any of our pauses before something is tried again.
const A_WHILE: Duration = Duration::from_secs(90);
/// How long to wait for what other tasks do.
const SOON: Duration = Duration::from_secs(20);

/// One storage, one engine without background work, and Stripe.
pub(super) struct World {
    pub(super) stripe: StandIn,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) engine: Ticketing,
    /// The same storage, where it is in memory.
    pub(super) memory: Option<MemoryStorage>,
    clock: ManualClock,
    /// Where the clock of a database is.
    database: Option<String>,
}

/// Runs a race over a storage in memory.
pub(super) async fn in_memory(race: impl AsyncFnOnce(&World)) {
    let stripe = StandIn::start().await.unwrap();
    let clock = ManualClock::new(now_of(&stripe));
    let storage = MemoryStorage::with_clock(Arc::new(clock.clone()));
    let world = World::over(stripe, clock, Arc::new(storage.clone()), Some(storage), None).await;
    race(&world).await;
    world.end().await;
}

/// Runs a race over a Postgres database of its own.
pub(super) async fn in_postgres(race: impl AsyncFnOnce(&World)) {
    in_database(async |url| {
        let stripe = StandIn::start().await.unwrap();
        let clock = ManualClock::new(now_of(&stripe));
        set_clock(url, clock.now()).await;
        let storage = PostgresConfig::from_url(url).unwrap().open().await.unwrap();
        let shared = Arc::new(storage.clone());
        let world = World::over(stripe, clock, shared, None, Some(url.to_owned())).await;
        race(&world).await;
        world.end().await;
        storage.close().await;
    })
    .await;
}

fn now_of(stripe: &StandIn) -> Timestamp {
    Timestamp::from_micros(stripe.now() * 1_000_000)
}

async fn tell(url: &str, sql: String) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// Gives the database a clock that stands. Whoever connects from now on goes by it.
async fn set_clock(url: &str, at: Timestamp) {
    let sql = format!(
        "CREATE SCHEMA clocked;
         CREATE TABLE clocked.clock AS
             SELECT timestamptz 'epoch' + {} * interval '1 microsecond' AS at;
         CREATE FUNCTION clocked.clock_timestamp() RETURNS timestamptz
             LANGUAGE sql VOLATILE AS 'SELECT at FROM clocked.clock';
         DO $$ BEGIN EXECUTE format(
             'ALTER DATABASE %I SET search_path = clocked, pg_catalog', current_database());
         END $$",
        at.as_micros()
    );
    tell(url, sql).await;
}

impl World {
    async fn over(
        stripe: StandIn,
        clock: ManualClock,
        storage: Arc<dyn Storage>,
        memory: Option<MemoryStorage>,
        database: Option<String>,
    ) -> Self {
        let engine = engine(&stripe, &clock, &storage, Duration::from_secs(2)).await;
        Self { stripe, storage, engine, memory, clock, database }
    }

    /// A process that waits very long for Stripe: where an answer never comes, as good as dead.
    pub(super) async fn doomed(&self) -> Ticketing {
        engine(&self.stripe, &self.clock, &self.storage, Duration::from_hours(1)).await
    }

    /// The same world after its storage came back as it was when that was copied.
    pub(super) async fn restored(&self, backup: MemoryStorage) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(backup.clone());
        let (stripe, clock) = (self.stripe.clone(), self.clock.clone());
        Self::over(stripe, clock, storage, Some(backup), None).await
    }

    pub(super) fn gateway(&self) -> StripeGateway {
        gateway(&self.stripe, Duration::from_secs(5))
    }

    /// Time goes on, here and at Stripe, without anybody doing anything.
    pub(super) async fn wait(&self, by: Duration) {
        self.clock.advance(by);
        self.stripe.advance(by);
        if let Some(url) = &self.database {
            let micros = by.as_micros();
            let sql =
                format!("UPDATE clocked.clock SET at = at + {micros} * interval '1 microsecond'");
            tell(url, sql).await;
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
            if self.is_settled().await {
                return self.assert_agreement().await;
            }
            self.wait(A_WHILE).await;
        }
        panic!("it never comes to rest: {:?}", self.stripe.ledger());
    }

    async fn known(&self, intent: &str) -> Option<(Payment, Vec<Refund>)> {
        let intent = IntentRef::new(intent).unwrap();
        let payment = self.storage.payment_by_intent(&intent).await.unwrap()?;
        let refunds = self.storage.refunds_of(payment.id).await.unwrap();
        Some((payment, refunds))
    }

    /// The names of the intents that a storage of ours opened.
    async fn ours(&self) -> Vec<String> {
        let store = self.storage.store_id().await.unwrap().to_string();
        let intents = self.stripe.ledger().intents.into_iter();
        let ours = intents.filter(|intent| intent.metadata.get("ticketing_store") == Some(&store));
        ours.map(|intent| intent.id).collect()
    }

    async fn is_settled(&self) -> bool {
        for intent in self.ours().await {
            let Some((payment, refunds)) = self.known(&intent).await else { return false };
            let waits = refunds.iter().any(|refund| refund.next_action_at.is_some());
            if payment.next_action_at.is_some() || waits {
                return false;
            }
        }
        true
    }

    /// M1 to M9: what our books say of every charge is what Stripe's ledger says.
    async fn assert_agreement(&self) {
        let ledger = self.stripe.ledger();
        for id in self.ours().await {
            let intent = ledger.intent(&id).unwrap();
            let (payment, refunds) = self.known(&id).await.unwrap();
            if matches!(payment.state, PaymentState::NeedsOperator { .. }) {
                continue;
            }
            let charge = ledger.charge_of(&id);
            let taken = charge.map_or(0, |charge| charge.captured);
            let captured = payment.state == PaymentState::Captured;
            assert_eq!(intent.amount, payment.amount.minor(), "M5 {payment:?}");
            assert_eq!(captured, intent.status == IntentStatus::Succeeded, "M2 M9 {payment:?}");
            assert_eq!(taken, if captured { payment.amount.minor() } else { 0 }, "M9 {payment:?}");
            assert!(captured || intent.status == IntentStatus::Canceled, "M8 {intent:?}");
            let done = refunds.iter().filter(|refund| refund.state == RefundState::Succeeded);
            let back: i64 = done.map(|refund| refund.amount.minor()).sum();
            assert_eq!(back, charge.map_or(0, |charge| charge.refunded), "M1 M4 M9 {refunds:?}");
            assert!(back <= taken, "M4 {refunds:?}");
            if let Some(order) = payment.order.filter(|_| captured) {
                let complete = matches!(
                    self.state(order).await,
                    OrderState::Complete { .. } | OrderState::Refunded { .. }
                );
                let owed: i64 = refunds.iter().map(|refund| refund.amount.minor()).sum();
                assert!(complete || owed == taken, "M1 M2 {payment:?} {refunds:?}");
            }
        }
        self.assert_one_charge_for_each_order().await;
        if let Some(memory) = &self.memory {
            assert_eq!(violations(&memory.books()), []);
        }
    }

    /// M3: whatever was tried how often, an order has one live attempt, and is paid once.
    async fn assert_one_charge_for_each_order(&self) {
        for intent in self.ours().await {
            let Some((payment, _)) = self.known(&intent).await else { continue };
            let Some(order) = payment.order else { continue };
            let attempts = self.attempts(order).await;
            let live = attempts.iter().filter(|attempt| attempt.is_live()).count();
            let kept = attempts.iter().filter(|attempt| {
                attempt.state == PaymentState::Captured && attempt.refunding.is_zero()
            });
            assert!(live <= 1 && kept.count() <= 1, "M3 {attempts:?}");
        }
    }

    async fn end(&self) {
        self.engine.shutdown().await.unwrap();
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
