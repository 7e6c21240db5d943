//! That every method of every port goes through the plan.

use super::*;
use crate::domain::event::{AggregateRef, EventKey};
use crate::domain::payment::ConfirmedBy;
use crate::ports::event_bus::MockEventBus;
use crate::ports::payment_gateway::MockPaymentGateway;
use crate::ports::storage::MockStorage;
use crate::ports::timers::MockTimers;
use crate::ports::{
    ClaimedWakeup, EventBus, GatewayErrorKind, Group, ListingQuery, NoticeAbout, OpenIntent,
    OrderDirection, OutboxRowId, PaymentGateway, PaymentMethod, SendRefund, Storage, Subscription,
    Timers, Wakeup, Webhook, WebhookKey,
};
use crate::testing::builders::{
    START, a_batch, a_buyer, a_payment, a_refund, a_ticket, an_event, an_order, intent,
    refund_reference,
};
use crate::values::{GatewayName, IdempotencyKey, Money, Page, StoreId, Version, WebhookId};

const LEASE: Duration = Duration::from_secs(10);

/// A world in which no call is made: the mocks behind it expect none, and would panic.
fn without_effect() -> World {
    let world = World::new(1);
    world.faults.set_rate(FaultKind::Before, 1000);
    world
}

/// All operations of the port were called once, and each was stopped.
fn assert_each_was_stopped(world: &World, port: &str) {
    let of_port = |operation: &&Operation| operation.port() == port;
    for operation in Operation::ALL.iter().filter(of_port) {
        assert_eq!(world.faults.calls_of(*operation), 1, "{operation}");
        let stopped = world.faults.injected();
        assert_eq!(stopped.get(&(*operation, FaultKind::Before)), Some(&1), "{operation}");
    }
    let operations = Operation::ALL.iter().filter(of_port).count();
    assert_eq!(world.faults.calls(), u64::try_from(operations).unwrap());
}

#[test]
fn of_the_storage() {
    let world = without_effect();
    let storage = FaultyStorage::new(Arc::new(MockStorage::new()), &world.faults);
    let failures = world.answer(call_each(&storage));
    for failure in failures {
        let failure = failure.unwrap();
        assert_eq!(failure.kind(), &crate::ports::PortErrorKind::Unavailable);
    }
    let group = Group::of(vec![a_batch(), a_batch()]);
    let committed = world.answer(storage.commit(group));
    assert_eq!(committed.outcomes.len(), 2);
    assert!(committed.pools.is_empty() && committed.now.is_none());
    assert_each_was_stopped(&world, "storage");
}

/// Every method but `lanes`, which can't fail, and `commit`.
async fn call_each(storage: &dyn Storage) -> Vec<Option<PortError>> {
    let (order, payment, refund, ticket) = (an_order(), a_payment(), a_refund(), a_ticket());
    let key = EventKey { aggregate: AggregateRef::pool(ticket.id), version: Version::FIRST };
    let webhook = Webhook {
        key: WebhookKey {
            gateway: GatewayName::new("sandbox").unwrap(),
            id: WebhookId::new("evt_1").unwrap(),
        },
        intent: None,
        about: NoticeAbout::Intent,
        received_at: START,
    };
    let (buyer, idempotency_key) = (a_buyer(), IdempotencyKey::new("key").unwrap());
    let newest = OrderDirection::NewestFirst;
    let page = Page::default();
    let row = OutboxRowId(1);
    vec![
        storage.now().await.err(),
        storage.store_id().await.err(),
        storage.listings(&[ticket.id]).await.err(),
        storage.search(&ListingQuery::default()).await.err(),
        storage.order(order.id).await.err(),
        storage.orders_of(&buyer, newest, page).await.err(),
        storage.payment(payment.id).await.err(),
        storage.payment_by_intent(&intent("pi_1")).await.err(),
        storage.payments_of(order.id).await.err(),
        storage.refund(refund.id).await.err(),
        storage.refunds_of(payment.id).await.err(),
        storage.key(&buyer, &idempotency_key).await.err(),
        storage.event(key).await.err(),
        storage.due_orders(1).await.err(),
        storage.due_orders_of(ticket.id, 1).await.err(),
        storage.live_orders(ticket.id, None, 1).await.err(),
        storage.clearing_pools(1).await.err(),
        storage.unsettled_payments(LEASE, 1).await.err(),
        storage.unsettled_refunds(LEASE, 1).await.err(),
        storage.parked_payments(1).await.err(),
        storage.failed_refunds(1).await.err(),
        storage.receive(&webhook).await.err(),
        storage.claim_webhooks(LEASE, 1).await.err(),
        storage.claim_outbox(LEASE, 1).await.err(),
        storage.outbox_done(row, 1, &[]).await.err(),
        storage.published_since(START, None, 1).await.err(),
        storage.outbox_depth().await.err(),
        storage.live_holds().await.err(),
        storage.dead_letters(1).await.err(),
        storage.prune(START, 1).await.err(),
    ]
}

#[test]
fn of_the_timers() {
    let world = without_effect();
    let timers = FaultyTimers::new(Arc::new(MockTimers::new()), &world.faults);
    let wakeup = Wakeup { order: an_order().id, version: Version::FIRST, at: START };
    let claimed = ClaimedWakeup { wakeup, epoch: 1 };
    assert!(world.answer(timers.arm(wakeup)).is_err());
    assert!(world.answer(timers.claim(1, LEASE)).is_err());
    assert!(world.answer(timers.done(claimed)).is_err());
    assert_each_was_stopped(&world, "timers");
}

#[test]
fn of_the_gateway() {
    let world = without_effect();
    let gateway = FaultyGateway::new(Arc::new(MockPaymentGateway::new()), &world.faults);
    let (pi, usd) = (intent("pi_1"), Money::usd(5_00));
    let open = OpenIntent {
        attempt: a_payment().id,
        order: an_order().id,
        store: StoreId::from_uuid(a_ticket().id.as_uuid()),
        amount: usd,
        confirmed_by: ConfirmedBy::Server,
        key: "key".to_owned(),
    };
    let refund = SendRefund { intent: pi.clone(), amount: usd, key: "key".to_owned() };
    let card = PaymentMethod::card_token("tok_visa");
    let failures = world.answer(async {
        [
            gateway.open(&open).await.err(),
            gateway.confirm(&pi, &card, "key").await.err(),
            gateway.look_up(&pi).await.err(),
            gateway.capture(&pi, usd, "key").await.err(),
            gateway.void(&pi, "key").await.err(),
            gateway.refund(&refund).await.err(),
            gateway.look_up_refund(&refund_reference("re_1")).await.err(),
            gateway.list_since(START, None).await.err(),
        ]
    });
    for failure in failures {
        assert_eq!(failure.unwrap().kind(), GatewayErrorKind::NotSent);
    }
    assert_each_was_stopped(&world, "gateway");
}

#[test]
fn of_the_bus() {
    let world = without_effect();
    let bus = FaultyBus::new(Arc::new(MockEventBus::new()), &world.faults);
    let results = world.answer(bus.publish(&[an_event(), an_event()]));
    assert!(results.len() == 2 && results.iter().all(Result::is_err));
    let subscription = world.answer(bus.subscribe(Subscription::Everyone));
    assert!(subscription.is_err());
    assert_eq!(world.faults.total_injected(), 2);
}
