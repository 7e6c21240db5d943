//! Webhooks that nobody has acknowledged yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ticketing_core::values::{IntentRef, RefundRef, Timestamp};

/// The most webhooks that wait. They are hints, and whoever missed so many asks anyway.
const WAITING_MAX: usize = 10_000;

/// A webhook that waits to be delivered. It is signed when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    /// The number of the line that it tells of.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) intent: IntentRef,
    pub(crate) about: About,
}

/// What a webhook is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    Intent,
    Refund(RefundRef),
    /// Something that a later version tells of.
    #[serde(other)]
    Other,
}

/// What waits, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mailbox {
    waiting: BTreeMap<u64, Posted>,
}

impl Mailbox {
    pub(crate) fn post(&mut self, posted: Posted) {
        self.waiting.insert(posted.number, posted);
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
    }

    pub(crate) fn delivered(&mut self, webhooks: &[u64]) {
        for number in webhooks {
            self.waiting.remove(number);
        }
    }

    /// The oldest that wait after the one of that number.
    pub(crate) fn after(&self, number: u64, most: usize) -> Vec<Posted> {
        let following = number.saturating_add(1)..;
        self.waiting.range(following).take(most).map(|(_, posted)| posted.clone()).collect()
    }
}
