//! One round: callers who reserve one after the other until the time is up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::Compare;
use crate::contenders::{Contender, Kind, Stored};

/// What one round came to.
#[derive(Debug)]
pub(crate) struct Round {
    /// Reservations that were answered.
    pub(crate) reserved: u64,
    /// How long that took.
    pub(crate) taken: Duration,
    /// How long each of them waited, in microseconds, the shortest first.
    pub(crate) waits: Vec<u32>,
    /// What is stored afterwards.
    pub(crate) stored: Stored,
}

/// Sets a contender up, lets the callers at it, and compares what they were told with what is
/// stored.
pub(crate) async fn run(kind: Kind, compare: &Compare) -> Result<Round> {
    let folder = match &compare.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let contender = kind.set_up(compare, folder.path()).await?;
    let started = Instant::now();
    let waits = crowd(&contender, compare).await;
    let taken = started.elapsed();
    // A round that failed is ended too: it may have left things on a server that is not ours.
    let stored = contender.finish().await;
    let (mut waits, stored) = (waits?, stored?);
    let reserved = u64::try_from(waits.len())?;
    for (what, number) in
        [("orders", stored.orders), ("units held", stored.held), ("events", stored.events)]
    {
        ensure!(
            number == reserved,
            "{}: {reserved} reservations were answered, but {number} {what} are stored",
            kind.name()
        );
    }
    waits.sort_unstable();
    Ok(Round { reserved, taken, waits, stored })
}

/// Lets every caller reserve until the time is up, and answers how long each reservation waited.
async fn crowd(contender: &Arc<dyn Contender>, compare: &Compare) -> Result<Vec<u32>> {
    let (callers, tickets) = (usize::try_from(compare.callers)?, usize::try_from(compare.tickets)?);
    let end = Instant::now() + compare.seconds;
    let mut crowd = JoinSet::new();
    for caller in 0..callers {
        let contender = Arc::clone(contender);
        crowd.spawn(async move {
            let mut waits = Vec::new();
            // Strides that share no factor with the numbers of tickets and buyers in use.
            let mut turn = caller.wrapping_mul(7_919);
            while Instant::now() < end {
                let asked = Instant::now();
                contender.reserve(turn % tickets, turn).await?;
                waits.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                turn = turn.wrapping_add(104_729);
            }
            anyhow::Ok(waits)
        });
    }
    let mut all = Vec::new();
    while let Some(waits) = crowd.join_next().await {
        all.extend(waits??);
    }
    Ok(all)
}
