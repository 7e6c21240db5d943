//! Writing what a group came to, guarded by what it was decided on.
//!
//! Every row that exists is replaced at its version only, every other one is inserted and must not
//! be there. So the database would refuse what `resolve` should have refused.

use std::sync::Arc;

use sqlx::PgConnection;
use ticketing_core::domain::{Event, Order, Payment, Pool, Refund, Ticket};
use ticketing_core::ports::{State, WebhookKey, Writes};
use ticketing_core::values::{Timestamp, Version};

use crate::error::Failure;
use crate::outbox;
use crate::rows::{event, key, order, pool};
use crate::table::{column, insert, update};

/// Writes all of it, in a transaction that the caller has begun and ends.
pub(crate) async fn apply(
    conn: &mut PgConnection,
    writes: &Writes<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let rows = ByKind::of(writes);
    let events: Vec<&Arc<Event>> = writes.events().collect();
    let keys: Vec<_> = writes.accepted.iter().filter_map(|batch| batch.key()).collect();
    let closed: Vec<&WebhookKey> =
        writes.accepted.iter().filter_map(|batch| batch.closes()).collect();
    rows.replace(conn).await?;
    rows.insert(conn).await?;
    write_pools(conn, writes).await?;
    pool::write_allowances(conn, &writes.allowances).await?;
    key::insert(conn, &keys).await?;
    if !events.is_empty() {
        event::insert(conn, &events).await?;
        outbox::add(conn, &events, now).await?;
    }
    close_webhooks(conn, &closed).await
}

/// The rows of a group by kind.
#[derive(Default)]
struct ByKind<'a> {
    tickets: Changes<'a, Ticket>,
    orders: Changes<'a, Order>,
    payments: Changes<'a, Payment>,
    refunds: Changes<'a, Refund>,
}

/// The new rows of a kind, and those that replace one at a version.
struct Changes<'a, T> {
    fresh: Vec<&'a T>,
    changed: Vec<(&'a T, Version)>,
}

impl<T> Default for Changes<'_, T> {
    fn default() -> Self {
        Self { fresh: Vec::new(), changed: Vec::new() }
    }
}

impl<'a, T> Changes<'a, T> {
    fn add(&mut self, state: &'a T, before: Option<Version>) {
        match before {
            Some(before) => self.changed.push((state, before)),
            None => self.fresh.push(state),
        }
    }
}

impl<'a> ByKind<'a> {
    fn of(writes: &Writes<'a>) -> Self {
        let mut rows = Self::default();
        for row in &writes.rows {
            match row.state {
                State::Ticket(ticket) => rows.tickets.add(ticket, row.before),
                State::Order(order) => rows.orders.add(order, row.before),
                State::Payment(payment) => rows.payments.add(payment, row.before),
                State::Refund(refund) => rows.refunds.add(refund, row.before),
            }
        }
        rows
    }

    /// This comes before inserting: what a row frees, such as being the one payment that may pay for
    /// an order, a new one may take.
    async fn replace(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        update(conn, &self.tickets.changed).await?;
        update(conn, &self.orders.changed).await?;
        let orders: Vec<&Order> = self.orders.changed.iter().map(|(order, _)| *order).collect();
        order::update_lines(conn, &orders).await?;
        update(conn, &self.payments.changed).await?;
        update(conn, &self.refunds.changed).await
    }

    async fn insert(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        insert(conn, &self.tickets.fresh).await?;
        insert(conn, &self.orders.fresh).await?;
        order::insert_lines(conn, &self.orders.fresh).await?;
        insert(conn, &self.payments.fresh).await?;
        insert(conn, &self.refunds.fresh).await
    }
}

async fn write_pools(conn: &mut PgConnection, writes: &Writes<'_>) -> Result<(), Failure> {
    let (opened, changed): (Vec<_>, Vec<_>) =
        writes.pools.iter().partition(|write| write.before.is_none());
    let opened: Vec<&Pool> = opened.into_iter().map(|write| &write.pool).collect();
    pool::update(conn, &changed).await?;
    pool::insert(conn, &opened).await
}

async fn close_webhooks(conn: &mut PgConnection, keys: &[&WebhookKey]) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE ticketing.webhooks AS stored SET closed = true \
         FROM unnest($1::text[], $2::text[]) AS done (gateway, id) \
         WHERE stored.gateway = done.gateway AND stored.id = done.id",
    )
    .bind(column(keys, |key| key.gateway.as_str()))
    .bind(column(keys, |key| key.id.as_str()))
    .execute(conn)
    .await
    .map_err(Failure::of_statement)?;
    Ok(())
}
