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
//! meanwhile, and those who come back at once because it has just answered them. Batches of one
//! pool share a lane, so that a hot or stuck ticket delays only others of its lane.
//!
//! A batch in a queue is written whether or not its caller still waits. One whose outcome is
//! unknown is committed again, the same, until the storage can tell; callers hear
//! "unavailable" only after a bounded time.

use std::hash::Hasher;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::ports::batch::{Group, Receipt, WriteBatch};
use crate::ports::error::{CommitError, PortError, PortErrorKind, chain};
use crate::ports::resolve::SKEW_MAX;
use crate::ports::runtime::Runtime;
use crate::ports::snapshot::Snapshot;
use crate::ports::storage::{Committed, Storage};
use crate::service::error::Error;
use crate::service::known_pools::KnownPools;
use crate::service::observer::{GroupReport, Observer};
use crate::service::prediction::predict;
use crate::service::settings::Settings;
use crate::service::shutdown::{Shutdown, Stopper};
use crate::service::storage_time::StorageTime;

mod gathering;

/// The first pause before a commit with an unknown outcome is tried again; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The least time that a caller waits for the answer of the writer.
const WAIT_MIN: Duration = Duration::from_secs(5);

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
    pub(crate) observer: Arc<dyn Observer>,
    /// Rung after every commit that wrote events.
    pub(crate) outbox_bell: Arc<Notify>,
}

/// The queues in front of the storage.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    lanes: Vec<mpsc::Sender<Submission>>,
    queue_max: usize,
    outbox_is_full: AtomicBool,
    runtime: Arc<dyn Runtime>,
    observer: Arc<dyn Observer>,
    /// How long a caller waits for its answer.
    wait_max: Duration,
}

#[derive(Debug)]
struct Submission {
    batch: WriteBatch,
    since: Duration,
    reply: Reply,
}

/// Where a caller waits for the outcome of its batch.
type Reply = oneshot::Sender<Result<Receipt, CommitError>>;

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
        Self {
            lanes: lanes.collect(),
            queue_max,
            outbox_is_full: AtomicBool::new(false),
            runtime: Arc::clone(&writing.runtime),
            observer: Arc::clone(&writing.observer),
            wait_max: writing.settings.commit_patience.saturating_mul(2).max(WAIT_MIN),
        }
    }

    /// Commits a batch together with whatever else waits.
    ///
    /// Dropping the future does not stop the batch. Nobody waits for ever: a storage that hangs in
    /// spite of its contract keeps its lane, but not the callers.
    pub(crate) async fn submit(
        &self,
        batch: WriteBatch,
        urgency: Urgency,
    ) -> Result<Result<Receipt, CommitError>, Error> {
        let lane = self.lane_of(&batch).ok_or_else(|| Error::closed("commit"))?;
        self.admit(lane, urgency)?;
        let (reply, answer) = oneshot::channel();
        let since = self.runtime.elapsed();
        lane.try_send(Submission { batch, since, reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => self.overloaded(),
            mpsc::error::TrySendError::Closed(_) => Error::closed("commit"),
        })?;
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_gone| Error::closed("commit")),
            () = self.runtime.sleep(self.wait_max) => Err(PortError::unavailable("commit").into()),
        }
    }

    /// Tells whether the outbox holds more than it should: then no reservation is admitted.
    pub(crate) fn note_outbox(&self, is_full: bool) {
        self.outbox_is_full.store(is_full, Ordering::Relaxed);
    }

    fn admit(&self, lane: &mpsc::Sender<Submission>, urgency: Urgency) -> Result<(), Error> {
        let waiting = self.queue_max.saturating_sub(lane.capacity());
        let crowded = waiting >= self.queue_max / 2;
        let shed = crowded || self.outbox_is_full.load(Ordering::Relaxed);
        if urgency == Urgency::Reservation && shed { Err(self.overloaded()) } else { Ok(()) }
    }

    fn overloaded(&self) -> Error {
        self.observer.overloaded();
        Error::overloaded()
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
                    answered => {
                        self.commit(self.without_stale(group)).await;
                        gathering::gather(answered, || self.queue.len()).await;
                    }
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
            answer(submission.reply, Err(CommitError::OutOfTime { now }));
        }
        fresh
    }

    /// Commits a group until every outcome is known, or patience ends.
    async fn commit(&self, group: Vec<Submission>) {
        let writing = &self.writing;
        let give_up = writing.runtime.elapsed().saturating_add(writing.settings.commit_patience);
        let mut pause = PAUSE_FIRST;
        let mut group = Gathered::of(group);
        let mut predicted = predict(&group.batches, &writing.pools, writing.time.now());
        while !group.replies.is_empty() {
            let unknown = self.commit_once(group, predicted).await;
            if unknown.replies.is_empty() {
                return;
            }
            if writing.runtime.elapsed() >= give_up {
                return unknown.answer();
            }
            writing.runtime.sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
            group = unknown.again();
            // What failed once is decided on what the storage reads, not on what we believe.
            predicted = None;
        }
    }

    /// Answers everything that has a certain outcome; what has none comes back.
    async fn commit_once(&self, group: Gathered, predicted: Option<Snapshot>) -> Unknown {
        let writing = &self.writing;
        let batches = Arc::clone(&group.batches);
        let asked = writing.time.ask();
        let began = writing.runtime.elapsed();
        let commit = writing.storage.commit(Group { batches, predicted });
        // A storage that panics must not take its lane with it. What it had written by then, it
        // tells when the batches come again.
        let committed = AssertUnwindSafe(commit).catch_unwind().await;
        let committed = committed.unwrap_or_else(|_panic| nothing_known(group.batches.len()));
        if let Some(now) = committed.now {
            writing.time.observe(asked, now);
        }
        self.report(&group, &committed, began);
        writing.pools.note(&committed.pools);
        if committed.outcomes.iter().any(Result::is_ok) {
            writing.outbox_bell.notify_one();
        }
        let mut outcomes = committed.outcomes.into_iter();
        let (batches, since, again) = (group.batches, group.since, group.again);
        let mut unknown = Unknown { batches, replies: Vec::new(), since };
        for (place, reply) in group.replies.into_iter().enumerate() {
            match still_unknown(outcomes.next().unwrap_or_else(no_outcome), again) {
                Ok(error) => unknown.replies.push((place, reply, error)),
                Err(outcome) => answer(reply, outcome),
            }
        }
        unknown
    }

    fn report(&self, group: &Gathered, committed: &Committed, began: Duration) {
        let took = self.writing.runtime.elapsed().saturating_sub(began);
        let waited = began.saturating_sub(group.since);
        let report = GroupReport::of(&group.batches, &committed.outcomes, waited, took);
        self.writing.observer.group_committed(&report);
    }
}

/// A group on its way to the storage: its batches, who waits for each of them, and since when the
/// first of them does.
struct Gathered {
    batches: Arc<[WriteBatch]>,
    replies: Vec<Reply>,
    since: Duration,
    /// Whether an earlier try has no outcome.
    again: bool,
}

impl Gathered {
    fn of(group: Vec<Submission>) -> Self {
        let since = group.iter().map(|one| one.since).min().unwrap_or_default();
        let (batches, replies): (Vec<_>, _) =
            group.into_iter().map(|one| (one.batch, one.reply)).unzip();
        Self { batches: batches.into(), replies, since, again: false }
    }
}

/// What came back from the storage without an outcome: the group as it was, and the places in it.
struct Unknown {
    batches: Arc<[WriteBatch]>,
    replies: Vec<(usize, Reply, PortError)>,
    since: Duration,
}

impl Unknown {
    /// The same batches once more, without those whose outcome is known.
    fn again(self) -> Gathered {
        let batches = self.replies.iter().filter_map(|(place, _, _)| self.batches.get(*place));
        let (batches, since) = (batches.cloned().collect(), self.since);
        let replies = self.replies.into_iter().map(|(_, reply, _)| reply).collect();
        Gathered { batches, replies, since, again: true }
    }

    fn answer(self) {
        for (place, reply, error) in self.replies {
            let batch = self.batches.get(place).map(|batch| tracing::field::display(batch.id()));
            tracing::error!(error = chain(&error), batch.id = batch, "gave up on a commit");
            answer(reply, Err(CommitError::OutcomeUnknown(error)));
        }
    }
}

/// Why the outcome of a batch is not known after this try; else its outcome.
///
/// A try that did nothing, since the storage was not reached, tells nothing of the try before. One
/// that was refused tells all: a batch that was applied would have been a duplicate.
fn still_unknown(
    outcome: Result<Receipt, CommitError>,
    again: bool,
) -> Result<PortError, Result<Receipt, CommitError>> {
    match outcome {
        Err(CommitError::OutcomeUnknown(error)) => Ok(error),
        Err(CommitError::NotApplied(error)) if again && *error.kind() != PortErrorKind::Refused => {
            Ok(error)
        }
        outcome => Err(outcome),
    }
}

/// What is known of a commit that panicked.
fn nothing_known(batches: usize) -> Committed {
    let outcomes = std::iter::repeat_with(no_outcome).take(batches).collect();
    Committed { outcomes, pools: Vec::new(), now: None }
}

/// A storage that answers for fewer batches than it got has broken its contract; whether it
/// wrote the rest, nobody knows.
fn no_outcome() -> Result<Receipt, CommitError> {
    let error = PortError::new(PortErrorKind::Refused, "commit");
    Err(CommitError::OutcomeUnknown(error))
}

fn answer(reply: Reply, outcome: Result<Receipt, CommitError>) {
    // A caller that went away does not mind.
    reply.send(outcome).ok();
}

#[cfg(test)]
mod tests;
