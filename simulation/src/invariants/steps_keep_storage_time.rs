//! O3 and T2 by the storage's own time, whatever time an event says it happened at: nothing is
//! begun at the deadline or later, and nothing expires before it.

use std::collections::BTreeMap;

use ticketing_core::domain::{CancelReason, Order, OrderState};
use ticketing_core::memory::Books;
use ticketing_core::values::{OrderId, Timestamp, Version};

use crate::findings::Findings;

/// Every order as it was seen last.
#[derive(Debug, Default)]
pub(super) struct Times {
    seen: BTreeMap<OrderId, Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    version: Version,
    deadline: Timestamp,
    state: OrderState,
}

impl Times {
    pub(super) fn check(&mut self, books: &Books, findings: &Findings) {
        for order in &books.orders {
            let (version, deadline, state) = (order.version, order.deadline(), order.state);
            let before = self.seen.insert(order.id, Seen { version, deadline, state });
            // Several steps in one commit can't be told apart.
            if let Some(before) = before.filter(|before| before.version.next() == version) {
                judge(before, order, books.now, findings);
            }
        }
    }
}

fn judge(before: Seen, order: &Order, now: Timestamp, findings: &Findings) {
    let (id, deadline) = (order.id, before.deadline);
    let begun = before.state == OrderState::Created
        && matches!(order.state, OrderState::Created | OrderState::AwaitingPayment { .. });
    findings.check(!begun || now < deadline, "O3", || {
        format!("order {id} was extended or paid for at {now}, and its time was up at {deadline}")
    });
    let was_within =
        matches!(before.state, OrderState::Created | OrderState::AwaitingPayment { .. });
    let expired = matches!(
        order.state,
        OrderState::Cancelled { reason: CancelReason::Expired }
            | OrderState::Cancelling { reason: CancelReason::Expired, .. }
    );
    findings.check(!(was_within && expired) || now >= deadline, "T2", || {
        format!("order {id} expired at {now}, before {deadline}")
    });
}
