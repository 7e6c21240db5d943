//! Giving money and units back.

use crate::domain::decision::{Decision, Units};
use crate::domain::order::fixtures::{ATTEMPT, BALCONY, FRONT_ROW, PLACED, complete, then, units};
use crate::domain::order::{Order, OrderCommand as Command, OrderRefund, OrderState, ReturnedLine};
use crate::domain::rejection::{Reason, Rejection};
use crate::values::{Money, TicketId};

fn back(cents: u32, lines: &[(TicketId, u32)], restock: bool) -> Command {
    let line = |(ticket, quantity): &(TicketId, u32)| ReturnedLine {
        ticket: *ticket,
        quantity: units(*quantity),
    };
    Command::Refund(OrderRefund {
        amount: Money::usd(cents),
        lines: lines.iter().map(line).collect(),
        restock,
        reason: None,
    })
}

fn refund(order: Order, command: Command) -> Result<Decision<Order>, Rejection> {
    order.decide(command, PLACED)
}

/// How many units of each line came back, and went back on sale.
fn returned(order: &Order) -> Vec<(u32, u32)> {
    order.lines.iter().map(|line| (line.returned, line.restocked)).collect()
}

#[test]
fn parts_add_up_to_the_whole() {
    let order = then(complete(), back(20_00, &[], false), PLACED);
    assert_eq!(order.left_to_refund(), Ok(Money::usd(55_50)));
    assert_eq!(order.state, OrderState::Complete { payment: ATTEMPT });
    let too_much = refund(order.clone(), back(55_51, &[], false)).unwrap_err();
    assert_eq!(too_much.reason, Reason::RefundTooLarge { left: Money::usd(55_50) });
    let order = then(order, back(55_50, &[], false), PLACED);
    assert_eq!(order.state, OrderState::Refunded { payment: ATTEMPT });
    assert_eq!((order.refunded, order.total), (Money::usd(75_50), Money::usd(75_50)));
}

#[test]
fn units_that_come_back_stay_off_sale_unless_asked() {
    let kept = refund(complete(), back(20_00, &[(FRONT_ROW, 2)], false)).unwrap();
    assert_eq!(kept.units(), &Units::Stay);
    assert_eq!(returned(kept.next()), [(2, 0), (0, 0)]);

    let both = [(FRONT_ROW, 2), (BALCONY, 1)];
    let restocked = refund(complete(), back(20_00, &both, true)).unwrap();
    assert_eq!(restocked.units(), &Units::Return(both.to_vec()));
    assert_eq!(returned(restocked.next()), [(2, 2), (1, 1)]);
}

#[test]
fn no_unit_comes_back_twice() {
    let order = then(complete(), back(1, &[(FRONT_ROW, 2)], true), PLACED);
    let again = refund(order.clone(), back(1, &[(FRONT_ROW, 2)], true)).unwrap_err();
    assert_eq!(again.reason, Reason::ReturnTooLarge { ticket: FRONT_ROW });
    let rest = refund(order, back(1, &[(FRONT_ROW, 1)], true)).unwrap();
    assert_eq!(returned(rest.next()), [(3, 3), (0, 0)]);
    assert_eq!(rest.next().lines[0].kept(), 0);
}

/// Whether or not it was put back on sale.
#[test]
fn a_unit_that_stays_off_sale_comes_back_once_as_well() {
    let order = then(complete(), back(1, &[(FRONT_ROW, 2)], false), PLACED);
    assert_eq!((order.lines[0].kept(), order.lines[0].counted_as_sold()), (1, 3));
    let again = refund(order, back(1, &[(FRONT_ROW, 2)], true)).unwrap_err();
    assert_eq!(again.reason, Reason::ReturnTooLarge { ticket: FRONT_ROW });
}

#[test]
fn money_alone_puts_nothing_back_on_sale() {
    let money = refund(complete(), back(20_00, &[], true)).unwrap();
    assert_eq!(money.units(), &Units::Stay);
    assert_eq!(returned(money.next()), [(0, 0), (0, 0)]);
}

#[test]
fn a_ticket_named_twice_counts_twice() {
    let twice = |second| back(1, &[(FRONT_ROW, 2), (FRONT_ROW, second)], true);
    assert!(refund(complete(), twice(2)).is_err());
    let all = refund(complete(), twice(1)).unwrap();
    assert_eq!(returned(all.next()), [(3, 3), (0, 0)]);
    assert_eq!(all.units(), &Units::Return(vec![(FRONT_ROW, 2), (FRONT_ROW, 1)]));
}

/// What was put back on sale before is sold no more, and is not put back a second time.
#[test]
fn a_failed_capture_returns_what_is_still_sold() {
    let order = then(complete(), back(1, &[(FRONT_ROW, 2)], true), PLACED);
    let order = then(order, back(1, &[(BALCONY, 1)], false), PLACED);
    let failed = order.decide(Command::CaptureFailed { attempt: ATTEMPT }, PLACED).unwrap();
    assert_eq!(failed.units(), &Units::Return(vec![(FRONT_ROW, 1), (BALCONY, 1)]));

    let order = then(complete(), back(1, &[(FRONT_ROW, 3)], true), PLACED);
    let failed = order.decide(Command::CaptureFailed { attempt: ATTEMPT }, PLACED).unwrap();
    assert_eq!(failed.units(), &Units::Return(vec![(BALCONY, 1)]), "no line of nothing");
}

#[test]
fn a_refused_refund_names_what_is_wrong() {
    let zero = refund(complete(), back(0, &[(FRONT_ROW, 1)], true)).unwrap_err();
    let Reason::Invalid(fields) = zero.reason else {
        panic!("{zero}");
    };
    assert_eq!((fields[0].field, fields[0].code), ("amount", "amount_not_positive"));
}
