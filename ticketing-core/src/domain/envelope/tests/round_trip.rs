//! What is written is read, and says which version of what it tells of.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use crate::domain::envelope::Event;
use crate::domain::envelope::tests::any::event;
use crate::domain::envelope::tests::golden_files;
use crate::domain::event::{
    Actor, AggregateKind, AggregateRef, DomainEvent, EventHeader, EventType,
};
use crate::domain::inventory::Pool;
use crate::domain::inventory::PoolTerms;
use crate::domain::order::fixtures::{BALCONY, FRONT_ROW, PLACED, complete, placed};
use crate::values::{TimeWindow, Version};

proptest! {
    #[test]
    fn every_event_reads_back(event in event()) {
        let json = event.to_json().unwrap();
        prop_assert_eq!(Event::from_json(&json).unwrap(), event);
    }

    #[test]
    fn every_event_is_a_cloud_event(event in event()) {
        let json: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let key = event.key();
        prop_assert_eq!(&json["specversion"], "1.0");
        prop_assert_eq!(&json["source"], "/ticketing");
        prop_assert_eq!(&json["datacontenttype"], "application/json");
        prop_assert_eq!(&json["type"], event.data.event_type().wire_name());
        prop_assert_eq!(&json["id"], &event.header.id.to_string());
        prop_assert_eq!(&json["subject"], &key.aggregate.to_string());
        prop_assert_eq!(&json["sequence"], &key.version.to_string());
        prop_assert_eq!(json["data"]["version"].as_u64(), Some(key.version.get()));
        let named = |name: &str| json.get(name).is_some();
        prop_assert_eq!(named("correlationid"), event.header.correlation.is_some());
        prop_assert_eq!(named("causationid"), event.header.causation.is_some());
    }

    #[test]
    fn the_payload_alone_reads_back(event in event()) {
        let payload = event.data.payload().unwrap();
        let read = DomainEvent::from_payload(event.data.event_type(), payload.get());
        prop_assert_eq!(read.unwrap(), event.data);
    }
}

/// The type after this one. Who adds a type must name it here, and so finds [`EventType::ALL`].
fn after(event_type: EventType) -> Option<EventType> {
    use EventType as Type;
    Some(match event_type {
        Type::TicketCreated => Type::TicketUpdated,
        Type::TicketUpdated => Type::TicketWithdrawn,
        Type::TicketWithdrawn => Type::InventoryChanged,
        Type::InventoryChanged => Type::OrderCreated,
        Type::OrderCreated => Type::OrderUpdated,
        Type::OrderUpdated => Type::OrderCancelled,
        Type::OrderCancelled => Type::OrderCompleted,
        Type::OrderCompleted => Type::OrderRefunded,
        Type::OrderRefunded => Type::PaymentCreated,
        Type::PaymentCreated => Type::PaymentUpdated,
        Type::PaymentUpdated => Type::PaymentFailed,
        Type::PaymentFailed => Type::PaymentRefunded,
        Type::PaymentRefunded => Type::RefundUpdated,
        Type::RefundUpdated => Type::ExpirationCompleted,
        Type::ExpirationCompleted => return None,
    })
}

#[test]
fn all_types_are_listed_once_and_have_names_of_their_own() {
    let walked = std::iter::successors(Some(EventType::TicketCreated), |seen| after(*seen));
    assert_eq!(walked.collect::<Vec<_>>(), EventType::ALL);
    let names: BTreeSet<_> = EventType::ALL.map(EventType::wire_name).into();
    assert_eq!(names.len(), EventType::ALL.len());
    for event_type in EventType::ALL {
        let name = event_type.wire_name();
        assert!(name.starts_with("ticketing."), "{name}");
        assert_eq!(name.rsplit('.').next(), Some("v1"), "{name}");
        assert_eq!(EventType::from_wire_name(name), Some(event_type));
        assert_eq!(event_type.to_string(), name);
    }
    for stranger in ["", "ticketing.order.created", "ticketing.order.created.v2", "OrderCreated"] {
        assert_eq!(EventType::from_wire_name(stranger), None);
    }
}

/// A pool shares the id of its ticket, and an expiration tells of the order.
#[test]
fn each_type_tells_of_its_kind_of_aggregate() {
    for file in golden_files() {
        let event = Event::from_json(file.as_bytes()).unwrap();
        let name = event.data.event_type().wire_name();
        let kind = match event.key().aggregate.kind {
            AggregateKind::Ticket => "ticket",
            AggregateKind::Pool => "inventory",
            AggregateKind::Order if name.contains("expiration") => "expiration",
            AggregateKind::Order => "order",
            AggregateKind::Payment => "payment",
            AggregateKind::Refund => "refund",
        };
        assert!(name.starts_with(&format!("ticketing.{kind}.")), "{name} is about {kind}");
        let subject = event.key().aggregate;
        assert_eq!(subject.to_string(), format!("{}/{}", subject.kind.word(), subject.id));
    }
}

/// The text carries milliseconds; nobody orders events by it.
#[test]
fn times_are_written_to_the_millisecond() {
    let header = EventHeader::of_pool(&pool(), PLACED.plus(Duration::from_micros(999)));
    let event = Event { header, data: DomainEvent::OrderCreated(placed().view()) };
    let read = Event::from_json(&event.to_json().unwrap()).unwrap();
    assert_eq!(read.header.occurred_at, PLACED);
}

fn pool() -> Pool {
    let terms = PoolTerms {
        listing: Version::FIRST,
        sale: TimeWindow::always(),
        capacity: 1,
        max_per_order: None,
        max_per_buyer: None,
    };
    Pool::open(FRONT_ROW, terms)
}

#[test]
fn a_version_of_a_pool_has_one_event_id() {
    let id = |pool: Pool| EventHeader::of_pool(&pool, PLACED).id;
    assert_eq!(id(pool()), EventHeader::of_pool(&pool(), PLACED.plus(Duration::from_mins(1))).id);
    assert_ne!(id(pool()), id(Pool { version: Version::new(1), ..pool() }));
    assert_ne!(id(pool()), id(Pool { id: BALCONY, ..pool() }));
    let header = EventHeader::of_pool(&pool(), PLACED);
    assert_eq!((header.actor, header.correlation, header.causation), (Actor::Engine, None, None));
    assert_eq!(AggregateRef::pool(FRONT_ROW).id, AggregateRef::from(FRONT_ROW).id);
    assert_ne!(AggregateRef::pool(FRONT_ROW), AggregateRef::from(FRONT_ROW));
}

#[test]
fn an_events_view_is_had_by_its_kind() {
    let order = complete().view();
    let completed = DomainEvent::OrderCompleted(order.clone());
    assert_eq!(completed.clone().into_ticket(), None);
    assert_eq!(completed.clone().into_refund(), None);
    assert_eq!(completed.into_order(), Some(order));
}
