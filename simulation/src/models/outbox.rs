//! Model B: from a commit to what a consumer shows.
//!
//! Commits of two aggregates write a version, its event and an outbox row, all at once. Rows take
//! their numbers before they are committed, so that they become visible in another order. Relays
//! lease rows, publish their events and mark the rows done. The bus delivers in any order, repeats
//! what is not acknowledged, and may forget what it has confirmed. A relay that dies or stands
//! still for longer than its lease, a consumer that dies and a bus that forgets are mishaps, of
//! which there are only so many.
//!
//! What is what: a row is an `OutboxRow`, with its epoch and lease; a relay is
//! `service::outbox_relay`; `PublishAgain` is `Ticketing::publish_again`, which an operator or a
//! reconnected bus asks for; a consumer keeps the highest version that it saw. [`OutboxGuard`] has
//! the guards, and where the real ones are.

use stateright::{Model, Property};

use super::guards::guards;
use super::{Checked, Named, Size, properties};

guards! {
    /// The guards between a commit and a consumer.
    OutboxGuard {
        EventsInTheCommit = "events are published from rows of commits alone", "service/outbox_relay.rs", "async fn publish(";
        UnpublishedRowsAreClaimed = "every unpublished row is claimed, wherever it lies", "memory/storage/outbox.rs", "pub(super) fn claim(";
        LeasesEnd = "a row whose relay died can be claimed again", "memory/storage/outbox.rs", "pub(super) fn claim(";
        ConfirmedBeforeDone = "a row is done once the bus has confirmed it", "service/outbox_relay.rs", "async fn publish(";
        RowsAreKept = "a row that is done is kept, to be published again", "service/outbox_relay.rs", "async fn prune(";
        PublishedAgain = "what a bus has forgotten is published again", "service/outbox_relay.rs", "pub(crate) async fn publish_again(";
        HighestVersionWins = "a consumer drops what is older than what it has", "ports/event_bus.rs", "pub trait EventBus";
        AppliedBeforeAcknowledged = "an event is acknowledged after its effect", "ports/event_bus.rs", "async fn acknowledge(";
    }
}

/// The most commits of the largest bounds: those with even numbers are of one aggregate, those
/// with odd numbers of another.
const COMMITS: usize = 4;
const AGGREGATES: usize = 2;
/// The most relays.
const RELAYS: usize = 2;

/// The model, with its bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outbox {
    commits: usize,
    relays: usize,
    /// How often the bus may forget, and somebody may die.
    mishaps: u8,
    without: Option<OutboxGuard>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct State {
    rows: [Row; COMMITS],
    relays: [Option<Relay>; RELAYS],
    bus: [Carried; COMMITS],
    /// The commit that a consumer shows of each aggregate, and whether that ever went back.
    shown: [Option<usize>; AGGREGATES],
    went_back: bool,
    mishaps: u8,
    /// The bus is known to have forgotten something.
    forgot: bool,
    /// Where a relay goes on that only reads what comes after the last row that it saw.
    cursor: usize,
}

/// An outbox row, and its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Row {
    state: RowState,
    epoch: u8,
    is_leased: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum RowState {
    #[default]
    Uncommitted,
    Unpublished,
    Published,
    /// Deleted when it was done, which no storage does.
    Deleted,
}

/// A relay that has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Relay {
    row: usize,
    epoch: u8,
    confirmed: bool,
}

/// An event in the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Carried {
    #[default]
    No,
    Waiting,
    /// A consumer has it, and has still to acknowledge it.
    Delivered {
        applied: bool,
    },
    Acknowledged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Commit(usize),
    Claim {
        relay: usize,
        row: usize,
    },
    Publish(usize),
    /// Somebody publishes what it is about to commit.
    PublishUncommitted(usize),
    Done(usize),
    LeaseEnds(usize),
    Deliver(usize),
    Apply(usize),
    Acknowledge(usize),
    /// Somebody publishes again, when no relay is between publishing and marking.
    PublishAgain,
    RelayDies(usize),
    RelayStandsStill(usize),
    ConsumerDies(usize),
    BusForgets,
}

impl Outbox {
    fn has(&self, guard: OutboxGuard) -> bool {
        self.without != Some(guard)
    }

    fn step(&self, state: &mut State, step: Step) -> Option<()> {
        match step {
            Step::Commit(row) => commit(state, row),
            Step::Claim { relay, row } => self.claim(state, relay, row),
            Step::Publish(relay) => publish(state, relay),
            Step::PublishUncommitted(row) => self.publish_uncommitted(state, row),
            Step::Done(relay) => self.done(state, relay),
            Step::LeaseEnds(row) => self.lease_ends(state, row),
            Step::Deliver(event) => {
                let carried = state.bus.get_mut(event)?;
                (*carried == Carried::Waiting).then_some(())?;
                *carried = Carried::Delivered { applied: false };
                Some(())
            }
            Step::Apply(event) => self.apply(state, event),
            Step::Acknowledge(event) => self.acknowledge(state.bus.get_mut(event)?),
            Step::PublishAgain => self.publish_again(state),
            Step::RelayDies(relay) => {
                state.relays.get_mut(relay)?.take()?;
                self.mishap(state)
            }
            Step::RelayStandsStill(relay) => {
                let Relay { row, epoch, .. } = (*state.relays.get(relay)?)?;
                let row = state.rows.get_mut(row)?;
                let holds = row.epoch == epoch && row.is_leased && self.has(OutboxGuard::LeasesEnd);
                row.is_leased = false;
                holds.then_some(())?;
                self.mishap(state)
            }
            Step::ConsumerDies(event) => {
                let carried = state.bus.get_mut(event)?;
                matches!(carried, Carried::Delivered { .. }).then_some(())?;
                *carried = Carried::Waiting;
                self.mishap(state)
            }
            Step::BusForgets => self.bus_forgets(state),
        }
    }

    fn mishap(&self, state: &mut State) -> Option<()> {
        state.mishaps += 1;
        (state.mishaps <= self.mishaps).then_some(())
    }

    fn claim(&self, state: &mut State, relay: usize, row: usize) -> Option<()> {
        let is_free = state.relays.get(relay)?.is_none();
        let is_new = self.has(OutboxGuard::UnpublishedRowsAreClaimed) || row >= state.cursor;
        let stored = state.rows.get_mut(row)?;
        let waits = stored.state == RowState::Unpublished && !stored.is_leased;
        (is_free && waits && is_new).then_some(())?;
        stored.is_leased = true;
        stored.epoch += 1;
        let claimed = Relay { row, epoch: stored.epoch, confirmed: false };
        *state.relays.get_mut(relay)? = Some(claimed);
        if !self.has(OutboxGuard::UnpublishedRowsAreClaimed) {
            state.cursor = row + 1;
        }
        Some(())
    }

    fn publish_uncommitted(&self, state: &mut State, row: usize) -> Option<()> {
        let is_new = state.rows.get(row)?.state == RowState::Uncommitted;
        (is_new && !self.has(OutboxGuard::EventsInTheCommit)).then_some(())?;
        carry(state.bus.get_mut(row)?)
    }

    fn done(&self, state: &mut State, relay: usize) -> Option<()> {
        let Relay { row, epoch, confirmed } = (*state.relays.get(relay)?)?;
        (confirmed || !self.has(OutboxGuard::ConfirmedBeforeDone)).then_some(())?;
        *state.relays.get_mut(relay)? = None;
        let row = state.rows.get_mut(row)?;
        if row.epoch == epoch && row.state == RowState::Unpublished {
            let kept = self.has(OutboxGuard::RowsAreKept);
            row.state = if kept { RowState::Published } else { RowState::Deleted };
            row.is_leased = false;
        }
        Some(())
    }

    /// The lease of a relay that is no more; one that is alive has to stand still for it.
    fn lease_ends(&self, state: &mut State, row: usize) -> Option<()> {
        let number = row;
        let row = state.rows.get_mut(row)?;
        let holds = |relay: &Relay| relay.row == number && relay.epoch == row.epoch;
        let is_held = state.relays.iter().flatten().any(holds);
        let ends = row.is_leased && !is_held && self.has(OutboxGuard::LeasesEnd);
        row.is_leased = false;
        ends.then_some(())
    }

    fn apply(&self, state: &mut State, event: usize) -> Option<()> {
        let carried = state.bus.get_mut(event)?;
        (*carried == (Carried::Delivered { applied: false })).then_some(())?;
        *carried = Carried::Delivered { applied: true };
        let shown = state.shown.get_mut(event % AGGREGATES)?;
        let is_newer = shown.is_none_or(|before| before < event);
        if is_newer || !self.has(OutboxGuard::HighestVersionWins) {
            state.went_back |= shown.is_some_and(|before| before > event);
            *shown = Some(event);
        }
        Some(())
    }

    /// Acknowledged without its effect, it is as if the consumer had died in between.
    fn acknowledge(&self, carried: &mut Carried) -> Option<()> {
        let early = !self.has(OutboxGuard::AppliedBeforeAcknowledged);
        matches!(carried, Carried::Delivered { applied } if *applied || early).then_some(())?;
        *carried = Carried::Acknowledged;
        Some(())
    }

    fn bus_forgets(&self, state: &mut State) -> Option<()> {
        let waits = |carried: &&mut Carried| **carried == Carried::Waiting;
        let mut forgotten = 0;
        for carried in state.bus.iter_mut().filter(waits) {
            *carried = Carried::No;
            forgotten += 1;
        }
        state.forgot = true;
        (forgotten > 0).then_some(())?;
        self.mishap(state)
    }

    fn publish_again(&self, state: &mut State) -> Option<()> {
        let between = state.relays.iter().flatten().any(|relay| relay.confirmed);
        let wanted = state.forgot && !between && self.has(OutboxGuard::PublishedAgain);
        wanted.then_some(())?;
        state.forgot = false;
        let published = |row: &Row| row.state == RowState::Published;
        for (carried, _) in
            state.bus.iter_mut().zip(state.rows.iter()).filter(|(_, row)| published(row))
        {
            // What waits already is there.
            carry(carried);
        }
        Some(())
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::PublishAgain];
        for row in 0..self.commits {
            steps.extend([
                Step::Commit(row),
                Step::PublishUncommitted(row),
                Step::LeaseEnds(row),
                Step::Deliver(row),
                Step::Apply(row),
                Step::Acknowledge(row),
            ]);
            steps.extend((0..self.relays).map(|relay| Step::Claim { relay, row }));
        }
        steps.extend((0..self.relays).flat_map(|relay| [Step::Publish(relay), Step::Done(relay)]));
        steps
    }

    fn mishaps(&self) -> Vec<Step> {
        let mut steps = vec![Step::BusForgets];
        steps.extend((0..self.commits).map(Step::ConsumerDies));
        let relays = 0..self.relays;
        steps.extend(
            relays.flat_map(|relay| [Step::RelayDies(relay), Step::RelayStandsStill(relay)]),
        );
        steps
    }

    /// Whether nothing is left to do, unless there is another mishap.
    fn is_at_rest(&self, state: &State) -> bool {
        self.steps().into_iter().all(|step| self.next_state(state, step).is_none())
    }
}

const ALWAYS: [Named<Outbox>; 4] = [
    ("E3 nothing is told that is not committed", |_, state| {
        let mut both = state.rows.iter().zip(state.bus.iter());
        both.all(|(row, carried)| row.state != RowState::Uncommitted || *carried == Carried::No)
    }),
    ("E6 what a consumer shows never goes back", |_, state| !state.went_back),
    ("E4 at rest every row is published", |model, state| {
        let waits = |row: &Row| row.state == RowState::Unpublished;
        !state.rows.iter().any(waits) || !model.is_at_rest(state)
    }),
    ("E8 at rest everything is shown as it is stored", |model, state| {
        is_shown(state) || !model.is_at_rest(state)
    }),
];

const SOMETIMES: [Named<Outbox>; 3] = [
    ("an event is told twice", |_, state| {
        state.rows.iter().any(|row| row.epoch > 1 && row.state == RowState::Published)
    }),
    ("a bus forgets, and is told again", |model, state| {
        state.mishaps > 0 && is_shown(state) && model.is_at_rest(state)
    }),
    ("everything is shown, and at rest", |model, state| is_shown(state) && model.is_at_rest(state)),
];

impl Checked for Outbox {
    type Guard = OutboxGuard;
    const NAME: &'static str = "outbox, relay and consumer";

    fn of(size: Size, without: Option<OutboxGuard>) -> Self {
        match size {
            Size::Small => Self { commits: 3, relays: RELAYS, mishaps: 1, without },
            Size::Large => Self { commits: COMMITS, relays: RELAYS, mishaps: 2, without },
        }
    }

    fn bounds(&self) -> String {
        let Self { commits, relays, mishaps, .. } = self;
        format!("{commits} commits of two aggregates, {relays} relays, {mishaps} mishaps")
    }
}

impl Model for Outbox {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        steps.extend(self.steps());
        steps.extend(self.mishaps());
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

fn commit(state: &mut State, row: usize) -> Option<()> {
    let before = row.checked_sub(AGGREGATES).and_then(|before| state.rows.get(before));
    let follows = before.is_none_or(|before| before.state != RowState::Uncommitted);
    let stored = state.rows.get_mut(row)?;
    (follows && stored.state == RowState::Uncommitted).then_some(())?;
    stored.state = RowState::Unpublished;
    Some(())
}

fn publish(state: &mut State, relay: usize) -> Option<()> {
    let relay = state.relays.get_mut(relay)?.as_mut()?;
    (!std::mem::replace(&mut relay.confirmed, true)).then_some(())?;
    carry(state.bus.get_mut(relay.row)?);
    Some(())
}

/// The bus takes an event; nothing if it has it, and has still to deliver it.
fn carry(carried: &mut Carried) -> Option<()> {
    match carried {
        Carried::No | Carried::Acknowledged => {
            *carried = Carried::Waiting;
            Some(())
        }
        Carried::Waiting | Carried::Delivered { .. } => None,
    }
}

/// Whether the newest commit of each aggregate is shown.
fn is_shown(state: &State) -> bool {
    (0..AGGREGATES).all(|aggregate| {
        let rows = state.rows.iter().enumerate();
        let committed = rows.filter(|(number, row)| {
            number % AGGREGATES == aggregate && row.state != RowState::Uncommitted
        });
        let newest = committed.map(|(number, _)| number).max();
        state.shown.get(aggregate).copied().flatten() == newest
    })
}
