//! Models of what decides, small enough to try everything that can happen.
//!
//! The simulator runs the real code and tries a part of all histories. A model leaves the code out,
//! keeps its states and its guards, and tries all histories within its bounds, with
//! [stateright](https://docs.rs/stateright). Both must agree: each model guard names the place of
//! the real one, and a test looks whether that place is there.
//!
//! A guard that no property needs is not known to guard anything. So each model is checked once as
//! it is, when no property may be broken and everything that should be possible must be, and once
//! without each of its guards, when some property must be.
//!
//! | model | room |
//! |---|---|
//! | order, payment and expiration | `purchase` |
//! | outbox, relay and consumer | `outbox` |
//! | lease with pause | `lease` |

mod guards;
mod lease;
mod outbox;
mod purchase;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use self::guards::Guard;
use self::lease::Lease;
use self::outbox::Outbox;
use self::purchase::Purchase;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// What takes seconds.
    Small,
    /// What takes minutes.
    Large,
}

/// A model with bounds and guards.
trait Checked: Model {
    type Guard: Guard;
    const NAME: &'static str;

    /// The model of that size, perhaps without a guard.
    fn of(size: Size, without: Option<Self::Guard>) -> Self;

    /// Its bounds in words.
    fn bounds(&self) -> String;
}

/// A model that can be checked.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Its name.
    pub name: &'static str,
    report: fn(Size) -> Report,
}

/// What came of checking a model.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its bounds in words.
    pub bounds: String,
    /// How many states there were, each as often as it was reached.
    pub states: usize,
    /// How many different states there were.
    pub unique: usize,
    /// How many steps the longest of all shortest histories has.
    pub depth: usize,
    /// Its properties.
    pub properties: Vec<Checkup>,
    /// What came of it without each of its guards.
    pub without: Vec<Removal>,
}

/// What is known of a property.
#[derive(Debug, Clone)]
pub struct Checkup {
    /// The property.
    pub name: &'static str,
    /// Whether it is to be found in some state, rather than in all.
    pub is_sometimes: bool,
    /// The steps to the state that decided: a counter-example, or what was to be found.
    pub steps: Option<Vec<String>>,
}

/// What came of taking a guard away.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The guard.
    pub guard: &'static str,
    /// The file of the real guard, below `ticketing-core/src`, and its place there.
    pub place: (&'static str, &'static str),
    /// The property that is broken without it, and the steps to where it is.
    pub broken: Option<(&'static str, Vec<String>)>,
}

/// All models.
pub fn all() -> [Candidate; 3] {
    [candidate::<Purchase>(), candidate::<Outbox>(), candidate::<Lease>()]
}

impl Candidate {
    /// Checks it, with all guards and without each of them.
    pub fn check(self, size: Size) -> Report {
        (self.report)(size)
    }
}

impl Checkup {
    /// Whether it is as it should be.
    pub fn is_good(&self) -> bool {
        self.steps.is_some() == self.is_sometimes
    }
}

impl Report {
    /// Whether everything is as it should be: every property with all guards, and none of the
    /// guards for nothing.
    pub fn is_good(&self) -> bool {
        self.properties.iter().all(Checkup::is_good)
            && self.without.iter().all(|removal| removal.broken.is_some())
    }
}

fn candidate<M>() -> Candidate
where
    M: Checked + Send + Sync + 'static,
    M::State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    Candidate { name: M::NAME, report: report::<M> }
}

fn report<M>(size: Size) -> Report
where
    M: Checked + Send + Sync + 'static,
    M::State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let checker = M::of(size, None).checker().spawn_bfs().join();
    let found = checker.discoveries();
    let properties = checker.model().properties().into_iter().map(|property| Checkup {
        name: property.name,
        is_sometimes: property.expectation == Expectation::Sometimes,
        steps: found.get(property.name).map(|path| words(&path.clone().into_actions())),
    });
    Report {
        bounds: checker.model().bounds(),
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        properties: properties.collect(),
        without: M::Guard::ALL.iter().map(|guard| without::<M>(*guard)).collect(),
    }
}

/// A condition on states, and its name.
type Named<M> = (&'static str, fn(&M, &<M as Model>::State) -> bool);

/// What must hold in every state, and what must be possible.
fn properties<M: Model>(always: &[Named<M>], sometimes: &[Named<M>]) -> Vec<Property<M>> {
    let always = always.iter().map(|(name, holds)| Property::always(name, *holds));
    always.chain(sometimes.iter().map(|(name, is_so)| Property::sometimes(name, *is_so))).collect()
}

/// The smallest bounds do: whatever a guard keeps away comes soon without it.
fn without<M>(guard: M::Guard) -> Removal
where
    M: Checked + Send + Sync + 'static,
    M::State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let checker = M::of(Size::Small, Some(guard)).checker();
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let mut found = checker.discoveries();
    let properties = checker.model().properties();
    let broken = properties.into_iter().find_map(|property| {
        let path = found.remove(property.name)?;
        let is_failure = property.expectation.discovery_is_failure();
        is_failure.then(|| (property.name, words(&path.into_actions())))
    });
    Removal { guard: guard.name(), place: guard.place(), broken }
}

fn words(steps: &[impl Debug]) -> Vec<String> {
    steps.iter().map(|step| format!("{step:?}")).collect()
}
