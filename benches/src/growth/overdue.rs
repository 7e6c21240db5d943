//! What the background costs when every hold in a large file has run out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ticketing_core::domain::{Actor, Order, OrderCommand};
use ticketing_core::ports::{
    BatchBuilder, Cause, Clock, Group, RandomIds, Storage, SystemClock, WriteBatch,
};
use ticketing_core::values::{PoolId, TicketId, TimeWindow, Timestamp};
use ticketing_sqlite::{SqliteConfig, SqliteStorage};

use super::{ASKED, median};

/// How many orders one group ends, as many as the sweeper looks for.
const ENDED: usize = 256;
/// How many such groups are measured.
const GROUPS: u32 = 20;
/// How many rows of the outbox are forgotten at once.
const FORGOTTEN: usize = 16;
/// How often that is measured.
const PRUNED: u32 = 5;

/// A clock that is ahead of the system's by more than any hold lasts.
#[derive(Debug)]
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_hours(24))
    }
}

/// Opens the file a day later, and asks. `listing` has one order.
pub(super) async fn ask(file: &Path, listing: TicketId) -> Result<Vec<(&'static str, Duration)>> {
    let storage = SqliteConfig::new(file).clock(Arc::new(Ahead)).open().await?;
    let pool = PoolId::from(listing);
    let of_one = median(ASKED, async || {
        let due = storage.due_orders_of(pool, ENDED).await?.items;
        ensure!(due.len() == 1, "one order of the listing is overdue, not {}", due.len());
        Ok(())
    });
    let taken = vec![
        ("a ticket's overdue orders, all overdue", of_one.await?),
        ("expire 256 orders in a group", median(GROUPS, async || expire(&storage).await).await?),
        ("forget 16 rows of the outbox", forget(&storage).await?),
    ];
    storage.close().await;
    Ok(taken)
}

/// Ends the orders that are overdue the longest.
async fn expire(storage: &SqliteStorage) -> Result<()> {
    let due = storage.due_orders(ENDED).await?;
    let batches = due.items.into_iter().map(|order| expired(order, due.now));
    let batches = batches.collect::<Result<Vec<_>>>()?;
    ensure!(batches.len() == ENDED, "there are enough orders to end");
    let committed = storage.commit(Group::of(batches)).await;
    for outcome in committed.outcomes {
        outcome?;
    }
    Ok(())
}

fn expired(order: Order, now: Timestamp) -> Result<WriteBatch> {
    let due = order.due_at().context("it is due")?;
    let decision = order.decide(OrderCommand::Expire { patience: Duration::ZERO }, now)?;
    let cause = Cause { actor: Actor::Timer, correlation: None };
    let batch = BatchBuilder::new(cause, &RandomIds, now).order(decision);
    Ok(batch.within(TimeWindow::starting(due)).build())
}

/// Forgets published rows, which are published first, with the hundreds of events that each has.
async fn forget(storage: &SqliteStorage) -> Result<Duration> {
    for _ in 0..PRUNED {
        for row in storage.claim_outbox(Duration::from_hours(1), FORGOTTEN).await? {
            storage.outbox_done(row.id, row.epoch, &[]).await?;
        }
    }
    let now = storage.now().await?;
    median(PRUNED, async || {
        let gone = storage.prune(now, FORGOTTEN).await?;
        ensure!(gone == FORGOTTEN, "there are rows to forget, and not {gone}");
        Ok(())
    })
    .await
}
