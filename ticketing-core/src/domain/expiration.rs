//! Whether an order's deadline has come.
//!
//! Expiration has no row of its own: the deadline is a column of the order, and a timer is only
//! a hint to look. What to do is a function of the order as it stands and the time.
//!
//! | order | before its time | at or after it |
//! |---|---|---|
//! | created, awaiting payment: at the deadline | rearm | due |
//! | cancelling: when its units are released without the gateway's answer | rearm | due |
//! | complete, cancelled, refunded | nothing | nothing |

use std::time::Duration;

use crate::domain::order::{Order, OrderCommand, OrderState};
use crate::values::Timestamp;

/// What a wake-up for an order means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiration {
    /// Too early: look again then.
    Rearm(Timestamp),
    /// Its time is up: end it.
    Due,
    /// It needs no ending any more.
    Nothing,
}

impl Expiration {
    /// What is to be done about `order` at `now`.
    pub fn of(order: &Order, now: Timestamp) -> Self {
        match order.due_at() {
            Some(due) if now < due => Self::Rearm(due),
            Some(_) => Self::Due,
            None => Self::Nothing,
        }
    }

    /// The command that ends an order that is due: it expires, or, where it waits for the
    /// gateway already, its units are released.
    pub fn command(order: &Order, patience: Duration) -> OrderCommand {
        match order.state {
            OrderState::Cancelling { .. } => OrderCommand::ReleaseUnpaid,
            OrderState::Created
            | OrderState::AwaitingPayment { .. }
            | OrderState::Complete { .. }
            | OrderState::Cancelled { .. }
            | OrderState::Refunded { .. } => OrderCommand::Expire { patience },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::fixtures::{DEADLINE, all_states, sides_of_the_deadline};

    #[test]
    fn every_state_on_every_side_of_the_deadline() {
        for (name, order) in all_states() {
            for now in sides_of_the_deadline() {
                let waits = !matches!(name, "complete" | "cancelled" | "refunded");
                let expected = match (waits, now < DEADLINE) {
                    (true, true) => Expiration::Rearm(DEADLINE),
                    (true, false) => Expiration::Due,
                    (false, _) => Expiration::Nothing,
                };
                assert_eq!(Expiration::of(&order, now), expected, "{name} at {now}");
            }
        }
    }
}
