//! Who is measured: anything that can hold a unit of a ticket for a buyer, durably, and say so.

mod engine;
mod one_by_one;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;

use crate::Store;

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

/// A contender by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The engine.
    Engine,
    /// The engine, told to commit every reservation alone.
    EngineUngrouped,
    /// What a program without the engine would do: one transaction for each reservation.
    OneByOne,
}

impl Kind {
    /// Those that are measured on a storage, what the others are compared with last.
    pub(crate) fn on(store: Store) -> &'static [Self] {
        match store {
            Store::Memory => &[Self::Engine, Self::EngineUngrouped],
            Store::Sqlite => &[Self::Engine, Self::EngineUngrouped, Self::OneByOne],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::EngineUngrouped => "engine, groups of one",
            Self::OneByOne => "one transaction each",
        }
    }

    /// A fresh one, with so many tickets for sale, in an empty folder.
    pub(crate) async fn set_up(
        self,
        store: Store,
        tickets: u32,
        folder: &Path,
    ) -> Result<Arc<dyn Contender>> {
        Ok(match self {
            Self::Engine => {
                Arc::new(engine::EngineSale::start(store, tickets, folder, None).await?)
            }
            Self::EngineUngrouped => {
                Arc::new(engine::EngineSale::start(store, tickets, folder, Some(1)).await?)
            }
            Self::OneByOne => Arc::new(one_by_one::OneByOne::start(tickets, folder).await?),
        })
    }
}
