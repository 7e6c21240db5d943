//! The most units that one buyer may have of a listing, over all orders.

use super::outcome::Outcome;
use super::samples::{units, units_for_sale};
use super::scene::Scene;
use crate::domain::inventory::Refusal;
use crate::domain::order::{OrderRefund, ReturnedLine};
use crate::domain::ticket::{NewTicket, Ticket};
use crate::testing::builders::user;
use crate::values::{Money, TicketId, UserId};

/// One buyer's orders count together; another buyer's do not.
pub async fn a_buyer_keeps_to_the_limit(scene: &Scene) {
    let listing = scene.list(units_for_sale(20).max_per_buyer(4)).await;
    let (one, two) = (user("one"), user("two"));
    scene.reserve(&one, &[(&listing.ticket, 3)]).await;
    assert_eq!(reserving(scene, &one, &listing.ticket, 2).await, over(&listing.ticket, 1));
    assert!(reserving(scene, &two, &listing.ticket, 4).await.is_applied(), "another buyer");
    assert!(reserving(scene, &one, &listing.ticket, 1).await.is_applied(), "the rest");
    assert_eq!(reserving(scene, &one, &listing.ticket, 1).await, over(&listing.ticket, 0));
    assert_eq!(scene.claimed(listing.pool.id).await, (8, 0));
}

/// Released and returned units may be had again; sold ones count.
pub async fn units_given_back_may_be_had_again(scene: &Scene) {
    let listing = scene.list(units_for_sale(20).max_per_buyer(2)).await;
    let buyer = user("buyer");
    let lines = [(&listing.ticket, 2)];
    let dropped = scene.reserve(&buyer, &lines).await;
    scene.cancel(&dropped).await;
    let paid = scene.sell(&buyer, &lines).await;
    let outcome = reserving(scene, &buyer, &listing.ticket, 1).await;
    assert_eq!(outcome, over(&listing.ticket, 0), "sold units count");
    let returned = ReturnedLine { ticket: listing.ticket.id, quantity: units(1) };
    let refund = OrderRefund {
        amount: Money::usd(20_00),
        lines: vec![returned],
        restock: true,
        reason: None,
    };
    scene.apply(scene.make().await.refund_with(&paid, refund)).await;
    let outcome = reserving(scene, &buyer, &listing.ticket, 2).await;
    assert_eq!(outcome, over(&listing.ticket, 1), "one was returned");
    assert!(reserving(scene, &buyer, &listing.ticket, 1).await.is_applied(), "it may be had");
}

/// Inside one group the limit is kept as well, and a refused batch takes nothing of it.
pub async fn the_limit_is_kept_within_a_group(scene: &Scene) {
    let listing = scene.list(units_for_sale(20).max_per_buyer(3)).await;
    let buyer = user("buyer");
    let make = scene.make().await;
    let batches = [2, 2, 1].map(|units| make.reserve(&buyer, &[(&listing.ticket, units)]).batch);
    let [first, second, third] = &batches;
    let outcomes = scene.outcomes(&[first, second, third]).await;
    let expected = [Outcome::applied(first), over(&listing.ticket, 1), Outcome::applied(third)];
    assert_eq!(outcomes, expected, "the second one is too much");
    assert_eq!(reserving(scene, &buyer, &listing.ticket, 1).await, over(&listing.ticket, 0));
}

/// An order that is refused for one of its lines takes nothing of the limits of the others.
pub async fn a_refused_order_takes_nothing_of_a_limit(scene: &Scene) {
    let limited = scene.list(units_for_sale(20).max_per_buyer(2)).await;
    let scarce = scene.list(units_for_sale(1)).await;
    let buyer = user("buyer");
    for lines in
        [[(&limited.ticket, 2), (&scarce.ticket, 2)], [(&scarce.ticket, 2), (&limited.ticket, 2)]]
    {
        let batch = scene.make().await.reserve(&buyer, &lines).batch;
        let outcome = scene.submit(&batch).await;
        let sold_out = Refusal::SoldOut { left: 1 };
        assert_eq!(outcome, Outcome::ClaimRefused(scarce.pool.id, sold_out));
    }
    assert!(reserving(scene, &buyer, &limited.ticket, 2).await.is_applied(), "all of it");
}

/// The number of a limit may change while units are claimed; what was claimed still counts.
pub async fn a_changed_limit_counts_what_was_claimed(scene: &Scene) {
    let listing = scene.list(units_for_sale(20).max_per_buyer(2)).await;
    let buyer = user("buyer");
    let paying = scene.pay(&scene.reserve(&buyer, &[(&listing.ticket, 2)]).await).await;
    let raised = edit_limit(scene, listing.ticket.id, 5).await;
    assert_eq!(reserving(scene, &buyer, &raised, 4).await, over(&raised, 3));
    scene.apply(scene.make().await.capture(&paying)).await;
    assert!(reserving(scene, &buyer, &raised, 3).await.is_applied(), "three more");
    let lowered = edit_limit(scene, listing.ticket.id, 1).await;
    assert_eq!(reserving(scene, &buyer, &lowered, 1).await, over(&lowered, 0));
    assert!(reserving(scene, &user("other"), &lowered, 1).await.is_applied(), "another buyer");
}

/// A limit that is taken away and put back starts from what is claimed then: nothing.
pub async fn a_limit_may_come_and_go_while_nothing_is_claimed(scene: &Scene) {
    let listing = scene.list(units_for_sale(20).max_per_buyer(1)).await;
    let buyer = user("buyer");
    let order = scene.reserve(&buyer, &[(&listing.ticket, 1)]).await;
    scene.cancel(&order).await;
    let free = edit(scene, listing.ticket.id, units_for_sale(20)).await;
    let order = scene.reserve(&buyer, &[(&free, 7)]).await;
    scene.cancel(&order).await;
    let limited = edit_limit(scene, listing.ticket.id, 2).await;
    assert_eq!(reserving(scene, &buyer, &limited, 3).await, over(&limited, 2));
    assert!(reserving(scene, &buyer, &limited, 2).await.is_applied(), "all of it");
}

async fn reserving(scene: &Scene, buyer: &UserId, ticket: &Ticket, number: u32) -> Outcome {
    let batch = scene.make().await.reserve(buyer, &[(ticket, number)]).batch;
    scene.submit(&batch).await
}

fn over(ticket: &Ticket, left: u32) -> Outcome {
    Outcome::ClaimRefused(ticket.id, Refusal::OverBuyerLimit { left })
}

async fn edit_limit(scene: &Scene, id: TicketId, limit: u32) -> Ticket {
    edit(scene, id, units_for_sale(20).max_per_buyer(limit)).await
}

async fn edit(scene: &Scene, id: TicketId, terms: NewTicket) -> Ticket {
    let listing = scene.listing(id).await;
    scene.apply(scene.make().await.edit(&listing, terms)).await
}
