//! What an engine can be told, with defaults that suit most.

use std::time::Duration;

use crate::domain::order::HoldPolicy;

/// What an engine can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How long units are held, and how long a payment may take.
    pub holds: HoldPolicy,
    /// How long the gateway may be out of reach before units of a cancelled order are released.
    pub gateway_patience: Duration,
    /// How long events are kept to be published again, and keys to be answered again.
    pub event_retention: Duration,
    /// The most batches of one group.
    pub group_max: usize,
    /// The most batches that wait for one lane. Reservations are shed at half of it, so that
    /// payments and cancellations still find a place.
    pub queue_max: usize,
    /// The most outbox rows that wait to be published before reservations are shed.
    pub outbox_max: usize,
    /// How long a commit whose outcome is unknown is tried again.
    pub commit_patience: Duration,
    /// How often overdue orders are looked for when no timer wakes.
    pub sweep_every: Duration,
    /// How often the gateway's list is compared with ours.
    pub reconcile_every: Duration,
    /// How far back that list is read at start.
    pub reconcile_back: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let hold = Duration::from_mins(15);
        Self {
            holds: HoldPolicy { hold, grace: GRACE, cap: default_cap(hold, GRACE) },
            gateway_patience: Duration::from_mins(10),
            event_retention: Duration::from_hours(7 * 24),
            group_max: 256,
            queue_max: 8_192,
            outbox_max: 10_000,
            commit_patience: Duration::from_secs(10),
            sweep_every: Duration::from_secs(1),
            reconcile_every: Duration::from_mins(5),
            reconcile_back: Duration::from_hours(24),
        }
    }
}

const GRACE: Duration = Duration::from_mins(10);

/// The longest hold where none was set: two holds and a payment.
pub(crate) fn default_cap(hold: Duration, grace: Duration) -> Duration {
    hold.saturating_mul(2).saturating_add(grace)
}

/// Settings that contradict themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// A hold of no time.
    #[error("a hold must last a while")]
    NoHold,
    /// The longest hold is shorter than a hold.
    #[error("the hold cap must not be shorter than a hold")]
    CapBelowHold,
    /// Idempotency keys are promised for 72 hours.
    #[error("events must be kept for 72 hours at least: idempotent answers are made of them")]
    RetentionTooShort,
    /// A queue or group of nothing.
    #[error("groups and queues must have room")]
    NoRoom,
    /// Looking again and again without a pause.
    #[error("background work must pause between two looks")]
    NoPause,
}

impl Settings {
    /// The least time that events are kept: idempotency keys live as long.
    pub const RETENTION_MIN: Duration = Duration::from_hours(72);

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        if self.holds.hold.is_zero() {
            return Err(InvalidSettings::NoHold);
        }
        if self.holds.cap < self.holds.hold {
            return Err(InvalidSettings::CapBelowHold);
        }
        if self.event_retention < Self::RETENTION_MIN {
            return Err(InvalidSettings::RetentionTooShort);
        }
        if self.group_max == 0 || self.queue_max < 2 || self.outbox_max == 0 {
            return Err(InvalidSettings::NoRoom);
        }
        if self.sweep_every.is_zero() || self.reconcile_every.is_zero() {
            return Err(InvalidSettings::NoPause);
        }
        Ok(())
    }
}
