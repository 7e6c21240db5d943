//! Timers that lose, shift and repeat, and can forget everything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::memory::MemoryTimers;
use ticketing_core::ports::{ClaimedWakeup, Clock, PortError, Timers, Wakeup};
use ticketing_core::testing::SeededRng;

use crate::plan::Mischiefs;
use crate::tally::Tally;

/// How far a wake-up is shifted at most, in milliseconds.
const SHIFT_MAX: u64 = 30_000;

/// The timers as all processes of a world see them. Clones are the same timers.
#[derive(Debug, Clone)]
pub(crate) struct SimTimers {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    inner: MemoryTimers,
    rng: SeededRng,
    mischief: Mischiefs,
    tally: Tally,
}

impl SimTimers {
    pub(crate) fn new(
        clock: &Arc<dyn Clock>,
        seed: u64,
        mischief: Mischiefs,
        tally: &Tally,
    ) -> Self {
        let inner = MemoryTimers::with_clock(Arc::clone(clock));
        let rng = SeededRng::new(seed).fork("timers");
        let state = State { inner, rng, mischief, tally: tally.clone() };
        Self { clock: Arc::clone(clock), state: Arc::new(Mutex::new(state)) }
    }

    /// Everything that was armed is gone.
    pub(crate) fn forget(&self) {
        self.state().inner = MemoryTimers::with_clock(Arc::clone(&self.clock));
    }

    /// From now on they do what they should.
    pub(crate) fn behave(&self) {
        self.state().mischief = Mischiefs::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The wake-up as it is armed, if it is.
    fn twisted(&mut self, wakeup: Wakeup) -> Option<Wakeup> {
        let lost = self.rng.chance(self.mischief.timers_lose);
        let shifted = self.rng.chance(self.mischief.timers_shift);
        let (by, early) = (Duration::from_millis(self.rng.below(SHIFT_MAX)), self.rng.chance(500));
        if lost {
            self.tally.note("timers: wake-up lost");
            return None;
        }
        let at = match (shifted, early) {
            (false, _) => wakeup.at,
            (true, true) => {
                self.tally.note("timers: wake-up too early");
                wakeup.at.minus(by)
            }
            (true, false) => {
                self.tally.note("timers: wake-up too late");
                wakeup.at.plus(by)
            }
        };
        Some(Wakeup { at, ..wakeup })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Timers for SimTimers {
    async fn arm(&self, wakeup: Wakeup) -> Result<(), PortError> {
        let (inner, twisted) = {
            let mut state = self.state();
            (state.inner.clone(), state.twisted(wakeup))
        };
        match twisted {
            Some(wakeup) => inner.arm(wakeup).await,
            None => Ok(()),
        }
    }

    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<ClaimedWakeup>, PortError> {
        let inner = self.state().inner.clone();
        inner.claim(limit, lease).await
    }

    /// A wake-up that is not taken off comes again when its lease is over.
    async fn done(&self, claimed: ClaimedWakeup) -> Result<(), PortError> {
        let (inner, comes_again) = {
            let mut state = self.state();
            let rate = state.mischief.timers_repeat;
            (state.inner.clone(), state.rng.chance(rate))
        };
        if comes_again {
            self.state().tally.note("timers: wake-up repeated");
            return Ok(());
        }
        inner.done(claimed).await
    }
}
