//! Any event at all.

use std::sync::Arc;

use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::envelope::Event;
use crate::domain::event::{Actor, DomainEvent, EventHeader, ExpirationNotice};
use crate::domain::order::{CancelReason, Line};
use crate::domain::payment::{ConfirmedBy, DeclineCode, Dispute, Trouble};
use crate::domain::refund::RefundState;
use crate::domain::view::{
    InventoryView, OrderStatus, OrderView, PaymentStatus, PaymentView, RefundView, TicketStatus,
    TicketView,
};
use crate::values::{
    BatchId, CorrelationId, Currency, Description, EventId, IntentRef, Money, Note, OrderId,
    PaymentId, Quantity, RefundId, RefundRef, TicketId, Timestamp, Title, UserId, Venue, Version,
};

fn one_of<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(all.to_vec())
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![0..10_u64, any::<u64>()].prop_map(Version::new)
}

/// Exact to the millisecond, which is what is written.
fn time() -> impl Strategy<Value = Timestamp> {
    let micros = Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros();
    micros.prop_map(|micros| Timestamp::from_micros(micros).truncated_to_millis())
}

fn money() -> impl Strategy<Value = Money> {
    let currency = one_of(&[Currency::USD, Currency::EUR, Currency::JPY, Currency::KWD]);
    let minor = prop_oneof![0..=100_i64, 0..=Money::MAX_MINOR];
    (minor, currency).prop_map(|(minor, currency)| Money::new(minor, currency).unwrap())
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1..=Quantity::MAX.get()).prop_map(|units| Quantity::new(units).unwrap())
}

/// Texts with quotes, backslashes and characters of every script.
fn text<T: std::fmt::Debug, E>(
    new: impl Fn(&str) -> Result<T, E> + Clone + 'static,
) -> impl Strategy<Value = T> {
    "[\\PC\"\\\\]{1,30}".prop_filter_map("refused", move |text| new(&text).ok())
}

fn user() -> impl Strategy<Value = UserId> {
    prop_oneof![
        Just(UserId::new("operator:user:7").unwrap()),
        "\\PC{1,16}".prop_filter_map("refused", |text| UserId::new(text).ok()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    "[!-~]{1,40}"
}

fn ticket() -> impl Strategy<Value = TicketView> {
    let on_sale = one_of(&[TicketStatus::OnSale, TicketStatus::Withdrawn]);
    let texts =
        (text(Title::new), option::of(text(Description::new)), option::of(text(Venue::new)));
    let limits = (quantity(), option::of(quantity()), option::of(quantity()));
    let times = (option::of(time()), option::of(time()), option::of(time()), time());
    let whose = (id(), version(), user(), on_sale, money());
    (whose, texts, limits, times).prop_map(|(whose, texts, limits, times)| TicketView {
        id: TicketId::from_uuid(whose.0),
        version: whose.1,
        seller_id: whose.2,
        status: whose.3,
        title: texts.0,
        description: texts.1,
        venue: texts.2,
        starts_at: times.0,
        price: whose.4,
        quantity: limits.0,
        max_per_order: limits.1,
        max_per_buyer: limits.2,
        sale_starts_at: times.1,
        sale_ends_at: times.2,
        listed_at: times.3,
    })
}

fn inventory() -> impl Strategy<Value = InventoryView> {
    let numbers = any::<(bool, u32, u32, u32, u32)>();
    (id(), version(), numbers).prop_map(|(id, version, numbers)| InventoryView {
        ticket_id: TicketId::from_uuid(id),
        version,
        on_sale: numbers.0,
        capacity: numbers.1,
        held: numbers.2,
        sold: numbers.3,
        available: numbers.4,
    })
}

fn line() -> impl Strategy<Value = Line> {
    let what = (id(), user(), version(), text(Title::new), money());
    (what, quantity(), any::<(u32, u32)>()).prop_map(|(what, quantity, back)| Line {
        ticket_id: TicketId::from_uuid(what.0),
        seller_id: what.1,
        listing_version: what.2,
        title: what.3,
        price: what.4,
        quantity,
        returned: back.0,
        restocked: back.1,
    })
}

fn order() -> impl Strategy<Value = OrderView> {
    use CancelReason::{Buyer, Expired, Payment, Seller};
    let status = one_of(&[
        OrderStatus::Created,
        OrderStatus::AwaitingPayment,
        OrderStatus::Complete,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ]);
    let state = (status, option::of(one_of(&[Buyer, Expired, Payment, Seller])), option::of(id()));
    let lines = prop::collection::vec(line(), 0..4);
    let whose = (id(), version(), user(), time(), time());
    (whose, state, money(), money(), lines).prop_map(|(whose, state, total, refunded, lines)| {
        OrderView {
            id: OrderId::from_uuid(whose.0),
            version: whose.1,
            buyer_id: whose.2,
            status: state.0,
            cancel_reason: state.1,
            payment_id: state.2.map(PaymentId::from_uuid),
            expires_at: whose.3,
            total,
            refunded,
            lines: Arc::from(lines),
            created_at: whose.4,
        }
    })
}

fn payment() -> impl Strategy<Value = PaymentView> {
    let status = one_of(&[
        PaymentStatus::Pending,
        PaymentStatus::RequiresAction,
        PaymentStatus::Authorized,
        PaymentStatus::Captured,
        PaymentStatus::Voiding,
        PaymentStatus::Declined,
        PaymentStatus::Voided,
        PaymentStatus::NeedsOperator,
    ]);
    let code = one_of(&[
        DeclineCode::CardDeclined,
        DeclineCode::InsufficientFunds,
        DeclineCode::ExpiredCard,
        DeclineCode::IncorrectCvc,
        DeclineCode::AuthenticationFailed,
        DeclineCode::ProcessingError,
        DeclineCode::InvalidMethod,
    ]);
    let trouble = one_of(&[Trouble::WrongAmount, Trouble::Misconfigured]);
    let dispute = one_of(&[Dispute::None, Dispute::Opened, Dispute::Won, Dispute::Lost]);
    let confirmed_by = one_of(&[ConfirmedBy::Server, ConfirmedBy::Client]);
    let whose = (id(), version(), option::of(id()), option::of(name()));
    let state = (status, option::of(code), option::of(trouble), confirmed_by, dispute);
    (whose, state, money(), money(), any::<bool>()).prop_map(
        |(whose, state, amount, refunded, late_money)| PaymentView {
            id: PaymentId::from_uuid(whose.0),
            version: whose.1,
            order_id: whose.2.map(OrderId::from_uuid),
            status: state.0,
            amount,
            refunded,
            gateway_id: whose.3.map(|name| IntentRef::new(name).unwrap()),
            declined: state.1,
            trouble: state.2,
            confirmed_by: state.3,
            dispute: state.4,
            late_money,
        },
    )
}

fn refund() -> impl Strategy<Value = RefundView> {
    let status = one_of(&[
        RefundState::Requested,
        RefundState::Pending,
        RefundState::Succeeded,
        RefundState::Failed,
    ]);
    let whose = (id(), version(), id(), option::of(id()));
    let said = (option::of(text(Note::new)), option::of(name()));
    (whose, money(), status, said).prop_map(|(whose, amount, status, said)| RefundView {
        id: RefundId::from_uuid(whose.0),
        version: whose.1,
        payment_id: PaymentId::from_uuid(whose.2),
        order_id: whose.3.map(OrderId::from_uuid),
        amount,
        status,
        reason: said.0,
        gateway_id: said.1.map(|name| RefundRef::new(name).unwrap()),
    })
}

fn data() -> impl Strategy<Value = DomainEvent> {
    let notice = (id(), version()).prop_map(|(order, version)| {
        let order_id = OrderId::from_uuid(order);
        DomainEvent::ExpirationCompleted(ExpirationNotice { order_id, version })
    });
    prop_oneof![
        ticket().prop_map(DomainEvent::TicketCreated),
        ticket().prop_map(DomainEvent::TicketUpdated),
        ticket().prop_map(DomainEvent::TicketWithdrawn),
        inventory().prop_map(DomainEvent::InventoryChanged),
        order().prop_map(DomainEvent::OrderCreated),
        order().prop_map(DomainEvent::OrderUpdated),
        order().prop_map(DomainEvent::OrderCancelled),
        order().prop_map(DomainEvent::OrderCompleted),
        order().prop_map(DomainEvent::OrderRefunded),
        payment().prop_map(DomainEvent::PaymentCreated),
        payment().prop_map(DomainEvent::PaymentUpdated),
        payment().prop_map(DomainEvent::PaymentFailed),
        payment().prop_map(DomainEvent::PaymentRefunded),
        refund().prop_map(DomainEvent::RefundUpdated),
        notice,
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        user().prop_map(Actor::User),
        user().prop_map(Actor::Operator),
        one_of(&[Actor::Timer, Actor::Engine, Actor::Gateway]),
    ]
}

/// Any event.
pub(super) fn event() -> impl Strategy<Value = Event> {
    let causes = (option::of(id()), option::of(id()));
    (id(), time(), actor(), causes, data()).prop_map(|(id, occurred_at, actor, causes, data)| {
        let header = EventHeader {
            id: EventId::from_uuid(id),
            occurred_at,
            actor,
            correlation: causes.0.map(CorrelationId::from_uuid),
            causation: causes.1.map(BatchId::from_uuid),
        };
        Event { header, data }
    })
}
