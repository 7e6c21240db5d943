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
use crate::service::settings::Settings;
use crate::service::single_flight::SingleFlight;
use crate::service::storage_time::StorageTime;
use crate::values::{PoolId, StoreId, Timestamp};

/// How often a command is decided anew when others were quicker, before it gives up.
pub(crate) const ATTEMPTS_MAX: usize = 16;

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
    pub(crate) store: StoreId,
    pub(crate) writer: GroupCommit,
    pub(crate) listings: ListingCache,
    pub(crate) pools: Arc<KnownPools>,
    pub(crate) reclaims: SingleFlight<PoolId>,
    pub(crate) outbox_bell: Arc<Notify>,
}

/// How a commit ended, other than done.
#[derive(Debug)]
pub(crate) enum Missed {
    /// Somebody was quicker, or time has passed: read and decide again.
    Again,
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

impl Missed {
    /// The same for a command that claims nothing it could be refused for want of.
    pub(crate) fn again_or_halt(self, command: &'static str) -> Result<(), Halt> {
        match self {
            Self::Again => Ok(()),
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
    Rejection::new(command, "on sale", reason)
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
            Err(CommitError::OutOfTime { .. } | CommitError::Conflict(_)) => Err(Missed::Again),
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
        let (reply, answer) = oneshot::channel();
        self.runtime.spawn(Box::pin(async move {
            // A caller that went away does not mind.
            reply.send(command.await).ok();
        }));
        answer.await.map_err(|_gone| Error::closed("command"))?
    }
}
