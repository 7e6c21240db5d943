//! Ten thousand callers want a thousand units, all at once.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Error, NewTicket, Ticketing};
use ticketing_sqlite::SqliteStorage;
use tokio::task::JoinSet;

const CALLERS: usize = 10_000;
const UNITS: u32 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_gets_exactly_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    // Nobody is to be sent away for want of a place in the queue.
    let engine =
        builder.settings(|settings| settings.queue_max = 4 * CALLERS).start().await.unwrap();
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(UNITS);
    let seller = UserId::new("seller").unwrap();
    let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap().id;

    let start = Arc::new(tokio::sync::Barrier::new(CALLERS));
    let mut crowd = JoinSet::new();
    for number in 0..CALLERS {
        let (engine, start) = (engine.clone(), Arc::clone(&start));
        crowd.spawn(async move {
            let buyer = UserId::new(format!("buyer-{number}")).unwrap();
            start.wait().await;
            engine.orders().reserve(buyer, [(ticket, 1)]).await
        });
    }
    let (mut sold, mut refused) = (0, 0);
    while let Some(answer) = crowd.join_next().await {
        match answer.unwrap() {
            Ok(_) => sold += 1,
            Err(Error::Rejected(rejection)) => {
                assert_eq!(rejection.reason.code(), "sold_out");
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((sold, refused), (1_000, 9_000));
    engine.shutdown().await.unwrap();
    storage.close().await;

    let mut conn = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    let row = sqlx::query(
        "SELECT (SELECT held FROM ticketing_pools) AS held, \
         (SELECT count(*) FROM ticketing_orders WHERE state = 'created') AS orders, \
         (SELECT sum(quantity) FROM ticketing_orders) AS units, \
         (SELECT count(DISTINCT id) FROM ticketing_events WHERE kind = 'order') AS told, \
         (SELECT count(*) FROM ticketing_events WHERE kind = 'order') AS events",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    for column in ["held", "orders", "units", "told", "events"] {
        assert_eq!(row.get::<i64, _>(column), i64::from(UNITS), "{column}");
    }
}
