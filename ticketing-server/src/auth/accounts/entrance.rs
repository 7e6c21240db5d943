//! Signing up, in and out.

use secrecy::SecretString;
use ticketing_core::ports::chain;
use ticketing_core::values::UserId;
use uuid::Uuid;

use super::{AcceptedPassword, Accounts, SignedInNow, Visit};
use crate::auth::email::Email;
use crate::auth::error::AccountError;
use crate::auth::sessions::Recognised;
use crate::auth::store::{Account, SessionId};

impl Accounts {
    /// Makes an account and signs it in.
    pub(crate) async fn sign_up(
        &self,
        email: Email,
        AcceptedPassword(password): AcceptedPassword,
        visit: Visit,
    ) -> Result<SignedInNow, AccountError> {
        self.0.limits.sign_up(&email, visit.address)?;
        let id = UserId::new(Uuid::new_v4().to_string());
        let id = id.map_err(|why| AccountError::Bug(why.into()))?;
        let password = self.0.passwords.hash(password).await?;
        let account = Account { id, email, password, credentials: 0, created_at: self.now() };
        self.0.store.add_account(&account).await?;
        self.enter(account, visit).await
    }

    /// Signs in. An unknown account and a wrong password are one refusal, after the same work.
    pub(crate) async fn sign_in(
        &self,
        email: Email,
        password: SecretString,
        visit: Visit,
    ) -> Result<SignedInNow, AccountError> {
        self.0.limits.sign_in(&email, visit.address)?;
        let account = self.0.store.account_by_email(&email).await?;
        let hash = account.as_ref().map(|account| account.password.clone());
        let is_right = self.0.passwords.verify(password.clone(), hash).await?;
        let account = account.filter(|_| is_right).ok_or(AccountError::InvalidCredentials)?;
        if self.0.passwords.is_outdated(&account.password) {
            self.hash_anew(&account, password).await;
        }
        self.enter(account, visit).await
    }

    /// Ends a session. This never fails: what can't be written down now is written down later.
    pub(crate) async fn sign_out(&self, session: SessionId) {
        self.0.sessions.end(session).await;
    }

    /// Who is signed in, with today's e-mail address; nobody if the account is gone. While the store
    /// can't tell, the address is that of the token.
    pub(crate) async fn current(&self, member: Recognised) -> Option<Recognised> {
        match self.0.store.account(&member.user).await {
            Ok(account) => {
                let email = account?.email.as_str().to_owned();
                Some(Recognised { email, ..member })
            }
            Err(error) => {
                tracing::warn!(
                    code = "account_unread",
                    error = chain(&error),
                    "an account is shown as its token has it"
                );
                Some(member)
            }
        }
    }

    /// Opens a session, in the place of the one that the browser had.
    async fn enter(&self, account: Account, visit: Visit) -> Result<SignedInNow, AccountError> {
        let opened = self.0.sessions.open(&account, visit.user_agent).await?;
        if let Some(replaced) = visit.replaces {
            self.0.sessions.end(replaced).await;
        }
        Ok(SignedInNow::new(account, opened))
    }

    /// Writes a hash with today's parameters. Whoever signs in does not care whether it works.
    async fn hash_anew(&self, account: &Account, password: SecretString) {
        let hashed = async {
            let hash = self.0.passwords.hash(password).await?;
            self.0.store.rehash(&account.id, &hash, account.credentials).await?;
            Ok::<(), AccountError>(())
        };
        if let Err(error) = hashed.await {
            tracing::warn!(
                code = "hash_stays",
                error = chain(&error),
                "an old hash of a password stays"
            );
        }
    }
}
