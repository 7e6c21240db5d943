//! What is found out about a request inside of the routing, for the line that is logged outside.

use std::sync::{Arc, OnceLock};

use axum::http::Extensions;
use ticketing_core::values::UserId;
use tracing::Span;

/// Carried by every request: its clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted(Arc<Facts>);

#[derive(Debug, Default)]
struct Facts {
    route: OnceLock<Box<str>>,
    user: OnceLock<UserId>,
}

impl Noted {
    /// The template of the route, if there is one for the path.
    pub(crate) fn route(&self) -> Option<&str> {
        self.0.route.get().map(AsRef::as_ref)
    }

    /// Whose request it is, if somebody looked.
    pub(crate) fn user(&self) -> Option<&UserId> {
        self.0.user.get()
    }

    /// Whose request it turned out to be.
    pub(crate) fn set_user(&self, user: &UserId) {
        self.0.user.get_or_init(|| user.clone());
    }
}

/// On an answer: whose request it turned out to be, such as who signed in by it.
#[derive(Debug, Clone)]
pub(crate) struct User(pub(crate) UserId);

/// Notes the route, here and in the lines of the request from now on.
pub(crate) fn note_route(extensions: &Extensions, template: &str) {
    Span::current().record("http.route", template);
    if let Some(Noted(facts)) = extensions.get() {
        facts.route.get_or_init(|| template.into());
    }
}

/// Notes whose request it is, here and in the lines of the request from now on.
pub(crate) fn note_user(extensions: &Extensions, user: &UserId) {
    Span::current().record("user.id", user.as_str());
    if let Some(noted) = extensions.get::<Noted>() {
        noted.set_user(user);
    }
}
