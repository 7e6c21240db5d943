//! Orders that went ways that no order goes.

use super::*;

#[test]
fn o1_steps_that_no_order_takes() {
    assert_found(
        "O1",
        &[
            ("cancelled, and then complete", |books| {
                let mut events = order_views(books, |view| view.status == OrderStatus::Complete);
                let place = events.len() - 2;
                let before = view_mut(events[place]);
                before.status = OrderStatus::Cancelled;
                before.cancel_reason = Some(CancelReason::Buyer);
            }),
            ("complete without an attempt", |books| {
                let mut events = order_views(books, |view| view.status == OrderStatus::Complete);
                let place = events.len() - 2;
                view_mut(events[place]).status = OrderStatus::Created;
            }),
            ("paid with another attempt", |books| {
                let mut events = order_views(books, |view| view.status == OrderStatus::Complete);
                view_mut(events.last_mut().unwrap()).payment_id = Some(a_payment_id());
            }),
            ("complete from the start", |books| {
                let mut events = order_views(books, |view| view.status == OrderStatus::Created);
                view_mut(events.first_mut().unwrap()).status = OrderStatus::Complete;
            }),
            ("cancelled for another reason than it began with", |books| {
                let cancelling = |view: &OrderView| {
                    view.status == OrderStatus::AwaitingPayment && view.cancel_reason.is_some()
                };
                let mut events = order_views(books, cancelling);
                let place = events.iter().position(|event| cancelling(view(event).unwrap()));
                view_mut(events[place.unwrap()]).cancel_reason = Some(CancelReason::Seller);
            }),
        ],
    );
}

#[test]
fn o2_totals_that_do_not_add_up() {
    assert_found(
        "O2",
        &[
            ("another total", |books| {
                books.orders[0].total = books.orders[0].total.checked_add(Money::usd(1)).unwrap();
            }),
            ("refunded too much", |books| {
                books.orders[0].refunded = books.orders[0].total.times(2_u32).unwrap();
            }),
            ("more returned than bought", |books| {
                let mut lines = lines_of(&mut books.orders[0]);
                lines[0].returned = 100;
                books.orders[0].lines = lines.into();
            }),
            ("more restocked than returned", |books| {
                let mut lines = lines_of(&mut books.orders[0]);
                lines[0].restocked = 1;
                books.orders[0].lines = lines.into();
            }),
        ],
    );
}

#[test]
fn o3_begun_after_the_deadline() {
    assert_found(
        "O3",
        &[
            ("paid at the deadline", |books| {
                let awaiting = |view: &OrderView| view.status == OrderStatus::AwaitingPayment;
                let mut events = order_views(books, awaiting);
                let deadline = view_mut(events[0]).expires_at;
                let place = events.iter().position(|event| awaiting(view(event).unwrap()));
                events[place.unwrap()].header.occurred_at = deadline;
            }),
            ("extended after the deadline", |books| {
                let longer = |view: &OrderView| {
                    view.status == OrderStatus::Created && view.version == Version::new(1)
                };
                let mut events = order_views(books, longer);
                events[1].header.occurred_at = Timestamp::MAX;
            }),
        ],
    );
}

#[test]
fn t2_expired_too_early() {
    let expired = |books: &mut Books, status: OrderStatus| {
        for event in &mut books.events {
            let hit = view(event).is_some_and(|view| {
                view.status == status && view.cancel_reason == Some(CancelReason::Expired)
            });
            if hit {
                event.header.occurred_at = START;
            }
        }
        codes(&violations(books)).contains("T2")
    };
    assert!(expired(&mut healthy(), OrderStatus::Cancelled));
    assert!(expired(&mut healthy(), OrderStatus::AwaitingPayment));
}

#[test]
fn o5_another_owner() {
    assert_found(
        "O5",
        &[
            ("another buyer", |books| {
                let mut events = order_views(books, |view| view.version == Version::new(1));
                view_mut(events.last_mut().unwrap()).buyer_id = user("mallory");
            }),
            ("a payment for another order", |books| {
                let paid = books.events.iter_mut().rev().find_map(|event| {
                    let DomainEvent::PaymentCreated(view) = &mut event.data else { return None };
                    Some(view)
                });
                paid.unwrap().order_id = None;
            }),
        ],
    );
}

#[test]
fn o6_complete_without_money_and_money_without_an_order() {
    assert_found(
        "O6",
        &[
            ("the payment was voided", |books| {
                payment_in(books, PaymentState::Authorized).state = PaymentState::Voided;
            }),
            ("the payment is gone", |books| {
                let paid = |row: &Payment| row.state == PaymentState::Authorized;
                books.payments.retain(|row| !paid(row));
            }),
            ("another sum", |books| {
                payment_in(books, PaymentState::Authorized).amount = Money::usd(1);
            }),
            ("authorized, but the order was cancelled", |books| {
                let attempt = payment_in(books, PaymentState::Authorized).id;
                let order = books.orders.iter_mut().find(|row| row.attempt() == Some(attempt));
                order.unwrap().state = OrderState::Cancelled { reason: CancelReason::Buyer };
            }),
            ("complete by an attempt of another order", |books| {
                order_in(books, is_complete).state =
                    OrderState::Complete { payment: a_payment_id() };
            }),
        ],
    );
}
