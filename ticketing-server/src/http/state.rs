//! What the handlers of the engine's routes work with.

use std::sync::Arc;

use ticketing_core::Ticketing;

use super::identity::Authenticator;

/// What the handlers of the engine's routes work with.
#[derive(Debug, Clone)]
pub(crate) struct ApiState {
    pub(crate) engine: Ticketing,
    pub(crate) authenticator: Arc<dyn Authenticator>,
}

impl ApiState {
    pub(crate) fn new(engine: Ticketing, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { engine, authenticator }
    }
}
