//! Webhooks from the moment they are received until they are forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ports::batch::WebhookKey;
use crate::ports::storage::{Received, Webhook};
use crate::values::Timestamp;

/// Every webhook that was received, and which of them are still open.
#[derive(Debug, Clone, Default)]
pub(super) struct Webhooks {
    rows: BTreeMap<WebhookKey, Row>,
    /// Those that no batch has closed, the oldest first.
    open: BTreeSet<(Timestamp, WebhookKey)>,
}

#[derive(Debug, Clone)]
struct Row {
    webhook: Webhook,
    leased_until: Option<Timestamp>,
}

impl Webhooks {
    pub(super) fn receive(&mut self, webhook: &Webhook) -> Received {
        if self.rows.contains_key(&webhook.key) {
            return Received::Seen;
        }
        self.open.insert((webhook.received_at, webhook.key.clone()));
        let row = Row { webhook: webhook.clone(), leased_until: None };
        self.rows.insert(webhook.key.clone(), row);
        Received::New
    }

    /// A batch deals with it. One that was never received is no row to close.
    pub(super) fn close(&mut self, key: &WebhookKey) {
        if let Some(row) = self.rows.get(key) {
            self.open.remove(&(row.webhook.received_at, key.clone()));
        }
    }

    pub(super) fn claim(&mut self, now: Timestamp, lease: Duration, limit: usize) -> Vec<Webhook> {
        let mut claimed = Vec::new();
        for (_, key) in &self.open {
            if claimed.len() >= limit {
                break;
            }
            if let Some(row) = self.rows.get_mut(key)
                && row.leased_until.is_none_or(|until| until <= now)
            {
                row.leased_until = Some(now.plus(lease));
                claimed.push(row.webhook.clone());
            }
        }
        claimed
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Forgets up to `limit` closed ones that were received before `before`.
    pub(super) fn forget(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.rows.iter().filter(|(key, row)| {
            let received = row.webhook.received_at;
            received < before && !self.open.contains(&(received, (*key).clone()))
        });
        let old: Vec<WebhookKey> = old.map(|(key, _)| key.clone()).take(limit).collect();
        for key in &old {
            self.rows.remove(key);
        }
        old.len()
    }
}
