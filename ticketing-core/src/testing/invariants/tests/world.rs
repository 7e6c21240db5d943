//! Books in which much has happened, all of it by the rules.

use std::sync::Arc;

use futures_util::FutureExt;

use crate::domain::event::Actor;
use crate::domain::order::ReturnedLine;
use crate::domain::order::{CancelReason, Order, OrderCommand, OrderRefund, OrderState};
use crate::domain::payment::{ConfirmedBy, PaymentCommand, Trouble};
use crate::domain::refund::RefundCommand;
use crate::domain::settlement::capture_failed;
use crate::domain::ticket::NewTicket;
use crate::memory::{Books, MemoryStorage};
use crate::ports::{BatchBuilder, Cause, Group, Listing, Storage, WriteBatch};
use crate::testing::builders::{START, a_seller, intent, refund_reference, user};
use crate::testing::{BatchFactory, ManualClock, Planned, Purchase, SeededIds};
use crate::values::{Money, Quantity};

/// A storage, and what makes batches for it.
pub(super) struct World {
    pub(super) storage: MemoryStorage,
    pub(super) make: BatchFactory,
    pub(super) clock: ManualClock,
    ids: Arc<SeededIds>,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = ManualClock::new(START);
        let ids = Arc::new(SeededIds::new(7, 1));
        let source = Arc::<SeededIds>::clone(&ids);
        let make = BatchFactory::new(source, Arc::new(clock.clone()));
        let shared = Arc::new(clock.clone());
        let storage = MemoryStorage::with_clock_and_ids(shared, &SeededIds::new(7, 2));
        Self { storage, make, clock, ids }
    }

    /// Commits, and gives the state that the batch leads to.
    pub(super) fn did<T>(&self, planned: Planned<T>) -> T {
        self.commit(planned.batch);
        planned.next
    }

    fn commit(&self, batch: WriteBatch) {
        let group = Group::of(vec![batch]);
        let committed = self.storage.commit(group).now_or_never().unwrap();
        assert!(committed.outcomes[0].is_ok(), "{:?}", committed.outcomes);
    }

    pub(super) fn listing(&self, new: NewTicket) -> Listing {
        self.did(self.make.list(&a_seller(), new))
    }

    pub(super) fn order(&self, buyer: &str, listings: &[(&Listing, u32)]) -> Order {
        let lines: Vec<_> =
            listings.iter().map(|(listing, units)| (&listing.ticket, *units)).collect();
        self.did(self.make.reserve(&user(buyer), &lines))
    }

    /// An order whose attempt has an intent.
    pub(super) fn paying(&self, buyer: &str, listings: &[(&Listing, u32)]) -> Purchase {
        let order = self.order(buyer, listings);
        let paying = self.did(self.make.start_payment(&order, ConfirmedBy::Server));
        let name = format!("pi_{buyer}");
        self.did(self.make.open(&paying, &intent(&name)))
    }

    pub(super) fn complete(&self, buyer: &str, listings: &[(&Listing, u32)]) -> Purchase {
        let paying = self.paying(buyer, listings);
        self.did(self.make.complete(&paying))
    }

    pub(super) fn captured(&self, buyer: &str, listings: &[(&Listing, u32)]) -> Purchase {
        let complete = self.complete(buyer, listings);
        self.did(self.make.capture(&complete))
    }

    /// The capture failed for good, which undoes the sale; then the intent is voided.
    fn capture_fails(&self, purchase: Purchase) {
        let Purchase { order, payment, .. } = purchase;
        let now = self.clock.now();
        let settled = capture_failed(payment, Some(order), now).unwrap();
        let payment = settled.payment.next().clone();
        let cause = Cause { actor: Actor::Gateway, correlation: None };
        let batch = BatchBuilder::new(cause, &*self.ids, now).payment(settled.payment);
        self.commit(batch.order(settled.order.unwrap()).build());
        self.did(self.make.payment(&payment, PaymentCommand::Gone));
    }
}

/// Books with something in every state that an order, a payment and a refund can be in.
pub(super) fn healthy() -> Books {
    let world = World::new();
    everything(&world);
    world.storage.books()
}

pub(super) fn everything(world: &World) {
    let make = &world.make;
    let row = NewTicket::new("Front row", Money::usd(20_00)).quantity(20);
    let row = world.listing(row.max_per_order(4).max_per_buyer(6));
    let box_seat = world.listing(NewTicket::new("Box", Money::usd(50_00)).quantity(9));
    let yen = Money::new(3_000, crate::values::Currency::JPY).unwrap();
    let abroad = world.listing(NewTicket::new("Abroad", yen).quantity(5));
    ended(world, &row, &box_seat);
    paid(world, &row, &box_seat, &abroad);
    let withdrawn = world.listing(NewTicket::new("Withdrawn", Money::usd(1_00)));
    let hold = world.order("gil", &[(&withdrawn, 1)]);
    world.did(make.withdraw(&withdrawn, true));
    world.did(make.cancel(&hold));
    world.commit(make.cleared(withdrawn.ticket.id));
    let own_key = make.keyed(&user("hal"), "key-1", "reserve").by(Actor::User(user("hal")));
    let created =
        world.did(own_key.reserve(&user("hal"), &[(&row.ticket, 2), (&box_seat.ticket, 1)]));
    world.did(make.extend(&created));
    let declined = world.paying("ida", &[(&row, 1)]);
    let again = world.did(make.gone(&declined)).order;
    world.did(make.start_payment(&again, ConfirmedBy::Client));
}

/// Orders that ended unpaid, the last of them by their deadlines.
fn ended(world: &World, row: &Listing, box_seat: &Listing) {
    let make = &world.make;
    let cancelled = world.order("ann", &[(row, 2)]);
    world.did(make.cancel(&cancelled));
    let expired = world.order("ann", &[(row, 3), (box_seat, 1)]);
    let late = world.paying("bob", &[(row, 1)]);
    let released = world.paying("cyd", &[(box_seat, 2)]);
    world.clock.set(late.order.deadline().max(expired.deadline()));
    world.did(make.expire(&expired));
    let late = Purchase { order: world.did(make.expire(&late.order)), ..late };
    let saved = world.did(make.capture(&late));
    assert_eq!(saved.order.state, OrderState::Complete { payment: saved.payment.id });
    let order = world.did(make.expire(&released.order));
    world.clock.set(order.due_at().unwrap());
    let order = world.did(make.order(&order, OrderCommand::ReleaseUnpaid));
    assert_eq!(order.state, OrderState::Cancelled { reason: CancelReason::Expired });
    let late = world.did(make.payment(&released.payment, PaymentCommand::MarkLate));
    world.did(make.capture(&Purchase { order, payment: late, refund: None }));
}

/// Orders that were paid for, and what became of their money.
fn paid(world: &World, row: &Listing, box_seat: &Listing, abroad: &Listing) {
    let make = &world.make;
    world.complete("dan", &[(row, 2), (box_seat, 1)]);
    world.captured("dan-abroad", &[(abroad, 2)]);
    let kept = world.captured("eve", &[(row, 4)]);
    let lines = vec![ReturnedLine { ticket: row.ticket.id, quantity: Quantity::ONE }];
    let part = OrderRefund { amount: Money::usd(15_00), lines, restock: true, reason: None };
    let part = world.did(make.refund_with(&kept, part));
    let sent = RefundCommand::Pending(refund_reference("re_1"));
    let sent = world.did(make.refund_step(&part.refund.clone().unwrap(), sent));
    let failed = world.did(make.refund_step(&sent, RefundCommand::Failed));
    world.did(make.refund_step(&failed, RefundCommand::Retry));
    let whole = world.captured("flo", &[(box_seat, 1)]);
    let refunded = world.did(make.refund(&whole, Money::usd(50_00)));
    assert_eq!(refunded.order.state.name(), "refunded");
    let done = RefundCommand::Succeeded(refund_reference("re_2"));
    world.did(make.refund_step(&refunded.refund.unwrap(), done));
    let unlucky = world.complete("gus", &[(row, 1)]);
    world.capture_fails(unlucky);
    let parked = world.captured("kim", &[(box_seat, 1)]);
    let command = PaymentCommand::Park(Trouble::WrongAmount);
    let parked = world.did(make.payment(&parked.payment, command));
    world.did(make.payment(&parked, PaymentCommand::Resume));
}
