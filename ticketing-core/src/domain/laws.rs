//! What holds of every decision of every machine, whatever was asked in whatever state.

use std::fmt::Debug;

use crate::domain::decision::{Decision, Units};
use crate::domain::event::{AggregateRef, DomainEvent, EventKey};
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::rejection::Rejection;
use crate::domain::ticket::Ticket;
use crate::values::Version;

/// What the laws need to know of an aggregate.
pub(crate) trait Aggregate: Debug + PartialEq {
    fn id(&self) -> AggregateRef;
    fn version(&self) -> Version;
    /// Whether the event's payload is what others see of this state.
    fn is_told_by(&self, event: &DomainEvent) -> bool;
}

/// Fails unless `verdict` is one that a machine may give for `before`.
pub(crate) fn assert_lawful<S: Aggregate>(before: &S, verdict: &Result<Decision<S>, Rejection>) {
    match verdict {
        Ok(decision) if decision.is_change() => assert_lawful_change(before, decision),
        Ok(decision) => {
            assert_eq!(decision.next(), before, "an unchanged state is the same");
            assert_eq!(decision.units(), &Units::Stay);
        }
        Err(rejection) => assert_lawful_rejection(rejection),
    }
}

fn assert_lawful_change<S: Aggregate>(before: &S, decision: &Decision<S>) {
    let next = decision.next();
    let event = decision.event().expect("a change is told");
    assert_eq!(next.version(), before.version().next(), "one version more");
    assert_eq!(next.id(), before.id());
    assert_eq!(event.key(), EventKey { aggregate: next.id(), version: next.version() });
    assert!(next.is_told_by(event), "{event:?} does not tell of {next:?}");
}

fn assert_lawful_rejection(rejection: &Rejection) {
    let is_code = |c: char| c.is_ascii_lowercase() || c == '_';
    let code = rejection.code();
    assert!(!code.is_empty() && code.chars().all(is_code), "{code:?}");
    let sentence = rejection.to_string();
    assert!(!rejection.command.is_empty() && sentence.contains(rejection.command));
    assert!(!rejection.state.is_empty() && sentence.contains(rejection.state));
}

impl Aggregate for Order {
    fn id(&self) -> AggregateRef {
        self.id.into()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn is_told_by(&self, event: &DomainEvent) -> bool {
        matches!(
            event,
            DomainEvent::OrderCreated(view)
            | DomainEvent::OrderUpdated(view)
            | DomainEvent::OrderCancelled(view)
            | DomainEvent::OrderCompleted(view)
            | DomainEvent::OrderRefunded(view) if *view == self.view()
        )
    }
}

impl Aggregate for Payment {
    fn id(&self) -> AggregateRef {
        self.id.into()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn is_told_by(&self, event: &DomainEvent) -> bool {
        matches!(
            event,
            DomainEvent::PaymentCreated(view)
            | DomainEvent::PaymentUpdated(view)
            | DomainEvent::PaymentFailed(view)
            | DomainEvent::PaymentRefunded(view) if *view == self.view()
        )
    }
}

impl Aggregate for Refund {
    fn id(&self) -> AggregateRef {
        self.id.into()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn is_told_by(&self, event: &DomainEvent) -> bool {
        matches!(event, DomainEvent::RefundUpdated(view) if *view == self.view())
    }
}

impl Aggregate for Ticket {
    fn id(&self) -> AggregateRef {
        self.id.into()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn is_told_by(&self, event: &DomainEvent) -> bool {
        matches!(
            event,
            DomainEvent::TicketCreated(view)
            | DomainEvent::TicketUpdated(view)
            | DomainEvent::TicketWithdrawn(view) if *view == self.view()
        )
    }
}
