//! Another e-mail address, another password. Both are confirmed with the password, which is signing in
//! once more: so both open a new session in the place of the one that asked, whose token is dead then.

use secrecy::SecretString;

use super::{AcceptedPassword, Accounts, SignedInNow};
use crate::auth::email::Email;
use crate::auth::error::AccountError;
use crate::auth::sessions::{Opened, Recognised};
use crate::auth::store::NewPassword;

impl Accounts {
    /// Gives an account another e-mail address, and its browser another session, whose token names
    /// that address. Its other sessions stay.
    pub(crate) async fn change_email(
        &self,
        member: &Recognised,
        email: Email,
        password: SecretString,
        user_agent: Option<String>,
    ) -> Result<SignedInNow, AccountError> {
        let mut account = self.confirmed(member, password).await?;
        account.email = email;
        let opened = self.0.sessions.open(&account, user_agent).await?;
        let changing = self.0.store.change_email(&account.id, &account.email, account.credentials);
        if let Err(refused) = changing.await {
            return Err(self.take_back(&opened, refused.into()).await);
        }
        self.0.sessions.end(member.session).await;
        Ok(SignedInNow::new(account, opened))
    }

    /// Gives an account another password and its browser another session, and ends all that there
    /// were before.
    pub(crate) async fn change_password(
        &self,
        member: &Recognised,
        current: SecretString,
        AcceptedPassword(new): AcceptedPassword,
        user_agent: Option<String>,
    ) -> Result<SignedInNow, AccountError> {
        let account = self.confirmed(member, current).await?;
        let hash = self.0.passwords.hash(new).await?;
        // Opened before, so that the one step that ends the others can spare it.
        let opened = self.0.sessions.open(&account, user_agent).await?;
        let (seen, keep, at) = (account.credentials, opened.session, self.now());
        let new = NewPassword { hash, seen, keep, at };
        match self.0.store.change_password(&account.id, &new).await {
            Ok(ended) => self.0.sessions.note_ended(&ended),
            Err(refused) => return Err(self.take_back(&opened, refused.into()).await),
        }
        Ok(SignedInNow::new(account, opened))
    }

    /// Ends a session that was opened for nothing: its token was given to nobody.
    async fn take_back(&self, opened: &Opened, refused: AccountError) -> AccountError {
        self.0.sessions.end(opened.session).await;
        refused
    }
}
