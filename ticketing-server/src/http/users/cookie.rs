//! The cookie that carries a session's token.

use axum::http::HeaderValue;
use secrecy::ExposeSecret;

use crate::auth::{Accounts, SignedInNow};
use crate::http::error::ApiError;

/// The cookie that signs a browser in, for as long as its token is good.
pub(crate) fn session(accounts: &Accounts, now: &SignedInNow) -> Result<HeaderValue, ApiError> {
    let seconds = accounts.time_left(now.expires_at).as_secs();
    header(accounts, now.token.expose_secret(), seconds)
}

/// The cookie that signs a browser out.
pub(crate) fn cleared(accounts: &Accounts) -> Result<HeaderValue, ApiError> {
    header(accounts, "", 0)
}

/// A token is made of letters, digits and `-_.`, which a cookie takes as they are.
fn header(accounts: &Accounts, token: &str, seconds: u64) -> Result<HeaderValue, ApiError> {
    let name = accounts.cookie_name();
    let secure = if accounts.is_cookie_secure() { "; Secure" } else { "" };
    let text = format!("{name}={token}; HttpOnly{secure}; SameSite=Lax; Path=/; Max-Age={seconds}");
    let mut header = HeaderValue::try_from(text).map_err(|error| ApiError::internal(&error))?;
    header.set_sensitive(true);
    Ok(header)
}
