//! A batch that is refused half-way leaves pools and allowances as the batches before it did.

use crate::domain::inventory::{Allowance, Refusal};
use crate::domain::order::{NewOrder, Order};
use crate::domain::ticket::{TicketCommand, TicketEdit};
use crate::ports::batch::WriteBatch;
use crate::ports::error::CommitError;
use crate::ports::resolve::resolve;
use crate::ports::resolve::tests::cases::{
    NOW, POLICY, Scene, buyer, cancel, list, listing, order_id, ticket_id, world,
};
use crate::values::{Quantity, Version};

/// A limited ticket with units, and one that is sold out.
fn one_sold_out() -> Scene {
    let mut scene = world([listing(9).max_per_buyer(4), listing(1).max_per_buyer(1)]);
    let outcomes = scene.store.commit(&[scene.place(100, 3, &[(1, 1)])]);
    assert!(outcomes[0].is_ok());
    scene
}

fn refused_at(outcome: &Result<impl Sized, CommitError>) -> (u8, Refusal) {
    match outcome {
        Err(CommitError::ClaimRefused { pool, refusal }) => {
            let number = (0..9).find(|number| ticket_id(*number) == *pool);
            (number.unwrap(), *refusal)
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was applied"),
    }
}

/// What becomes of the first ticket in this group: units held, and the allowances with their
/// stored versions.
fn resolved(
    scene: &Scene,
    group: &[WriteBatch],
) -> (Option<u32>, Vec<(Option<Version>, Allowance)>) {
    let writes = resolve(scene.store.snapshot(group), group).writes;
    let first = writes.pools.iter().find(|write| write.pool.id == ticket_id(0));
    let allowances = writes.allowances.iter();
    let allowances = allowances.map(|write| (write.before, write.allowance.clone()));
    (first.map(|write| write.pool.held), allowances.collect())
}

fn allowance(buyer_number: u8, version: u64, taken: u32) -> Allowance {
    Allowance {
        pool: ticket_id(0),
        buyer: buyer(buyer_number),
        version: Version::new(version),
        taken,
    }
}

const SOLD_OUT: (u8, Refusal) = (1, Refusal::SoldOut { left: 0 });

#[test]
fn nothing_is_written_for_a_lone_batch_that_is_refused_at_its_second_line() {
    let scene = one_sold_out();
    let group = [scene.place(1, 0, &[(0, 3), (1, 1)])];
    let resolution = resolve(scene.store.snapshot(&group), &group);
    assert_eq!(refused_at(&resolution.outcomes[0]), SOLD_OUT);
    assert!(resolution.writes.accepted.is_empty());
    assert!(resolution.writes.rows.is_empty());
    assert!(resolution.writes.pools.is_empty());
    assert!(resolution.writes.allowances.is_empty());
    assert_eq!(resolution.writes.events().count(), 0);
}

#[test]
fn what_the_batches_before_did_stays() {
    let scene = one_sold_out();
    let group = [
        scene.place(1, 0, &[(0, 1)]),
        scene.place(2, 0, &[(0, 3), (1, 1)]),
        scene.place(3, 1, &[(0, 4), (1, 1)]),
        scene.place(4, 0, &[(0, 3)]),
        scene.place(5, 0, &[(0, 1)]),
    ];
    let outcomes = resolve(scene.store.snapshot(&group), &group).outcomes;
    assert!(outcomes[0].is_ok());
    assert_eq!(refused_at(&outcomes[1]), SOLD_OUT);
    assert_eq!(refused_at(&outcomes[2]), SOLD_OUT);
    assert!(outcomes[3].is_ok());
    assert_eq!(refused_at(&outcomes[4]), (0, Refusal::OverBuyerLimit { left: 0 }));
    let (held, allowances) = resolved(&scene, &group);
    assert_eq!(held, Some(4));
    assert_eq!(allowances, [(None, allowance(0, 0, 4))]);
}

#[test]
fn a_stored_allowance_comes_back_too() {
    let mut scene = one_sold_out();
    scene.store.commit(&[scene.place(1, 0, &[(0, 2)])]);
    let refused = scene.place(2, 0, &[(0, 2), (1, 1)]);
    assert_eq!(resolved(&scene, std::slice::from_ref(&refused)), (None, vec![]));
    let group = [refused, scene.place(3, 0, &[(0, 1)])];
    let (held, allowances) = resolved(&scene, &group);
    assert_eq!(held, Some(3));
    assert_eq!(allowances, [(Some(Version::FIRST), allowance(0, 1, 3))]);
}

#[test]
fn several_moves_on_one_pool_are_taken_back_to_the_first() {
    let scene = one_sold_out();
    let batch = scene.placing(scene.batch(), 1, 0, &[(0, 1)]);
    let batch = scene.placing(batch, 2, 0, &[(0, 2)]);
    let refused = scene.placing(batch, 3, 1, &[(0, 1), (1, 1)]).build();
    let before = scene.place(4, 0, &[(0, 1)]);
    let after = scene.place(5, 2, &[(0, 1)]);
    let alone = vec![refused.clone(), after.clone()];
    for (group, expected) in [(alone, 1), (vec![before, refused, after], 2)] {
        let outcomes = resolve(scene.store.snapshot(&group), &group).outcomes;
        let kept = outcomes.iter().filter(|outcome| outcome.is_ok());
        assert_eq!(kept.count(), group.len() - 1);
        assert_eq!(refused_at(&outcomes[group.len() - 2]), SOLD_OUT);
        let (held, allowances) = resolved(&scene, &group);
        assert_eq!(held, Some(expected));
        let taken: u32 = allowances.iter().map(|(_, after)| after.taken).sum();
        assert_eq!(taken, expected);
    }
}

#[test]
fn released_units_are_held_again() {
    let mut scene = one_sold_out();
    scene.store.commit(&[scene.place(1, 0, &[(0, 4)])]);
    let batch = scene.batch().order(scene.told(1, cancel()));
    let refused = scene.placing(batch, 2, 0, &[(1, 1)]).build();
    let group = [refused, scene.place(3, 0, &[(0, 1)])];
    let outcomes = resolve(scene.store.snapshot(&group), &group).outcomes;
    assert_eq!(refused_at(&outcomes[0]), SOLD_OUT);
    assert_eq!(refused_at(&outcomes[1]), (0, Refusal::OverBuyerLimit { left: 0 }));
    assert_eq!(resolved(&scene, &group), (None, vec![]));
}

#[test]
fn an_opened_pool_is_gone_again() {
    let scene = one_sold_out();
    let opened = list(2, listing(3), NOW);
    let ticket = opened.ticket.next().clone();
    let refused = scene.batch().ticket(opened).cleared(ticket_id(2)).build();
    let new = NewOrder {
        id: order_id(1),
        buyer: &buyer(0),
        lines: &[(&ticket, Quantity::ONE)],
        policy: POLICY,
    };
    let placing = scene.batch().order(Order::place(new, NOW).unwrap().0);
    let group = [refused, placing.build()];
    let resolution = resolve(scene.store.snapshot(&group), &group);
    assert_eq!(refused_at(&resolution.outcomes[0]), (2, Refusal::NoSuchStep));
    assert_eq!(refused_at(&resolution.outcomes[1]), (2, Refusal::Missing));
    assert!(resolution.writes.pools.is_empty());
}

#[test]
fn old_terms_are_in_force_again() {
    let scene = one_sold_out();
    let edit =
        TicketEdit { terms: listing(2).max_per_buyer(4), seen: None, pool: scene.store.pool(0) };
    let ticket = scene.store.ticket(0).unwrap().as_ref().clone();
    let edited = ticket.decide(TicketCommand::Edit(edit)).unwrap();
    let refused = scene.batch().ticket(edited).cleared(ticket_id(0)).build();
    let group = [refused, scene.place(1, 0, &[(0, 3)])];
    let resolution = resolve(scene.store.snapshot(&group), &group);
    assert_eq!(refused_at(&resolution.outcomes[0]), (0, Refusal::NoSuchStep));
    assert!(resolution.outcomes[1].is_ok());
    assert_eq!(resolution.writes.pools[0].pool.terms, scene.store.pool(0).terms);
}
