//! Crowds at two processes over one database: exact, and nobody hears of locks.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]
#![expect(clippy::indexing_slicing, reason = "and so must one that is wrong")]

mod database;

use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgConnection};
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{Money, TicketId, UserId};
use ticketing_core::{Error, NewTicket, Ticketing};
use ticketing_postgres::{PostgresConfig, PostgresInspector, PostgresStorage};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::database::Database;

const CALLERS: usize = 10_000;
const UNITS: u32 = 1_000;

/// Tickets of crossing orders, and how many units each has.
const TICKETS: usize = 12;
const EACH: u32 = 500;
const CROSSING: usize = 4_000;

/// A process: an engine and its storage.
struct Process {
    engine: Ticketing,
    storage: PostgresStorage,
}

impl Process {
    async fn start(database: &Database) -> Self {
        let config = PostgresConfig::new(database.options.clone());
        let storage = config.readers(4).open().await.unwrap();
        let engine = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
        // Nobody is to be sent away for want of a place in the queue.
        let engine = engine.settings(|settings| settings.queue_max = 4 * CALLERS);
        Self { engine: engine.start().await.unwrap(), storage }
    }

    async fn list(&self, title: &str, units: u32) -> TicketId {
        let new = NewTicket::new(title, Money::usd(20_00)).quantity(units);
        let seller = UserId::new("seller").unwrap();
        self.engine.tickets().list_for_sale(seller, new).await.unwrap().id
    }

    async fn end(self) {
        self.engine.shutdown().await.unwrap();
        self.storage.close().await;
    }
}

/// Lets everybody reserve at the same moment, one half at each process. Answers how many got
/// something, and that all others heard that it is sold out.
async fn rush(processes: &[Process; 2], wanted: Vec<Vec<(TicketId, u32)>>) -> usize {
    let (got, others) = rush_whatever_is_heard(processes, wanted).await;
    assert!(others.is_empty(), "{others:#?}");
    got
}

/// The same, with what others heard instead.
async fn rush_whatever_is_heard(
    processes: &[Process; 2],
    wanted: Vec<Vec<(TicketId, u32)>>,
) -> (usize, Vec<Error>) {
    let start = Arc::new(Barrier::new(wanted.len()));
    let mut crowd = JoinSet::new();
    for (number, lines) in wanted.into_iter().enumerate() {
        let (engine, start) = (processes[number % 2].engine.clone(), Arc::clone(&start));
        crowd.spawn(async move {
            let buyer = UserId::new(format!("buyer-{number}")).unwrap();
            start.wait().await;
            engine.orders().reserve(buyer, lines).await
        });
    }
    let (mut got, mut others) = (0, Vec::new());
    while let Some(answer) = crowd.join_next().await {
        match answer.unwrap() {
            Ok(_) => got += 1,
            Err(Error::Rejected(rejection)) => assert_eq!(rejection.code(), "sold_out"),
            Err(other) => others.push(other),
        }
    }
    (got, others)
}

async fn books_are_in_order(database: &Database) {
    let mut inspector = PostgresInspector::connect(database.options.clone()).await.unwrap();
    let found = inspector.verify().await.unwrap();
    assert!(found.is_empty(), "{found:#?}");
}

async fn number(conn: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_at_two_processes_gets_exactly_what_there_is() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let processes = [Process::start(&database).await, Process::start(&database).await];
    let ticket = processes[0].list("Front row", UNITS).await;
    let got = rush(&processes, vec![vec![(ticket, 1)]; CALLERS]).await;
    assert_eq!(got, usize::try_from(UNITS).unwrap());
    for process in processes {
        process.end().await;
    }
    let mut conn = database.connect().await;
    for sql in [
        "SELECT held FROM ticketing.pools",
        "SELECT count(*) FROM ticketing.orders WHERE state = 'created'",
        "SELECT sum(quantity)::bigint FROM ticketing.orders",
        "SELECT count(DISTINCT id) FROM ticketing.events WHERE kind = 'order'",
        "SELECT count(*) FROM ticketing.events WHERE kind = 'order'",
    ] {
        assert_eq!(number(&mut conn, sql).await, i64::from(UNITS), "{sql}");
    }
    books_are_in_order(&database).await;
}

/// Two or three tickets of all, in an order of their own.
fn crossing(tickets: &[TicketId], number: usize) -> Vec<(TicketId, u32)> {
    let one = number % TICKETS;
    let other = (one + 1 + number / TICKETS % (TICKETS - 1)) % TICKETS;
    let third = (other + 1 + number % 5) % TICKETS;
    let mut lines = vec![(tickets[one], 1), (tickets[other], 2)];
    if number.is_multiple_of(3) && third != one {
        lines.push((tickets[third], 1));
    }
    if number.is_multiple_of(2) {
        lines.reverse();
    }
    lines
}

/// How many deadlocks the server has ended in this database. What a connection has to tell is
/// counted when that ends.
async fn deadlocks(database: &Database) -> i64 {
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    number(&mut database.connect().await, sql).await
}

/// Two processes that know all of the pools, so that most orders of several tickets are tried in one
/// statement.
async fn shops_with_many_tickets(database: &Database) -> ([Process; 2], Vec<TicketId>) {
    let processes = [Process::start(database).await, Process::start(database).await];
    let mut tickets = Vec::new();
    for number in 0..TICKETS {
        tickets.push(processes[0].list(&format!("Row {number}"), EACH).await);
    }
    for process in &processes {
        let buyer = UserId::new("first").unwrap();
        let all = tickets.iter().map(|ticket| (*ticket, 1));
        process.engine.orders().reserve(buyer, all.take(8)).await.unwrap();
        let buyer = UserId::new("second").unwrap();
        let rest = tickets.iter().skip(8).map(|ticket| (*ticket, 1));
        process.engine.orders().reserve(buyer, rest).await.unwrap();
    }
    (processes, tickets)
}

/// Orders of several tickets cross each other: nobody waits for a lock that another one has who
/// waits for his.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn crossing_orders_at_two_processes_wait_for_nobody() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    notice_deadlocks(&database).await;
    let before = deadlocks(&database).await;
    let (processes, tickets) = shops_with_many_tickets(&database).await;
    let wanted = (0..CROSSING).map(|number| crossing(&tickets, number)).collect();
    let got = rush(&processes, wanted).await;
    for process in processes {
        process.end().await;
    }
    books_are_in_order(&database).await;
    let mut conn = database.connect().await;
    let orders = number(&mut conn, "SELECT count(*) FROM ticketing.orders").await;
    assert_eq!(orders, i64::try_from(got).unwrap() + 4, "all of an order's lines or none");
    let left = number(&mut conn, "SELECT sum(capacity - held)::bigint FROM ticketing.pools").await;
    let deadlocks = deadlocks(&database).await - before;
    println!("{got} orders, {left} units left, {deadlocks} deadlocks");
    assert_eq!(deadlocks, 0);
}

/// The planted bug B15: pools that are locked in any order bring about what the crowd above looks
/// for. Nothing is sold twice all the same.
#[cfg(feature = "planted-bugs")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn locks_in_any_order_are_found_by_a_crowd() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    notice_deadlocks(&database).await;
    let before = deadlocks(&database).await;
    let (processes, tickets) = shops_with_many_tickets(&database).await;
    ticketing_postgres::planted::lock_in_any_order();
    let wanted = (0..CROSSING).map(|number| crossing(&tickets, number)).collect();
    let (got, others) = rush_whatever_is_heard(&processes, wanted).await;
    for process in processes {
        process.end().await;
    }
    books_are_in_order(&database).await;
    let deadlocks = deadlocks(&database).await - before;
    println!("{got} orders, {deadlocks} deadlocks, {} heard of them", others.len());
    assert!(deadlocks > 0, "B15 is not found");
}

/// A deadlock is looked for after a second by default. By then it is none any more, since nobody
/// waits so long here.
async fn notice_deadlocks(database: &Database) {
    let name = database.options.get_database().unwrap();
    let set = format!("ALTER DATABASE {name} SET deadlock_timeout TO '5ms'");
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut database.connect().await).await.unwrap();
    let mut another = database.connect().await;
    let shown: String =
        sqlx::query_scalar("SHOW deadlock_timeout").fetch_one(&mut another).await.unwrap();
    assert_eq!(shown, "5ms");
}
