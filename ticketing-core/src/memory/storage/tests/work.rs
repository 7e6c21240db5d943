//! What is due, unsettled or received, and its leases.

use super::*;
use crate::domain::payment::{ConfirmedBy, Payment};
use crate::domain::refund::RefundCommand;
use crate::ports::{DuePlace, NoticeAbout, Received, Webhook, WebhookKey};
use crate::testing::Purchase;
use crate::testing::builders::{HOLD_POLICY, a_buyer, a_new_ticket, intent, refund_reference};
use crate::values::{GatewayName, Money, OrderId, WebhookId};

#[tokio::test]
async fn due_orders_leave_the_list_when_they_end_and_move_in_it_when_extended() {
    let world = World::new();
    let listing = world.list(a_new_ticket()).await;
    let other = world.list(a_new_ticket()).await;
    let mut placed = Vec::new();
    for listing in [&listing, &listing, &other] {
        let order = world.make.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
        world.commit(order.batch).await.unwrap();
        placed.push(order.next);
        world.clock.advance(SECOND);
    }
    let extended = world.make.extend(&placed[0]);
    world.commit(extended.batch).await.unwrap();
    let due = async || -> Vec<OrderId> {
        let due = world.storage.due_orders(10).await.unwrap();
        assert_eq!(due.now, world.clock.now());
        due.items.iter().map(|order| order.id).collect()
    };
    world.clock.set(placed[1].deadline().minus(SECOND));
    assert_eq!(due().await, []);
    world.clock.set(placed[1].deadline());
    assert_eq!(due().await, [placed[1].id]);
    world.clock.set(extended.next.deadline());
    assert_eq!(due().await, [placed[1].id, placed[2].id, placed[0].id]);
    assert_eq!(world.storage.due_orders(2).await.unwrap().items.len(), 2);
    let of_pool = world.storage.due_orders_of(other.pool.id, 10).await.unwrap();
    assert_eq!(of_pool.items, [placed[2].clone()]);
    let expired = world.make.expire(&placed[2]);
    world.commit(expired.batch).await.unwrap();
    assert_eq!(due().await, [placed[1].id, placed[0].id]);
    let live = world.storage.live_orders(other.pool.id, None, 10).await;
    assert_eq!(live.unwrap(), []);
    let live = world.storage.live_orders(listing.pool.id, DuePlace::of(&placed[1]), 10);
    assert_eq!(live.await.unwrap(), [extended.next], "its end was put off");
}

#[tokio::test]
async fn a_pool_is_cleared_once() {
    let world = World::new();
    let listing = world.list(a_new_ticket()).await;
    let order = world.make.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
    world.commit(order.batch).await.unwrap();
    let id = listing.pool.id;
    let [held] = <[Listing; 1]>::try_from(world.storage.listings(&[id]).await.unwrap()).unwrap();
    let withdrawn = world.make.withdraw(&held, true).batch;
    world.commit(withdrawn).await.unwrap();
    assert_eq!(world.storage.clearing_pools(10).await.unwrap(), [id]);
    assert_eq!(world.storage.clearing_pools(0).await.unwrap(), []);
    let cancelled = world.make.cancel(&order.next).batch;
    world.commit(cancelled).await.unwrap();
    world.commit(world.make.cleared(id)).await.unwrap();
    assert_eq!(world.storage.clearing_pools(10).await.unwrap(), []);
}

async fn purchase(world: &World) -> Purchase {
    let listing = world.list(a_new_ticket()).await;
    let order = world.make.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
    world.commit(order.batch).await.unwrap();
    let started = world.make.start_payment(&order.next, ConfirmedBy::Server);
    world.commit(started.batch).await.unwrap();
    started.next
}

#[tokio::test]
async fn a_lease_puts_a_payment_off_at_the_same_version() {
    let world = World::new();
    let started = purchase(&world).await;
    let leased = async || world.storage.unsettled_payments(MINUTE, 10).await.unwrap();
    assert_eq!(leased().await.items, []);
    let at = started.payment.next_action_at.unwrap();
    world.clock.set(at);
    let due = leased().await;
    let put_off = Payment { next_action_at: Some(at.plus(MINUTE)), ..started.payment.clone() };
    assert_eq!((due.now, due.items), (at, vec![put_off.clone()]));
    let stored = world.storage.payment(put_off.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&put_off));
    assert_eq!(leased().await.items, []);
    world.clock.set(at.plus(MINUTE).minus(SECOND));
    assert_eq!(leased().await.items, []);
    world.clock.set(at.plus(MINUTE));
    assert_eq!(leased().await.items.len(), 1);
    // Whoever decided on the payment as it was before the lease can still commit.
    let opened = world.make.open(&started, &intent("pi_1"));
    world.commit(opened.batch).await.unwrap();
    let stored = world.storage.payment(put_off.id).await.unwrap().unwrap();
    assert_eq!(stored, opened.next.payment);
    assert_eq!(world.storage.tables().payments.all().count(), 1);
}

#[tokio::test]
async fn a_settled_refund_is_looked_at_no_more() {
    let world = World::new();
    let started = purchase(&world).await;
    let opened = world.make.open(&started, &intent("pi_1"));
    let complete = world.make.complete(&opened.next);
    let captured = world.make.capture(&complete.next);
    for batch in [opened.batch, complete.batch, captured.batch] {
        world.commit(batch).await.unwrap();
    }
    let refunded = world.make.refund(&captured.next, Money::usd(5_00));
    world.commit(refunded.batch).await.unwrap();
    let refund = refunded.next.refund.unwrap();
    let leased = async || world.storage.unsettled_refunds(MINUTE, 10).await.unwrap();
    assert_eq!(leased().await.items[0].id, refund.id);
    assert_eq!(leased().await.items, []);
    let done = RefundCommand::Succeeded(refund_reference("re_1"));
    let done = world.make.refund_step(&refund, done);
    world.commit(done.batch).await.unwrap();
    world.clock.advance(60 * MINUTE);
    assert_eq!(leased().await.items, []);
    let all = world.storage.refunds_of(refund.payment).await.unwrap();
    assert_eq!(all, [done.next]);
}

fn webhook(number: u64, received_at: crate::values::Timestamp) -> Webhook {
    Webhook {
        key: WebhookKey {
            gateway: GatewayName::new("memory").unwrap(),
            id: WebhookId::new(format!("evt_{number}")).unwrap(),
        },
        intent: None,
        about: NoticeAbout::Intent,
        received_at,
    }
}

#[tokio::test]
async fn webhooks_are_claimed_by_age_until_a_batch_closes_them() {
    let world = World::new();
    let (old, new) = (webhook(2, START), webhook(1, START.plus(SECOND)));
    for webhook in [&new, &old] {
        let received = world.storage.receive(webhook).await.unwrap();
        assert_eq!(received, Received::New);
    }
    assert_eq!(world.storage.receive(&old).await.unwrap(), Received::Seen);
    let claim = async |limit| world.storage.claim_webhooks(MINUTE, limit).await.unwrap();
    assert_eq!(claim(1).await, std::slice::from_ref(&old));
    assert_eq!(claim(5).await, std::slice::from_ref(&new));
    assert_eq!(claim(5).await, []);
    world.clock.advance(MINUTE);
    let closing = world.make.closing(&old.key);
    world.commit(closing.list(&a_seller(), a_new_ticket()).batch).await.unwrap();
    assert_eq!(claim(5).await, [new]);
    assert_eq!(world.storage.receive(&old).await.unwrap(), Received::Seen);
    assert_eq!(world.storage.books().open_webhooks, 1);
}

#[tokio::test]
async fn a_refused_batch_closes_no_webhook() {
    let world = World::new();
    let open = webhook(1, START);
    world.storage.receive(&open).await.unwrap();
    let listing = world.list(a_new_ticket()).await;
    let brief = HOLD_POLICY;
    let closing = world.make.with_policy(brief).closing(&open.key);
    let too_many = closing.reserve(&a_buyer(), &[(&listing.ticket, 11)]);
    world.commit(too_many.batch).await.unwrap_err();
    assert_eq!(world.storage.books().open_webhooks, 1);
}

#[tokio::test]
async fn a_commit_that_panicked_does_not_take_the_storage_with_it() {
    let world = World::new();
    let storage = world.storage.clone();
    let panicked = std::thread::scope(|scope| {
        let held = scope.spawn(|| {
            let _tables = storage.tables();
            panic!("a commit goes wrong");
        });
        held.join()
    });
    assert!(panicked.is_err());
    world.list(a_new_ticket()).await;
}
