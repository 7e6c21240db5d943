//! A session with a browser's driver, as the standard `WebDriver` has it: commands are requests,
//! and what they are answered is JSON.
//!
//! By hand: the crates for it turn on features of `serde_json` that the server is built without, so
//! that every other test would test something else, or are under a licence that is not allowed here.

use std::net::SocketAddr;

use axum::http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;

/// How an element is called in answers: the standard's own name for it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session. It ends with its driver.
#[derive(Debug)]
pub(crate) struct Session {
    driver: Browser,
    path: String,
}

/// A command that failed, by the standard's word for why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) word: String,
    message: String,
}

/// An element of a page.
#[derive(Debug)]
pub(crate) struct Element<'s> {
    session: &'s Session,
    path: String,
}

impl Session {
    pub(crate) async fn begin(driver: SocketAddr, wishes: Value) -> Self {
        let driver = Browser::new(driver);
        let wishes = json!({ "capabilities": { "alwaysMatch": wishes } });
        let begun = driver.at_last(Method::POST, "/session", &wishes).await.expect(200).json();
        let id = begun["value"]["sessionId"].as_str().expect("a session");
        let path = format!("/session/{id}");
        Self { driver, path }
    }

    /// Says something that must work.
    pub(crate) async fn say(&self, method: Method, path: &str, body: Value) -> Value {
        let said = self.try_to(method, path, body).await;
        said.unwrap_or_else(|why| panic!("{path}: {why:?}"))
    }

    pub(crate) async fn try_to(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, Failure> {
        let path = format!("{}{path}", self.path);
        let answer = self.driver.at_last(method, &path, &body).await;
        let value = answer.json()["value"].clone();
        if answer.status.as_u16() == 200 {
            return Ok(value);
        }
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Err(Failure { word: text("error"), message: text("message") })
    }

    pub(crate) async fn find(&self, using: &str, what: &str) -> Result<Element<'_>, Failure> {
        let asked = json!({ "using": using, "value": what });
        let found = self.try_to(Method::POST, "/element", asked).await?;
        let id = found[ELEMENT].as_str().expect("an element");
        Ok(Element { session: self, path: format!("/element/{id}") })
    }
}

impl Element<'_> {
    /// What of it can be read.
    pub(crate) async fn text(&self) -> Result<String, Failure> {
        let text = self.session.try_to(Method::GET, &self.to("text"), json!({})).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    pub(crate) async fn click(&self) -> Result<(), Failure> {
        self.session.try_to(Method::POST, &self.to("click"), json!({})).await.map(|_null| ())
    }

    pub(crate) async fn clear(&self) -> Result<(), Failure> {
        self.session.try_to(Method::POST, &self.to("clear"), json!({})).await.map(|_null| ())
    }

    pub(crate) async fn type_in(&self, text: &str) -> Result<(), Failure> {
        let typed = json!({ "text": text });
        self.session.try_to(Method::POST, &self.to("value"), typed).await.map(|_null| ())
    }

    pub(crate) async fn value(&self) -> Result<String, Failure> {
        let path = self.to("property/value");
        let value = self.session.try_to(Method::GET, &path, json!({})).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    fn to(&self, what: &str) -> String {
        format!("{}/{what}", self.path)
    }
}

impl Failure {
    /// Whether it is what happens while a page gives way to another.
    pub(crate) fn is_passing(&self) -> bool {
        const PASSING: [&str; 5] = [
            "no such element",
            "stale element reference",
            "element click intercepted",
            "element not interactable",
            "javascript error",
        ];
        PASSING.contains(&self.word.as_str()) || self.message.contains("target frame detached")
    }
}
