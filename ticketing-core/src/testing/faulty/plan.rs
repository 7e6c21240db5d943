//! What goes wrong, and when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::Runtime;
use crate::testing::faulty::operation::Operation;
use crate::testing::rng::SeededRng;
use crate::testing::step_runtime::NodeRuntime;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// The call comes late.
    Delay,
    /// The call is not made, and its caller is told so.
    Before,
    /// The call is not made, and its caller can't know that.
    RequestLost,
    /// The call is made, and its caller can't know that.
    ReplyLost,
    /// The call is made twice. The caller gets the second answer.
    Duplicate,
    /// The other side fails before it does anything. Ports without a word for that are told what
    /// a lost request tells.
    ServerErrorBefore,
    /// The other side fails after it did everything. Ports without a word for that are told what
    /// a lost reply tells.
    ServerErrorAfter,
    /// The caller's process ends before the call is made.
    CrashBefore,
    /// The caller's process ends before it sees the answer.
    CrashAfter,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Delay,
        Self::Before,
        Self::RequestLost,
        Self::ReplyLost,
        Self::Duplicate,
        Self::ServerErrorBefore,
        Self::ServerErrorAfter,
        Self::CrashBefore,
        Self::CrashAfter,
    ];

    /// Whether a random fault of an operation may be of this kind.
    fn suits(self, operation: Operation) -> bool {
        match self {
            Self::ServerErrorBefore | Self::ServerErrorAfter => operation.port() == "gateway",
            Self::Delay
            | Self::Before
            | Self::RequestLost
            | Self::ReplyLost
            | Self::Duplicate
            | Self::CrashBefore
            | Self::CrashAfter => true,
        }
    }

    fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}

/// A plan of faults, shared by every decorator that was made with it.
///
/// A new plan lets everything through. Faults come at random, by rates in a thousand calls, or
/// where a test names them; [`off`](Self::off) ends all of them until [`on`](Self::on). All calls
/// are numbered from 1, whichever decorator they go through: a test that ran once without faults
/// knows from [`calls`](Self::calls) at how many places a process can fail, and tries each with
/// [`at_call`](Self::at_call).
///
/// A handle belongs to one process, whose runtime it waits on and whose node it crashes; all
/// handles of a plan count and decide together.
#[derive(Clone)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
    observers: Arc<Mutex<Vec<Observer>>>,
    runtime: Arc<dyn Runtime>,
    node: Option<Arc<NodeRuntime>>,
}

type Observer = Arc<dyn Fn(&Call) + Send + Sync>;

/// One call, before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Counts the calls of the plan, from 1.
    pub number: u64,
    /// What is called.
    pub operation: Operation,
    /// The node that calls, if the handle has one.
    pub node: Option<u32>,
    /// How late the call comes.
    pub delay: Option<Duration>,
    /// What else goes wrong.
    pub fault: Option<FaultKind>,
}

struct Plan {
    rng: SeededRng,
    is_on: bool,
    rates: BTreeMap<FaultKind, u32>,
    rates_of: BTreeMap<(Operation, FaultKind), u32>,
    longest_delay: Duration,
    calls: u64,
    calls_of: BTreeMap<Operation, u64>,
    at_call: BTreeMap<u64, Vec<FaultKind>>,
    at_call_of: BTreeMap<(Operation, u64), Vec<FaultKind>>,
    injected: BTreeMap<(Operation, FaultKind), u64>,
}

/// What was decided about a call.
pub(super) struct Begun {
    pub(super) delay: Option<Duration>,
    pub(super) fault: Option<FaultKind>,
}

/// Handles.
impl Faults {
    /// A plan without faults, which delays calls on `runtime`.
    ///
    /// Without a node nothing can crash: a call that is to crash its process is never answered,
    /// which is what the rest of the world sees of a crash.
    pub fn new(seed: u64, runtime: Arc<dyn Runtime>) -> Self {
        Self {
            plan: Arc::new(Mutex::new(Plan::new(seed))),
            observers: Arc::default(),
            runtime,
            node: None,
        }
    }

    /// The same plan, for the decorators of one simulated process.
    #[must_use]
    pub fn on_node(&self, node: &Arc<NodeRuntime>) -> Self {
        Self {
            runtime: Arc::<NodeRuntime>::clone(node),
            node: Some(Arc::clone(node)),
            ..self.clone()
        }
    }

    /// Calls `observer` at every call from now on, before it is made.
    pub fn observe(&self, observer: impl Fn(&Call) + Send + Sync + 'static) {
        self.lock_observers().push(Arc::new(observer));
    }

    pub(super) async fn sleep(&self, delay: Duration) {
        self.runtime.sleep(delay).await;
    }

    /// Ends the caller's process. The caller is dropped where it waits for this.
    pub(super) async fn crash<T>(&self) -> T {
        if let Some(node) = &self.node {
            node.crash();
        }
        std::future::pending().await
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_observers(&self) -> MutexGuard<'_, Vec<Observer>> {
        self.observers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What goes wrong.
impl Faults {
    /// From now on, so many of a thousand calls go wrong in this way.
    pub fn set_rate(&self, kind: FaultKind, per_thousand: u32) {
        self.lock().rates.insert(kind, per_thousand);
    }

    /// The same for one operation, whatever the rate of the others.
    pub fn set_rate_of(&self, operation: Operation, kind: FaultKind, per_thousand: u32) {
        self.lock().rates_of.insert((operation, kind), per_thousand);
    }

    /// How late a delayed call comes at most; 2 seconds unless said otherwise.
    pub fn set_longest_delay(&self, delay: Duration) {
        self.lock().longest_delay = delay;
    }

    /// The next call of `operation` goes wrong.
    pub fn next(&self, operation: Operation, kind: FaultKind) {
        self.nth(operation, 1, kind);
    }

    /// The `nth` call of `operation` from now goes wrong; the next one is the first.
    pub fn nth(&self, operation: Operation, nth: u64, kind: FaultKind) {
        let mut plan = self.lock();
        let number = plan.calls_of(operation).saturating_add(nth);
        let faults = plan.at_call_of.entry((operation, number)).or_default();
        faults.push(kind);
    }

    /// The call with this number goes wrong, whatever it is.
    pub fn at_call(&self, number: u64, kind: FaultKind) {
        self.lock().at_call.entry(number).or_default().push(kind);
    }

    /// Nothing goes wrong any more. Rates are kept; a named call that comes meanwhile is let
    /// through for good.
    pub fn off(&self) {
        self.lock().is_on = false;
    }

    /// Things go wrong again, as they did before [`off`](Self::off).
    pub fn on(&self) {
        self.lock().is_on = true;
    }
}

/// What went wrong.
impl Faults {
    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// How many calls of one operation there were.
    pub fn calls_of(&self, operation: Operation) -> u64 {
        self.lock().calls_of(operation)
    }

    /// How often each kind of fault was put into each operation.
    pub fn injected(&self) -> BTreeMap<(Operation, FaultKind), u64> {
        self.lock().injected.clone()
    }

    /// How many faults there were in all.
    pub fn total_injected(&self) -> u64 {
        self.lock().injected.values().sum()
    }

    /// Counts a call and decides what goes wrong with it.
    pub(super) fn begin(&self, operation: Operation) -> Begun {
        let call = self.lock().begin(operation, self.node.as_deref());
        let observers = self.lock_observers().clone();
        for observer in observers {
            observer(&call);
        }
        Begun { delay: call.delay, fault: call.fault }
    }
}

impl Plan {
    fn new(seed: u64) -> Self {
        Self {
            rng: SeededRng::new(seed).fork("faults"),
            is_on: true,
            rates: BTreeMap::new(),
            rates_of: BTreeMap::new(),
            longest_delay: Duration::from_secs(2),
            calls: 0,
            calls_of: BTreeMap::new(),
            at_call: BTreeMap::new(),
            at_call_of: BTreeMap::new(),
            injected: BTreeMap::new(),
        }
    }

    fn calls_of(&self, operation: Operation) -> u64 {
        self.calls_of.get(&operation).copied().unwrap_or(0)
    }

    fn begin(&mut self, operation: Operation, node: Option<&NodeRuntime>) -> Call {
        let (number, nth) = self.count(operation);
        let mut faults = self.at_call.remove(&number).unwrap_or_default();
        faults.extend(self.at_call_of.remove(&(operation, nth)).unwrap_or_default());
        faults.extend(self.random(operation, node.is_some()));
        let millis = u64::try_from(self.longest_delay.as_millis()).unwrap_or(u64::MAX);
        let delay = Duration::from_millis(self.rng.below(millis).saturating_add(1));
        if !self.is_on {
            faults.clear();
        }
        let late = faults.contains(&FaultKind::Delay).then_some(delay);
        let fault = faults.into_iter().find(|kind| *kind != FaultKind::Delay);
        for kind in late.map(|_| FaultKind::Delay).into_iter().chain(fault) {
            let times = self.injected.entry((operation, kind)).or_default();
            *times = times.saturating_add(1);
        }
        Call { number, operation, node: node.map(NodeRuntime::id), delay: late, fault }
    }

    fn count(&mut self, operation: Operation) -> (u64, u64) {
        self.calls = self.calls.saturating_add(1);
        let nth = self.calls_of.entry(operation).or_default();
        *nth = nth.saturating_add(1);
        (self.calls, *nth)
    }

    /// Draws for every kind in the same order, whatever the rates, so that a changed rate leaves
    /// the other draws as they were.
    fn random(&mut self, operation: Operation, can_crash: bool) -> Vec<FaultKind> {
        let drawn = FaultKind::ALL.map(|kind| {
            let rate = self.rate(operation, kind);
            self.rng.chance(rate).then_some(kind)
        });
        let suits = |kind: &FaultKind| kind.suits(operation) && (can_crash || !kind.is_crash());
        drawn.into_iter().flatten().filter(suits).collect()
    }

    fn rate(&self, operation: Operation, kind: FaultKind) -> u32 {
        let own = self.rates_of.get(&(operation, kind));
        own.or_else(|| self.rates.get(&kind)).copied().unwrap_or(0)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("calls", &self.calls())
            .field("injected", &self.injected())
            .finish_non_exhaustive()
    }
}
