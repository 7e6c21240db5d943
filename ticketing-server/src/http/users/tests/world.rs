//! A server with accounts in a file, a browser or two, and a clock that a test moves.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use ticketing_core::Ticketing;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::testing::ManualClock;
use ticketing_core::values::Timestamp;
use tower::ServiceExt;

use crate::auth::testing::CheapHasher;
use crate::auth::{Accounts, AuthConfig, SqliteAccounts};

/// A server with accounts in a file.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) clock: ManualClock,
    pub(super) engine: Ticketing,
    pub(super) hasher: Arc<CheapHasher>,
    pub(super) store: Arc<SqliteAccounts>,
    pub(super) accounts: Accounts,
    pub(super) router: Router,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// Somebody with a cookie jar for one cookie.
#[derive(Debug, Clone, Default)]
pub(super) struct Browser {
    pub(super) cookie: Option<String>,
}

pub(super) const PASSWORD: &str = "tree-frog";

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_config| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut AuthConfig)) -> Self {
        let builder = Ticketing::builder().storage(MemoryStorage::new());
        Self::over(builder.gateway(MemoryGateway::new()).start().await.unwrap(), change).await
    }

    /// Accounts of users whose business is in this engine.
    pub(super) async fn over(engine: Ticketing, change: impl FnOnce(&mut AuthConfig)) -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
        let folder = tempfile::tempdir().unwrap();
        let hasher = Arc::new(CheapHasher::default());
        let mut config = AuthConfig::new(folder.path());
        config.clock = Arc::new(clock.clone());
        config.hasher = Arc::<CheapHasher>::clone(&hasher);
        change(&mut config);
        let store =
            Arc::new(SqliteAccounts::open(folder.path().join("accounts.db")).await.unwrap());
        let shared = Arc::<SqliteAccounts>::clone(&store);
        let accounts = Accounts::with_store(config, shared, engine.clone()).await.unwrap();
        let router = router(&accounts, &engine);
        Self { folder, clock, engine, hasher, store, accounts, router }
    }

    /// The same accounts after their server was killed and begun again: nothing of what it knew is left
    /// but its files.
    pub(super) async fn begun_again(self) -> Self {
        let Self { folder, clock, engine, hasher, store, accounts, router } = self;
        drop((accounts, router));
        let mut config = AuthConfig::new(folder.path());
        config.clock = Arc::new(clock.clone());
        config.hasher = Arc::<CheapHasher>::clone(&hasher);
        let shared = Arc::<SqliteAccounts>::clone(&store);
        let accounts = Accounts::with_store(config, shared, engine.clone()).await.unwrap();
        let router = self::router(&accounts, &engine);
        Self { folder, clock, engine, hasher, store, accounts, router }
    }

    pub(super) async fn end(self) {
        self.accounts.shutdown().await;
        self.engine.shutdown().await.unwrap();
    }

    /// Sends a request with a JSON body, and keeps the cookie that comes back.
    pub(super) async fn send(
        &self,
        browser: &mut Browser,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let answer = send(&self.router, browser.request(method, path, body)).await;
        browser.keep(&answer);
        answer
    }

    pub(super) async fn post(&self, browser: &mut Browser, path: &str, body: Value) -> Answer {
        self.send(browser, Method::POST, path, Some(body)).await
    }

    pub(super) async fn get(&self, browser: &mut Browser, path: &str) -> Answer {
        self.send(browser, Method::GET, path, None).await
    }

    /// A browser that just signed up.
    pub(super) async fn signed_up(&self, email: &str) -> Browser {
        let mut browser = Browser::default();
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        let answer = self.post(&mut browser, "/api/users/signup", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        browser
    }

    /// A browser that just signed in.
    pub(super) async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = Browser::default();
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        let answer = self.post(&mut browser, "/api/users/signin", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser
    }

    /// Whom the server takes a browser for.
    pub(super) async fn current(&self, browser: &Browser) -> Value {
        let answer = self.get(&mut browser.clone(), "/api/users/currentuser").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body["currentUser"].clone()
    }
}

/// Accounts, and something to sign in for.
pub(super) fn router(accounts: &Accounts, engine: &Ticketing) -> Router {
    let authenticator = accounts.authenticator();
    Router::new()
        .nest("/api/users", crate::http::users::router(accounts.clone()))
        .nest(
            "/api/tickets",
            crate::http::tickets::router(engine.clone(), Arc::clone(&authenticator)),
        )
        .nest("/api/orders", crate::http::orders::router(engine.clone(), authenticator))
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status: parts.status, headers: parts.headers, body }
}

impl Browser {
    pub(super) fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string().into()),
            None => request.body(Body::empty()),
        }
        .unwrap()
    }

    /// The token alone.
    pub(super) fn token(&self) -> &str {
        self.cookie.as_ref().unwrap().split_once('=').unwrap().1
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.headers.get(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
    }
}

impl Answer {
    /// Each error's field and message.
    pub(super) fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().unwrap().iter();
        let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
        errors
            .map(|error| {
                assert!(!text(&error["code"]).is_empty());
                let field = error["field"].as_str().unwrap_or_default();
                (field, error["message"].as_str().unwrap())
            })
            .collect()
    }

    pub(super) fn code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap()
    }
}
