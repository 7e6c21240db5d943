//! A process, from its start to its crash.

use std::sync::Arc;

use ticketing_core::ports::{EventBus, PaymentGateway, Storage, Timers};
use ticketing_core::testing::{
    FaultyBus, FaultyGateway, FaultyStorage, FaultyTimers, NodeRuntime, SeededIds, SkewedClock,
};
use ticketing_core::{Builder, Duties, Ticketing};

use crate::ports::WitnessStorage;

use super::{
    CAP, GRACE, HOLD, PATIENCE, RECONCILE_BACK, RECONCILE_EVERY, STEPS_MAX, SWEEP_EVERY, World,
};

/// A process that runs, or ran.
pub(super) struct Process {
    pub(super) node: Arc<NodeRuntime>,
    pub(super) engine: Ticketing,
    pub(super) clock: SkewedClock,
}

impl World {
    /// Starts a process over the same world. It comes up in the end, however often its storage
    /// fails it at first, so that nothing goes wrong meanwhile.
    pub(super) fn start(&mut self, place: usize) -> Option<Process> {
        self.started = self.started.saturating_add(1);
        let node = self.runtime.node();
        let clock = SkewedClock::new(Arc::clone(&self.clock));
        let plan = self.plan.processes.get(place).copied()?;
        clock.set_offset(plan.ahead_millis.saturating_mul(1_000));
        self.tally.note_many(
            "clocks: a process starts with one that is off",
            u64::from(plan.ahead_millis != 0),
        );
        let builder = self.builder(&node).clock(Arc::new(clock.clone()));
        let builder = builder.duties(if plan.works { Duties::ALL } else { Duties::NONE });
        self.faults.off();
        let started = self.runtime.block_on(builder.start(), STEPS_MAX);
        if !self.calm {
            self.faults.on();
        }
        match started {
            Ok(Ok(engine)) => {
                self.trace.line(Some(node.id()), || format!("process {place} starts"));
                Some(Process { node, engine, clock })
            }
            Ok(Err(error)) => {
                self.findings.add("L5", || format!("process {place} does not start: {error}"));
                None
            }
            Err(stuck) => {
                self.findings.add("L5", || format!("process {place} does not start: {stuck}"));
                None
            }
        }
    }

    fn builder(&self, node: &Arc<NodeRuntime>) -> Builder {
        let faults = self.faults.on_node(node);
        let bare: Arc<dyn Storage> = Arc::new(self.storage.get());
        let bus: Arc<dyn EventBus> = Arc::new(self.bus.clone());
        let gateway: Arc<dyn PaymentGateway> = Arc::new(self.gateway.clone());
        let storage = self.planted.storage(bare, &bus, &gateway);
        let gateway = self.planted.gateway(gateway);
        let storage: Arc<dyn Storage> = Arc::new(FaultyStorage::new(storage, &faults));
        let timers: Arc<dyn Timers> = Arc::new(self.timers.clone());
        Ticketing::builder()
            .storage(WitnessStorage::new(storage, &self.leases, &self.findings))
            .gateway(FaultyGateway::new(gateway, &faults))
            .bus(Arc::new(FaultyBus::new(bus, &faults)))
            .timers(Arc::new(FaultyTimers::new(timers, &faults)))
            .ids(Arc::new(SeededIds::new(self.plan.seed, self.started)))
            .runtime(Arc::<NodeRuntime>::clone(node))
            .hold_for(HOLD)
            .pay_grace(GRACE)
            .hold_cap(CAP)
            .settings(|settings| {
                settings.gateway_patience = PATIENCE;
                settings.sweep_every = SWEEP_EVERY;
                settings.reconcile_every = RECONCILE_EVERY;
                settings.reconcile_back = RECONCILE_BACK;
            })
    }

    /// The process at that place, counted round.
    pub(super) fn process(&self, place: u8) -> Option<&Process> {
        let number = self.processes.len().max(1);
        self.processes.get(usize::from(place) % number)
    }

    /// A process that died is started again after a while.
    pub(super) fn restart_some(&mut self) {
        for place in 0..self.processes.len() {
            let restarts = self.rng.chance(600);
            self.restart_if(place, restarts);
        }
    }

    pub(super) fn restart_all(&mut self) {
        for place in 0..self.processes.len() {
            self.restart_if(place, true);
        }
    }

    fn restart_if(&mut self, place: usize, restarts: bool) {
        let is_dead = self.processes.get(place).is_some_and(|process| !process.node.is_alive());
        if !is_dead || !restarts {
            return;
        }
        if let Some(started) = self.start(place)
            && let Some(process) = self.processes.get_mut(place)
        {
            *process = started;
        }
    }
}
