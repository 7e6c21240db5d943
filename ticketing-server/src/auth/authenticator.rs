//! Tells the engine's routes who calls, by the session's token.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use ticketing_core::values::UserId;

use super::sessions::{Recognised, Sessions};
use crate::http::{AuthUnavailable, Authenticator, Identity};

/// Reads the session's token of a request: its cookie, or what it bears.
#[derive(Debug)]
pub(crate) struct SessionAuthenticator {
    sessions: Sessions,
    operators: HashSet<UserId>,
    cookie: &'static str,
}

impl SessionAuthenticator {
    pub(super) fn new(
        sessions: Sessions,
        operators: HashSet<UserId>,
        cookie: &'static str,
    ) -> Self {
        Self { sessions, operators, cookie }
    }

    /// Whose request it is, and by which session; for one that changes something, with certainty.
    pub(crate) async fn recognise(
        &self,
        request: &Parts,
    ) -> Result<Option<Recognised>, AuthUnavailable> {
        if request.method.is_safe() {
            return Ok(self.known(request));
        }
        let Some(token) = self.token(request) else {
            return Ok(None);
        };
        let certain = self.sessions.certain(&token).await;
        certain.map_err(|why| AuthUnavailable { source: Arc::new(why) })
    }

    /// Whose request it is, and by which session, as far as this process knows.
    pub(crate) fn known(&self, request: &Parts) -> Option<Recognised> {
        self.token(request).and_then(|token| self.sessions.known(&token))
    }

    /// What a request bears goes before its cookie: a browser adds the cookie by itself.
    fn token(&self, request: &Parts) -> Option<String> {
        bearer(request).map(ToOwned::to_owned).or_else(|| {
            let cookies = CookieJar::from_headers(&request.headers);
            cookies.get(self.cookie).map(|cookie| cookie.value().to_owned())
        })
    }
}

fn bearer(request: &Parts) -> Option<&str> {
    let (scheme, token) = request.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[async_trait]
impl Authenticator for SessionAuthenticator {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Identity>, AuthUnavailable> {
        let recognised = self.recognise(request).await?;
        Ok(recognised
            .map(|it| Identity { operator: self.operators.contains(&it.user), user: it.user }))
    }
}
