//! A whole process stops in the middle of a transaction, and nobody tells. Another one that sells the
//! same tickets goes on within seconds, and the stopped one when it wakes.
//!
//! `TICKETING_LONG=1` stops it for a minute.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use ticketing_core::values::{OrderId, TicketId};
use uuid::Uuid;

use crate::books;
use crate::buyers::{BUYERS, Buyers, Known, Told, engine, storage, two_tickets};
use crate::cluster::signal;
use crate::connections::none_is_in_a_transaction;
use crate::database::Database;

/// Tells the other process its database and the two tickets.
const SHOP: &str = "TICKETING_TEST_SHOP";
/// What it calls itself at the server.
const SELLER: &str = "seller";
/// How an order begins that it tells of.
const ORDER: &str = "order: ";

/// Longer than all time limits of the server.
const STOPPED_FOR: Duration = Duration::from_secs(8);
/// For a release.
const STOPPED_FOR_LONG: Duration = Duration::from_mins(1);
/// How long the server lets a stopped process keep what it has locked, and some more.
const LOCKED_MAX: Duration = Duration::from_secs(9);
const SOON: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often the process is stopped until that is in the middle of a transaction.
const TRIES: usize = 300;

/// The other process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is a process that the other test starts"]
async fn another_process_sells() {
    let shop = env::var(SHOP).expect("the other test says which shop");
    let words: Vec<&str> = shop.split(' ').collect();
    let [url, one, other] = words[..] else { panic!("{shop}") };
    let server: PgConnectOptions = url.parse().unwrap();
    let tickets = [one, other].map(|id| TicketId::from_uuid(id.parse::<Uuid>().unwrap()));
    let engine = engine(storage(&server.application_name(SELLER)).await).await;
    let buyers = Buyers::begin(&engine, tickets, "other");
    let told_to_end = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    told_to_end.await.unwrap();
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    println!();
    for (id, known) in told.orders {
        println!("{ORDER}{id} {known:?}");
    }
}

/// A running one, which ends with this.
struct Seller {
    process: Child,
}

impl Seller {
    fn start(server: &Database, tickets: [TicketId; 2]) -> Self {
        let [one, other] = tickets;
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["--exact", "stopped::another_process_sells", "--ignored", "--nocapture"]);
        program.env(SHOP, format!("{} {one} {other}", server.url()));
        let process = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Self { process }
    }

    fn signal(&self, name: &str) {
        signal(name, self.process.id());
    }

    /// Lets it end, and answers what its buyers were told.
    fn end(&mut self) -> Told {
        drop(self.process.stdin.take().map(|mut stdin| stdin.write_all(b"end\n")));
        let mut told = Told::default();
        for line in BufReader::new(self.process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some((id, known)) = line.strip_prefix(ORDER).and_then(|it| it.split_once(' '))
            else {
                continue;
            };
            let all = [Known::Held, Known::Cancelled, Known::Paid, Known::PaymentUnknown];
            let known = all.into_iter().find(|one| format!("{one:?}") == known).unwrap();
            told.orders.insert(OrderId::from_uuid(id.parse().unwrap()), known);
        }
        assert!(self.process.wait().unwrap().success(), "the other process failed");
        told
    }
}

impl Drop for Seller {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            // One that is stopped is killed as well.
            drop(self.process.kill());
            drop(self.process.wait());
        }
    }
}

/// Waits until the other process has sold so many more.
async fn sells_on(conn: &mut PgConnection, more: usize) -> Duration {
    let began = Instant::now();
    let enough = sales(conn).await + i64::try_from(more).unwrap();
    while sales(conn).await < enough {
        assert!(began.elapsed() < SOON, "the other process does not sell");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    began.elapsed()
}

async fn sales(conn: &mut PgConnection) -> i64 {
    let sql = "SELECT count(*) FROM ticketing.orders WHERE buyer LIKE 'other-%'";
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

/// How many transactions of the other process hold locks of rows while it says nothing.
async fn open_transactions(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = $1 AND state = 'idle in transaction' AND EXISTS \
         (SELECT FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
         WHERE pg_locks.pid = pg_stat_activity.pid AND relname = 'pools' \
         AND mode IN ('RowShareLock', 'RowExclusiveLock'))",
    )
    .bind(SELLER)
    .fetch_one(conn)
    .await
    .unwrap()
}

/// Whether the server still works on something for it.
async fn is_busy(conn: &mut PgConnection) -> bool {
    let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = $1 AND state = 'active')";
    sqlx::query_scalar(sql).bind(SELLER).fetch_one(conn).await.unwrap()
}

/// Stops the other process in the middle of a transaction that has locked a pool.
async fn stop_in_a_transaction(seller: &Seller, conn: &mut PgConnection) {
    for tried in 1..=TRIES {
        seller.signal("STOP");
        let began = Instant::now();
        while is_busy(conn).await {
            assert!(began.elapsed() < SOON, "the server works for a process that stands still");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if open_transactions(conn).await > 0 {
            println!("stopped in the middle of a transaction at the {tried}. time");
            return;
        }
        seller.signal("CONT");
        sells_on(conn, 1).await;
    }
    panic!("it never stopped in the middle of a transaction");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_holds_nobody_up_for_long() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let mut direct = database.connect().await;
    let storage = storage(&database.options).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    let mut seller = Seller::start(&database, tickets);
    sells_on(&mut direct, 5 * BUYERS).await;

    stop_in_a_transaction(&seller, &mut direct).await;
    let stopped = Instant::now();
    let is_long = env::var("TICKETING_LONG").is_ok_and(|long| long == "1");
    let lasts = if is_long { STOPPED_FOR_LONG } else { STOPPED_FOR };
    let mut longest = Duration::ZERO;
    while stopped.elapsed() < lasts {
        longest = longest.max(buyers.next_sale_within(LOCKED_MAX).await);
    }
    assert_eq!(open_transactions(&mut direct).await, 0, "the server has taken its locks back");
    let refused = buyers.refusals();
    println!(
        "stopped for {lasts:?}: the longest without a sale elsewhere was {longest:?}, {refused} refusals"
    );

    let woken = Instant::now();
    seller.signal("CONT");
    sells_on(&mut direct, BUYERS + 1).await;
    println!("it sells again {:?} after it was woken", woken.elapsed());
    buyers.go_on_within(SOON).await;
    let others = seller.end();
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    none_is_in_a_transaction(&mut direct).await;
    storage.close().await;
    told.report();
    println!("{} orders of the other process", others.orders.len());
    books::agree(&database.options, &[&told, &others]).await;
}
