//! The sessions that have ended before their tokens expire.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ticketing_core::values::Timestamp;

use crate::auth::store::{Revocations, RevocationsMark, Revoked, SessionId};

/// The sessions that have ended before their tokens expire, as far as this process knows.
#[derive(Debug)]
pub(super) struct Ended {
    sessions: HashMap<SessionId, Timestamp>,
    mark: RevocationsMark,
    /// When the store was last read to its end.
    read_at: Instant,
}

impl Ended {
    pub(super) fn new(now: Instant) -> Self {
        Self { sessions: HashMap::new(), mark: RevocationsMark::default(), read_at: now }
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    pub(super) fn mark(&self) -> RevocationsMark {
        self.mark
    }

    /// How old the knowledge is.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.read_at)
    }

    pub(super) fn add(&mut self, revoked: &[Revoked]) {
        self.sessions.extend(revoked.iter().map(|it| (it.id, it.expires_at)));
    }

    /// Takes in what the store answered to a question that was asked at `asked`.
    pub(super) fn read(&mut self, revocations: &Revocations, asked: Instant) {
        self.add(&revocations.revoked);
        self.mark = self.mark.max(revocations.mark);
        if !revocations.more {
            self.read_at = asked;
        }
    }

    /// Forgets what expires by itself.
    pub(super) fn forget_expired(&mut self, now: Timestamp) {
        self.sessions.retain(|_, expires_at| now < *expires_at);
    }
}
