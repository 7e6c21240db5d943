//! One reservation whose connection is cut in the middle: its buyer hears of one order, and there is
//! one.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use ticketing_core::domain::view::OrderView;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use ticketing_core::{Duties, Error, NewTicket, Ticketing};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::buyers::storage;
use crate::database::Database;
use crate::proxy::{Cut, Proxy, Way};

/// Longer than it takes to find out.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How many reservations it takes until the next one is a single statement.
const WARM_UP: usize = 4;
/// Longer than an answer takes that is not held back.
const A_MOMENT: Duration = Duration::from_millis(200);

/// A shop whose server is behind a network, and the way around it. Nothing goes on there but what
/// buyers do.
struct Shop {
    engine: Ticketing,
    proxy: Proxy,
    direct: PgConnection,
    ticket: TicketId,
    _database: Database,
}

impl Shop {
    async fn open(new: NewTicket) -> Self {
        let database = Database::migrated(&ticketing_postgres::migrations()).await;
        let proxy = Proxy::to(&database.options).await;
        let storage = storage(&proxy.way_to(&database.options)).await;
        let engine = Ticketing::builder().storage(storage).gateway(MemoryGateway::new());
        let engine = engine.duties(Duties::NONE).start().await.unwrap();
        let seller = UserId::new("seller").unwrap();
        let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap().id;
        Self { engine, proxy, direct: database.connect().await, ticket, _database: database }
    }

    /// Reserves as long as all is well, so that a connection knows the statement, and waits until
    /// that is back in its pool.
    async fn reserve_well(&self, buyer: &str) {
        self.reserve(buyer).await.unwrap().unwrap();
        self.proxy.fall_quiet().await;
    }

    /// Begins to reserve.
    fn reserve(&self, buyer: &str) -> JoinHandle<Result<OrderView, Error>> {
        let (orders, ticket) = (self.engine.orders(), self.ticket);
        let buyer = UserId::new(buyer).unwrap();
        tokio::spawn(async move { orders.reserve(buyer, [(ticket, 1)]).await })
    }

    async fn orders(&mut self) -> Vec<OrderId> {
        let sql = "SELECT id FROM ticketing.orders ORDER BY created_at";
        let ids: Vec<Uuid> = sqlx::query_scalar(sql).fetch_all(&mut self.direct).await.unwrap();
        ids.into_iter().map(OrderId::from_uuid).collect()
    }

    async fn wait_for_orders(&mut self, count: usize) {
        let began = Instant::now();
        while self.orders().await.len() < count {
            assert!(began.elapsed() < PATIENCE, "it never came to {count} orders");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for an order that is stored while its buyer can't know of it.
    async fn wait_for_unheard(
        &mut self,
        reserving: &mut JoinHandle<Result<OrderView, Error>>,
        count: usize,
    ) {
        self.wait_for_orders(count).await;
        let heard = timeout(A_MOMENT, reserving).await;
        assert!(heard.is_err(), "nobody can have heard this: {heard:?}");
    }

    /// What the buyer hears is what is stored, and nothing else is.
    async fn expect_last(&mut self, reserving: JoinHandle<Result<OrderView, Error>>, count: usize) {
        let heard = timeout(PATIENCE, reserving).await.expect("an answer").unwrap();
        let heard = heard.expect("the buyer hears of the order");
        let orders = self.orders().await;
        assert_eq!((orders.len(), orders.last()), (count, Some(&heard.id)));
        let held: i64 = sqlx::query_scalar("SELECT held FROM ticketing.pools WHERE id = $1")
            .bind(self.ticket.as_uuid())
            .fetch_one(&mut self.direct)
            .await
            .unwrap();
        assert_eq!(usize::try_from(held).unwrap(), count);
    }
}

fn many_places() -> NewTicket {
    NewTicket::new("A place", Money::usd(20_00)).quantity(1_000)
}

/// The commit of a transaction happened, and its answer is lost. Where buyers have a limit, no group
/// is tried in one statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_commit_is_lost() {
    for how in [Cut::Reset, Cut::Close] {
        let mut shop = Shop::open(many_places().max_per_buyer(5)).await;
        shop.proxy.hold_answer_to("COMMIT");
        let mut reserving = shop.reserve("buyer");
        shop.wait_for_unheard(&mut reserving, 1).await;
        shop.proxy.cut(how);
        shop.proxy.calm();
        shop.expect_last(reserving, 1).await;
        shop.engine.shutdown().await.unwrap();
    }
}

/// The same of a group that is one statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_prediction_is_lost() {
    let mut shop = Shop::open(many_places()).await;
    for round in 1..5 {
        // What follows a cut goes another way: it finds out, reads, and makes a connection.
        for number in 0..WARM_UP {
            shop.reserve_well(&format!("before-{round}-{number}")).await;
        }
        let count = (WARM_UP + 1) * round;
        shop.proxy.hold(Way::ToClient);
        let mut reserving = shop.reserve(&format!("buyer-{count}"));
        shop.wait_for_unheard(&mut reserving, count).await;
        shop.proxy.cut(Cut::Reset);
        shop.proxy.calm();
        shop.expect_last(reserving, count).await;
    }
    shop.engine.shutdown().await.unwrap();
}

/// The statement never arrives, which looks the same from here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_to_be_committed_never_arrives() {
    let mut shop = Shop::open(many_places()).await;
    for round in 1..5 {
        shop.reserve_well(&format!("before-{round}")).await;
        let count = 2 * round;
        shop.proxy.hold(Way::ToServer);
        let mut reserving = shop.reserve(&format!("buyer-{count}"));
        // Long enough for it to have been sent: were it let through, it would be answered.
        let early = timeout(A_MOMENT, &mut reserving).await;
        assert!(early.is_err(), "nobody can have answered");
        assert_eq!(shop.orders().await.len(), count - 1, "nothing has arrived");
        shop.proxy.cut(Cut::Reset);
        shop.proxy.calm();
        shop.expect_last(reserving, count).await;
    }
    shop.engine.shutdown().await.unwrap();
}

/// Nothing is ever said of a connection that leads nowhere: its time runs out, and the same batch is
/// committed by another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_falls_silent_for_ever() {
    let mut shop = Shop::open(many_places()).await;
    shop.reserve_well("first").await;
    let began = Instant::now();
    shop.proxy.hold_on_old_connections(Way::ToClient);
    let mut reserving = shop.reserve("second");
    shop.wait_for_unheard(&mut reserving, 2).await;
    shop.expect_last(reserving, 2).await;
    println!("the answer came {:?} after a connection had fallen silent", began.elapsed());
    shop.proxy.calm();
    shop.engine.shutdown().await.unwrap();
}
