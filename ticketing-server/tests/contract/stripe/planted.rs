//! Disagreements that are planted, which the check after each race must find: M1 to M9.

use std::time::Duration;

use ticketing_core::PaymentOutcome;
use ticketing_core::domain::payment::ConfirmedBy;
use ticketing_core::domain::view::OrderView;
use ticketing_core::ports::{IdSource as _, OpenIntent, PaymentGateway as _, RandomIds};
use ticketing_core::testing::builders::user;
use ticketing_core::values::{IntentRef, OrderId, PaymentId};

use super::world::{PRICE, World, each_storage};

each_storage! {
    m1_money_that_nobody_owns
    m2_a_charge_without_an_order
    m3_two_charges_for_one_order
    m4_more_given_back_than_was_taken
    m5_another_sum
    m6_a_call_that_was_not_written_down
    m7_a_key_that_names_two_calls
    m8_money_that_stays_reserved
    m9_a_charge_that_one_side_knows_of
}

async fn sold(world: &World) -> (OrderView, String) {
    let order = world.held_by(&user("ann")).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    (order, world.stripe.ledger().intents.pop().unwrap().id)
}

/// The check finds this, by its code.
async fn finds(world: &World, code: &str) {
    let broken = world.agreement.broken().await;
    let found = broken.iter().any(|broken| broken.split(' ').next() == Some(code));
    assert!(found, "no {code}: {broken:#?}");
}

/// An intent of our storage that nobody has written down.
async fn open_unwritten(world: &World, order: OrderId) -> IntentRef {
    let attempt = PaymentId::from_uuid(RandomIds.next());
    let open = OpenIntent {
        attempt,
        order,
        store: world.storage.store_id().await.unwrap(),
        amount: PRICE,
        confirmed_by: ConfirmedBy::Client,
        key: format!("open:{attempt}"),
    };
    world.gateway().open(&open).await.unwrap().intent
}

/// The same, and its money is taken.
async fn charge_unwritten(world: &World, order: OrderId) {
    let intent = open_unwritten(world, order).await;
    world.stripe.confirm_as_client(intent.as_str(), "pm_card_visa").unwrap();
    world.stripe.capture_by_hand(intent.as_str(), None).unwrap();
}

async fn m1_money_that_nobody_owns(world: &World) {
    let (_, intent) = sold(world).await;
    world.stripe.refund_by_hand(&intent, Some(500)).unwrap();
    finds(world, "M1").await;
}

async fn m2_a_charge_without_an_order(world: &World) {
    charge_unwritten(world, OrderId::from_uuid(RandomIds.next())).await;
    finds(world, "M2").await;
}

async fn m3_two_charges_for_one_order(world: &World) {
    let (order, _) = sold(world).await;
    charge_unwritten(world, order.id).await;
    finds(world, "M3").await;
}

async fn m4_more_given_back_than_was_taken(world: &World) {
    let (_, intent) = sold(world).await;
    world.stripe.refund_by_hand(&intent, None).unwrap();
    world.stripe.misstate(&intent, 1000, "usd");
    finds(world, "M4").await;
}

async fn m5_another_sum(world: &World) {
    for (amount, currency) in [(2000, "eur"), (1999, "usd")] {
        let (_, intent) = sold(world).await;
        world.stripe.misstate(&intent, amount, currency);
        finds(world, "M5").await;
        world.stripe.misstate(&intent, PRICE.minor(), "usd");
    }
}

async fn m6_a_call_that_was_not_written_down(world: &World) {
    drop(open_unwritten(world, OrderId::from_uuid(RandomIds.next())).await);
    finds(world, "M6").await;
    assert_eq!(world.agreement.take_unwritten().len(), 1);
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let intent = IntentRef::new(intent).unwrap();
    world.gateway().capture(&intent, PRICE, "capture:somebody").await.unwrap();
    finds(world, "M6").await;
}

async fn m7_a_key_that_names_two_calls(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    let key = world.stripe.ledger().intents[0].key.clone().unwrap();
    let intent = IntentRef::new(intent).unwrap();
    world.gateway().void(&intent, &key).await.unwrap_err();
    finds(world, "M7").await;
}

async fn m8_money_that_stays_reserved(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    world.wait(Duration::from_hours(25)).await;
    finds(world, "M8").await;
}

async fn m9_a_charge_that_one_side_knows_of(world: &World) {
    let (_, intent) = sold(world).await;
    world.stripe.cancel_by_hand(&intent);
    finds(world, "M9").await;
}
