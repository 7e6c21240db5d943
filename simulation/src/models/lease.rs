//! Model C: a lease whose holder stands still for longer than it lasts.
//!
//! Workers lease pieces of work, do what is to be done somewhere else, and mark them done. A worker
//! may die, or stand still until its lease is over and somebody else has its work, and then go on
//! as if nothing had happened. Both are mishaps, of which there are only so many.
//!
//! What is what: a piece of work is an outbox row with its lease and epoch, whose effect is a
//! publication; that of a payment or a refund is a call of the gateway under a key, and its
//! version stands for the epoch. [`LeaseGuard`] has the guards, and where the real ones are.

use stateright::{Model, Property};

use super::guards::guards;
use super::{Checked, Named, Size, properties};

guards! {
    /// The guards of leased work.
    LeaseGuard {
        LeaseIsExclusive = "what is leased is not leased to another", "memory/storage/outbox.rs", "pub(super) fn claim(";
        LeasesEnd = "a lease ends by itself", "memory/storage/outbox.rs", "pub(super) fn claim(";
        EpochGrows = "every claim has an epoch of its own", "memory/storage/outbox.rs", "pub(super) fn claim(";
        EpochFences = "an older claim ends nothing", "memory/storage/outbox.rs", "pub(super) fn done(";
        DoneIsRemembered = "what is done is not claimed again", "memory/storage/outbox.rs", "pub(super) fn done(";
        DoneAfterEffect = "work is done once its effect is confirmed", "service/outbox_relay.rs", "async fn publish(";
        EffectUnderOneKey = "an effect that is repeated counts once", "service/refund_driver.rs", "async fn send_refund(";
    }
}

const ITEMS: usize = 2;
const WORKERS: usize = 3;

/// The model, with its bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    items: usize,
    workers: usize,
    mishaps: u8,
    without: Option<LeaseGuard>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own that may be so")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct State {
    items: [Item; ITEMS],
    workers: [Option<Claim>; WORKERS],
    mishaps: u8,
    /// What must never have happened.
    leased_twice: bool,
    ended_by_another: bool,
    claimed_when_done: bool,
    /// A worker came too late, and was refused.
    refused: bool,
}

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Item {
    is_done: bool,
    is_leased: bool,
    epoch: u8,
    /// Who claimed it last.
    holder: Option<usize>,
    /// How often its effect happened.
    effects: u8,
}

/// What a worker believes to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Claim {
    item: usize,
    epoch: u8,
    acted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Claim { worker: usize, item: usize },
    Act(usize),
    Done(usize),
    LeaseEnds(usize),
    Dies(usize),
    StandsStill(usize),
}

impl Lease {
    fn has(&self, guard: LeaseGuard) -> bool {
        self.without != Some(guard)
    }

    fn step(&self, state: &mut State, step: Step) -> Option<()> {
        match step {
            Step::Claim { worker, item } => self.claim(state, worker, item),
            Step::Act(worker) => self.act(state, worker),
            Step::Done(worker) => self.done(state, worker),
            Step::LeaseEnds(item) => {
                let holder = state.items.get(item)?.holder?;
                let at_work = state.workers.get(holder)?.is_some_and(|claim| claim.item == item);
                (!at_work).then_some(())?;
                self.lease_ends(state.items.get_mut(item)?)
            }
            Step::Dies(worker) => {
                state.workers.get_mut(worker)?.take()?;
                self.mishap(state)
            }
            Step::StandsStill(worker) => {
                let claim = (*state.workers.get(worker)?)?;
                let item = state.items.get_mut(claim.item)?;
                (item.holder == Some(worker)).then_some(())?;
                self.lease_ends(item)?;
                self.mishap(state)
            }
        }
    }

    fn mishap(&self, state: &mut State) -> Option<()> {
        state.mishaps += 1;
        (state.mishaps <= self.mishaps).then_some(())
    }

    fn lease_ends(&self, item: &mut Item) -> Option<()> {
        let ends = std::mem::take(&mut item.is_leased);
        (ends && self.has(LeaseGuard::LeasesEnd)).then_some(())
    }

    fn claim(&self, state: &mut State, worker: usize, item: usize) -> Option<()> {
        let is_free = state.workers.get(worker)?.is_none();
        let number = item;
        let item = state.items.get_mut(item)?;
        let is_taken = item.is_leased && self.has(LeaseGuard::LeaseIsExclusive);
        let is_over = item.is_done && self.has(LeaseGuard::DoneIsRemembered);
        (is_free && !is_taken && !is_over).then_some(())?;
        state.leased_twice |= item.is_leased;
        state.claimed_when_done |= item.is_done;
        if self.has(LeaseGuard::EpochGrows) {
            item.epoch += 1;
        }
        item.is_leased = true;
        item.holder = Some(worker);
        let claim = Claim { item: number, epoch: item.epoch, acted: false };
        *state.workers.get_mut(worker)? = Some(claim);
        Some(())
    }

    fn act(&self, state: &mut State, worker: usize) -> Option<()> {
        let claim = state.workers.get_mut(worker)?.as_mut()?;
        (!std::mem::replace(&mut claim.acted, true)).then_some(())?;
        let item = state.items.get_mut(claim.item)?;
        let once = item.effects > 0 && self.has(LeaseGuard::EffectUnderOneKey);
        item.effects += u8::from(!once);
        Some(())
    }

    fn done(&self, state: &mut State, worker: usize) -> Option<()> {
        let claim = state.workers.get_mut(worker)?.take()?;
        (claim.acted || !self.has(LeaseGuard::DoneAfterEffect)).then_some(())?;
        let item = state.items.get_mut(claim.item)?;
        if item.epoch != claim.epoch && self.has(LeaseGuard::EpochFences) {
            state.refused = true;
            return Some(());
        }
        state.ended_by_another |= item.holder != Some(worker);
        item.is_done = true;
        item.is_leased = false;
        Some(())
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = (0..self.items).map(Step::LeaseEnds).collect();
        for worker in 0..self.workers {
            steps.extend((0..self.items).map(|item| Step::Claim { worker, item }));
            steps.extend([Step::Act(worker), Step::Done(worker)]);
        }
        steps
    }

    /// Whether nothing is left to do, unless there is another mishap.
    fn is_at_rest(&self, state: &State) -> bool {
        self.steps().into_iter().all(|step| self.next_state(state, step).is_none())
    }
}

const ALWAYS: [Named<Lease>; 6] = [
    ("a lease has one holder", |_, state| !state.leased_twice),
    ("LEASE only its holder ends a piece of work", |_, state| !state.ended_by_another),
    ("what is done is left alone", |_, state| !state.claimed_when_done),
    ("what is done has its effect", |_, state| {
        state.items.iter().all(|item| !item.is_done || item.effects > 0)
    }),
    ("an effect happens once", |_, state| state.items.iter().all(|item| item.effects <= 1)),
    ("L3 at rest all work is done", |model, state| {
        model.is_done(state) || !model.is_at_rest(state)
    }),
];

const SOMETIMES: [Named<Lease>; 3] = [
    ("who stood still comes too late", |_, state| state.refused),
    ("two have the same piece of work", |_, state| {
        let [one, other, _] = state.workers.map(|claim| claim.map(|claim| claim.item));
        one.is_some() && one == other
    }),
    ("all work is done after every mishap", |model, state| {
        state.mishaps == model.mishaps && model.is_done(state) && model.is_at_rest(state)
    }),
];

impl Checked for Lease {
    type Guard = LeaseGuard;
    const NAME: &'static str = "lease with pause";

    fn of(size: Size, without: Option<LeaseGuard>) -> Self {
        match size {
            Size::Small => Self { items: 1, workers: 2, mishaps: 2, without },
            Size::Large => Self { items: ITEMS, workers: WORKERS, mishaps: 4, without },
        }
    }

    fn bounds(&self) -> String {
        let Self { items, workers, mishaps, .. } = self;
        format!("{items} pieces of work, {workers} workers, {mishaps} mishaps")
    }
}

impl Model for Lease {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        steps.extend(self.steps());
        steps.extend((0..self.workers).flat_map(|it| [Step::Dies(it), Step::StandsStill(it)]));
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = *last;
        self.step(&mut next, step)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties(&ALWAYS, &SOMETIMES)
    }
}

impl Lease {
    fn is_done(&self, state: &State) -> bool {
        state.items.iter().take(self.items).all(|item| item.is_done)
    }
}
