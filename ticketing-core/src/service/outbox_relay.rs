//! The relay: from the outbox to the bus.
//!
//! A commit writes its events and one outbox row. The relay leases rows, publishes their events
//! and marks the rows published when the bus has confirmed every event. A crash in between
//! means that events are published twice, which consumers don't mind. No row is locked while
//! publishing, and a row is found whenever its commit becomes visible: nothing is read "after
//! the last one seen".
//!
//! What the bus does not take stays in hand, and is tried again after a rest, within its lease. After
//! the first that is not taken, a step ends: a bus that is away, or says nothing, is asked once and
//! not once for each row, and in between the relay looks how much waits.
//!
//! A bus whose server was away may have forgotten what it had confirmed. Then the last minutes are
//! published again, a page with each step.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::error::{PortError, PortErrorKind, chain};
use crate::ports::storage::{DeadLetter, OutboxRow, OutboxRowId};
use crate::service::duty::{Duty, Progress};
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::values::Timestamp;

mod hand;

use hand::Hand;

/// How long a claimed row is ours.
const LEASE: Duration = Duration::from_secs(30);
/// The most rows in hand.
const ROWS_MAX: usize = 64;
/// After how long a step of a slow bus ends, so that it is seen how much waits.
const STEP_MAX: Duration = Duration::from_secs(5);
/// How long the relay sleeps when nobody rings: rows of other processes that died, and a bus that was
/// away.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most that one step of pruning forgets. Rows can have hundreds of events each, and nothing is
/// published meanwhile.
const PRUNE_MAX: usize = 64;
/// How often old rows are looked for.
const PRUNE_EVERY: Duration = Duration::from_mins(1);

/// How far back it goes when the bus may have forgotten something. What is older was delivered, or is
/// no use to anybody any more: the storage has it all the same.
const AGAIN: Duration = Duration::from_mins(5);
/// How many rows of them are published with one step.
const AGAIN_ROWS: usize = 16;

/// Publishes what was committed.
#[derive(Debug)]
pub struct OutboxRelay {
    engine: Arc<Engine>,
    hand: Hand,
    /// Whether the last that was tried was not taken.
    takes_nothing: bool,
    prune_at: Duration,
    is_behind: bool,
    /// How often the bus had been interrupted when it was last asked.
    interruptions: u64,
    again: Option<Again>,
}

/// What became of what was in hand.
struct Tried {
    taken: usize,
    /// Whether a row was not taken; it was the last.
    in_vain: bool,
}

/// What is being published once more.
#[derive(Debug, Clone, Copy)]
struct Again {
    since: Timestamp,
    after: Option<OutboxRowId>,
}

impl OutboxRelay {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let prune_at = engine.runtime.elapsed();
        let interruptions = engine.bus.interruptions();
        Self {
            engine,
            hand: Hand::default(),
            takes_nothing: false,
            prune_at,
            is_behind: false,
            interruptions,
            again: None,
        }
    }

    /// Publishes a page of the last minutes once more, if the bus may have forgotten them. Answers
    /// whether there may be more.
    async fn repeat(&mut self) -> Result<bool, Error> {
        let engine = &self.engine;
        let interruptions = engine.bus.interruptions();
        if interruptions != self.interruptions {
            self.interruptions = interruptions;
            self.again = Some(Again { since: engine.now().minus(AGAIN), after: None });
        }
        let Some(Again { since, after }) = self.again else {
            return Ok(false);
        };
        let page = engine.publish_page_again(since, after).await?;
        self.again = page.map(|(last, _)| Again { since, after: Some(last) });
        Ok(self.again.is_some())
    }

    /// Fills the hand with what waits.
    async fn claim(&mut self) -> Result<(), Error> {
        let now = self.engine.runtime.elapsed();
        self.hand.let_go(now);
        let room = ROWS_MAX.saturating_sub(self.hand.len());
        if room == 0 {
            return Ok(());
        }
        let claimed = self.engine.storage.claim_outbox(LEASE, room).await?;
        self.is_behind |= claimed.len() == room;
        self.hand.take(claimed, now.saturating_add(LEASE));
        Ok(())
    }

    /// Publishes what is in hand, up to the first row that is not taken.
    async fn publish_hand(&mut self) -> Result<Tried, Error> {
        let began = self.engine.runtime.elapsed();
        let mut taken = 0;
        loop {
            let now = self.engine.runtime.elapsed();
            if now.saturating_sub(began) >= STEP_MAX {
                self.is_behind = true;
                return Ok(Tried { taken, in_vain: false });
            }
            let Some(held) = self.hand.next(now) else {
                return Ok(Tried { taken, in_vain: false });
            };
            match self.publish(&held.row, held.tries).await {
                Ok(true) => taken += 1,
                not_yet => {
                    self.is_behind = true;
                    self.hand.put_back(held, self.engine.runtime.elapsed());
                    return not_yet.map(|_| Tried { taken, in_vain: true });
                }
            }
        }
    }

    /// Publishes the events of one row, which was tried so often before. `false` if some of them must
    /// be tried again.
    async fn publish(&self, row: &OutboxRow, tries: u32) -> Result<bool, Error> {
        let mut results = self.engine.bus.publish(&row.events).await.into_iter();
        let mut dead = Vec::new();
        for event in &row.events {
            match results.next() {
                Some(Ok(())) => {}
                Some(Err(error)) if is_hopeless(&error) => dead.push((event, error)),
                not_confirmed => {
                    if tries == 0 {
                        // A bus that answers for fewer events than it got says nothing of the rest.
                        let error = not_confirmed.and_then(Result::err);
                        let error = error.as_ref().map(|error| chain(error));
                        tracing::warn!(error, row = row.id.0, "not taken by the bus: tried again");
                    }
                    return Ok(false);
                }
            }
        }
        let at = self.engine.now();
        let dead = dead.into_iter().map(|(event, error)| {
            tracing::error!(error = chain(&error), event.id = %event.header.id, "can't be published");
            DeadLetter { event: event.key(), reason: error.to_string(), at }
        });
        let dead: Vec<DeadLetter> = dead.collect();
        // Claimed anew meanwhile: whoever did publishes it once more, and marks it.
        self.engine.storage.outbox_done(row.id, row.epoch, &dead).await?;
        Ok(true)
    }

    /// Forgets a few rows that are old enough. Answers whether there may be more.
    async fn prune(&mut self) -> Result<bool, Error> {
        let engine = &self.engine;
        if engine.runtime.elapsed() < self.prune_at {
            return Ok(false);
        }
        let before = engine.now().minus(engine.settings.event_retention);
        let gone = engine.storage.prune(before, PRUNE_MAX).await?;
        if gone < PRUNE_MAX {
            self.prune_at = engine.runtime.elapsed().saturating_add(PRUNE_EVERY);
        }
        Ok(gone == PRUNE_MAX)
    }

    /// Sheds reservations while more waits than should, and not any longer.
    ///
    /// Once behind, it looks until nothing waits: rows that are in hand after a failure are not
    /// claimed, but they wait all the same.
    async fn watch_depth(&mut self) -> Result<(), Error> {
        if self.is_behind {
            let engine = &self.engine;
            let rows = engine.storage.outbox_depth().await?.rows;
            engine.writer.note_outbox(rows > engine.settings.outbox_max);
            self.is_behind = rows > 0;
        }
        Ok(())
    }
}

#[async_trait]
impl Duty for OutboxRelay {
    fn name(&self) -> &'static str {
        "outbox relay"
    }

    async fn step(&mut self) -> Result<Progress, Error> {
        self.claim().await?;
        let Tried { taken, in_vain } = self.publish_hand().await?;
        let may_take = taken > 0 || self.hand.is_empty();
        self.takes_nothing = !may_take && (in_vain || self.takes_nothing);
        self.watch_depth().await?;
        if in_vain && taken == 0 {
            return Ok(Progress::Idle);
        }
        let repeated = self.repeat().await?;
        let pruned = self.prune().await?;
        Ok(if taken > 0 || repeated || pruned { Progress::Busy } else { Progress::Idle })
    }

    async fn idle(&mut self) {
        let Engine { outbox_bell, runtime, .. } = &*self.engine;
        // What a bus has just not taken, another commit does not make it take.
        let rung = async {
            if self.takes_nothing {
                std::future::pending::<()>().await;
            } else {
                outbox_bell.notified().await;
            }
        };
        tokio::select! {
            biased;
            () = rung => {}
            () = runtime.sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether the bus refuses this very event, for ever. What is wrong with the bus itself passes,
/// or is mended.
fn is_hopeless(error: &PortError) -> bool {
    match error.kind() {
        PortErrorKind::Refused | PortErrorKind::Corrupt { .. } => true,
        PortErrorKind::Unavailable | PortErrorKind::Misconfigured | PortErrorKind::Closed => false,
    }
}

impl Engine {
    /// Publishes once more what was committed at or after `since`: for a bus that may have
    /// forgotten it. Answers how many events that were; those that can't be published are not
    /// among them.
    pub(crate) async fn publish_again(&self, since: Timestamp) -> Result<usize, Error> {
        let (mut after, mut events) = (None, 0);
        while let Some((last, published)) = self.publish_page_again(since, after).await? {
            after = Some(last);
            events += published;
        }
        Ok(events)
    }

    /// A page of it. Answers its last row and how many events were taken, or nothing at the end.
    async fn publish_page_again(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
    ) -> Result<Option<(OutboxRowId, usize)>, Error> {
        let rows = self.storage.published_since(since, after, AGAIN_ROWS).await?;
        let Some(last) = rows.last().map(|row| row.id) else {
            return Ok(None);
        };
        let mut events = 0;
        for row in &rows {
            for published in self.bus.publish(&row.events).await {
                match published {
                    Ok(()) => events += 1,
                    Err(error) if is_hopeless(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(Some((last, events)))
    }
}
