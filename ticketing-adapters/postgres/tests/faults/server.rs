//! A bad day of the server, under load.

use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection, PgConnection};
use ticketing_core::Error;

use crate::books;
use crate::buyers::{Buyers, engine, storage, two_tickets};
use crate::cluster::{Cluster, signal};
use crate::connections::{end_all, none_is_in_a_transaction};
use crate::database::Database;

/// How long it may take until the first buyer buys again after the server has died.
const BACK: Duration = Duration::from_secs(10);
/// How long it may take until everybody buys, on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(20);

/// How long connections are ended, and how often.
const STORM: Duration = Duration::from_secs(4);
const GUST: Duration = Duration::from_millis(50);

/// How many connections a small server has, for everybody; how many of them are kept for
/// administrators, of whom one is there.
const SMALL: usize = 24;
const KEPT: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_comes_back_with_everything() {
    let mut cluster = Cluster::start(&["fsync=on"]).await;
    let storage = storage(&cluster.options()).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.buy_much().await;
    for _time in 0..2 {
        let killed = Instant::now();
        cluster.kill();
        cluster.start_again().await;
        let ready = killed.elapsed();
        buyers.next_sale_within(BACK.saturating_sub(ready)).await;
        let back = killed.elapsed();
        buyers.go_on_within(SOON).await;
        let to_all = killed.elapsed();
        println!(
            "kill -9: it answered after {ready:?}, sold after {back:?}, to all after {to_all:?}"
        );
        buyers.buy_much().await;
        assert!(back < BACK, "{back:?}");
    }
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    none_is_in_a_transaction(&mut cluster.connect().await).await;
    storage.close().await;
    told.report();
    books::agree(&cluster.options(), &[&told]).await;
}

/// The server ends all of its connections and recovers when one of its processes dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_of_the_server_takes_nothing_with_it() {
    let cluster = Cluster::start(&["fsync=on"]).await;
    let storage = storage(&cluster.options()).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.buy_much().await;
    for _time in 0..2 {
        let mut conn = cluster.connect().await;
        let process: i32 = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'ticketing' \
             ORDER BY state = 'active' DESC, xact_start NULLS LAST LIMIT 1",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap();
        let killed = Instant::now();
        signal("KILL", u32::try_from(process).unwrap());
        buyers.go_on_within(BACK).await;
        println!("kill -9 of a process: sold to all after {:?}", killed.elapsed());
        buyers.buy_much().await;
    }
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    storage.close().await;
    told.report();
    books::agree(&cluster.options(), &[&told]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_ended_connections_passes() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let storage = storage(&database.options).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.buy_much().await;
    let mut conn = database.connect().await;
    let (began, mut ended) = (Instant::now(), 0);
    let mut gusts = tokio::time::interval(GUST);
    while began.elapsed() < STORM {
        gusts.tick().await;
        ended += end_all(&mut conn).await;
    }
    let took = buyers.go_on_within(BACK).await;
    println!("{ended} connections were ended; all buy again {took:?} after the last");
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    none_is_in_a_transaction(&mut conn).await;
    storage.close().await;
    told.report();
    books::agree(&database.options, &[&told]).await;
}

/// Others take every connection that the server has. Buyers are told so in time, and go on when
/// there are connections again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_free_connections_is_unavailable() {
    let connections = format!("max_connections={SMALL}");
    let kept = format!("superuser_reserved_connections={KEPT}");
    let cluster = Cluster::start(&["fsync=on", &connections, &kept]).await;
    let mut administrator = cluster.connect().await;
    make_shopkeeper(&mut administrator).await;
    let server = cluster.options().username("shopkeeper").database("shop");
    let storage = storage(&server).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.buy_much().await;

    // What the storage has open it keeps, so that is taken from it first.
    let taken = take_all(&cluster, &mut administrator).await;
    let began = Instant::now();
    let before = buyers.refusals();
    while buyers.refusals() < before + 3 {
        assert!(began.elapsed() < SOON, "nobody is told that nothing can be bought");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{} connections are taken; buyers were told within {:?}",
        taken.len(),
        began.elapsed()
    );
    let asked = Instant::now();
    assert!(matches!(engine.health().await, Err(Error::Unavailable { .. })));
    assert!(asked.elapsed() < BACK, "{:?}", asked.elapsed());

    for conn in taken {
        conn.close().await.ok();
    }
    let took = buyers.go_on_within(BACK).await;
    println!("all buy again {took:?} after the others let go");
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    storage.close().await;
    told.report();
    books::agree(&cluster.options().database("shop"), &[&told]).await;
}

/// Somebody who may not use the connections that are kept for administrators.
async fn make_shopkeeper(conn: &mut PgConnection) {
    for sql in ["CREATE ROLE shopkeeper LOGIN", "CREATE DATABASE shop OWNER shopkeeper"] {
        sqlx::raw_sql(sql).execute(&mut *conn).await.unwrap();
    }
}

/// Takes every connection there is, those of the storage too.
async fn take_all(cluster: &Cluster, administrator: &mut PgConnection) -> Vec<PgConnection> {
    let other = cluster.options().username("shopkeeper");
    let mut taken = Vec::new();
    let began = Instant::now();
    // One that the storage is just making is not told of yet, but it counts.
    while taken.len() < SMALL - KEPT - 1 {
        assert!(began.elapsed() < SOON, "the storage keeps its connections: {}", taken.len());
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'";
        sqlx::query(sql).execute(&mut *administrator).await.unwrap();
        while let Ok(conn) = other.connect().await {
            taken.push(conn);
        }
    }
    taken
}
