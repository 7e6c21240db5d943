//! One batch that the backend refuses, among many that it does not.

use super::*;
use crate::domain::envelope::Event;
use crate::domain::event::AggregateRef;
use crate::domain::ticket::NewTicket;
use crate::values::{Money, Title};

/// Reserves a seat for each number, from a cursed listing where that is one of `culprits`.
async fn group_with(culprits: &[usize]) -> (World, Vec<bool>) {
    let world = World::new();
    let seats = |title| NewTicket::new(title, Money::usd(5)).quantity(100);
    let good = world.list(seats("Good")).await;
    let cursed = world.list(seats("Cursed")).await;
    world.storage.poison_titles(Title::new("Cursed").unwrap());
    let batches = (0..64).map(|number| {
        let listing = if culprits.contains(&number) { &cursed } else { &good };
        let seat = [(&listing.ticket, 1)];
        world.make.reserve(&buyer(number), &seat).batch
    });
    let committed = world.group(batches.collect()).await;
    assert_eq!(committed.outcomes.len(), 64);
    let refused = committed.outcomes.iter().map(is_refused).collect();
    for outcome in committed.outcomes {
        assert!(outcome.is_ok() || is_refused(&outcome), "{outcome:?}");
    }
    (world, refused)
}

#[tokio::test]
async fn the_culprits_alone_are_refused() {
    for culprits in [&[][..], &[0], &[31], &[32], &[63], &[0, 63], &[7, 8, 9]] {
        let (world, refused) = group_with(culprits).await;
        let found: Vec<usize> = (0..64).filter(|number| refused[*number]).collect();
        assert_eq!(found, culprits);
        let books = world.storage.books();
        assert_eq!(books.orders.len(), 64 - culprits.len());
        let held: Vec<u32> = books.pools.iter().map(|pool| pool.held).collect();
        let good = u32::try_from(64 - culprits.len()).unwrap();
        assert_eq!(held, [good, 0]);
    }
}

#[tokio::test]
async fn what_is_left_is_as_if_the_culprits_had_not_been_there() {
    let (world, _refused) = group_with(&[5, 40]).await;
    let books = world.storage.books();
    for pool in &books.pools {
        let versions: Vec<u64> = books
            .events
            .iter()
            .map(Event::key)
            .filter(|key| key.aggregate == AggregateRef::pool(pool.id))
            .map(|key| key.version.get())
            .collect();
        let contiguous: Vec<u64> = (0..=pool.version.get()).collect();
        assert_eq!(versions, contiguous);
    }
    let published: usize = world
        .storage
        .claim_outbox(MINUTE, 1000)
        .await
        .unwrap()
        .iter()
        .map(|row| row.events.len())
        .sum();
    assert_eq!(published, books.events.len());
}

#[tokio::test]
async fn a_refusal_of_the_engine_comes_before_one_of_the_backend() {
    let world = World::new();
    let new = NewTicket::new("Cursed", Money::usd(5));
    let listing = world.list(new).await;
    let placed = |number| {
        let seat = [(&listing.ticket, 1)];
        world.make.reserve(&buyer(number), &seat).batch
    };
    world.commit(placed(0)).await.unwrap();
    world.storage.poison_titles(Title::new("Cursed").unwrap());
    let outcome = world.commit(placed(1)).await;
    assert!(matches!(outcome, Err(CommitError::ClaimRefused { .. })));
}
