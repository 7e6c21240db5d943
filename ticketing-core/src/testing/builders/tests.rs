use super::*;
use crate::domain::event::Actor;
use crate::domain::order::{OrderRefund, OrderState, ReturnedLine};
use crate::domain::payment::PaymentState;
use crate::domain::refund::{RefundCommand, RefundState};
use crate::domain::ticket::TicketState;
use crate::ports::{Resolution, Snapshot, State, resolve};
use crate::values::{Quantity, TimeWindow};

/// What is stored after batches that were committed one by one.
fn stored_after(clock: &ManualClock, batches: &[WriteBatch]) -> Snapshot {
    let mut world = Snapshot::empty(clock.now());
    for batch in batches {
        world.now = batch.decided_at();
        let Resolution { outcomes, writes } = resolve(world.clone(), std::slice::from_ref(batch));
        assert!(outcomes[0].is_ok(), "{:?}", outcomes[0]);
        for row in &writes.rows {
            let (aggregate, version) = (row.state.aggregate(), row.state.version());
            world.versions.insert(aggregate, version);
        }
        for write in &writes.pools {
            world.pools.insert(write.pool.id, write.pool);
        }
    }
    world
}

fn factory() -> (BatchFactory, ManualClock) {
    let clock = ManualClock::new(START);
    let ids = Arc::new(SeededIds::new(7, 1));
    (BatchFactory::new(ids, Arc::new(clock.clone())), clock)
}

#[test]
fn the_samples_are_the_same_every_time_and_belong_together() {
    assert_eq!(a_listing(), a_listing());
    assert_eq!(a_ticket().id, a_pool().id);
    let order = an_order();
    assert_eq!(order.lines[0].ticket_id, a_ticket().id);
    assert_eq!(order.total, Money::usd(40_00));
    assert_eq!(a_payment().order, Some(order.id));
    assert_eq!(a_refund().payment, a_payment().id);
    assert_eq!(an_event().key().aggregate, order.id.into());
    assert_eq!(a_batch().changes()[0].state.aggregate(), a_ticket().id.into());
}

#[test]
fn a_storage_accepts_a_purchase_from_the_listing_to_the_refund() {
    let (make, clock) = factory();
    let listed = make.list(&a_seller(), a_new_ticket());
    let ticket = &listed.next.ticket;
    let placed = make.reserve(&a_buyer(), &[(ticket, 2)]);
    let extended = make.extend(&placed.next);
    let paying = make.start_payment(&extended.next, ConfirmedBy::Server);
    let opened = make.open(&paying.next, &intent("pi_1"));
    let complete = make.complete(&opened.next);
    assert_eq!(complete.next.payment.state, PaymentState::Authorized);
    let captured = make.capture(&complete.next);
    assert_eq!(captured.next.payment.state, PaymentState::Captured);
    let lines = vec![ReturnedLine { ticket: ticket.id, quantity: Quantity::ONE }];
    let refund = OrderRefund { amount: Money::usd(20_00), lines, restock: true, reason: None };
    let refunded = make.refund_with(&captured.next, refund);
    let command = RefundCommand::Succeeded(refund_reference("re_1"));
    let owed = refunded.next.refund.clone().unwrap();
    let given_back = make.refund_step(&owed, command);
    assert_eq!(given_back.next.state, RefundState::Succeeded);

    let pool = ticket.id;
    let batches = [
        listed.batch,
        placed.batch,
        extended.batch,
        paying.batch,
        opened.batch,
        complete.batch,
        captured.batch,
        refunded.batch,
        given_back.batch,
    ];
    let world = stored_after(&clock, &batches);
    assert_eq!((world.pools[&pool].held, world.pools[&pool].sold), (0, 1));
}

#[test]
fn a_storage_accepts_the_ways_in_which_an_order_ends_unpaid() {
    let (make, clock) = factory();
    let listed = make.list(&a_seller(), a_new_ticket());
    let ticket = &listed.next.ticket;
    let cancelled = make.reserve(&a_buyer(), &[(ticket, 1)]);
    let cancel = make.cancel(&cancelled.next);
    let declined = make.reserve(&a_buyer(), &[(ticket, 1)]);
    let paying = make.start_payment(&declined.next, ConfirmedBy::Server);
    let gone = make.gone(&paying.next);
    assert_eq!(gone.next.order.state, OrderState::Created);
    let expired = make.reserve(&a_buyer(), &[(ticket, 1)]);
    clock.set(expired.next.deadline());
    let expire = make.expire(&expired.next);
    let withdraw = make.withdraw(&listed.next, true);
    assert_eq!(withdraw.next.state, TicketState::Withdrawn);
    let late = make.expire(&gone.next.order);
    let cleared = make.cleared(ticket.id);

    let pool = ticket.id;
    let batches = [
        listed.batch,
        cancelled.batch,
        cancel.batch,
        declined.batch,
        paying.batch,
        gone.batch,
        expired.batch,
        expire.batch,
        withdraw.batch,
        late.batch,
        cleared,
    ];
    let world = stored_after(&clock, &batches);
    assert_eq!((world.pools[&pool].held, world.pools[&pool].sold), (0, 0));
}

#[test]
fn late_money_is_owed_back_in_the_batch_that_takes_it() {
    let (make, _) = factory();
    let ticket = make.list(&a_seller(), a_new_ticket()).next.ticket;
    let order = make.reserve(&a_buyer(), &[(&ticket, 1)]).next;
    let paying = make.start_payment(&order, ConfirmedBy::Client).next;
    let order = make.cancel(&paying.order).next;
    let late = make.capture(&Purchase { order, ..paying });
    let refund = late.next.refund.unwrap();
    assert_eq!(refund.amount, Money::usd(20_00));
    let last = late.batch.changes().last().unwrap();
    assert!(matches!(&last.state, State::Refund(written) if **written == refund));
}

#[test]
fn batches_may_not_take_effect_on_the_wrong_side_of_the_deadline() {
    let (make, clock) = factory();
    let ticket = make.list(&a_seller(), a_new_ticket()).next.ticket;
    let order = make.reserve(&a_buyer(), &[(&ticket, 1)]).next;
    let deadline = order.deadline();
    let paying = make.start_payment(&order, ConfirmedBy::Server);
    assert_eq!(paying.batch.window(), TimeWindow::ending(deadline));
    let extend = make.extend(&order);
    assert_eq!(extend.batch.window(), TimeWindow::ending(deadline));
    clock.set(deadline);
    let expire = make.expire(&order);
    assert_eq!(expire.batch.window(), TimeWindow::starting(deadline));
    let end = deadline.plus(Duration::from_secs(1));
    let expire = make.within(TimeWindow::ending(end)).expire(&order);
    assert_eq!(expire.batch.window().from(), Some(deadline));
    assert_eq!(expire.batch.window().until(), Some(end));
}

#[test]
fn circumstances_hold_for_their_own_factory_only() {
    let (make, clock) = factory();
    let (ann, later) = (user("ann"), clock.now().plus(Duration::from_secs(9)));
    let webhook = crate::ports::WebhookKey {
        gateway: crate::values::GatewayName::new("sandbox").unwrap(),
        id: crate::values::WebhookId::new("evt_1").unwrap(),
    };
    let special = make
        .by(Actor::User(ann.clone()))
        .keyed(&ann, "key-1", "list it")
        .closing(&webhook)
        .at(later);
    let listed = special.list(&ann, a_new_ticket());
    let change = &listed.batch.changes()[0];
    assert_eq!(change.event.header.actor, Actor::User(ann.clone()));
    assert_eq!(listed.batch.decided_at(), later);
    assert_eq!(listed.batch.closes(), Some(&webhook));
    let record = listed.batch.key().unwrap();
    assert_eq!((&record.user, record.key.as_str()), (&ann, "key-1"));
    assert_eq!(record.answer, change.event.key());
    let plain = make.list(&ann, a_new_ticket());
    assert!(plain.batch.key().is_none() && plain.batch.closes().is_none());
    assert_eq!(plain.batch.decided_at(), START);
    let hold = Duration::from_mins(1);
    let brief = make.with_policy(HoldPolicy { hold, ..HOLD_POLICY });
    let order = brief.reserve(&ann, &[(&plain.next.ticket, 1)]).next;
    assert_eq!(order.deadline(), START.plus(hold));
}

#[test]
#[should_panic(expected = "a builder was given what can't be")]
fn what_can_not_be_is_refused_loudly() {
    user("");
}
