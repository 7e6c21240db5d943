//! The writer: many independent batches, one commit.
//!
//! ```text
//! use case --submit--> [ queue of a lane ] --up to group_max--> Storage::commit
//!     ^                                                             |
//!     '------------------------- its own outcome -------------------'
//! ```
//!
//! A lane has one group in flight; while it commits, the next one gathers. Nobody waits for a
//! timer: an idle lane commits a single batch at once, a busy one takes all that has come
//! meanwhile. Batches of one pool share a lane, so that a hot or stuck ticket delays only
//! others of its lane.
//!
//! A batch in a queue is written whether or not its caller still waits. One whose outcome is
//! unknown is committed again, the same, until the storage can tell; callers hear
//! "unavailable" only after a bounded time.

use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::ports::batch::{Group, Receipt, WriteBatch};
use crate::ports::error::{CommitError, PortError, PortErrorKind};
use crate::ports::resolve::SKEW_MAX;
use crate::ports::runtime::Runtime;
use crate::ports::storage::Storage;
use crate::service::error::Error;
use crate::service::known_pools::KnownPools;
use crate::service::prediction::predict;
use crate::service::settings::Settings;
use crate::service::shutdown::{Shutdown, Stopper};
use crate::service::storage_time::StorageTime;

/// The first pause before a commit with an unknown outcome is tried again; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How urgent a batch is when the queues are filling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A new reservation: shed first.
    Reservation,
    /// Everything that ends or pays what was begun.
    Settling,
}

/// What every lane needs.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) time: Arc<StorageTime>,
    pub(crate) pools: Arc<KnownPools>,
    pub(crate) settings: Settings,
    /// Rung after every commit that wrote events.
    pub(crate) outbox_bell: Arc<Notify>,
}

/// The queues in front of the storage.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    lanes: Vec<mpsc::Sender<Submission>>,
    queue_max: usize,
    outbox_is_full: AtomicBool,
}

#[derive(Debug)]
struct Submission {
    batch: WriteBatch,
    reply: oneshot::Sender<Result<Receipt, CommitError>>,
}

impl GroupCommit {
    /// Starts a writer task for each lane of the storage. Told to stop, a lane takes nothing
    /// new and writes what it has.
    pub(crate) fn start(writing: &Writing, stopper: &Stopper) -> Self {
        let queue_max = writing.settings.queue_max.min(Semaphore::MAX_PERMITS);
        let lanes = (0..writing.storage.lanes().max(1)).map(|_| {
            let (sender, queue) = mpsc::channel(queue_max);
            let lane = Lane { queue, writing: writing.clone() };
            let (shutdown, guard) = (stopper.listener(), stopper.guard());
            writing.runtime.spawn(Box::pin(async move {
                lane.run(shutdown).await;
                drop(guard);
            }));
            sender
        });
        Self { lanes: lanes.collect(), queue_max, outbox_is_full: AtomicBool::new(false) }
    }

    /// Commits a batch together with whatever else waits.
    ///
    /// Dropping the future does not stop the batch.
    pub(crate) async fn submit(
        &self,
        batch: WriteBatch,
        urgency: Urgency,
    ) -> Result<Result<Receipt, CommitError>, Error> {
        let lane = self.lane_of(&batch).ok_or_else(|| Error::closed("commit"))?;
        self.admit(lane, urgency)?;
        let (reply, answer) = oneshot::channel();
        lane.try_send(Submission { batch, reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::overloaded(),
            mpsc::error::TrySendError::Closed(_) => Error::closed("commit"),
        })?;
        answer.await.map_err(|_gone| Error::closed("commit"))
    }

    /// Tells whether the outbox holds more than it should: then no reservation is admitted.
    pub(crate) fn note_outbox(&self, is_full: bool) {
        self.outbox_is_full.store(is_full, Ordering::Relaxed);
    }

    fn admit(&self, lane: &mpsc::Sender<Submission>, urgency: Urgency) -> Result<(), Error> {
        let waiting = self.queue_max.saturating_sub(lane.capacity());
        let crowded = waiting >= self.queue_max / 2;
        let shed = crowded || self.outbox_is_full.load(Ordering::Relaxed);
        if urgency == Urgency::Reservation && shed { Err(Error::overloaded()) } else { Ok(()) }
    }

    fn lane_of(&self, batch: &WriteBatch) -> Option<&mpsc::Sender<Submission>> {
        let pool = batch.moves().first().map(|step| step.pool.as_uuid());
        let aggregate = || batch.changes().first().map(|change| change.state.aggregate().id);
        let key = pool.or_else(aggregate).unwrap_or(batch.id().as_uuid());
        let mut hasher = Fnv::default();
        hasher.write(key.as_bytes());
        let lanes = u64::try_from(self.lanes.len()).ok()?;
        let index = hasher.finish().checked_rem(lanes)?;
        self.lanes.get(usize::try_from(index).ok()?)
    }
}

/// A hash that is the same in every process and for ever, unlike the standard library's.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        // The low bits of this hash are weak; fold the high ones in.
        self.0 ^ (self.0 >> 32)
    }
}

struct Lane {
    queue: mpsc::Receiver<Submission>,
    writing: Writing,
}

impl Lane {
    async fn run(mut self, mut shutdown: Shutdown) {
        let group_max = self.writing.settings.group_max;
        let mut closed = false;
        loop {
            let mut group = Vec::with_capacity(self.queue.len().min(group_max));
            tokio::select! {
                biased;
                // First, because a queue that never runs empty would hide it.
                () = shutdown.requested(), if !closed => {
                    self.queue.close();
                    closed = true;
                }
                taken = self.queue.recv_many(&mut group, group_max) => match taken {
                    0 => return,
                    _ => self.commit(self.without_stale(group)).await,
                },
            }
        }
    }

    /// Sends back what has waited for so long that the storage would refuse it: it is decided
    /// anew at once, instead of taking the place of what can still be committed.
    fn without_stale(&self, group: Vec<Submission>) -> Vec<Submission> {
        let now = self.writing.time.now();
        let is_fresh = |one: &Submission| now.since(one.batch.decided_at()) <= SKEW_MAX;
        if group.iter().all(is_fresh) {
            return group;
        }
        let (fresh, stale): (Vec<_>, Vec<_>) = group.into_iter().partition(is_fresh);
        for submission in stale {
            answer(submission, Err(CommitError::OutOfTime { now }));
        }
        fresh
    }

    /// Commits a group until every outcome is known, or patience ends.
    async fn commit(&self, mut group: Vec<Submission>) {
        let writing = &self.writing;
        let give_up = writing.runtime.elapsed().saturating_add(writing.settings.commit_patience);
        let mut pause = PAUSE_FIRST;
        let mut predicted = true;
        while !group.is_empty() {
            let unknown = self.commit_once(group, predicted).await;
            if unknown.is_empty() {
                return;
            }
            if writing.runtime.elapsed() >= give_up {
                return answer_unknown(unknown);
            }
            writing.runtime.sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
            group = unknown.into_iter().map(|(submission, _)| submission).collect();
            // What failed once is decided on what the storage reads, not on what we believe.
            predicted = false;
        }
    }

    /// Answers everything that has a certain outcome; what has none comes back.
    async fn commit_once(
        &self,
        group: Vec<Submission>,
        predicted: bool,
    ) -> Vec<(Submission, PortError)> {
        let writing = &self.writing;
        let batches: Vec<WriteBatch> = group.iter().map(|one| one.batch.clone()).collect();
        let predicted =
            predicted.then(|| predict(&batches, &writing.pools, writing.time.now())).flatten();
        let committed = writing.storage.commit(Group { batches, predicted }).await;
        if let Some(now) = committed.now {
            writing.time.observe(now);
        }
        writing.pools.note(&committed.pools);
        if committed.outcomes.iter().any(Result::is_ok) {
            writing.outbox_bell.notify_one();
        }
        let mut outcomes = committed.outcomes.into_iter();
        let mut unknown = Vec::new();
        for submission in group {
            match outcomes.next().unwrap_or_else(no_outcome) {
                Err(CommitError::OutcomeUnknown(error)) => unknown.push((submission, error)),
                outcome => answer(submission, outcome),
            }
        }
        unknown
    }
}

/// A storage that answers for fewer batches than it got has broken its contract; whether it
/// wrote the rest, nobody knows.
fn no_outcome() -> Result<Receipt, CommitError> {
    let error = PortError::new(PortErrorKind::Refused, "commit");
    Err(CommitError::OutcomeUnknown(error))
}

fn answer(submission: Submission, outcome: Result<Receipt, CommitError>) {
    // A caller that went away does not mind.
    submission.reply.send(outcome).ok();
}

fn answer_unknown(unknown: Vec<(Submission, PortError)>) {
    for (submission, error) in unknown {
        tracing::error!(%error, batch.id = %submission.batch.id(), "gave up on a commit");
        answer(submission, Err(CommitError::OutcomeUnknown(error)));
    }
}

#[cfg(test)]
mod tests;
