//! Small things that the cases are made of.

use std::time::Duration;

use crate::domain::decision::Decision;
use crate::domain::envelope::Event;
use crate::domain::event::{AggregateRef, EventKey};
use crate::domain::order::{Canceller, HoldPolicy, NewOrder, Order, OrderCommand};
use crate::domain::ticket::{NewTicket, Ticket};
use crate::ports::{KeyRecord, NoticeAbout, OutboxRow, Webhook, WebhookKey, WriteBatch};
use crate::testing::builders::{HOLD_POLICY, a_buyer, intent};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{GatewayName, Money, OrderId, Quantity, Timestamp, Version, WebhookId};

/// The hold of an order that is due as soon as it is placed.
pub(super) const NO_HOLD: HoldPolicy =
    HoldPolicy { hold: Duration::ZERO, grace: Duration::ZERO, cap: Duration::from_hours(6) };

/// A listing of so many units at 20.00 USD.
pub(super) fn units_for_sale(quantity: u32) -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00)).quantity(quantity)
}

/// So many units.
pub(super) fn units(number: u32) -> Quantity {
    worked(Quantity::new(number), "a quantity")
}

/// The decision to hold units of one listing, for a batch that is put together by hand.
pub(super) fn placed(
    id: OrderId,
    ticket: &Ticket,
    quantity: Quantity,
    now: Timestamp,
) -> Decision<Order> {
    let new = NewOrder { id, buyer: &a_buyer(), lines: &[(ticket, quantity)], policy: HOLD_POLICY };
    worked(Order::place(new, now), "reserve").0
}

/// The command that cancels an order.
pub(super) fn cancel_by(by: Canceller) -> OrderCommand {
    let patience = Duration::from_mins(10);
    OrderCommand::Cancel { by, patience }
}

/// A webhook's name at the gateway `sandbox`.
pub(super) fn webhook_key(name: &str) -> WebhookKey {
    WebhookKey {
        gateway: worked(GatewayName::new("sandbox"), "a gateway name"),
        id: worked(WebhookId::new(name), "a webhook id"),
    }
}

/// A webhook about an intent.
pub(super) fn webhook(name: &str, received_at: Timestamp) -> Webhook {
    Webhook {
        key: webhook_key(name),
        intent: Some(intent("pi_1")),
        about: NoticeAbout::Intent,
        received_at,
    }
}

/// The key of one version's event.
pub(super) fn key_of(aggregate: impl Into<AggregateRef>, version: u64) -> EventKey {
    EventKey { aggregate: aggregate.into(), version: Version::new(version) }
}

/// What a keyed batch uses its key for.
pub(super) fn record_of(batch: &WriteBatch) -> KeyRecord {
    found(batch.key().cloned(), "the key of a keyed batch")
}

/// The events that an outbox row tells of.
pub(super) fn keys_of(row: &OutboxRow) -> Vec<EventKey> {
    row.events.iter().map(Event::key).collect()
}
