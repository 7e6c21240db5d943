//! The books, compared with themselves and with what buyers were told.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use ticketing_core::values::OrderId;
use ticketing_postgres::PostgresInspector;
use uuid::Uuid;

use crate::buyers::{Known, Told};

/// Pools whose counters are not the sums of their orders, and orders that have not one event for
/// each of their versions.
const ODD: [&str; 2] = [
    "WITH lines AS (SELECT state, ticket, quantity FROM ticketing.orders UNION ALL \
     SELECT o.state, l.ticket, l.quantity FROM ticketing.order_lines l \
     JOIN ticketing.orders o ON o.id = l.order_id), \
     sums AS (SELECT ticket, \
     COALESCE(sum(quantity) FILTER (WHERE state IN ('created', 'awaiting_payment', 'cancelling')), 0) AS held, \
     COALESCE(sum(quantity) FILTER (WHERE state IN ('complete', 'refunded')), 0) AS sold \
     FROM lines GROUP BY ticket) \
     SELECT p.id FROM ticketing.pools p LEFT JOIN sums ON sums.ticket = p.id \
     WHERE (p.held, p.sold) IS DISTINCT FROM (COALESCE(sums.held, 0), COALESCE(sums.sold, 0)) \
     OR p.held + p.sold > p.capacity",
    "SELECT o.id FROM ticketing.orders o LEFT JOIN ticketing.events e \
     ON e.id = o.id AND e.kind = 'order' GROUP BY o.id, o.version \
     HAVING count(e.version) <> o.version + 1 OR max(e.version) <> o.version",
];

/// The books are in order, and every order there is one that somebody was told of: one for each
/// reservation, however often it was sent.
pub(crate) async fn agree(server: &PgConnectOptions, told: &[&Told]) {
    let found = PostgresInspector::connect(server.clone()).await.unwrap().verify().await.unwrap();
    assert!(found.is_empty(), "{found:#?}");
    let mut conn = server.clone().connect().await.unwrap();
    for sql in ODD {
        let odd: Vec<Uuid> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
        assert!(odd.is_empty(), "{sql}: {odd:?}");
    }
    let stored = orders(&mut conn).await;
    let known: BTreeMap<OrderId, Known> =
        told.iter().flat_map(|told| told.orders.iter().map(|(id, known)| (*id, *known))).collect();
    for (id, known) in &known {
        let state = stored.get(id).unwrap_or_else(|| panic!("acknowledged and lost: {id}"));
        let agrees = match known {
            Known::Held => state == "created",
            Known::Cancelled => state == "cancelled",
            Known::Paid => state == "complete",
            Known::PaymentUnknown => {
                matches!(state.as_str(), "created" | "awaiting_payment" | "complete")
            }
        };
        assert!(agrees, "{id} is {state}, but its buyer knows {known:?}");
    }
    let unknown = stored.keys().filter(|id| !known.contains_key(id)).count();
    assert_eq!(unknown, 0, "orders that nobody was told of: a reservation became two");
}

async fn orders(conn: &mut PgConnection) -> BTreeMap<OrderId, String> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT id, state FROM ticketing.orders").fetch_all(conn).await.unwrap();
    rows.into_iter().map(|(id, state)| (OrderId::from_uuid(id), state)).collect()
}
