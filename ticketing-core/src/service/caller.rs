//! Who calls, and under which idempotency key.

use crate::domain::event::Actor;
use crate::ports::batch::Cause;
use crate::values::{CorrelationId, IdempotencyKey, UserId};

/// What a caller says of itself, beside the command.
///
/// ```
/// use ticketing_core::{Caller, values::IdempotencyKey};
///
/// let caller = Caller::default().with_key(IdempotencyKey::new("checkout-17")?);
/// # Ok::<(), ticketing_core::values::InvalidText>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// Who causes the change, where that is not the user whom the command names.
    pub actor: Option<Actor>,
    /// The key under which the command may be repeated.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The affair that the command belongs to, in the caller's books.
    pub correlation: Option<CorrelationId>,
}

impl Caller {
    /// With an idempotency key.
    #[must_use]
    pub fn with_key(self, key: IdempotencyKey) -> Self {
        Self { idempotency_key: Some(key), ..self }
    }

    /// With a correlation id.
    #[must_use]
    pub fn with_correlation(self, correlation: CorrelationId) -> Self {
        Self { correlation: Some(correlation), ..self }
    }

    /// In somebody else's name.
    #[must_use]
    pub fn acting_as(self, actor: Actor) -> Self {
        Self { actor: Some(actor), ..self }
    }

    pub(crate) fn cause(&self, user: &UserId) -> Cause {
        let actor = self.actor.clone().unwrap_or_else(|| Actor::User(user.clone()));
        Cause { actor, correlation: self.correlation }
    }
}
