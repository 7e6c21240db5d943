//! Changes of terms that are named one by one.

use crate::domain::order::fixtures::{FRONT_ROW, PLACED, user};
use crate::domain::ticket::{NewTicket, Ticket, TicketChanges};
use crate::values::{Money, Timestamp};

fn full() -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00))
        .quantity(10)
        .description("Bring a coat")
        .venue("Harbour stage")
        .starts_at(Timestamp::from_millis(9_000))
        .max_per_order(4)
        .max_per_buyer(6)
        .sale_starts_at(Timestamp::from_millis(1_000))
        .sale_ends_at(Timestamp::from_millis(8_000))
}

fn changed(new: NewTicket, changes: &TicketChanges) -> NewTicket {
    let listed = Ticket::list(FRONT_ROW, user("seller"), new, PLACED).unwrap();
    changes.over(&listed.ticket.next().terms)
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    assert_eq!(changed(full(), &TicketChanges::default()), full());
    let bare = NewTicket::new("Front row", Money::usd(20_00));
    assert_eq!(changed(bare.clone(), &TicketChanges::default()), bare);
}

#[test]
fn each_term_changes_alone() {
    type Change = (fn(&mut TicketChanges), fn(&mut NewTicket));
    let changes: [Change; 10] = [
        (|it| it.title = Some("Back row".into()), |it| it.title = "Back row".into()),
        (|it| it.price = Some(Money::usd(1)), |it| it.price = Money::usd(1)),
        (|it| it.quantity = Some(11), |it| it.quantity = 11),
        (|it| it.description = Some(Some("No".into())), |it| it.description = Some("No".into())),
        (|it| it.venue = Some(None), |it| it.venue = None),
        (|it| it.starts_at = Some(None), |it| it.starts_at = None),
        (|it| it.max_per_order = Some(None), |it| it.max_per_order = None),
        (|it| it.max_per_buyer = Some(Some(7)), |it| it.max_per_buyer = Some(7)),
        (|it| it.sale_starts_at = Some(None), |it| it.sale_starts_at = None),
        (|it| it.sale_ends_at = Some(None), |it| it.sale_ends_at = None),
    ];
    for (index, (name, expect)) in changes.into_iter().enumerate() {
        let (mut named, mut expected) = (TicketChanges::default(), full());
        name(&mut named);
        expect(&mut expected);
        assert_eq!(changed(full(), &named), expected, "change {index}");
    }
}

#[test]
fn new_terms_as_a_whole_replace_all_of_the_old_ones() {
    let bare = NewTicket::new("Back row", Money::usd(1_00));
    assert_eq!(changed(full(), &bare.clone().into()), bare);
    assert_eq!(changed(bare, &full().into()), full());
}

#[test]
fn terms_can_be_checked_before_they_are_listed() {
    assert_eq!(full().check(), Ok(()));
    let wrong = NewTicket::new(" ", Money::usd(0)).quantity(0);
    let fields: Vec<_> = wrong.check().unwrap_err().iter().map(|error| error.field).collect();
    assert_eq!(fields, ["title", "quantity", "price"]);
}
