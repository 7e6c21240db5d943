//! What a program does that knows its database: all of it in one statement, which is a transaction
//! of its own, with one trip to the server. The claim is conditional, and the rest follows from it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use async_trait::async_trait;

use super::sale::{PRICE, Sale};
use super::tables::Tables;
use super::{Connections, Contender, Stored};

pub(crate) struct OneStatement(Tables);

impl OneStatement {
    pub(crate) async fn start(url: &str, connections: Connections, tickets: u32) -> Result<Self> {
        Ok(Self(Tables::create(url, connections, tickets).await?))
    }
}

#[async_trait]
impl Contender for OneStatement {
    async fn reserve(&self, ticket: usize, buyer: usize) -> Result<()> {
        let sale = Sale::new(ticket, buyer)?;
        let event = sale.event();
        let told = sqlx::query(
            "WITH claimed AS ( \
                 UPDATE tickets SET available = available - 1, held = held + 1 \
                 WHERE id = $2 AND available >= 1 RETURNING id \
             ), placed AS ( \
                 INSERT INTO orders \
                     (id, ticket, buyer, quantity, price, status, created_at, expires_at) \
                 SELECT $1::uuid, id, $3::text, 1, $4::bigint, 'created', $5::bigint, $6::bigint \
                 FROM claimed RETURNING id \
             ) \
             INSERT INTO outbox (type, data) SELECT 'order.created', $7::text FROM placed",
        )
        .bind(sale.id)
        .bind(sale.ticket)
        .bind(sale.buyer)
        .bind(PRICE)
        .bind(sale.created_at)
        .bind(sale.expires_at)
        .bind(event)
        .execute(self.0.pool())
        .await?;
        ensure!(told.rows_affected() == 1, "sold out");
        Ok(())
    }

    async fn finish(self: Arc<Self>) -> Result<Stored> {
        self.0.count_and_remove().await
    }
}
