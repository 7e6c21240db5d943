//! Who is measured: anything that can hold a unit of a ticket for a buyer, durably, and say so.

mod database;
mod engine;
mod one_by_one;
mod one_statement;
mod redis_script;
mod row_lock;
mod sale;
mod tables;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;

use self::engine::EngineSale;
pub(crate) use self::engine::Home;
use self::one_by_one::OneByOne;
use self::one_statement::OneStatement;
use self::redis_script::RedisScript;
use self::row_lock::RowLock;
use crate::{Compare, Store};

/// One way to sell, set up afresh for every round.
#[async_trait]
pub(crate) trait Contender: Send + Sync {
    /// Holds one unit of a ticket. Answers once it is stored.
    async fn reserve(&self, ticket: usize, buyer: usize) -> Result<()>;

    /// Ends the round. What it stored can be counted then.
    async fn finish(self: Arc<Self>) -> Result<Stored>;
}

/// What is stored after a round, as the database tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Orders.
    pub(crate) orders: u64,
    /// Units that the counters of the tickets say are held.
    pub(crate) held: u64,
    /// Events of orders that were created.
    pub(crate) events: u64,
    /// Transactions, where they are counted.
    pub(crate) transactions: Option<u64>,
}

/// How many connections a program has to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connections(pub(crate) u32);

impl Connections {
    /// As many as are asked for, or one for each caller. More than a server lets in by default, with
    /// some left for others, would only wait for each other.
    const MANY: u32 = 64;

    fn of(compare: &Compare) -> Self {
        Self(compare.connections.unwrap_or(compare.callers.min(Self::MANY)))
    }
}

/// A contender by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The engine.
    Engine(Home),
    /// The engine, told to commit every reservation alone.
    EngineUngrouped(Home),
    /// What a program without the engine would do over SQLite: one transaction for each reservation.
    OneByOne,
    /// A script in Redis.
    RedisScript,
    /// One conditional statement in PostgreSQL.
    OneStatement,
    /// A transaction in PostgreSQL that locks the row of the ticket.
    RowLock,
}

impl Kind {
    /// Those that are measured, what the others are compared with last.
    pub(crate) fn among(compare: &Compare) -> Vec<Self> {
        match compare.store {
            Store::Memory => vec![Self::Engine(Home::Memory), Self::EngineUngrouped(Home::Memory)],
            Store::Sqlite => vec![
                Self::Engine(Home::Sqlite),
                Self::EngineUngrouped(Home::Sqlite),
                Self::OneByOne,
            ],
            Store::Postgres => {
                let redis = compare.redis.is_some().then_some(Self::RedisScript);
                let engine = [Self::Engine(Home::Postgres)].into_iter().chain(redis);
                engine.chain([Self::OneStatement, Self::RowLock]).collect()
            }
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine(_) => "engine",
            Self::EngineUngrouped(_) => "engine, groups of one",
            Self::OneByOne => "one transaction each",
            Self::RedisScript => "Redis script",
            Self::OneStatement => "one statement",
            Self::RowLock => "row lock",
        }
    }

    /// A fresh one, with its tickets for sale, in an empty folder.
    pub(crate) async fn set_up(
        self,
        compare: &Compare,
        folder: &Path,
    ) -> Result<Arc<dyn Contender>> {
        let (tickets, connections) = (compare.tickets, Connections::of(compare));
        Ok(match self {
            Self::Engine(home) => Arc::new(EngineSale::start(home, compare, folder, None).await?),
            Self::EngineUngrouped(home) => {
                Arc::new(EngineSale::start(home, compare, folder, Some(1)).await?)
            }
            Self::OneByOne => Arc::new(OneByOne::start(tickets, folder).await?),
            Self::RedisScript => Arc::new(RedisScript::start(redis(compare)?, tickets).await?),
            Self::OneStatement => {
                Arc::new(OneStatement::start(postgres(compare)?, connections, tickets).await?)
            }
            Self::RowLock => {
                Arc::new(RowLock::start(postgres(compare)?, connections, tickets).await?)
            }
        })
    }
}

/// What has to be known of the servers to judge the figures.
pub(crate) async fn circumstances(compare: &Compare) -> Result<Vec<String>> {
    let mut told = Vec::new();
    if let Some(url) = &compare.url {
        let (server, Connections(number)) = (tables::server(url).await?, Connections::of(compare));
        told.push(format!("{server}; {number} connections for the programs without the engine"));
    }
    if let Some(url) = &compare.redis {
        told.push(redis_script::server(url).await?);
    }
    Ok(told)
}

fn postgres(compare: &Compare) -> Result<&str> {
    compare.url.as_deref().context("--url says where PostgreSQL is")
}

fn redis(compare: &Compare) -> Result<&str> {
    compare.redis.as_deref().context("--redis says where Redis is")
}
