//! Every contender over a server, in a short round: what it stored is what it answered.

use ticketing_core::testing::server_url;

use super::*;
use crate::round;

/// What the command line would give.
fn compare() -> Compare {
    Compare {
        store: Store::Postgres,
        url: Some(server_url("TICKETING_TEST_POSTGRES")),
        redis: Some(server_url("TICKETING_TEST_REDIS")),
        connections: Some(4),
        callers: 8,
        tickets: 3,
        rounds: 1,
        seconds: std::time::Duration::from_millis(200),
        dir: None,
        json: None,
    }
}

/// The round itself fails when the books differ.
async fn sells(kind: Kind) {
    let compare = compare();
    assert!(Kind::among(&compare).contains(&kind));
    let round = round::run(kind, &compare).await.unwrap();
    assert!(round.reserved > 0, "nobody reserved anything");
    assert_eq!(round.stored.orders, round.reserved);
}

#[tokio::test]
async fn the_engine_keeps_its_books() {
    sells(Kind::Engine(Home::Postgres)).await;
}

#[tokio::test]
async fn the_row_lock_keeps_its_books() {
    sells(Kind::RowLock).await;
}

#[tokio::test]
async fn the_one_statement_keeps_its_books() {
    sells(Kind::OneStatement).await;
}

#[tokio::test]
async fn the_script_keeps_its_books() {
    sells(Kind::RedisScript).await;
}

#[tokio::test]
async fn a_ticket_that_does_not_exist_is_not_sold() {
    let compare = compare();
    let folder = tempfile::tempdir().unwrap();
    for kind in Kind::among(&compare) {
        let contender = kind.set_up(&compare, folder.path()).await.unwrap();
        assert!(contender.reserve(3, 0).await.is_err(), "{}", kind.name());
        let stored = contender.finish().await.unwrap();
        assert_eq!((stored.orders, stored.held, stored.events), (0, 0, 0), "{}", kind.name());
    }
}
