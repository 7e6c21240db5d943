//! The engine, with everything that it does beside: events, outbox, relay, background work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::values::{Money, Quantity, TicketId, UserId};
use ticketing_core::{NewTicket, Ticketing};
use ticketing_sqlite::SqliteStorage;

use super::database::Database;
use super::{Contender, Stored, postgres};
use crate::Compare;

/// How many different buyers there are.
const BUYERS: usize = 10_000;

/// What the engine keeps its orders in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Memory,
    Sqlite,
    Postgres,
}

pub(crate) struct EngineSale {
    engine: Ticketing,
    tickets: Vec<TicketId>,
    buyers: Vec<UserId>,
    kept: Kept,
}

/// Where it can be counted what was stored.
enum Kept {
    Memory(MemoryStorage),
    Sqlite { storage: SqliteStorage, file: PathBuf },
    Postgres(Box<Database>),
}

impl EngineSale {
    pub(crate) async fn start(
        home: Home,
        compare: &Compare,
        folder: &Path,
        group_max: Option<usize>,
    ) -> Result<Self> {
        let builder = Ticketing::builder().gateway(MemoryGateway::new()).settings(|settings| {
            settings.group_max = group_max.unwrap_or(settings.group_max);
        });
        let (builder, kept) = match home {
            Home::Memory => {
                let storage = MemoryStorage::new();
                (builder.storage(storage.clone()), Kept::Memory(storage))
            }
            Home::Sqlite => {
                let file = folder.join("engine.db");
                let storage = SqliteStorage::open(&file).await?;
                (builder.storage(storage.clone()), Kept::Sqlite { storage, file })
            }
            Home::Postgres => {
                let database = Database::create(postgres(compare)?).await?;
                (builder.storage(database.storage()), Kept::Postgres(Box::new(database)))
            }
        };
        let engine = builder.start().await?;
        let seller = UserId::new("seller")?;
        let mut listed = Vec::new();
        for number in 0..compare.tickets {
            let new = NewTicket::new(format!("Ticket {number}"), Money::usd(20_00));
            let new = new.quantity(Quantity::MAX.get());
            listed.push(engine.tickets().list_for_sale(seller.clone(), new).await?.id);
        }
        let buyers = (0..BUYERS).map(|number| UserId::new(format!("buyer-{number}")));
        Ok(Self { engine, tickets: listed, buyers: buyers.collect::<Result<_, _>>()?, kept })
    }
}

#[async_trait]
impl Contender for EngineSale {
    async fn reserve(&self, ticket: usize, buyer: usize) -> Result<()> {
        let ticket = self.tickets.get(ticket).context("there are so many tickets")?;
        let buyer = self.buyers.get(buyer % BUYERS).context("there are so many buyers")?;
        self.engine.orders().reserve(buyer.clone(), [(*ticket, 1)]).await?;
        Ok(())
    }

    async fn finish(self: Arc<Self>) -> Result<Stored> {
        self.engine.shutdown().await?;
        match &self.kept {
            Kept::Memory(storage) => Ok(counted_in_memory(storage)),
            Kept::Sqlite { storage, file } => {
                storage.close().await;
                counted_in_file(file).await
            }
            Kept::Postgres(database) => database.count_and_remove().await,
        }
    }
}

fn counted_in_memory(storage: &MemoryStorage) -> Stored {
    let books = storage.books();
    let created = books
        .events
        .iter()
        .filter(|event| event.data.event_type() == ticketing_core::domain::EventType::OrderCreated);
    let counts = storage.commit_counts();
    Stored {
        orders: count(books.orders.len()),
        held: books.pools.iter().map(|pool| u64::from(pool.held)).sum(),
        events: count(created.count()),
        transactions: Some(counts.careful.saturating_add(counts.optimistic)),
    }
}

async fn counted_in_file(file: &Path) -> Result<Stored> {
    let mut conn = SqliteConnectOptions::new().filename(file).connect().await?;
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM ticketing_orders) AS orders, \
         (SELECT sum(held) FROM ticketing_pools) AS held, \
         (SELECT count(*) FROM ticketing_events WHERE kind = 'order' AND version = 0) AS events, \
         (SELECT count(*) FROM ticketing_outbox) AS transactions",
    )
    .fetch_one(&mut conn)
    .await?;
    let number =
        |column: &str| -> Result<u64> { Ok(u64::try_from(row.try_get::<i64, _>(column)?)?) };
    Ok(Stored {
        orders: number("orders")?,
        held: number("held")?,
        events: number("events")?,
        transactions: Some(number("transactions")?),
    })
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
