//! Where an account is signed in.

use super::Accounts;
use crate::auth::error::AccountError;
use crate::auth::sessions::Recognised;
use crate::auth::store::{Session, SessionId};

impl Accounts {
    /// An account's live sessions, newest first.
    pub(crate) async fn sessions(&self, member: &Recognised) -> Result<Vec<Session>, AccountError> {
        Ok(self.0.store.live_sessions(&member.user, self.now()).await?)
    }

    /// Ends one of an account's own sessions.
    pub(crate) async fn end_session(
        &self,
        member: &Recognised,
        id: SessionId,
    ) -> Result<(), AccountError> {
        let session = self.0.store.session(id).await?;
        let is_own = session.is_some_and(|it| it.user == member.user && it.is_live(self.now()));
        if !is_own {
            return Err(AccountError::NoSuchSession);
        }
        let ended = self.0.store.revoke(id, self.now()).await?;
        self.0.sessions.note_ended(ended.as_slice());
        Ok(())
    }

    /// Ends all of an account's sessions but this one, and answers how many.
    pub(crate) async fn end_other_sessions(
        &self,
        member: &Recognised,
    ) -> Result<usize, AccountError> {
        let store = &self.0.store;
        let ended = store.revoke_others(&member.user, member.session, self.now()).await?;
        self.0.sessions.note_ended(&ended);
        Ok(ended.len())
    }
}
