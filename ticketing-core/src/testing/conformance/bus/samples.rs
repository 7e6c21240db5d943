//! Events to publish.

use std::sync::Arc;

use uuid::Uuid;

use super::scene::Scene;
use crate::domain::envelope::Event;
use crate::domain::event::{Actor, DomainEvent, EventHeader, ExpirationNotice};
use crate::domain::order::{Line, Order};
use crate::ports::IdSource;
use crate::testing::builders::{
    START, a_listing, a_payment, a_pool, a_refund, a_ticket, an_order, user,
};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{BatchId, CorrelationId, Description, EventId, OrderId, Title, Version};

impl Scene {
    /// So many events of as many orders.
    pub(super) fn events(&self, number: usize) -> Vec<Event> {
        (0..number).map(|_| self.an_event()).collect()
    }

    /// An event of an order that has no other.
    pub(super) fn an_event(&self) -> Event {
        let id = OrderId::from_uuid(self.ids().next());
        let order = Order { id, ..an_order() };
        self.event_of(DomainEvent::OrderCreated(order.view()))
    }

    /// An event that tells this.
    pub(super) fn event_of(&self, data: DomainEvent) -> Event {
        let header = EventHeader {
            id: EventId::from_uuid(self.ids().next()),
            occurred_at: START,
            actor: Actor::User(user("Zoë")),
            correlation: Some(CorrelationId::from_uuid(Uuid::from_u128(7))),
            causation: Some(BatchId::from_uuid(Uuid::from_u128(8))),
        };
        Event { header, data }
    }

    /// One event of every type, by every kind of actor.
    pub(super) fn one_of_every_type(&self) -> Vec<Event> {
        let (ticket, order) = (a_ticket().view(), an_order().view());
        let (payment, refund) = (a_payment().view(), a_refund().view());
        let (order_id, version) = (order.id, Version::new(3));
        let every = [
            DomainEvent::TicketCreated(ticket.clone()),
            DomainEvent::TicketUpdated(ticket.clone()),
            DomainEvent::TicketWithdrawn(ticket),
            DomainEvent::InventoryChanged(a_pool().view()),
            DomainEvent::OrderCreated(order.clone()),
            DomainEvent::OrderUpdated(order.clone()),
            DomainEvent::OrderCancelled(order.clone()),
            DomainEvent::OrderCompleted(order.clone()),
            DomainEvent::OrderRefunded(order),
            DomainEvent::PaymentCreated(payment.clone()),
            DomainEvent::PaymentUpdated(payment.clone()),
            DomainEvent::PaymentFailed(payment.clone()),
            DomainEvent::PaymentRefunded(payment),
            DomainEvent::RefundUpdated(refund),
            DomainEvent::ExpirationCompleted(ExpirationNotice { order_id, version }),
        ];
        let actors = [
            Actor::User(user("a:b")),
            Actor::Timer,
            Actor::Engine,
            Actor::Gateway,
            Actor::Operator(user("root")),
        ];
        let events = every.into_iter().zip(actors.into_iter().cycle());
        let events = events.map(|(data, actor)| {
            let Event { header, data } = self.event_of(data);
            // Some events have no affair and no batch.
            let correlation = header.correlation.filter(|_| actor != Actor::Timer);
            let causation = header.causation.filter(|_| actor != Actor::Engine);
            Event { header: EventHeader { actor, correlation, causation, ..header }, data }
        });
        events.collect()
    }

    /// The largest events there are: a listing with the longest texts, and an order of as many
    /// lines as there can be.
    pub(super) fn large_events(&self) -> Vec<Event> {
        let mut ticket = a_listing().ticket;
        ticket.terms.title = worked(Title::new(&"🎫".repeat(200)), "a title");
        let text = worked(Description::new(&"音".repeat(10_000)), "a description");
        ticket.terms.description = Some(text);
        let order = an_order();
        let line = found(order.lines.first(), "a line").clone();
        let line = Line { title: ticket.terms.title.clone(), ..line };
        let lines = Arc::from(vec![line; Order::MAX_LINES]);
        let order = Order { lines, ..order };
        vec![
            self.event_of(DomainEvent::TicketCreated(ticket.view())),
            self.event_of(DomainEvent::OrderCreated(order.view())),
        ]
    }
}
