//! Writing what a group came to, guarded by what it was decided on.
//!
//! Every row that exists is replaced at its version only, every other one is inserted and must not
//! be there. So nothing here depends on whether the group was decided on what is stored or on what
//! its writer predicted, and the database would refuse what `resolve` should have refused.

use std::sync::Arc;

use sqlx::SqliteConnection;
use ticketing_core::domain::{Event, Order, Payment, Refund, Ticket};
use ticketing_core::ports::{PoolWrite, State, WebhookKey, Writes};
use ticketing_core::values::{Timestamp, Version};

use crate::error::Failure;
use crate::outbox;
use crate::rows::{event, key, order, payment, pool, refund, ticket};

/// Writes all of it, in a transaction that the caller has begun and ends.
pub(crate) async fn apply(
    conn: &mut SqliteConnection,
    writes: &Writes<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let events: Vec<&Arc<Event>> = writes.events().collect();
    let keys: Vec<_> = writes.accepted.iter().filter_map(|batch| batch.key()).collect();
    write_rows(conn, writes).await?;
    write_pools(conn, &writes.pools).await?;
    pool::write_allowances(conn, &writes.allowances).await?;
    key::insert(conn, &keys).await?;
    event::insert(conn, &events).await?;
    outbox::add(conn, &events, now).await?;
    for webhook in writes.accepted.iter().filter_map(|batch| batch.closes()) {
        close_webhook(conn, webhook).await?;
    }
    Ok(())
}

/// The rows of a group by kind. Replaced ones come first: what they free, such as being the one
/// payment that may pay for an order, a new one may take.
#[derive(Default)]
struct ByKind<'a> {
    tickets: Vec<&'a Ticket>,
    orders: Vec<&'a Order>,
    payments: Vec<&'a Payment>,
    refunds: Vec<&'a Refund>,
}

async fn write_rows(conn: &mut SqliteConnection, writes: &Writes<'_>) -> Result<(), Failure> {
    let mut fresh = ByKind::default();
    for row in &writes.rows {
        match row.before {
            Some(before) => replace(conn, row.state, before).await?,
            None => fresh.add(row.state),
        }
    }
    ticket::insert(conn, &fresh.tickets).await?;
    order::insert(conn, &fresh.orders).await?;
    payment::insert(conn, &fresh.payments).await?;
    refund::insert(conn, &fresh.refunds).await
}

impl<'a> ByKind<'a> {
    fn add(&mut self, state: &'a State) {
        match state {
            State::Ticket(ticket) => self.tickets.push(ticket),
            State::Order(order) => self.orders.push(order),
            State::Payment(payment) => self.payments.push(payment),
            State::Refund(refund) => self.refunds.push(refund),
        }
    }
}

async fn replace(
    conn: &mut SqliteConnection,
    state: &State,
    before: Version,
) -> Result<(), Failure> {
    match state {
        State::Ticket(ticket) => ticket::update(conn, ticket, before).await,
        State::Order(order) => order::update(conn, order, before).await,
        State::Payment(payment) => payment::update(conn, payment, before).await,
        State::Refund(refund) => refund::update(conn, refund, before).await,
    }
}

async fn write_pools(conn: &mut SqliteConnection, writes: &[PoolWrite]) -> Result<(), Failure> {
    for write in writes {
        match write.before {
            Some(before) => pool::update(conn, &write.pool, before).await?,
            None => pool::insert(conn, &write.pool).await?,
        }
    }
    Ok(())
}

async fn close_webhook(conn: &mut SqliteConnection, webhook: &WebhookKey) -> Result<(), Failure> {
    sqlx::query("UPDATE ticketing_webhooks SET closed = 1 WHERE gateway = ? AND id = ?")
        .bind(webhook.gateway.as_str().to_owned())
        .bind(webhook.id.as_str().to_owned())
        .execute(conn)
        .await
        .map_err(Failure::of_write)?;
    Ok(())
}
