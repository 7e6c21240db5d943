//! What the refusals of accounts are over HTTP.

use std::time::Duration;

use crate::auth::AccountError;
use crate::http::error::ApiError;

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::EmailInUse => Self::bad_request("email_in_use", "Email in use"),
            AccountError::InvalidCredentials => {
                Self::bad_request("invalid_credentials", "Invalid credentials")
            }
            AccountError::NotSignedIn => Self::not_signed_in(),
            AccountError::NoSuchSession => Self::not_found(),
            AccountError::PaymentRunning => Self::bad_request(
                "payment_running",
                "An order is being paid, try again when that has ended",
            ),
            AccountError::TooMany(wait) => Self::too_many(wait),
            AccountError::Busy => Self::unavailable(Duration::from_secs(1)),
            AccountError::Store(why) => {
                Self::unavailable(ticketing_core::Error::RETRY_AFTER).because(&why)
            }
            AccountError::Engine(why) => why.into(),
            bug @ AccountError::Bug(_) => Self::internal(&bug),
        }
    }
}
