//! Another e-mail address, another password.

use secrecy::SecretString;

use super::{AcceptedPassword, Accounts, SignedInNow};
use crate::auth::email::Email;
use crate::auth::error::AccountError;
use crate::auth::sessions::Recognised;
use crate::auth::store::NewPassword;

impl Accounts {
    /// Gives an account another e-mail address. Its sessions stay; this one gets a token that names
    /// the new address.
    pub(crate) async fn change_email(
        &self,
        member: &Recognised,
        email: Email,
        password: SecretString,
    ) -> Result<SignedInNow, AccountError> {
        let mut account = self.confirmed(member, password).await?;
        self.0.store.change_email(&account.id, &email, account.credentials).await?;
        account.email = email;
        let session = self.0.store.session(member.session).await?;
        let session = session.ok_or(AccountError::NotSignedIn)?;
        let opened = self.0.sessions.token(&session, &account.email)?;
        Ok(SignedInNow::new(account, opened))
    }

    /// Gives an account another password, and ends all of its sessions but this one.
    pub(crate) async fn change_password(
        &self,
        member: &Recognised,
        current: SecretString,
        AcceptedPassword(new): AcceptedPassword,
    ) -> Result<(), AccountError> {
        let account = self.confirmed(member, current).await?;
        let hash = self.0.passwords.hash(new).await?;
        let (seen, keep, at) = (account.credentials, member.session, self.now());
        let new = NewPassword { hash, seen, keep, at };
        let ended = self.0.store.change_password(&account.id, &new).await?;
        self.0.sessions.note_ended(&ended);
        Ok(())
    }
}
