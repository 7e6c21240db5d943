//! A small world: one storage, one gateway behind a bad line, and processes that can die.

use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::builder::Duties;
use crate::memory::{MemoryBus, MemoryGateway, MemoryStorage, MemoryTimers};
use crate::ports::storage::Received;
use crate::ports::{Clock, PaymentGateway, Runtime, Storage, WebhookRequest};
use crate::service::duty::{Duty, Progress};
use crate::service::expiration::{ExpirationSubscriber, ExpirationWaker};
use crate::service::expiry_sweeper::ExpirySweeper;
use crate::service::outbox_relay::OutboxRelay;
use crate::service::payment_reconciler::PaymentReconciler;
use crate::service::tests::laws;
use crate::service::tests::wire::{Plan, Wire};
use crate::testing::builders::START;
use crate::testing::{
    Faults, FaultyBus, FaultyGateway, FaultyStorage, FaultyTimers, NodeRuntime, SeededIds,
    StepRuntime,
};
use crate::ticketing::Ticketing;
use crate::values::{Money, StoreId, Timestamp};

/// Steps that no scenario needs: whoever takes more goes round in circles.
const STEPS: u64 = 200_000;

pub(super) const HOLD: Duration = Duration::from_mins(15);
pub(super) const GRACE: Duration = Duration::from_mins(10);
pub(super) const PATIENCE: Duration = Duration::from_mins(10);
pub(super) const MILLI: Duration = Duration::from_millis(1);
pub(super) const PRICE: Money = Money::usd(20_00);
pub(super) const NOTHING: Money = Money::usd(0);

/// One storage, one gateway, and the process that runs now.
pub(super) struct World {
    pub(super) steps: StepRuntime,
    pub(super) ports: Ports,
    pub(super) process: Process,
}

/// What outlives a process.
pub(super) struct Ports {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) storage: MemoryStorage,
    pub(super) gateway: MemoryGateway,
    pub(super) bus: MemoryBus,
    pub(super) timers: MemoryTimers,
    /// The line to the gateway: slow or cut when a test says so.
    pub(super) line: Arc<Plan>,
    /// What goes wrong with the calls of all of them.
    pub(super) faults: Faults,
}

/// A world is asked for its ports as if they were its own.
impl Deref for World {
    type Target = Ports;

    fn deref(&self) -> &Ports {
        &self.ports
    }
}

/// One process: an engine without background tasks, and what steps through its duties.
pub(super) struct Process {
    pub(super) node: Arc<NodeRuntime>,
    pub(super) engine: Ticketing,
    pub(super) relay: OutboxRelay,
    pub(super) sweeper: ExpirySweeper,
    pub(super) reconciler: PaymentReconciler,
    pub(super) waker: ExpirationWaker,
    pub(super) listener: ExpirationSubscriber,
}

/// A command that was sent off, and will be answered.
pub(super) struct Sent<T>(Arc<Mutex<Option<T>>>);

impl World {
    pub(super) fn new() -> Self {
        Self::seeded(1)
    }

    pub(super) fn seeded(seed: u64) -> Self {
        let steps = StepRuntime::new(seed);
        let clock = steps.clock(START);
        let ids = SeededIds::new(seed, 0);
        let ports = Ports {
            storage: MemoryStorage::with_clock_and_ids(Arc::clone(&clock), &ids),
            gateway: MemoryGateway::with_clock(Arc::clone(&clock)),
            bus: MemoryBus::new(),
            timers: MemoryTimers::with_clock(Arc::clone(&clock)),
            line: Arc::default(),
            faults: Faults::new(seed, steps.node()),
            clock,
        };
        let process = ports.start(&steps);
        Self { steps, ports, process }
    }

    /// The process dies; another starts over the same storage and gateway.
    pub(super) fn crash(&mut self) {
        self.process.node.crash();
        self.process = self.another_process();
    }

    /// The database is put back from a copy of it; a process starts over that.
    pub(super) fn restore(&mut self, backup: MemoryStorage) {
        self.process.node.crash();
        self.ports.storage = backup;
        self.process = self.another_process();
    }

    /// One more process over the same storage and gateway.
    pub(super) fn another_process(&self) -> Process {
        self.ports.start(&self.steps)
    }

    pub(super) fn store(&self) -> StoreId {
        self.process.engine.engine.store
    }

    /// Runs a command to its end.
    pub(super) fn run<T>(&self, command: impl Future<Output = T>) -> T {
        self.steps.block_on(command, STEPS).unwrap()
    }

    /// Sends a command off, and lets it run as far as it goes while time stands still.
    pub(super) fn send<T: Send + 'static>(
        &self,
        command: impl Future<Output = T> + Send + 'static,
    ) -> Sent<T> {
        let sent = self.spawn(command);
        self.quiet();
        sent
    }

    /// Sends a command off, without waiting for it. It dies with its process.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        command: impl Future<Output = T> + Send + 'static,
    ) -> Sent<T> {
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::clone(&answer);
        self.process.node.spawn(Box::pin(async move {
            let answer = command.await;
            *place.lock().unwrap() = Some(answer);
        }));
        Sent(answer)
    }

    /// Lets everything run that can, while time stands still.
    pub(super) fn quiet(&self) {
        self.steps.run_until_idle(STEPS).unwrap();
    }

    /// Lets time pass, in which no duty is done.
    pub(super) fn wait(&self, time: Duration) {
        self.steps.run_for(time, STEPS).unwrap();
    }

    /// Lets time pass until then.
    pub(super) fn wait_until(&self, then: Timestamp) {
        self.wait(then.since(self.clock.now()));
    }

    /// Does every duty until nothing is left to do just now.
    pub(super) fn work(&mut self) {
        loop {
            self.quiet();
            let process = &mut self.process;
            let steps = &self.steps;
            let mut busy = false;
            let duties: [&mut dyn Duty; 4] = [
                &mut process.relay,
                &mut process.sweeper,
                &mut process.reconciler,
                &mut process.waker,
            ];
            for duty in duties {
                // A port that fails now is asked again with the next step.
                let step = steps.block_on(duty.step(), STEPS).unwrap();
                busy |= matches!(step, Ok(Progress::Busy));
            }
            if !busy {
                return self.quiet();
            }
        }
    }

    /// Does what the sweeper does in one step.
    pub(super) fn sweep(&mut self) {
        self.steps.block_on(self.process.sweeper.step(), STEPS).unwrap().unwrap();
        self.quiet();
    }

    /// Lets time pass, and every duty be done in it.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.clock.now().plus(time);
        self.work();
        while self.clock.now() < end {
            let slice = end.since(self.clock.now()).min(Duration::from_secs(15));
            self.wait(slice);
            self.work();
        }
    }

    /// Lets so much time pass that everything has come to rest, and checks what must hold then.
    pub(super) fn rest(&mut self) {
        self.pass(Duration::from_mins(45));
        self.webhooks();
        self.work();
        laws::hold_at_rest(&self.books(), &self.gateway.ledger(), self.store());
    }

    /// Delivers every webhook that waits.
    pub(super) fn webhooks(&self) {
        for webhook in self.gateway.drain_webhooks() {
            assert_eq!(self.webhook(&webhook), Received::New);
        }
        self.quiet();
    }

    /// Delivers a webhook; it is signed when it is sent, however old its news are.
    pub(super) fn webhook(&self, webhook: &WebhookRequest) -> Received {
        let payments = self.process.engine.payments();
        let signed = MemoryGateway::sign(webhook.body.clone(), self.clock.now());
        self.run(payments.webhook(&signed)).unwrap()
    }
}

impl Ports {
    fn start(&self, steps: &StepRuntime) -> Process {
        let node = steps.node();
        let runtime: Arc<dyn Runtime> = Arc::<NodeRuntime>::clone(&node);
        let faults = self.faults.on_node(&node);
        let storage: Arc<dyn Storage> = Arc::new(self.storage.clone());
        let gateway: Arc<dyn PaymentGateway> = Arc::new(self.gateway.clone());
        let line = Wire::new(gateway, Arc::clone(&runtime), Arc::clone(&self.line));
        let builder = Ticketing::builder()
            .storage(FaultyStorage::new(storage, &faults))
            .gateway(FaultyGateway::new(Arc::new(line), &faults))
            .bus(Arc::new(FaultyBus::new(Arc::new(self.bus.clone()), &faults)))
            .timers(Arc::new(FaultyTimers::new(Arc::new(self.timers.clone()), &faults)))
            .clock(Arc::clone(&self.clock))
            .ids(Arc::new(SeededIds::new(steps.seed(), node.id())))
            .runtime(runtime)
            .hold_for(HOLD)
            .pay_grace(GRACE)
            .settings(|settings| settings.gateway_patience = PATIENCE)
            .duties(Duties::NONE);
        let engine = steps.block_on(builder.start(), STEPS).unwrap().unwrap();
        let shared = || Arc::clone(&engine.engine);
        Process {
            node,
            relay: OutboxRelay::new(shared()),
            sweeper: ExpirySweeper::new(shared()),
            reconciler: PaymentReconciler::new(shared()),
            waker: ExpirationWaker::new(shared()),
            listener: ExpirationSubscriber::listener(shared()),
            engine,
        }
    }
}

impl<T> Sent<T> {
    /// The answer, which has come.
    pub(super) fn answer(self) -> T {
        self.0.lock().unwrap().take().expect("no answer yet")
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}
