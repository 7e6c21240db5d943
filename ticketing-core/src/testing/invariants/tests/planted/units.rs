//! Units that are claimed by nobody, twice, or beyond a limit.

use super::*;

#[test]
fn i1_more_is_claimed_than_there_is() {
    assert_found(
        "I1",
        &[
            ("held", |books| books.pools[0].held = 1_000),
            ("sold", |books| books.pools[0].sold = 1_000),
            ("overflow", |books| books.pools[0].sold = u32::MAX),
            ("capacity", |books| books.pools[0].terms.capacity = 1),
        ],
    );
}

#[test]
fn i2_claims_differ_from_the_orders() {
    assert_found(
        "I2",
        &[
            ("a unit is held for nobody", |books| books.pools[0].held += 1),
            ("a unit was sold to nobody", |books| books.pools[0].sold += 1),
            ("an order was forgotten", |books| {
                let place = books.orders.iter().position(|order| is_created(&order.state));
                books.orders.remove(place.unwrap());
            }),
            ("units of a cancelled order stayed held", |books| {
                order_in(books, is_created).state =
                    OrderState::Cancelled { reason: CancelReason::Buyer };
            }),
            ("a returned unit was not restocked", |books| {
                let restocked = |order: &&mut Order| order.lines[0].restocked > 0;
                let order = books.orders.iter_mut().find(restocked).unwrap();
                let mut lines = lines_of(order);
                lines[0].restocked = 0;
                order.lines = lines.into();
            }),
            ("units of no pool", |books| {
                let order = order_in(books, is_created);
                let mut lines = lines_of(order);
                lines[0].ticket_id = TicketId::from_uuid(Uuid::from_u128(9));
                order.lines = lines.into();
            }),
        ],
    );
}

#[test]
fn i6_lines_that_can_not_be_held_together() {
    assert_found(
        "I6",
        &[
            ("no lines", |books| order_in(books, is_created).lines = Vec::new().into()),
            ("one ticket twice", |books| {
                let order = order_in(books, is_created);
                let mut lines = lines_of(order);
                lines.push(lines[0].clone());
                order.lines = lines.into();
            }),
            ("no pool", |books| {
                books.pools.remove(0);
            }),
        ],
    );
}

#[test]
fn i7_buyers_beyond_their_limits() {
    assert_found(
        "I7",
        &[
            ("an allowance counts too much", |books| books.allowances[0].taken += 1),
            ("an allowance is missing", |books| {
                let place = books.allowances.iter().position(|row| row.taken > 0);
                books.allowances.remove(place.unwrap());
            }),
            ("an order over the limit per order", |books| {
                let limit = crate::values::Quantity::ONE;
                books.pools[0].terms.max_per_order = Some(limit);
            }),
            ("a buyer over the limit per buyer", |books| {
                let limit = crate::values::Quantity::ONE;
                books.pools[0].terms.max_per_buyer = Some(limit);
            }),
        ],
    );
}

#[test]
fn i8_terms_that_moved_under_a_claim() {
    assert_found(
        "I8",
        &[
            ("the pool has another capacity", |books| books.pools[0].terms.capacity += 1),
            ("the pool is of an older listing", |books| {
                books.pools[0].terms.listing = Version::new(9);
            }),
            ("withdrawn, but its pool is on sale", |books| {
                books.tickets[0].state = TicketState::Withdrawn;
            }),
            ("no pool", |books| {
                books.pools.remove(0);
            }),
            ("no listing", |books| {
                books.tickets.remove(0);
            }),
            ("an order's price changed", |books| {
                let mut events = order_views(books, |view| view.version == Version::new(1));
                let view = view_mut(events.last_mut().unwrap());
                let mut lines = view.lines.to_vec();
                lines[0].price = Money::usd(1);
                view.lines = lines.into();
            }),
            ("a returned unit was never returned", |books| {
                let mut events = order_views(books, |view| view.lines[0].returned > 0);
                let view = view_mut(events.first_mut().unwrap());
                let mut lines = view.lines.to_vec();
                lines[0].returned = 3;
                view.lines = lines.into();
            }),
            ("a refund was taken back", |books| {
                let mut events = order_views(books, |view| !view.refunded.is_zero());
                view_mut(events.first_mut().unwrap()).refunded = Money::usd(40_00);
                view_mut(events.last_mut().unwrap()).refunded = Money::usd(0);
            }),
        ],
    );
}
