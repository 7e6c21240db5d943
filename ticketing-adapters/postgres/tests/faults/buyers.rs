//! Buyers who reserve as long as they are let, and never give up a reservation whose answer was lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{IdempotencyKey, Money, OrderId, TicketId, UserId};
use ticketing_core::{Caller, Error, NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use ticketing_postgres::{PostgresConfig, PostgresStorage};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How many buy at once.
pub(crate) const BUYERS: usize = 12;
/// What they buy together between two faults.
const MUCH: usize = 10 * BUYERS;
/// More than anybody buys.
const UNITS: u32 = 10_000_000;
/// Longer than any call may take: a writer that is never told anything gives up before.
const LONGEST: Duration = Duration::from_secs(30);
/// The same of a process that stands still meanwhile.
const FOR_EVER: Duration = Duration::from_mins(2);
/// How long a buyer waits who was told to try again.
const BREATH: Duration = Duration::from_millis(25);
/// How long buyers may take to hear how their last reservations ended.
const TO_THE_END: Duration = Duration::from_secs(40);

/// A storage that leaves room for others on the same server.
pub(crate) async fn storage(server: &PgConnectOptions) -> PostgresStorage {
    let config = PostgresConfig::new(server.clone()).lanes(2).readers(2).background(2);
    config.open().await.unwrap()
}

/// An engine with all of its duties.
pub(crate) async fn engine(storage: PostgresStorage) -> Ticketing {
    Ticketing::builder().storage(storage).gateway(MemoryGateway::new()).start().await.unwrap()
}

/// Puts two tickets on sale.
pub(crate) async fn two_tickets(engine: &Ticketing) -> [TicketId; 2] {
    let seller = UserId::new("seller").unwrap();
    let list = async |title: &str| {
        let new = NewTicket::new(title, Money::usd(20_00)).quantity(UNITS);
        engine.tickets().list_for_sale(seller.clone(), new).await.unwrap().id
    };
    [list("Front row").await, list("Back row").await]
}

/// How an order must stand, as far as its buyer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was reserved, and nothing else.
    Held,
    /// It was cancelled.
    Cancelled,
    /// It was paid for.
    Paid,
    /// It was reserved; nobody knows whether its payment went on.
    PaymentUnknown,
}

/// What buyers were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Every order that they were told of.
    pub(crate) orders: BTreeMap<OrderId, Known>,
    /// How often each code was told.
    pub(crate) refused: BTreeMap<&'static str, usize>,
    /// The longest that a call took.
    pub(crate) longest: Duration,
}

impl Told {
    /// Prints what they were told, none of which took too long.
    pub(crate) fn report(&self) {
        let Self { orders, refused, longest } = self;
        println!(
            "{} orders, the longest call took {longest:?}, refused: {refused:?}",
            orders.len()
        );
        assert!(*longest < LONGEST, "a call took {longest:?}");
    }
}

/// Buyers at work.
pub(crate) struct Buyers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    sales: watch::Receiver<usize>,
}

struct Shared {
    engine: Ticketing,
    tickets: [TicketId; 2],
    name: String,
    is_over: AtomicBool,
    told: Mutex<Told>,
    sold: watch::Sender<usize>,
}

impl Buyers {
    /// Lets them begin. Those of other engines bear another name.
    pub(crate) fn begin(engine: &Ticketing, tickets: [TicketId; 2], name: &str) -> Self {
        let (sold, sales) = watch::channel(0);
        let shared = Arc::new(Shared {
            engine: engine.clone(),
            tickets,
            name: name.to_owned(),
            is_over: AtomicBool::new(false),
            told: Mutex::default(),
            sold,
        });
        let mut tasks = JoinSet::new();
        for number in 0..BUYERS {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move { shared.buy_on(number).await });
        }
        Self { shared, tasks, sales }
    }

    /// Waits until every buyer can have bought something that was begun after this. Answers how long
    /// that took.
    pub(crate) async fn go_on_within(&mut self, bound: Duration) -> Duration {
        let began = Instant::now();
        let enough = *self.sales.borrow_and_update() + BUYERS + 1;
        let went_on = timeout(bound, self.sales.wait_for(|sales| *sales >= enough)).await;
        let told = || format!("{:?}", self.shared.told.lock().unwrap().refused);
        assert!(went_on.is_ok(), "nobody bought on within {bound:?}; {}", told());
        began.elapsed()
    }

    /// Waits until they have bought a good deal more.
    pub(crate) async fn buy_much(&mut self) {
        let enough = *self.sales.borrow_and_update() + MUCH;
        let bought = timeout(LONGEST, self.sales.wait_for(|sales| *sales >= enough)).await;
        assert!(
            bought.is_ok(),
            "they buy so little: {:?}",
            self.shared.told.lock().unwrap().refused
        );
    }

    /// Waits for the next sale, and answers how long it took.
    pub(crate) async fn next_sale_within(&mut self, bound: Duration) -> Duration {
        let began = Instant::now();
        self.sales.borrow_and_update();
        timeout(bound, self.sales.changed()).await.expect("a sale").unwrap();
        began.elapsed()
    }

    /// How often something was refused by now.
    pub(crate) fn refusals(&self) -> usize {
        self.shared.told.lock().unwrap().refused.values().sum()
    }

    /// Lets them end what they have begun, and answers what they were told.
    pub(crate) async fn end(mut self) -> Told {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.unwrap();
            }
        };
        timeout(TO_THE_END, all).await.expect("every buyer hears how it ended");
        std::mem::take(&mut self.shared.told.lock().unwrap())
    }
}

impl Shared {
    async fn buy_on(&self, number: usize) {
        let buyer = UserId::new(format!("{}-{number}", self.name)).unwrap();
        let mut count = number;
        while !self.is_over.load(Ordering::Relaxed) {
            count += 1;
            self.buy(&buyer, count).await;
        }
    }

    /// Reserves, and does with the order what comes next.
    async fn buy(&self, buyer: &UserId, count: usize) {
        let [one, other] = self.tickets;
        let lines = match count % 3 {
            0 => vec![(one, 1), (other, 1)],
            1 => vec![(other, 1)],
            _ => vec![(one, 2)],
        };
        let key = IdempotencyKey::new(format!("checkout-{count}")).unwrap();
        let engine = self.engine.caller(Caller::default().with_key(key));
        let orders = engine.orders();
        let order = self.until_told(|| orders.reserve(buyer.clone(), lines.clone())).await;
        self.note(order.id, Known::Held);
        self.sold.send_modify(|sales| *sales += 1);
        match count % 4 {
            0 => {
                let orders = self.engine.orders();
                self.until_told(|| orders.cancel(buyer, order.id)).await;
                self.note(order.id, Known::Cancelled);
            }
            1 => self.pay(buyer, order.id).await,
            _ => {}
        }
    }

    async fn pay(&self, buyer: &UserId, order: OrderId) {
        let visa = PaymentMethod::card_token("tok_visa");
        self.note(order, Known::PaymentUnknown);
        let payments = self.engine.payments();
        let paid = self.in_time(payments.pay(buyer, order, visa)).await;
        if paid.is_some_and(|receipt| receipt.outcome() == PaymentOutcome::Complete) {
            self.note(order, Known::Paid);
        }
    }

    fn note(&self, order: OrderId, known: Known) {
        self.told.lock().unwrap().orders.insert(order, known);
    }

    /// Does it until it is told how it ended.
    async fn until_told<T, F>(&self, act: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, Error>>,
    {
        loop {
            if let Some(told) = self.in_time(act()).await {
                return told;
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Does it once: nothing if it is to be tried again.
    async fn in_time<T>(&self, act: impl Future<Output = Result<T, Error>>) -> Option<T> {
        let began = Instant::now();
        let answer = timeout(FOR_EVER, act).await.expect("no call hangs");
        let mut told = self.told.lock().unwrap();
        told.longest = told.longest.max(began.elapsed());
        match answer {
            Ok(done) => Some(done),
            Err(Error::Unavailable { .. }) => {
                *told.refused.entry("unavailable").or_default() += 1;
                None
            }
            Err(Error::Overloaded { .. }) => {
                *told.refused.entry("overloaded").or_default() += 1;
                None
            }
            Err(other) => panic!("nobody is told of this: {other:?}"),
        }
    }
}
