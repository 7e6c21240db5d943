//! Several processes over one faulty world, and what happens in it.
//!
//! | room | what is in it |
//! |---|---|
//! | `process` | a process, from its start to its crash |
//! | `post` | webhooks on their way |
//! | `sending` | a client's command, as one task of the process that it was sent to |
//! | `acts`, `events` | what a plan says, done |
//! | `rest` | the liveness phase, and the last judgement |

mod acts;
mod events;
mod post;
mod process;
mod rest;
mod sending;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticketing_core::memory::{Books, MemoryBus, MemoryGateway, MemoryStorage, Mischief};
use ticketing_core::ports::{Clock, IdSource, Storage};
use ticketing_core::testing::builders::user;
use ticketing_core::testing::{
    FaultKind, Faults, Operation, SeededIds, SeededRng, StepRuntime, Stuck,
};
use ticketing_core::values::{CorrelationId, IdempotencyKey, IntentRef, Timestamp};

use crate::clients::Clients;
use crate::consumer::Consumer;
use crate::findings::Findings;
use crate::invariants::{LATE_BUYER, Watch};
use crate::linear::Checked;
use crate::plan::{Act, Plan};
use crate::planted::{Bug, Planted};
use crate::ports::{Leases, SimBus, SimGateway, SimTimers};
use crate::tally::Tally;
use crate::trace::Trace;

use self::post::Letters;
use self::process::Process;

/// More steps than any pause takes.
pub(crate) const STEPS_MAX: u64 = 300_000;
/// When every history begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// How long units are held.
pub(crate) const HOLD: Duration = Duration::from_secs(20);
/// The least time for a payment.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// The longest hold in all.
pub(crate) const CAP: Duration = Duration::from_secs(50);
/// How long the gateway may be out of reach before units are released.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// How often overdue orders are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How often the gateway's list is read.
pub(crate) const RECONCILE_EVERY: Duration = Duration::from_secs(20);
/// How far back it is read at a start: further than nobody is ever up.
const RECONCILE_BACK: Duration = Duration::from_hours(4 * 24);

/// How soon a process is started again whose call took it down.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Several processes over one faulty world.
pub(crate) struct World {
    plan: Plan,
    rng: SeededRng,
    runtime: StepRuntime,
    clock: Arc<dyn Clock>,
    storage: StorageCell,
    memory_bus: MemoryBus,
    bus: SimBus,
    timers: SimTimers,
    memory_gateway: MemoryGateway,
    gateway: SimGateway,
    faults: Faults,
    leases: Leases,
    planted: Planted,
    processes: Vec<Process>,
    started: u32,
    letters: Letters,
    post_waits: bool,
    /// Whether faults have ended for good.
    calm: bool,
    backup: Option<MemoryStorage>,
    restored: bool,
    clients: Clients,
    consumer: Consumer,
    ids: SeededIds,
    keys: u64,
    disputed: Vec<IntentRef>,
    pub(crate) findings: Findings,
    pub(crate) trace: Trace,
    made: Arc<Mutex<Vec<Made>>>,
    linear: Checked,
    tally: Tally,
}

/// A call of a port, and how much was committed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its number, counted from when every process was up.
    pub number: u64,
    /// What was called.
    pub operation: Operation,
    /// How many groups were committed before it.
    pub commits: u64,
}

/// The storage that is in use, which a restore replaces. Clones are the same cell.
#[derive(Debug, Clone)]
pub(crate) struct StorageCell {
    /// How often it was replaced, and what is in use now.
    current: Arc<Mutex<(u64, MemoryStorage)>>,
}

impl StorageCell {
    fn new(storage: MemoryStorage) -> Self {
        Self { current: Arc::new(Mutex::new((0, storage))) }
    }

    pub(crate) fn get(&self) -> MemoryStorage {
        self.lock().1.clone()
    }

    /// How often it was replaced.
    fn replaced(&self) -> u64 {
        self.lock().0
    }

    fn set(&self, storage: MemoryStorage) {
        let mut current = self.lock();
        *current = (current.0.saturating_add(1), storage);
    }

    fn lock(&self) -> MutexGuard<'_, (u64, MemoryStorage)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// A world whose processes are up, in which nothing has happened.
    pub(crate) fn new(plan: Plan, bug: Option<Bug>, traced: bool) -> Self {
        let seed = plan.seed;
        let runtime = StepRuntime::new(seed);
        let clock = runtime.clock(START);
        let findings = Findings::default();
        let (ids, tally) = (SeededIds::new(seed, 0), Tally::default());
        let memory = MemoryStorage::with_clock_and_ids(Arc::clone(&clock), &ids);
        let memory = memory.with_lanes(plan.lanes);
        let shared: Arc<dyn Storage> = Arc::new(memory.clone());
        let memory_bus = MemoryBus::new();
        let memory_gateway = MemoryGateway::with_clock(Arc::clone(&clock));
        let bus = SimBus::new(memory_bus.clone(), Arc::clone(&shared), &findings);
        let luck = (seed, plan.mischief.kept_errors);
        let gateway = SimGateway::new(memory_gateway.clone(), shared, luck, &findings, &tally);
        let mut world = Self {
            rng: SeededRng::new(seed).fork("world"),
            faults: Faults::new(seed, runtime.node()),
            timers: SimTimers::new(&clock, seed, plan.mischief, &tally),
            storage: StorageCell::new(memory),
            consumer: Consumer::new(&findings, bug),
            planted: Planted::new(bug),
            trace: Trace::new(traced),
            memory_bus,
            bus,
            memory_gateway,
            gateway,
            leases: Leases::default(),
            processes: Vec::new(),
            started: 0,
            letters: Letters::default(),
            post_waits: false,
            calm: false,
            backup: None,
            restored: false,
            clients: Clients::default(),
            ids,
            keys: 0,
            disputed: Vec::new(),
            clock,
            findings,
            made: Arc::default(),
            linear: Checked::default(),
            tally,
            runtime,
            plan,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.watch();
        self.trace_calls();
        self.consumer.start(&self.runtime.node(), &self.bus);
        for place in 0..self.plan.processes.len() {
            if let Some(process) = self.start(place) {
                self.processes.push(process);
            }
        }
        for (kind, rate) in &self.plan.faults {
            self.faults.set_rate(*kind, *rate);
        }
        self.faults.set_longest_delay(self.plan.longest_delay);
        let begun = self.faults.calls();
        self.note_calls(begun);
        for (number, kind) in &self.plan.at_calls {
            self.faults.at_call(begun.saturating_add(*number), *kind);
        }
        let mischief = self.plan.mischief;
        self.memory_bus.set_mischief(Some(Mischief {
            seed: self.plan.seed,
            repeat_per_1000: mischief.bus_repeats,
            reorder_per_1000: mischief.bus_reorders,
            lose_per_1000: mischief.bus_loses,
        }));
    }

    /// Checks what must hold at every instant after every step that committed something: no other
    /// step changes what is looked at.
    fn watch(&self) {
        let (findings, cell) = (self.findings.clone(), self.storage.clone());
        let (mut watch, mut replaced) = (Watch::new(&findings), 0);
        let trace = self.trace.clone();
        let mut checked = 0;
        self.runtime.on_step(move |step| {
            trace.stands_at(step);
            let storage = cell.get();
            if cell.replaced() != replaced {
                // What is in the backup happened once more, or never did.
                watch = Watch::of_backup(&findings, &storage.books());
                replaced = cell.replaced();
            }
            let counts = storage.commit_counts();
            let commits = counts.careful.saturating_add(counts.optimistic);
            if commits != checked {
                checked = commits;
                watch.check(&storage.books());
            }
        });
    }

    fn trace_calls(&self) {
        if !self.trace.is_wanted() {
            return;
        }
        let trace = self.trace.clone();
        self.faults.observe(move |call| {
            trace.line(call.node, || {
                let fault = call.fault.map_or_else(String::new, |kind| format!(", {kind:?}"));
                let late = call.delay.map_or_else(String::new, |by| format!(", {by:?} late"));
                format!("call {} {}{late}{fault}", call.number, call.operation)
            });
        });
    }

    /// Notes every call from now on, if anybody wants to know.
    fn note_calls(&self, begun: u64) {
        if !self.trace.is_wanted() {
            return;
        }
        let (made, storage) = (Arc::clone(&self.made), self.storage.clone());
        self.faults.observe(move |call| {
            let counts = storage.get().commit_counts();
            let commits = counts.careful.saturating_add(counts.optimistic);
            let number = call.number.saturating_sub(begun);
            let call = Made { number, operation: call.operation, commits };
            made.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        });
    }

    /// The calls that were made, if anybody wanted to know.
    pub(crate) fn made(&self) -> Vec<Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does all that the plan says, until something is found.
    pub(crate) fn play(&mut self) {
        let acts = self.plan.acts.clone();
        for act in &acts {
            if !self.findings.is_clean() {
                return;
            }
            self.act(act);
        }
    }

    fn act(&mut self, act: &Act) {
        self.restart_some();
        self.trace.line(None, || format!("act {act}"));
        self.perform(&act.what);
        self.deliver_some();
        self.pass(act.pause);
    }

    /// Lets time pass. Where a call is to take its process with it, that is started again soon: what
    /// follows is to find somebody.
    fn pass(&mut self, time: Duration) {
        let mut left = time;
        while !self.plan.at_calls.is_empty() && left > RESTART_AFTER {
            self.note_stuck(self.runtime.run_for(RESTART_AFTER, STEPS_MAX));
            self.restart_all();
            left = left.saturating_sub(RESTART_AFTER);
        }
        self.note_stuck(self.runtime.run_for(left, STEPS_MAX));
    }

    fn note_stuck(&self, ran: Result<(), Stuck>) {
        if let Err(stuck) = ran {
            self.findings.add("L5", || stuck.to_string());
        }
    }

    fn books(&self) -> Books {
        self.storage.get().books()
    }

    fn next_correlation(&self) -> CorrelationId {
        CorrelationId::from_uuid(self.ids.next())
    }

    fn next_key(&mut self) -> Option<IdempotencyKey> {
        self.keys = self.keys.saturating_add(1);
        IdempotencyKey::new(format!("key-{}", self.keys)).ok()
    }

    /// How many steps there were.
    pub(crate) fn steps(&self) -> u64 {
        self.runtime.steps()
    }

    /// How much virtual time has passed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.runtime.elapsed()
    }

    /// A hash of all that happened.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.runtime.trace_hash()
    }

    /// How many faults of each kind there were in each operation.
    pub(crate) fn injected(&self) -> BTreeMap<(Operation, FaultKind), u64> {
        self.faults.injected()
    }

    /// What became of everything, and how often.
    pub(crate) fn happened(&self) -> BTreeMap<String, u64> {
        let mut happened = BTreeMap::new();
        let mut count = |what: String, times: u64| *happened.entry(what).or_default() += times;
        let books = self.books();
        let late = user(LATE_BUYER);
        for order in books.orders.iter().filter(|order| order.buyer != late) {
            let parts = order.state.parts();
            let word = parts.reason.map_or(parts.word, ticketing_core::domain::CancelReason::word);
            count(format!("order {word}"), 1);
        }
        for payment in &books.payments {
            count(format!("payment {}", payment.state.name()), 1);
            count("late money".to_owned(), u64::from(payment.late_money));
        }
        for refund in &books.refunds {
            count(format!("refund {}", refund.state.word()), 1);
        }
        let crashes = usize::try_from(self.started).unwrap_or(0);
        let crashes = crashes.saturating_sub(self.processes.len());
        count("processes that died".to_owned(), u64::try_from(crashes).unwrap_or(0));
        let Checked { histories, ops, given_up } = self.linear;
        count("histories of pools checked".to_owned(), histories);
        count("commands in histories of pools".to_owned(), ops);
        count("histories of pools given up".to_owned(), given_up);
        for (what, times) in self.tally.counted() {
            count(what.to_owned(), times);
        }
        for sent in self.clients.sent() {
            let word = sent.answer.as_ref().map_or("nothing", |answered| answered.answer.word());
            count(format!("client heard {word}"), 1);
        }
        happened
    }
}
