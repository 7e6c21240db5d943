//! The events as others read them: one golden file for each type, `golden/<wire name>.json`.
//!
//! A published event never changes shape. If this test fails because a file differs, the change
//! breaks every consumer: give the new shape a new type instead (`.v2`). A new type needs an
//! example here and a file; `TICKETING_BLESS=1 cargo test --test golden_events` writes the files
//! as they are now, to be read and committed.

#[cfg(test)]
#[path = "golden_events/pretty.rs"]
mod pretty;

#[cfg(test)]
mod golden {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;

    use ticketing_core::domain::event::ExpirationNotice;
    use ticketing_core::domain::order::CancelReason;
    use ticketing_core::domain::payment::{DeclineCode, Dispute, Trouble};
    use ticketing_core::domain::view::{
        InventoryView, OrderStatus, OrderView, PaymentStatus, PaymentView, RefundView,
        TicketStatus, TicketView,
    };
    use ticketing_core::domain::{
        Actor, ConfirmedBy, DomainEvent, Event, EventHeader, EventType, Line, RefundState,
    };
    use ticketing_core::values::{
        BatchId, CorrelationId, Currency, Description, EventId, IntentRef, Money, Note, OrderId,
        PaymentId, Quantity, RefundId, RefundRef, TicketId, Timestamp, Title, UserId, Venue,
        Version,
    };
    use uuid::Uuid;

    use super::pretty::pretty;

    const TICKET: u64 = 0x10;
    const ORDER: u64 = 0x20;
    const PAYMENT: u64 = 0x30;
    const REFUND: u64 = 0x40;
    const EVENT: u64 = 0x50;
    const BATCH: u64 = 0x60;
    const CORRELATION: u64 = 0x70;

    /// An id that is easy to tell apart: `018f2b6c-0000-7000-8000-000000000010`.
    fn id(number: u64) -> Uuid {
        let variant = 0x8000_0000_0000_0000;
        Uuid::from_u64_pair(0x018f_2b6c_0000_7000, variant | number)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn units(units: u32) -> Quantity {
        Quantity::new(units).unwrap()
    }

    /// A listing with everything that a listing can have.
    fn ticket() -> TicketView {
        TicketView {
            id: TicketId::from_uuid(id(TICKET)),
            version: Version::new(4),
            seller_id: user("seller-1"),
            status: TicketStatus::OnSale,
            title: Title::new("Front row \"A\"").unwrap(),
            description: Some(Description::new("Line one\nline two").unwrap()),
            venue: Some(Venue::new("Théâtre").unwrap()),
            starts_at: Some(at("2026-03-01T20:00:00.000Z")),
            price: Money::usd(19_99),
            quantity: units(50),
            max_per_order: Some(units(6)),
            max_per_buyer: Some(units(8)),
            sale_starts_at: Some(at("2026-01-01T00:00:00.000Z")),
            sale_ends_at: Some(at("2026-02-28T23:59:59.999Z")),
            listed_at: at("2025-12-24T18:30:00.250Z"),
        }
    }

    /// A listing with nothing that it may lack.
    fn plain_ticket() -> TicketView {
        TicketView {
            version: Version::FIRST,
            title: Title::new("Ticket").unwrap(),
            description: None,
            venue: None,
            starts_at: None,
            price: Money::new(2_000, Currency::JPY).unwrap(),
            quantity: Quantity::ONE,
            max_per_order: None,
            max_per_buyer: None,
            sale_starts_at: None,
            sale_ends_at: None,
            ..ticket()
        }
    }

    fn inventory() -> InventoryView {
        InventoryView {
            ticket_id: TicketId::from_uuid(id(TICKET)),
            version: Version::new(17),
            on_sale: true,
            capacity: 50,
            held: 3,
            sold: 41,
            available: 6,
        }
    }

    /// An order that was just placed.
    fn order() -> OrderView {
        let line = Line {
            ticket_id: TicketId::from_uuid(id(TICKET)),
            seller_id: user("seller-1"),
            listing_version: Version::new(4),
            title: Title::new("Front row").unwrap(),
            price: Money::usd(19_99),
            quantity: units(3),
            returned: 0,
            restocked: 0,
        };
        OrderView {
            id: OrderId::from_uuid(id(ORDER)),
            version: Version::FIRST,
            buyer_id: user("buyer-1"),
            status: OrderStatus::Created,
            cancel_reason: None,
            payment_id: None,
            expires_at: at("2026-01-02T03:19:05.678Z"),
            total: Money::usd(59_97),
            refunded: Money::usd(0),
            lines: Arc::from([line]),
            created_at: at("2026-01-02T03:04:05.678Z"),
        }
    }

    fn order_in(status: OrderStatus, cancel_reason: Option<CancelReason>) -> OrderView {
        OrderView {
            version: Version::new(2),
            status,
            cancel_reason,
            payment_id: Some(PaymentId::from_uuid(id(PAYMENT))),
            ..order()
        }
    }

    fn refunded_order() -> OrderView {
        let mut order = OrderView {
            version: Version::new(3),
            refunded: Money::usd(59_97),
            ..order_in(OrderStatus::Refunded, None)
        };
        let returned = |line: &Line| Line { returned: 3, restocked: 2, ..line.clone() };
        order.lines = order.lines.iter().map(returned).collect();
        order
    }

    fn payment(status: PaymentStatus) -> PaymentView {
        PaymentView {
            id: PaymentId::from_uuid(id(PAYMENT)),
            version: Version::new(3),
            order_id: Some(OrderId::from_uuid(id(ORDER))),
            status,
            amount: Money::usd(59_97),
            refunded: Money::usd(0),
            gateway_id: Some(IntentRef::new("pi_1").unwrap()),
            declined: None,
            trouble: None,
            confirmed_by: ConfirmedBy::Server,
            dispute: Dispute::None,
            late_money: false,
        }
    }

    fn failed_payment() -> PaymentView {
        PaymentView {
            declined: Some(DeclineCode::InsufficientFunds),
            ..payment(PaymentStatus::Declined)
        }
    }

    /// A payment that an operator must look at, of an order that was released before.
    fn troubled_payment() -> PaymentView {
        PaymentView {
            trouble: Some(Trouble::WrongAmount),
            confirmed_by: ConfirmedBy::Client,
            dispute: Dispute::Opened,
            late_money: true,
            ..payment(PaymentStatus::NeedsOperator)
        }
    }

    fn refunded_payment() -> PaymentView {
        PaymentView {
            version: Version::new(5),
            refunded: Money::usd(19_99),
            ..payment(PaymentStatus::Captured)
        }
    }

    fn refund() -> RefundView {
        RefundView {
            id: RefundId::from_uuid(id(REFUND)),
            version: Version::new(1),
            payment_id: PaymentId::from_uuid(id(PAYMENT)),
            order_id: Some(OrderId::from_uuid(id(ORDER))),
            amount: Money::usd(19_99),
            status: RefundState::Pending,
            reason: Some(Note::new("Rained off").unwrap()),
            gateway_id: Some(RefundRef::new("re_1").unwrap()),
        }
    }

    fn notice() -> ExpirationNotice {
        ExpirationNotice { order_id: OrderId::from_uuid(id(ORDER)), version: Version::new(1) }
    }

    /// One event of each type, each kind of actor among them.
    fn examples() -> Vec<Event> {
        use DomainEvent as Said;
        let buyer = || Actor::User(user("buyer-1"));
        let seller = || Actor::User(user("seller-1"));
        let operator = || Actor::Operator(user("operator-1"));
        let cancelled = OrderView {
            payment_id: None,
            ..order_in(OrderStatus::Cancelled, Some(CancelReason::Expired))
        };
        let awaiting = order_in(OrderStatus::AwaitingPayment, None);
        let complete = order_in(OrderStatus::Complete, None);
        let withdrawn = TicketView { status: TicketStatus::Withdrawn, ..ticket() };
        [
            (seller(), Said::TicketCreated(plain_ticket())),
            (seller(), Said::TicketUpdated(ticket())),
            (operator(), Said::TicketWithdrawn(withdrawn)),
            (Actor::Engine, Said::InventoryChanged(inventory())),
            (buyer(), Said::OrderCreated(order())),
            (buyer(), Said::OrderUpdated(awaiting)),
            (Actor::Timer, Said::OrderCancelled(cancelled)),
            (Actor::Gateway, Said::OrderCompleted(complete)),
            (operator(), Said::OrderRefunded(refunded_order())),
            (Actor::Gateway, Said::PaymentCreated(payment(PaymentStatus::Authorized))),
            (Actor::Gateway, Said::PaymentUpdated(troubled_payment())),
            (Actor::Gateway, Said::PaymentFailed(failed_payment())),
            (operator(), Said::PaymentRefunded(refunded_payment())),
            (Actor::Gateway, Said::RefundUpdated(refund())),
            (Actor::Timer, Said::ExpirationCompleted(notice())),
        ]
        .map(|(actor, data)| told(actor, data))
        .into()
    }

    /// The event with its header: a batch caused it, unless many did or none.
    fn told(actor: Actor, data: DomainEvent) -> Event {
        let caused = !matches!(actor, Actor::Engine);
        let asked = matches!(actor, Actor::User(_) | Actor::Operator(_));
        let header = EventHeader {
            id: EventId::from_uuid(id(EVENT)),
            occurred_at: at("2026-01-02T03:04:05.678Z"),
            actor,
            correlation: asked.then(|| CorrelationId::from_uuid(id(CORRELATION))),
            causation: caused.then(|| BatchId::from_uuid(id(BATCH))),
        };
        Event { header, data }
    }

    fn written(event: &Event) -> String {
        String::from_utf8(event.to_json().unwrap()).unwrap()
    }

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
    }

    /// The golden files by their names without `.json`.
    fn files() -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder()).unwrap();
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let name = name.strip_suffix(".json").expect("only JSON is golden");
                (name.to_owned(), fs::read_to_string(&path).unwrap())
            })
            .collect()
    }

    /// Writes the files if that is asked for: see the top of this file.
    fn bless() {
        if std::env::var_os("TICKETING_BLESS").is_some_and(|wish| wish == "1") {
            for event in examples() {
                let name = event.data.event_type().wire_name();
                let text = pretty(&written(&event));
                fs::write(folder().join(format!("{name}.json")), text).unwrap();
            }
        }
    }

    #[test]
    fn every_type_has_an_example_and_a_file_and_every_file_a_type() {
        bless();
        let types: BTreeSet<&str> = EventType::ALL.map(EventType::wire_name).into();
        assert_eq!(types.len(), EventType::ALL.len(), "two types with one name");
        let examples = examples();
        let shown = examples.iter().map(|event| event.data.event_type().wire_name());
        assert_eq!(shown.clone().count(), types.len());
        assert_eq!(shown.collect::<BTreeSet<_>>(), types);
        let files = files();
        assert_eq!(files.keys().map(String::as_str).collect::<BTreeSet<_>>(), types);
    }

    #[test]
    fn events_are_written_as_the_files_show_them() {
        bless();
        let files = files();
        for event in examples() {
            let golden = &files[event.data.event_type().wire_name()];
            let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            let written = written(&event);
            assert_eq!(json(&written), json(golden), "{}", event.data.event_type());
            assert_eq!(&pretty(&written), golden, "{}", event.data.event_type());
        }
    }

    #[test]
    fn the_files_read_back_as_the_events() {
        bless();
        let files = files();
        for event in examples() {
            let golden = &files[event.data.event_type().wire_name()];
            let read = Event::from_json(golden.as_bytes()).unwrap();
            assert_eq!(read, event);
        }
    }
}
