//! Money without an owner.

use super::*;

#[test]
fn m1_sums_that_do_not_add_up() {
    assert_found(
        "M1",
        &[
            ("the order was refunded more than the payment", |books| {
                order_in(books, is_refunded).refunded = Money::usd(0);
            }),
            ("captured for a cancelled order", |books| {
                let captured = payment_in(books, PaymentState::Captured).id;
                let order = books.orders.iter_mut().find(|row| row.attempt() == Some(captured));
                order.unwrap().state = OrderState::Cancelled { reason: CancelReason::Buyer };
            }),
        ],
    );
}

#[test]
fn m2_charges_without_an_owner() {
    assert_found(
        "M2",
        &[
            ("captured for a cancelled order", |books| {
                let captured = payment_in(books, PaymentState::Captured).id;
                let order = books.orders.iter_mut().find(|row| row.attempt() == Some(captured));
                order.unwrap().state = OrderState::Cancelled { reason: CancelReason::Buyer };
            }),
            ("a refund was forgotten", |books| {
                books.refunds.remove(0);
            }),
            ("a refund of another sum", |books| books.refunds[0].amount = Money::usd(1)),
            ("the order does not know of its refund", |books| {
                order_in(books, is_refunded).refunded = Money::usd(1);
            }),
        ],
    );
}

#[test]
fn m3_two_attempts_that_may_pay() {
    assert_found(
        "M3",
        &[
            ("two live attempts", |books| {
                payment_in(books, PaymentState::Voided).state = PaymentState::Open;
                let order = payment_in(books, PaymentState::Open).order;
                for payment in books.payments.iter_mut().filter(|row| row.order == order) {
                    payment.state = PaymentState::Confirming;
                }
                let mut second = payment_in(books, PaymentState::Confirming).clone();
                second.id = a_payment_id();
                books.payments.push(second);
            }),
            ("paid for twice", |books| {
                let mut second = payment_in(books, PaymentState::Captured).clone();
                second.id = a_payment_id();
                second.refunding = Money::usd(0);
                books.payments.push(second);
            }),
            ("one intent, two payments", |books| {
                let name = intent("pi_shared");
                for payment in books.payments.iter_mut().take(2) {
                    payment.intent = Some(name.clone());
                }
            }),
        ],
    );
}

#[test]
fn m4_more_goes_back_than_came_in() {
    assert_found(
        "M4",
        &[
            ("more than its sum", |books| {
                let payment = payment_in(books, PaymentState::Captured);
                payment.refunding = payment.amount.times(2_u32).unwrap();
            }),
            ("of what was not captured", |books| {
                payment_in(books, PaymentState::Voided).refunding = Money::usd(1);
            }),
            ("in its refunds", |books| books.refunds[0].amount = Money::usd(100_000)),
            ("of no payment", |books| books.refunds[0].payment = a_payment_id()),
        ],
    );
}

#[test]
fn m5_another_sum_than_the_order_costs() {
    assert_found(
        "M5",
        &[
            ("less", |books| payment_in(books, PaymentState::Voided).amount = Money::usd(1)),
            ("another currency", |books| {
                payment_in(books, PaymentState::Voided).amount = Money::eur(20_00);
            }),
            ("another buyer", |books| {
                payment_in(books, PaymentState::Voided).buyer = Some(user("mallory"));
            }),
            ("no order", |books| {
                let order = payment_in(books, PaymentState::Voided).order;
                books.orders.retain(|row| Some(row.id) != order);
            }),
        ],
    );
}
