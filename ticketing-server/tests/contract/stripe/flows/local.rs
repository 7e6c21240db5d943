//! localstripe, where `scripts/services` has it run: a server of its own, in a language of its own, whose
//! authors know nothing of us.

use axum::http::Method;
use serde_json::{Value, json};
use ticketing_core::testing::server_url;
use tokio::task::AbortHandle;

use super::Seen;
use super::interpreter::{self, call};

/// Any key will do.
pub(super) const SECRET_KEY: &str = "sk_test_localstripe";
const PUBLISHABLE_KEY: &str = "pk_test_localstripe";

pub(super) struct LocalStripe {
    url: String,
    /// Where the server talks to it.
    pub(super) interpreter: String,
    serving: AbortHandle,
    /// What it signs webhooks with, and the name that its list of endpoints has for ours.
    pub(super) webhook_secret: String,
    hook: String,
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl LocalStripe {
    pub(super) async fn found() -> Self {
        let url = server_url("TICKETING_TEST_STRIPE");
        let (address, serving) = interpreter::start(url.clone()).await;
        let name = uuid::Uuid::new_v4().simple();
        Self {
            url,
            interpreter: format!("http://{address}"),
            serving,
            webhook_secret: format!("whsec_{name}"),
            hook: format!("ticketing-{name}"),
        }
    }

    /// A payment method of a card, as the buyer's browser makes one.
    pub(super) async fn method(&self, number: &str) -> String {
        let form = format!(
            "type=card&card[number]={number}&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123"
        );
        let made = self.post("/v1/payment_methods", form).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// What Stripe.js does when the buyer has agreed at the bank.
    pub(super) async fn authenticates(&self, intent: &str, client_secret: &str) {
        let path = format!("/v1/payment_intents/{intent}/_authenticate?success=true");
        let body = json!({ "key": PUBLISHABLE_KEY, "client_secret": client_secret });
        self.post(&path, body.to_string()).await;
    }

    pub(super) async fn sees(&self, intent: &str) -> Seen {
        let path = format!("{}/v1/payment_intents/{intent}", self.url);
        let (status, intent) = call(Method::GET, &path, Some(&bearer()), String::new()).await;
        assert_eq!(status, 200, "{intent}");
        Seen {
            status: intent["status"].as_str().unwrap().to_owned(),
            amount: intent["amount"].as_i64().unwrap(),
            refunded: intent["latest_charge"]["amount_refunded"].as_i64().unwrap_or(0),
        }
    }

    /// It tells of what happens, about a second later, and once.
    pub(super) async fn tells(&self, endpoint: &str) {
        let body = json!({ "url": endpoint, "secret": self.webhook_secret });
        self.configure(&body).await;
    }

    /// It tells of nothing any more. There is no way to take an endpoint back.
    pub(super) async fn forgets(&self) {
        let body = json!({ "url": self.url, "secret": "none", "events": ["none"] });
        self.configure(&body).await;
    }

    async fn configure(&self, body: &Value) {
        self.post(&format!("/_config/webhooks/{}", self.hook), body.to_string()).await;
    }

    async fn post(&self, path: &str, body: String) -> Value {
        let url = format!("{}{path}", self.url);
        let (status, answer) = call(Method::POST, &url, Some(&bearer()), body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

fn bearer() -> String {
    format!("Bearer {SECRET_KEY}")
}
