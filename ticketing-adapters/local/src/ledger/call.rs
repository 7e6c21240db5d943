//! What can be asked of the gateway.

use serde::Serialize;
use ticketing_core::ports::{Fingerprint, GatewayError, GatewayErrorKind, PaymentMethod};
use ticketing_core::values::{IntentRef, Money};
use uuid::Uuid;

use crate::ledger::entry::Terms;

/// A call with all its parameters.
#[derive(Debug)]
pub(crate) enum Call<'a> {
    Open(Terms),
    Confirm(&'a IntentRef, &'a PaymentMethod),
    Authenticate(&'a IntentRef, bool),
    Capture(&'a IntentRef, Money),
    Void(&'a IntentRef),
    Refund(&'a IntentRef, Money),
}

impl Call<'_> {
    /// Its name, for errors and keys.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Confirm(..) => "confirm",
            Self::Authenticate(..) => "authenticate",
            Self::Capture(..) => "capture",
            Self::Void(_) => "void",
            Self::Refund(..) => "refund",
        }
    }

    /// Equal for equal calls, different for others. Fingerprints are on disk, too.
    pub(crate) fn fingerprint(&self) -> Result<Uuid, serde_json::Error> {
        let operation = self.operation();
        let canonical = match self {
            Self::Open(terms) => written(&(operation, terms)),
            Self::Confirm(intent, method) => written(&(operation, intent, method.expose())),
            Self::Authenticate(intent, ok) => written(&(operation, intent, ok)),
            Self::Void(intent) => written(&(operation, intent)),
            Self::Capture(intent, amount) | Self::Refund(intent, amount) => {
                written(&(operation, intent, amount))
            }
        };
        Ok(Fingerprint::of(&canonical?).as_uuid())
    }

    /// Refused for good: certainly no effect.
    pub(crate) fn refused(&self, why: &'static str) -> GatewayError {
        GatewayError::new(GatewayErrorKind::Refused, self.operation()).with_source(why)
    }
}

fn written(call: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(call)
}
