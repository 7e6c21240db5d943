//! How an engine is put together, and started.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::memory::{MemoryBus, MemoryTimers};
use crate::ports::clock::{Clock, SystemClock};
use crate::ports::error::PortError;
use crate::ports::event_bus::EventBus;
use crate::ports::ids::{IdSource, RandomIds};
use crate::ports::payment_gateway::PaymentGateway;
use crate::ports::runtime::{Runtime, TokioRuntime};
use crate::ports::storage::Storage;
use crate::ports::timers::Timers;
use crate::service::duty::{Duty, run};
use crate::service::engine::Engine;
use crate::service::expiration::{ExpirationSubscriber, ExpirationWaker};
use crate::service::expiry_sweeper::ExpirySweeper;
use crate::service::group_commit::{GroupCommit, Writing};
use crate::service::known_pools::KnownPools;
use crate::service::listing_cache::ListingCache;
use crate::service::observer::{NoObserver, Observer};
use crate::service::outbox_relay::OutboxRelay;
use crate::service::payment_reconciler::PaymentReconciler;
use crate::service::settings::{InvalidSettings, Settings, default_cap};
use crate::service::shutdown::Stopper;
use crate::service::single_flight::SingleFlight;
use crate::service::storage_time::StorageTime;
use crate::ticketing::{Stoppers, Ticketing};

/// Which background work this process does. Any process can do any of it; what none does is
/// left undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, not a state")]
pub struct Duties {
    /// Publishes what was committed.
    pub relay: bool,
    /// Ends what is overdue.
    pub sweeper: bool,
    /// Settles payments and refunds.
    pub reconciler: bool,
    /// Arms timers, and tells when they go off.
    pub expiration: bool,
}

impl Duties {
    /// All of it.
    pub const ALL: Self = Self { relay: true, sweeper: true, reconciler: true, expiration: true };
    /// None of it.
    pub const NONE: Self =
        Self { relay: false, sweeper: false, reconciler: false, expiration: false };
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Builder {
    storage: Option<Arc<dyn Storage>>,
    gateway: Option<Arc<dyn PaymentGateway>>,
    bus: Option<Arc<dyn EventBus>>,
    timers: Option<Arc<dyn Timers>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    runtime: Option<Arc<dyn Runtime>>,
    observer: Arc<dyn Observer>,
    settings: Settings,
    hold_cap: Option<Duration>,
    duties: Duties,
}

/// An engine that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Nothing was named that only the embedder can name.
    #[error("the engine needs a {0}")]
    Missing(&'static str),
    /// The settings contradict themselves.
    #[error("the settings are invalid")]
    Settings(#[from] InvalidSettings),
    /// The storage could not be asked.
    #[error("the storage did not answer")]
    Storage(#[from] PortError),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            storage: None,
            gateway: None,
            bus: None,
            timers: None,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            runtime: None,
            observer: Arc::new(NoObserver),
            settings: Settings::default(),
            hold_cap: None,
            duties: Duties::ALL,
        }
    }
}

impl Builder {
    /// Where the truth is kept. Required.
    #[must_use]
    pub fn storage(self, storage: impl Storage) -> Self {
        self.shared_storage(Arc::new(storage))
    }

    /// The same, for a storage that others hold too.
    #[must_use]
    pub fn shared_storage(self, storage: Arc<dyn Storage>) -> Self {
        Self { storage: Some(storage), ..self }
    }

    /// Where the money moves. Required.
    #[must_use]
    pub fn gateway(self, gateway: impl PaymentGateway) -> Self {
        self.shared_gateway(Arc::new(gateway))
    }

    /// The same, for a gateway that others hold too.
    #[must_use]
    pub fn shared_gateway(self, gateway: Arc<dyn PaymentGateway>) -> Self {
        Self { gateway: Some(gateway), ..self }
    }

    /// How services tell each other what happened. In this process, unless named.
    #[must_use]
    pub fn bus(self, bus: Arc<dyn EventBus>) -> Self {
        Self { bus: Some(bus), ..self }
    }

    /// What wakes at deadlines. In this process, unless named.
    #[must_use]
    pub fn timers(self, timers: Arc<dyn Timers>) -> Self {
        Self { timers: Some(timers), ..self }
    }

    /// Where time comes from. The system's clock, unless named.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where ids come from. Random ones that grow with time, unless named.
    #[must_use]
    pub fn ids(self, ids: Arc<dyn IdSource>) -> Self {
        Self { ids, ..self }
    }

    /// What runs the engine's tasks. The tokio runtime it is started in, unless named.
    #[must_use]
    pub fn runtime(self, runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime: Some(runtime), ..self }
    }

    /// Who is told how the writer is doing. Nobody, unless named.
    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// How long units are held for an unpaid order.
    #[must_use]
    pub fn hold_for(mut self, hold: Duration) -> Self {
        self.settings.holds.hold = hold;
        self
    }

    /// The least time that the first payment of an order gets.
    #[must_use]
    pub fn pay_grace(mut self, grace: Duration) -> Self {
        self.settings.holds.grace = grace;
        self
    }

    /// The longest hold in all. Two holds and a payment's grace, unless named.
    #[must_use]
    pub fn hold_cap(self, cap: Duration) -> Self {
        Self { hold_cap: Some(cap), ..self }
    }

    /// Everything else.
    #[must_use]
    pub fn settings(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings;
        change(&mut settings);
        let named = Some(settings.holds.cap).filter(|cap| *cap != self.settings.holds.cap);
        Self { settings, hold_cap: named.or(self.hold_cap), ..self }
    }

    /// Which background work this process does. All of it, unless named.
    #[must_use]
    pub fn duties(self, duties: Duties) -> Self {
        Self { duties, ..self }
    }

    /// Starts the engine: asks the storage for its time and starts the background work.
    ///
    /// # Errors
    /// Something is missing, the settings contradict themselves, or the storage does not answer.
    pub async fn start(mut self) -> Result<Ticketing, StartError> {
        let holds = &mut self.settings.holds;
        holds.cap = self.hold_cap.unwrap_or_else(|| default_cap(holds.hold, holds.grace));
        self.settings.check()?;
        let duties = self.duties;
        let (commands, writer) = (Stopper::new(), Stopper::new());
        let engine = self.build(&commands, &writer).await?;
        let stoppers = Stoppers { duties: Stopper::new(), commands, writer };
        start_duties(&engine, duties, &stoppers.duties);
        Ok(Ticketing::new(engine, stoppers))
    }

    async fn build(self, commands: &Stopper, writer: &Stopper) -> Result<Arc<Engine>, StartError> {
        let storage =
            self.storage.ok_or(StartError::Missing("storage: name one with `Builder::storage`"))?;
        let gateway = self
            .gateway
            .ok_or(StartError::Missing("payment gateway: name one with `Builder::gateway`"))?;
        let runtime = match self.runtime {
            Some(runtime) => runtime,
            None => tokio_runtime()?,
        };
        let timers: Arc<dyn Timers> = match self.timers {
            Some(timers) => timers,
            None => Arc::new(MemoryTimers::with_clock(Arc::clone(&self.clock))),
        };
        let time = Arc::new(StorageTime::new(self.clock));
        let asked = time.ask();
        time.observe(asked, storage.now().await?);
        let writing = Writing {
            storage: Arc::clone(&storage),
            runtime: Arc::clone(&runtime),
            time: Arc::clone(&time),
            pools: Arc::new(KnownPools::default()),
            settings: self.settings,
            observer: self.observer,
            outbox_bell: Arc::new(Notify::new()),
        };
        Ok(Arc::new(Engine {
            store: storage.store_id().await?,
            storage,
            bus: self.bus.unwrap_or_else(|| Arc::new(MemoryBus::new())),
            timers,
            gateway,
            ids: self.ids,
            runtime,
            time,
            settings: self.settings,
            writer: GroupCommit::start(&writing, writer),
            observer: writing.observer,
            listings: ListingCache::default(),
            pools: writing.pools,
            reclaims: SingleFlight::default(),
            outbox_bell: writing.outbox_bell,
            commands: commands.guards(),
        }))
    }
}

fn tokio_runtime() -> Result<Arc<dyn Runtime>, StartError> {
    match TokioRuntime::current() {
        Some(runtime) => Ok(Arc::new(runtime)),
        None => Err(StartError::Missing("tokio runtime to be started in")),
    }
}

fn start_duties(engine: &Arc<Engine>, duties: Duties, stopper: &Stopper) {
    if duties.relay {
        spawn(engine, OutboxRelay::new(Arc::clone(engine)), stopper);
    }
    if duties.sweeper {
        spawn(engine, ExpirySweeper::new(Arc::clone(engine)), stopper);
        spawn(engine, ExpirationSubscriber::listener(Arc::clone(engine)), stopper);
    }
    if duties.reconciler {
        spawn(engine, PaymentReconciler::new(Arc::clone(engine)), stopper);
    }
    if duties.expiration {
        spawn(engine, ExpirationSubscriber::armer(Arc::clone(engine)), stopper);
        spawn(engine, ExpirationWaker::new(Arc::clone(engine)), stopper);
    }
}

fn spawn(engine: &Arc<Engine>, duty: impl Duty + 'static, stopper: &Stopper) {
    let runtime = Arc::clone(&engine.runtime);
    let (shutdown, guard) = (stopper.listener(), stopper.guard());
    engine.runtime.spawn(Box::pin(async move {
        run(duty, runtime, shutdown).await;
        drop(guard);
    }));
}
