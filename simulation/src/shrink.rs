//! Cutting a failing plan down: what can be taken away without the failure going away is taken.
//!
//! Greedy: larger parts first, until nothing more can go. A plan with fewer acts is another
//! history, with other chances; it counts as the same failure if the same invariant is broken
//! first.

use crate::plan::{Mischiefs, Plan, What};
use crate::planted::Bug;
use crate::run::run;

/// The most histories that are tried.
const TRIES_MAX: usize = 4_000;

/// A plan that fails, made smaller.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// What is left of it.
    pub plan: Plan,
    /// The invariant that it breaks.
    pub code: &'static str,
    /// How many histories were tried.
    pub tries: usize,
}

/// Makes a failing plan as small as it gets; nothing if it does not fail.
pub fn shrink(plan: Plan, bug: Option<Bug>) -> Option<Shrunk> {
    let code = run(plan.clone(), bug).violations.first()?.code;
    let mut shrinker = Shrinker { best: plan, bug, code, tries: 0 };
    while shrinker.round() {}
    Some(Shrunk { plan: shrinker.best, code, tries: shrinker.tries })
}

struct Shrinker {
    best: Plan,
    bug: Option<Bug>,
    code: &'static str,
    tries: usize,
}

impl Shrinker {
    /// Tries everything once; whether anything could go.
    fn round(&mut self) -> bool {
        let before = self.best.clone();
        self.fewer_acts();
        self.fewer_faults();
        self.no_mischief();
        self.fewer_processes();
        self.plainer_acts();
        self.best != before && self.tries < TRIES_MAX
    }

    fn attempt(&mut self, smaller: Plan) -> bool {
        if self.tries >= TRIES_MAX || smaller == self.best {
            return false;
        }
        self.tries = self.tries.saturating_add(1);
        let fails = run(smaller.clone(), self.bug).violations.first().map(|first| first.code);
        let still = fails == Some(self.code);
        if still {
            self.best = smaller;
        }
        still
    }

    fn fewer_acts(&mut self) {
        let mut size = self.best.acts.len().div_euclid(2).max(1);
        loop {
            let mut start = 0;
            while start < self.best.acts.len() {
                let end = start.saturating_add(size).min(self.best.acts.len());
                let mut smaller = self.best.clone();
                smaller.acts.drain(start..end);
                if !self.attempt(smaller) {
                    start = end;
                }
            }
            if size == 1 {
                return;
            }
            size = size.div_euclid(2).max(1);
        }
    }

    fn fewer_faults(&mut self) {
        for place in (0..self.best.faults.len()).rev() {
            let mut smaller = self.best.clone();
            smaller.faults.remove(place);
            self.attempt(smaller);
        }
        for place in (0..self.best.at_calls.len()).rev() {
            let mut smaller = self.best.clone();
            smaller.at_calls.remove(place);
            self.attempt(smaller);
        }
    }

    fn no_mischief(&mut self) {
        let none = Mischiefs::default();
        let whole = Plan { mischief: none, ..self.best.clone() };
        if self.attempt(whole) {
            return;
        }
        let calm: [fn(&mut Mischiefs); 4] = [
            |one| (one.bus_loses, one.bus_reorders, one.bus_repeats) = (0, 0, 0),
            |one| (one.timers_lose, one.timers_repeat, one.timers_shift) = (0, 0, 0),
            |one| one.kept_errors = 0,
            |one| (one.post_delays, one.post_repeats) = (0, 0),
        ];
        for calm in calm {
            let mut smaller = self.best.clone();
            calm(&mut smaller.mischief);
            self.attempt(smaller);
        }
    }

    fn fewer_processes(&mut self) {
        while self.best.processes.len() > 1 {
            let mut smaller = self.best.clone();
            smaller.processes.pop();
            if !self.attempt(smaller) {
                break;
            }
        }
        let mut smaller = self.best.clone();
        for process in &mut smaller.processes {
            process.ahead_millis = 0;
        }
        smaller.lanes = 1;
        self.attempt(smaller);
    }

    /// Commands without keys, hang-ups and second submissions.
    fn plainer_acts(&mut self) {
        for place in 0..self.best.acts.len() {
            let mut smaller = self.best.clone();
            if let Some(act) = smaller.acts.get_mut(place)
                && let Some(manner) = act.what.manner_mut()
            {
                *manner = crate::plan::Manner { process: manner.process, ..Default::default() };
                self.attempt(smaller);
            }
        }
    }
}

impl What {
    fn manner_mut(&mut self) -> Option<&mut crate::plan::Manner> {
        match self {
            Self::List { manner, .. }
            | Self::Reserve { manner, .. }
            | Self::Pay { manner, .. }
            | Self::PayInBrowser { manner, .. }
            | Self::Cancel { manner, .. }
            | Self::Extend { manner, .. }
            | Self::Edit { manner, .. }
            | Self::Withdraw { manner, .. }
            | Self::Refund { manner, .. }
            | Self::RetryRefund { manner } => Some(manner),
            Self::Wait | Self::Again { .. } | Self::World(_) => None,
        }
    }
}
