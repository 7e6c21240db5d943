//! Shops as they are often written, in the same database: they sell more than there is. So the
//! races that this storage wins can be lost here.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use tokio::sync::Barrier;

use crate::database::Database;

const CAPACITY: i64 = 3;
const BUYERS: usize = 8;
const SOON: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A database with a table of places that were sold.
async fn shop() -> Database {
    let database = Database::empty().await;
    run(&mut database.connect().await, "CREATE TABLE public.sold (buyer bigint PRIMARY KEY)").await;
    database
}

async fn run(conn: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(conn).await.unwrap();
}

async fn begin(conn: &mut PgConnection, isolation: &str) {
    let sql = format!("BEGIN ISOLATION LEVEL {isolation}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

async fn sold(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM public.sold").fetch_one(conn).await.unwrap()
}

/// Writes it down, if there is still a place among those that were seen. Answers whether the
/// database took it.
async fn sell(conn: &mut PgConnection, seen: i64, buyer: i64) -> bool {
    if seen >= CAPACITY {
        run(conn, "ROLLBACK").await;
        return false;
    }
    let insert = sqlx::query("INSERT INTO public.sold VALUES ($1)").bind(buyer);
    let inserted = insert.execute(&mut *conn).await;
    let committed = sqlx::raw_sql("COMMIT").execute(&mut *conn).await;
    inserted.is_ok() && committed.is_ok()
}

/// Everybody looks, and then everybody who has seen a place takes it.
async fn check_then_insert(isolation: &str) -> i64 {
    let shop = shop().await;
    let all_have_looked = Arc::new(Barrier::new(BUYERS));
    let buyers = (0..BUYERS).map(|buyer| {
        let (server, all_have_looked) = (shop.options.clone(), Arc::clone(&all_have_looked));
        async move {
            let mut conn = server.connect().await.unwrap();
            begin(&mut conn, isolation).await;
            let seen = sold(&mut conn).await;
            all_have_looked.wait().await;
            sell(&mut conn, seen, i64::try_from(buyer).unwrap()).await
        }
    });
    join_all(buyers).await;
    sold(&mut shop.connect().await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_first_oversells() {
    for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
        let sold = check_then_insert(isolation).await;
        assert_eq!(sold, i64::try_from(BUYERS).unwrap(), "{isolation}: everybody has a place");
        assert!(sold > CAPACITY);
    }
    assert!(check_then_insert("SERIALIZABLE").await <= CAPACITY, "this is what it is for");
}

/// One buyer takes the last place under a lock while another waits for that lock, and looks once it
/// has it.
async fn lock_then_look(isolation: &str) -> i64 {
    const LOCK: &str = "SELECT pg_advisory_xact_lock(17)";
    let shop = shop().await;
    let mut first = shop.connect().await;
    run(&mut first, "INSERT INTO public.sold VALUES (100), (101)").await;
    begin(&mut first, isolation).await;
    run(&mut first, LOCK).await;
    let seen = sold(&mut first).await;
    let (server, level) = (shop.options.clone(), isolation.to_owned());
    let second = tokio::spawn(async move {
        let mut second = server.connect().await.unwrap();
        begin(&mut second, &level).await;
        run(&mut second, LOCK).await;
        let seen = sold(&mut second).await;
        sell(&mut second, seen, 2).await
    });
    let mut direct = shop.connect().await;
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    let began = Instant::now();
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut direct).await.unwrap() {
        assert!(began.elapsed() < SOON, "the other one never waits");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert!(sell(&mut first, seen, 1).await);
    second.await.unwrap();
    sold(&mut direct).await
}

/// A lock helps where each statement sees what was committed before it, and nowhere else: a
/// transaction that sees all of one moment chose that moment before it waited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_oversells_where_a_transaction_sees_one_moment() {
    assert_eq!(lock_then_look("READ COMMITTED").await, CAPACITY);
    assert_eq!(lock_then_look("REPEATABLE READ").await, CAPACITY + 1);
}
