//! What the services share: the ports, the writer, and one way to commit.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};

use crate::domain::inventory::Refusal;
use crate::domain::rejection::{Reason, Rejection};
use crate::ports::batch::{BatchBuilder, Cause, KeyRecord, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::event_bus::EventBus;
use crate::ports::ids::IdSource;
use crate::ports::payment_gateway::PaymentGateway;
use crate::ports::runtime::Runtime;
use crate::ports::storage::Storage;
use crate::ports::timers::Timers;
use crate::service::error::Error;
use crate::service::group_commit::{GroupCommit, Urgency};
use crate::service::idempotency::Halt;
use crate::service::known_pools::KnownPools;
use crate::service::listing_cache::ListingCache;
use crate::service::observer::Observer;
use crate::service::settings::Settings;
use crate::service::shutdown::Guards;
use crate::service::single_flight::SingleFlight;
use crate::service::storage_time::StorageTime;
use crate::values::{PoolId, StoreId, Timestamp};

/// How often a command is decided anew when others were quicker, before it gives up.
const ROUNDS_MAX: usize = 16;

/// What the services share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) bus: Arc<dyn EventBus>,
    pub(crate) timers: Arc<dyn Timers>,
    pub(crate) gateway: Arc<dyn PaymentGateway>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) time: Arc<StorageTime>,
    pub(crate) settings: Settings,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) store: StoreId,
    pub(crate) writer: GroupCommit,
    pub(crate) listings: ListingCache,
    pub(crate) pools: Arc<KnownPools>,
    pub(crate) reclaims: SingleFlight<PoolId>,
    pub(crate) outbox_bell: Arc<Notify>,
    /// Held by what goes on without its caller.
    pub(crate) commands: Guards,
}

/// How a commit ended, other than done.
#[derive(Debug)]
pub(crate) enum Missed {
    /// Somebody was quicker: read and decide again.
    Again,
    /// It waited until what it was decided on was out of date: the same.
    TooLate,
    /// A pool refused.
    Refused {
        /// Which.
        pool: PoolId,
        /// Why.
        refusal: Refusal,
    },
    /// The idempotency key was used before.
    KeyTaken(KeyRecord),
    /// It failed.
    Failed(Error),
}

/// The rounds in which a command is decided, anew whenever somebody was quicker.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    begun: usize,
    too_late: bool,
}

impl Rounds {
    /// Begins another round; `false` once there were enough of them.
    pub(crate) fn another(&mut self) -> bool {
        self.begun = self.begun.saturating_add(1);
        self.begun <= ROUNDS_MAX
    }

    /// Whether another round may end better than this one; else how the command ends.
    pub(crate) fn again_or_halt(
        &mut self,
        missed: Missed,
        command: &'static str,
    ) -> Result<(), Halt> {
        self.too_late = matches!(missed, Missed::TooLate);
        missed.again_or_halt(command)
    }

    /// The same for work of the engine's own, which never has a key.
    pub(crate) fn again_or_error(
        &mut self,
        missed: Missed,
        command: &'static str,
    ) -> Result<(), Error> {
        self.too_late = matches!(missed, Missed::TooLate);
        missed.again_or_error(command)
    }

    /// Why there is no other round. A command that is out of date whenever its turn comes waits
    /// behind too much; nobody was in its way.
    pub(crate) fn over(&self) -> Error {
        if self.too_late { Error::overloaded() } else { Error::Conflict }
    }
}

impl Missed {
    /// Nothing if it may be decided again; else how the command ends.
    fn again_or_halt(self, command: &'static str) -> Result<(), Halt> {
        match self {
            Self::Again | Self::TooLate => Ok(()),
            Self::Refused { pool, refusal } => Err(claim_refused(command, pool, refusal).into()),
            Self::KeyTaken(record) => Err(Halt::KeyTaken(record)),
            Self::Failed(error) => Err(error.into()),
        }
    }

    /// The same for work of the engine's own, which never has a key.
    pub(crate) fn again_or_error(self, command: &'static str) -> Result<(), Error> {
        self.again_or_halt(command).map_err(|halt| match halt {
            Halt::Error(error) => error,
            Halt::KeyTaken(_) => Error::bug("a key was taken that nobody used"),
        })
    }
}

/// The rejection for a refused claim, in the words of the command.
pub(crate) fn claim_refused(command: &'static str, pool: PoolId, refusal: Refusal) -> Rejection {
    let reason = match refusal {
        Refusal::Claimed => Reason::TicketReserved,
        Refusal::CapacityTooLow { claimed } => Reason::CapacityTooLow { claimed },
        Refusal::Missing
        | Refusal::NotOnSale
        | Refusal::SaleNotOpen { .. }
        | Refusal::SaleOver
        | Refusal::SoldOut { .. }
        | Refusal::OverOrderLimit { .. }
        | Refusal::OverBuyerLimit { .. }
        | Refusal::ListingChanged
        | Refusal::NotThere
        | Refusal::NoSuchStep => Reason::Claim { ticket: pool, refusal },
    };
    Rejection::new(command, state_behind(refusal), reason)
}

/// The state of a pool that refuses like this, in words.
fn state_behind(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "missing",
        Refusal::NotOnSale => "withdrawn",
        Refusal::SaleNotOpen { .. } => "not on sale yet",
        Refusal::SaleOver => "not on sale any more",
        Refusal::SoldOut { left: 0 } => "sold out",
        Refusal::Claimed | Refusal::CapacityTooLow { .. } => "claimed",
        Refusal::SoldOut { .. }
        | Refusal::OverOrderLimit { .. }
        | Refusal::OverBuyerLimit { .. }
        | Refusal::ListingChanged
        | Refusal::NotThere
        | Refusal::NoSuchStep => "on sale",
    }
}

impl Engine {
    /// The storage's time, as far as this process knows it.
    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// A batch decided now.
    pub(crate) fn batch(&self, cause: Cause, now: Timestamp) -> BatchBuilder<'_> {
        BatchBuilder::new(cause, self.ids.as_ref(), now)
    }

    /// Commits a batch, together with whatever else waits.
    pub(crate) async fn commit(&self, batch: WriteBatch, urgency: Urgency) -> Result<(), Missed> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.writer.submit(batch, urgency).await.map_err(Missed::Failed)? {
            // A duplicate is our own first try, whose answer was lost.
            Ok(_) | Err(CommitError::Duplicate(_)) => Ok(()),
            Err(CommitError::KeyTaken(record)) => Err(Missed::KeyTaken(record)),
            // The writer has noted the storage's time when it was fresh.
            Err(CommitError::OutOfTime { .. }) => Err(Missed::TooLate),
            Err(CommitError::Conflict(_)) => Err(Missed::Again),
            Err(CommitError::ClaimRefused { pool, refusal }) => {
                Err(Missed::Refused { pool, refusal })
            }
            Err(CommitError::NotApplied(error) | CommitError::OutcomeUnknown(error)) => {
                Err(Missed::Failed(error.into()))
            }
        }
    }

    /// Runs a command to its end even if its caller goes away in the middle.
    pub(crate) async fn detached<T: Send + 'static>(
        &self,
        command: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let Some(guard) = self.commands.take() else {
            return Err(Error::closed("command"));
        };
        let (reply, answer) = oneshot::channel();
        self.runtime.spawn(Box::pin(async move {
            // A caller that went away does not mind.
            reply.send(command.await).ok();
            drop(guard);
        }));
        answer.await.map_err(|_gone| Error::closed("command"))?
    }

    /// Does what nobody waits for and is found again if it is not done. The end of the process waits
    /// for it; once that has come, it is left to the next start.
    pub(crate) fn soon(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(guard) = self.commands.take() {
            self.runtime.spawn(Box::pin(async move {
                work.await;
                drop(guard);
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes every round there is, each of which ends like this.
    fn all_rounds(missed: impl Fn(usize) -> Missed) -> (usize, Error) {
        let mut rounds = Rounds::default();
        let mut begun = 0;
        while rounds.another() {
            rounds.again_or_error(missed(begun), "try").unwrap();
            begun += 1;
        }
        (begun, rounds.over())
    }

    #[test]
    fn a_command_that_others_overtake_again_and_again_is_a_conflict() {
        let (begun, error) = all_rounds(|_| Missed::Again);
        assert_eq!((begun, error.code()), (ROUNDS_MAX, "conflict"));
    }

    /// Nobody was in its way: there was too much before it.
    #[test]
    fn a_command_that_is_out_of_date_at_every_turn_is_too_much() {
        let (begun, error) = all_rounds(|_| Missed::TooLate);
        assert_eq!((begun, error.code()), (ROUNDS_MAX, "overloaded"));
    }

    #[test]
    fn the_last_round_tells_why_there_is_no_other() {
        let late_at_last =
            |round| if round + 1 < ROUNDS_MAX { Missed::Again } else { Missed::TooLate };
        assert_eq!(all_rounds(late_at_last).1.code(), "overloaded");
    }
}
