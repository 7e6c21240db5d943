//! What most programs do: a transaction that locks the ticket's row, looks, and writes.

use std::sync::Arc;

use anyhow::{Result, ensure};
use async_trait::async_trait;

use super::sale::{PRICE, Sale};
use super::tables::Tables;
use super::{Connections, Contender, Stored};

pub(crate) struct RowLock(Tables);

impl RowLock {
    pub(crate) async fn start(url: &str, connections: Connections, tickets: u32) -> Result<Self> {
        Ok(Self(Tables::create(url, connections, tickets).await?))
    }
}

#[async_trait]
impl Contender for RowLock {
    async fn reserve(&self, ticket: usize, buyer: usize) -> Result<()> {
        let sale = Sale::new(ticket, buyer)?;
        let event = sale.event();
        let mut transaction = self.0.pool().begin().await?;
        let available: i64 =
            sqlx::query_scalar("SELECT available FROM tickets WHERE id = $1 FOR UPDATE")
                .bind(sale.ticket)
                .fetch_one(&mut *transaction)
                .await?;
        ensure!(available >= 1, "sold out");
        sqlx::query("UPDATE tickets SET available = available - 1, held = held + 1 WHERE id = $1")
            .bind(sale.ticket)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO orders (id, ticket, buyer, quantity, price, status, created_at, expires_at) \
             VALUES ($1, $2, $3, 1, $4, 'created', $5, $6)",
        )
        .bind(sale.id)
        .bind(sale.ticket)
        .bind(sale.buyer)
        .bind(PRICE)
        .bind(sale.created_at)
        .bind(sale.expires_at)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT INTO outbox (type, data) VALUES ('order.created', $1)")
            .bind(event)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn finish(self: Arc<Self>) -> Result<Stored> {
        self.0.count_and_remove().await
    }
}
