//! What happens with sessions while nobody asks.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ticketing_core::ports::chain;
use tokio_util::sync::CancellationToken;

use super::{Sessions, locked};
use crate::auth::store::{SessionId, StoreError};
use crate::background::every;

/// How often the store is asked which sessions have ended.
pub(crate) const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// After how many of these the rest is done: each minute.
const TIDY_EVERY: u32 = 30;

/// How many sign-outs the store is told of before it is asked for those of others: after it was away
/// for long, both must go on.
const OWED_AT_ONCE: usize = 200;

/// How many sessions are noted as used in one go.
const SEEN_AT_ONCE: usize = 500;

impl Sessions {
    /// Keeps sessions up to date until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = every(RELOAD_EVERY);
        let mut rounds = 0_u32;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            report("sessions are not up to date", self.step().await);
            let owed = self.owed();
            if owed > 0 {
                tracing::warn!(
                    code = "sign_outs_owed",
                    sign_outs = owed,
                    "sign-outs wait to be written down"
                );
            }
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(TIDY_EVERY) {
                report("sessions could not be tidied", self.tidy().await);
            }
        }
        report("the last use of sessions could not be noted", self.tell_seen().await);
        self.tell_all_owed().await;
    }

    /// The last try: what can't be written down now is forgotten with this process.
    async fn tell_all_owed(&self) {
        while self.owed() > 0 {
            if let Err(error) = self.tell_owed().await {
                let owed = self.owed();
                tracing::error!(
                    code = "sign_outs_lost",
                    error = chain(&error),
                    sign_outs = owed,
                    "sign-outs are lost with this process; only new session keys end those sessions"
                );
                return;
            }
        }
    }

    /// Tells the store what it does not know, and asks it for what is not known here.
    pub(crate) async fn step(&self) -> Result<(), StoreError> {
        let told = self.tell_owed().await;
        // Where nothing can be written, others may still be heard of.
        self.reload().await.and(told)
    }

    /// Ends what was not used for long, and forgets what has expired.
    pub(crate) async fn tidy(&self) -> Result<(), StoreError> {
        self.tell_seen().await?;
        let now = self.0.clock.now();
        let idle = self.0.store.revoke_idle(now.minus(self.0.policy.idle), now).await?;
        self.note_ended(&idle);
        self.0.ended.write().unwrap_or_else(PoisonError::into_inner).forget_expired(now);
        self.0.store.prune(now).await
    }

    pub(super) async fn reload(&self) -> Result<(), StoreError> {
        loop {
            let asked = Instant::now();
            let mark = self.ended(super::Ended::mark);
            let revocations = self.0.store.revoked_after(mark).await?;
            let mut ended = self.0.ended.write().unwrap_or_else(PoisonError::into_inner);
            ended.read(&revocations, asked);
            if !revocations.more {
                return Ok(());
            }
        }
    }

    /// Tells the store of some of the sign-outs that it does not know of. A session is owed until the
    /// store has answered, so a try that fails, or is cut, is made again.
    async fn tell_owed(&self) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let owed: Vec<SessionId> = {
            let mut owed = locked(&self.0.owed);
            owed.retain(|_, expires_at| now < *expires_at);
            owed.keys().copied().take(OWED_AT_ONCE).collect()
        };
        for id in owed {
            self.0.store.revoke(id, now).await?;
            locked(&self.0.owed).remove(&id);
        }
        Ok(())
    }

    async fn tell_seen(&self) -> Result<(), StoreError> {
        let seen: HashSet<SessionId> = std::mem::take(&mut *locked(&self.0.seen));
        let seen: Vec<SessionId> = seen.into_iter().collect();
        let now = self.0.clock.now();
        for some in seen.chunks(SEEN_AT_ONCE) {
            self.0.store.note_seen(some, now).await?;
        }
        Ok(())
    }
}

fn report(what: &'static str, done: Result<(), StoreError>) {
    if let Err(error) = done {
        tracing::warn!(code = "session_upkeep", error = chain(&error), "{what}");
    }
}
