//! Several processes over one faulty world.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ticketing_core::Ticketing;
use ticketing_core::domain::RefundState;
use ticketing_core::memory::{MemoryBus, MemoryGateway, MemoryStorage, MemoryTimers, Mischief};
use ticketing_core::ports::{
    Clock, EventBus, PaymentGateway, Runtime, Storage, Timers, WebhookRequest,
};
use ticketing_core::testing::faulty::{
    FaultKind, Faults, FaultyBus, FaultyGateway, FaultyStorage, FaultyTimers,
};
use ticketing_core::testing::invariants::{against_ledger, at_rest, violations};
use ticketing_core::testing::{NodeRuntime, SeededIds, SeededRng, StepRuntime};
use ticketing_core::values::{Money, RefundId, TicketId, Timestamp};

use crate::oracle::Oracle;

/// How many processes there are.
const NODES: usize = 2;
/// More steps than any pause takes.
const STEPS_MAX: u64 = 2_000_000;
/// How long everything may take to come to rest: deadlines, patience, and listings of the
/// gateway.
const REST: Duration = Duration::from_hours(2);

/// Several processes over one faulty world.
pub(crate) struct World {
    seed: u64,
    runtime: StepRuntime,
    clock: Arc<dyn Clock>,
    storage: MemoryStorage,
    bus: MemoryBus,
    timers: MemoryTimers,
    pub(crate) gateway: MemoryGateway,
    faults: Faults,
    nodes: Vec<Node>,
    started: u32,
    letters: Letters,
    pub(crate) oracle: Oracle,
    pub(crate) tickets: Arc<Mutex<Vec<TicketId>>>,
}

/// The clock of a process, which is wrong by up to five minutes; its storage's is right.
#[derive(Debug)]
struct WrongClock {
    right: Arc<dyn Clock>,
    ahead_micros: i64,
}

impl WrongClock {
    fn of(right: &Arc<dyn Clock>, seed: u64, process: u32) -> Self {
        const MOST: i64 = 5 * 60 * 1_000_000;
        let mut rng = SeededRng::new(seed).fork(&format!("clock of process {process}"));
        let ahead = i64::try_from(rng.below(u64::try_from(2 * MOST).unwrap())).unwrap() - MOST;
        Self { right: Arc::clone(right), ahead_micros: if rng.chance(500) { ahead } else { 0 } }
    }
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.right.now().as_micros() + self.ahead_micros)
    }
}

struct Node {
    runtime: Arc<NodeRuntime>,
    engine: Ticketing,
}

/// Webhooks that the gateway has still to deliver.
type Letters = Arc<Mutex<Vec<WebhookRequest>>>;

/// A letter on its way: back among the others if it does not arrive.
struct Post {
    letter: Option<WebhookRequest>,
    letters: Letters,
}

impl Post {
    fn arrived(&mut self) {
        self.letter = None;
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.letters.lock().unwrap().extend(self.letter.take());
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let runtime = StepRuntime::new(seed);
        let clock = runtime.clock(Timestamp::from_millis(1_767_225_600_000));
        let storage =
            MemoryStorage::with_clock_and_ids(Arc::clone(&clock), &SeededIds::new(seed, 0));
        let mut world = Self {
            seed,
            faults: Faults::new(seed, runtime.node()),
            bus: MemoryBus::new(),
            timers: MemoryTimers::with_clock(Arc::clone(&clock)),
            gateway: MemoryGateway::with_clock(Arc::clone(&clock)),
            nodes: Vec::new(),
            started: 0,
            letters: Letters::default(),
            oracle: Oracle::default(),
            tickets: Arc::default(),
            clock,
            storage,
            runtime,
        };
        world.watch();
        world.choose_faults();
        for _ in 0..NODES {
            let node = world.start();
            world.nodes.push(node);
        }
        world
    }

    /// Checks the invariants after every step that committed something.
    fn watch(&self) {
        let (storage, seed) = (self.storage.clone(), self.seed);
        let mut checked = 0;
        self.runtime.on_step(move |step| {
            let counts = storage.commit_counts();
            let commits = counts.careful + counts.optimistic;
            if commits == checked {
                return;
            }
            checked = commits;
            let broken = violations(&storage.books());
            assert!(broken.is_empty(), "seed {seed}, step {}: {broken:#?}", step.number);
        });
    }

    /// Switches a random part of the faults on: a history with all of them at once would hide
    /// what each of them alone can do.
    fn choose_faults(&self) {
        let mut rng = SeededRng::new(self.seed).fork("faults");
        let often = [
            (FaultKind::Delay, 40),
            (FaultKind::Before, 40),
            (FaultKind::RequestLost, 40),
            (FaultKind::ReplyLost, 40),
            (FaultKind::Duplicate, 40),
            (FaultKind::ServerErrorBefore, 40),
            (FaultKind::ServerErrorAfter, 40),
            (FaultKind::CrashBefore, 2),
            (FaultKind::CrashAfter, 2),
        ];
        for (kind, per_thousand) in often {
            if rng.chance(500) {
                self.faults.set_rate(kind, u32::try_from(rng.below(per_thousand)).unwrap());
            }
        }
        self.bus.set_mischief(rng.chance(700).then(|| Mischief {
            seed: self.seed,
            repeat_per_1000: u32::try_from(rng.below(300)).unwrap(),
            reorder_per_1000: u32::try_from(rng.below(300)).unwrap(),
            lose_per_1000: u32::try_from(rng.below(300)).unwrap(),
        }));
    }

    /// Starts a process over the same world.
    fn start(&mut self) -> Node {
        self.started += 1;
        let runtime = self.runtime.node();
        let faults = self.faults.on_node(&runtime);
        let storage: Arc<dyn Storage> =
            Arc::new(FaultyStorage::new(Arc::new(self.storage.clone()), &faults));
        let gateway: Arc<dyn PaymentGateway> =
            Arc::new(FaultyGateway::new(Arc::new(self.gateway.clone()), &faults));
        let bus: Arc<dyn EventBus> = Arc::new(FaultyBus::new(Arc::new(self.bus.clone()), &faults));
        let timers: Arc<dyn Timers> =
            Arc::new(FaultyTimers::new(Arc::new(self.timers.clone()), &faults));
        let ids = Arc::new(SeededIds::new(self.seed, self.started));
        let builder = || {
            Ticketing::builder()
                .shared_storage(Arc::clone(&storage))
                .shared_gateway(Arc::clone(&gateway))
                .bus(Arc::clone(&bus))
                .timers(Arc::clone(&timers))
                .clock(Arc::new(WrongClock::of(&self.clock, self.seed, self.started)))
                .ids(Arc::<SeededIds>::clone(&ids))
                .runtime(Arc::<NodeRuntime>::clone(&runtime))
                .hold_for(Duration::from_mins(1))
                .pay_grace(Duration::from_secs(30))
                .settings(|settings| settings.gateway_patience = Duration::from_mins(2))
        };
        // A process comes up in the end, however often its storage fails it at first.
        self.faults.off();
        let engine = self.runtime.block_on(builder().start(), STEPS_MAX).unwrap().unwrap();
        self.faults.on();
        Node { runtime, engine }
    }

    /// What goes wrong between commands: crashes, and webhooks late, twice, in any order.
    pub(crate) fn disturb(&mut self, rng: &mut SeededRng) {
        for index in 0..self.nodes.len() {
            let alive = self.nodes[index].runtime.is_alive();
            if alive && rng.chance(10) {
                self.nodes[index].runtime.crash();
            }
            if !self.nodes[index].runtime.is_alive() && rng.chance(600) {
                self.nodes[index] = self.start();
            }
        }
        self.letters.lock().unwrap().extend(self.gateway.drain_webhooks());
        rng.shuffle(&mut self.letters.lock().unwrap());
        while rng.chance(500) {
            let Some(letter) = self.letters.lock().unwrap().pop() else { return };
            if rng.chance(200) {
                self.deliver(rng, letter.clone());
            }
            self.deliver(rng, letter);
        }
    }

    /// The gateway's side of things: the buyer's bank, and people at the gateway's own desk.
    pub(crate) fn gateway_acts(&mut self, rng: &mut SeededRng) {
        let intents: Vec<_> =
            self.gateway.ledger().intents.into_iter().map(|one| one.intent).collect();
        let recent = intents.len().saturating_sub(8);
        let Some(intent) = rng.pick(&intents[recent..]).cloned() else { return };
        match rng.below(8) {
            0 => drop(self.gateway.refund_at_gateway(&intent, Money::usd(50))),
            1 | 2 => self.refund_by_hand_what_failed(rng),
            3 => self.gateway.fail_next_refund(),
            4 => drop(self.gateway.authenticate(&intent, false)),
            _ => drop(self.gateway.authenticate(&intent, true)),
        }
    }

    /// Somebody at the gateway's desk does what our refund could not.
    fn refund_by_hand_what_failed(&self, rng: &mut SeededRng) {
        let failed = self.failed_refunds();
        let Some((refund, amount)) = rng.pick(&failed).copied() else { return };
        let books = self.storage.books();
        let refund = books.refunds.iter().find(|one| one.id == refund).unwrap();
        let payment = books.payments.iter().find(|one| one.id == refund.payment).unwrap();
        if let Some(intent) = &payment.intent {
            drop(self.gateway.refund_at_gateway(intent, amount));
        }
    }

    /// The refunds that the gateway could not make, with their sums.
    pub(crate) fn failed_refunds(&self) -> Vec<(RefundId, Money)> {
        let refunds = self.storage.books().refunds.into_iter();
        let failed = refunds.filter(|refund| refund.state == RefundState::Failed);
        failed.map(|refund| (refund.id, refund.amount)).collect()
    }

    /// A letter that is not taken, or whose taker dies, is sent again later.
    fn deliver(&mut self, rng: &mut SeededRng, letter: WebhookRequest) {
        let mut post = Post { letter: Some(letter), letters: Arc::clone(&self.letters) };
        self.call(rng, move |engine| async move {
            let Some(letter) = &post.letter else { return };
            if engine.payments().webhook(letter).await.is_ok() {
                post.arrived();
            }
        });
    }

    /// A client sends a command to one of the processes. If that dies, the client hears nothing.
    pub(crate) fn call<F>(&mut self, rng: &mut SeededRng, command: impl FnOnce(Ticketing) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(node) = rng.pick(&self.nodes) {
            node.runtime.spawn(Box::pin(command(node.engine.clone())));
        }
    }

    /// What has happened in this history, and how often.
    pub(crate) fn happened(&self) -> BTreeMap<&'static str, usize> {
        let books = self.storage.books();
        let mut happened = BTreeMap::new();
        let mut count = |what, times| *happened.entry(what).or_default() += times;
        for order in &books.orders {
            count(order.state.parts().reason.map_or(order.state.parts().word, |why| why.word()), 1);
        }
        for payment in &books.payments {
            count(payment.state.words().0, 1);
            count("late money", usize::from(payment.late_money));
            count("stray money", usize::from(payment.order.is_none()));
        }
        for refund in &books.refunds {
            count(refund.state.word(), 1);
            count("refund under another key", usize::from(refund.attempt > 0));
        }
        count("crash", usize::try_from(self.started).unwrap() - NODES);
        happened
    }

    pub(crate) fn run_for(&self, pause: Duration) {
        let ran = self.runtime.run_for(pause, STEPS_MAX);
        assert!(ran.is_ok(), "seed {}: {ran:?}", self.seed);
    }

    /// Faults end, every process is up, every letter arrives, and time passes.
    pub(crate) fn come_to_rest(&mut self) {
        self.faults.off();
        self.bus.set_mischief(None);
        let mut rng = SeededRng::new(self.seed).fork("rest");
        for index in 0..self.nodes.len() {
            if !self.nodes[index].runtime.is_alive() {
                self.nodes[index] = self.start();
            }
        }
        self.faults.off();
        for _ in 0..4 {
            self.letters.lock().unwrap().extend(self.gateway.drain_webhooks());
            let letters = std::mem::take(&mut *self.letters.lock().unwrap());
            for letter in letters {
                self.deliver(&mut rng, letter);
            }
            self.run_for(REST / 4);
        }
    }

    pub(crate) fn check_rest(&self) {
        let books = self.storage.books();
        let mut broken = violations(&books);
        broken.extend(at_rest(&books));
        let store = self.runtime.block_on(self.storage.store_id(), STEPS_MAX).unwrap().unwrap();
        broken.extend(against_ledger(&books, &self.gateway.ledger(), store));
        assert!(broken.is_empty(), "seed {} at rest: {broken:#?}", self.seed);
        self.oracle.check(&books);
    }

    /// A hash of all that happened.
    pub(crate) fn trace(&self) -> u64 {
        self.runtime.trace_hash()
    }
}
