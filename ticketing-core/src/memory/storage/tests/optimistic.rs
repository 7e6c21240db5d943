//! The optimistic path: a prediction that holds is written, any other is as if it had not been.

use super::*;
use crate::domain::order::Order;
use crate::domain::ticket::{NewTicket, Ticket};
use crate::ports::{PortErrorKind, State, WriteBatch};
use crate::values::{Money, TimeWindow, Title};

fn ten_seats() -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00)).quantity(10)
}

#[tokio::test]
async fn a_true_prediction_is_written_and_comes_to_the_same_as_the_careful_path() {
    let mut books = Vec::new();
    for predict in [false, true] {
        let world = World::new();
        let listing = world.list(ten_seats().max_per_buyer(4)).await;
        let first = world.make.reserve(&buyer(0), &[(&listing.ticket, 1)]);
        world.commit(first.batch).await.unwrap();
        let batches = vec![
            world
                .make
                .keyed(&buyer(0), "key", "two")
                .reserve(&buyer(0), &[(&listing.ticket, 2)])
                .batch,
            world.make.cancel(&first.next).batch,
            world.make.reserve(&buyer(1), &[(&listing.ticket, 4)]).batch,
        ];
        let predicted = predict.then(|| world.snapshot(&batches));
        let committed = world.storage.commit(Group { batches: batches.into(), predicted }).await;
        assert!(committed.outcomes.iter().all(Result::is_ok));
        assert_eq!(committed.pools[0].held, 6);
        assert_eq!(committed.now, Some(START));
        assert_eq!(world.counts().optimistic, u64::from(predict));
        assert_eq!(world.counts().missed, 0);
        books.push(world.storage.books());
    }
    assert_eq!(books[0], books[1]);
}

/// A world in which Ann holds a seat of a listing with a limit, and somebody predicts the next
/// batch.
struct Scene {
    world: World,
    listing: Listing,
    order: Order,
}

/// A batch, and what its writer believes of the storage.
type Belief = (WriteBatch, Snapshot);

impl Scene {
    fn set() -> Self {
        let world = World::new();
        let listed = world.make.list(&a_seller(), ten_seats().max_per_buyer(4));
        let order = world.make.reserve(&buyer(0), &[(&listed.next.ticket, 1)]);
        world.store(listed.batch);
        world.store(order.batch);
        Self { world, listing: listed.next, order: order.next }
    }

    fn reserve(&self, make: &BatchFactory, number: usize) -> WriteBatch {
        let seats = [(&self.listing.ticket, 1)];
        make.reserve(&buyer(number), &seats).batch
    }

    fn extend(&self) -> WriteBatch {
        self.world.make.extend(&self.order).batch
    }

    /// The batch with a belief that is true so far.
    fn believe(&self, batch: WriteBatch) -> Belief {
        let predicted = self.world.snapshot(std::slice::from_ref(&batch));
        (batch, predicted)
    }
}

/// Why a belief does not hold, and how it comes about.
type Miss = (&'static str, fn(&Scene) -> Belief);

/// Beliefs that do not hold, each for one reason alone.
const MISSES: [Miss; 13] = [
    ("a pool moved on", |scene| {
        let belief = scene.believe(scene.reserve(&scene.world.make, 1));
        scene.world.store(scene.reserve(&scene.world.make, 2));
        belief
    }),
    ("a pool is there already", |scene| {
        let listed = scene.world.make.list(&a_seller(), ten_seats());
        let belief = scene.believe(listed.batch);
        scene.world.storage.tables().put_pool(listed.next.pool);
        belief
    }),
    ("an allowance moved on", |scene| {
        let (batch, mut predicted) = scene.believe(scene.reserve(&scene.world.make, 0));
        let known = predicted.allowances.values_mut().next().unwrap();
        known.version = known.version.next();
        (batch, predicted)
    }),
    ("an allowance is not known of", |scene| {
        let (batch, mut predicted) = scene.believe(scene.reserve(&scene.world.make, 0));
        predicted.allowances.clear();
        (batch, predicted)
    }),
    ("an aggregate moved on", |scene| {
        let belief = scene.believe(scene.extend());
        scene.world.store(scene.extend());
        belief
    }),
    ("an aggregate is there already", |scene| {
        let id = scene.listing.ticket.id;
        let again = Ticket::list(id, a_seller(), ten_seats(), START).unwrap();
        let batch = built(&scene.world, |batch| batch.ticket(again));
        (batch, Snapshot::empty(START))
    }),
    ("an aggregate is not there at all", |scene| {
        let seats = [(&scene.listing.ticket, 1)];
        let unwritten = scene.world.make.reserve(&buyer(1), &seats).next;
        let (batch, mut predicted) = scene.believe(scene.world.make.extend(&unwritten).batch);
        let versions = &mut predicted.versions;
        versions.insert(unwritten.id.into(), unwritten.version);
        (batch, predicted)
    }),
    ("a batch was committed before", |scene| {
        let belief = scene.believe(scene.extend());
        scene.world.store(belief.0.clone());
        // Of all that the batch wrote, only its id is left to tell.
        let mut tables = scene.world.storage.tables();
        tables.put(&State::Order(Arc::new(scene.order.clone())));
        let written = belief.0.changes().iter().map(|change| change.event.key());
        written.for_each(|key| drop(tables.events.remove(key)));
        belief
    }),
    ("a key was used before", |scene| {
        let keyed = scene.world.make.keyed(&buyer(1), "key", "one");
        scene.world.store(scene.reserve(&keyed, 1));
        let (batch, mut predicted) = scene.believe(scene.reserve(&keyed, 1));
        predicted.keys.clear();
        (batch, predicted)
    }),
    ("the time is over", |scene| {
        let until = TimeWindow::ending(START.plus(SECOND));
        let make = scene.world.make.within(until);
        let belief = scene.believe(make.extend(&scene.order).batch);
        scene.world.clock.advance(SECOND);
        belief
    }),
    ("the time has not come", |scene| {
        let from = TimeWindow::starting(START.plus(SECOND));
        let make = scene.world.make.within(from);
        let (batch, mut predicted) = scene.believe(make.extend(&scene.order).batch);
        predicted.now = START.plus(SECOND);
        (batch, predicted)
    }),
    ("the decision is too old", |scene| {
        let belief = scene.believe(scene.extend());
        scene.world.clock.advance(3 * SECOND);
        belief
    }),
    ("it is believed to be sold out", |scene| {
        let (batch, mut predicted) = scene.believe(scene.reserve(&scene.world.make, 1));
        for pool in predicted.pools.values_mut() {
            pool.held = pool.terms.capacity;
        }
        (batch, predicted)
    }),
];

#[tokio::test]
async fn every_missed_guard_leads_to_what_the_careful_path_does() {
    for (miss, believe) in MISSES {
        let mut ends = Vec::new();
        for predict in [false, true] {
            let scene = Scene::set();
            let (batch, predicted) = believe(&scene);
            let Scene { world, .. } = scene;
            // A neighbour that is in order shares the group, and must not suffer.
            let in_order = world.make.list(&a_seller(), ten_seats()).batch;
            let batches = vec![batch, in_order];
            let predicted = predict.then_some(predicted);
            let before = world.counts();
            let committed =
                world.storage.commit(Group { batches: batches.into(), predicted }).await;
            let after = world.counts();
            assert_eq!(after.optimistic, before.optimistic, "{miss}");
            assert_eq!(after.careful, before.careful + 1, "{miss}");
            assert_eq!(after.missed - before.missed, u64::from(predict), "{miss}");
            assert!(committed.outcomes[1].is_ok(), "{miss}: {committed:?}");
            ends.push((format!("{committed:?}"), world.storage.books()));
        }
        assert_eq!(ends[0], ends[1], "{miss}");
    }
}

#[tokio::test]
async fn time_is_read_and_not_believed() {
    let world = World::new();
    let listing = world.list(ten_seats()).await;
    let batch = world.make.reserve(&buyer(0), &[(&listing.ticket, 1)]).batch;
    let batches = vec![batch];
    let mut predicted = world.snapshot(&batches);
    predicted.now = START.plus(60 * MINUTE);
    let predicted = Some(predicted);
    let committed = world.storage.commit(Group { batches: batches.into(), predicted }).await;
    assert!(committed.outcomes[0].is_ok());
    assert_eq!(world.counts().optimistic, 1);
    assert_eq!(committed.now, Some(START));
}

#[tokio::test]
async fn what_the_backend_refuses_is_a_missed_prediction_too() {
    let world = World::new();
    world.storage.poison_titles(Title::new("Cursed").unwrap());
    let batches: Vec<WriteBatch> = ["Fine", "Cursed", "Good"]
        .map(|title| NewTicket::new(title, Money::usd(1)))
        .map(|new| world.make.list(&a_seller(), new).batch)
        .into();
    let predicted = Some(world.snapshot(&batches));
    let committed = world.storage.commit(Group { batches: batches.into(), predicted }).await;
    let refused: Vec<bool> = committed.outcomes.iter().map(is_refused).collect();
    assert_eq!(refused, [false, true, false]);
    assert_eq!(committed.pools.len(), 2);
    let Err(CommitError::NotApplied(error)) = &committed.outcomes[1] else {
        panic!("{committed:?}");
    };
    assert_eq!(*error.kind(), PortErrorKind::Refused);
    let source = std::error::Error::source(error).unwrap();
    assert!(source.to_string().contains("Cursed"));
    let counts = world.counts();
    assert_eq!((counts.optimistic, counts.missed, counts.careful), (0, 1, 1));
}
