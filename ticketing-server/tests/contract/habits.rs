//! What people do again and again, and what they need for it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Browser;

/// How long to wait for what must come of itself.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A card that pays.
pub(crate) const VISA: &str = "tok_visa";

/// What people do again and again.
impl Browser {
    pub(crate) async fn lists(&self, title: &str, price: Value) -> String {
        self.lists_many(title, price, 1).await
    }

    pub(crate) async fn lists_many(&self, title: &str, price: Value, quantity: u32) -> String {
        let new = json!({ "title": title, "price": price, "quantity": quantity });
        self.post("/api/tickets", new).await.expect(201).id()
    }

    pub(crate) async fn reserves(&self, ticket: &str) -> String {
        self.post("/api/orders", json!({ "ticketId": ticket })).await.expect(201).id()
    }

    pub(crate) async fn pays(&self, order: &str) -> Value {
        let body = json!({ "orderId": order, "token": VISA });
        self.post("/api/payments", body).await.expect(201).json()
    }

    pub(crate) async fn ticket(&self, id: &str) -> Value {
        self.get(&format!("/api/tickets/{id}")).await.expect(200).json()
    }

    pub(crate) async fn order(&self, id: &str) -> Value {
        self.get(&format!("/api/orders/{id}")).await.expect(200).json()
    }

    /// Looks at a path until it reads as wanted, or for too long.
    pub(crate) async fn sees(
        &self,
        path: &str,
        wanted: impl Fn(&Value) -> bool + Send + Sync,
    ) -> Value {
        let looking = async {
            loop {
                let seen = self.get(path).await.expect(200).json();
                if wanted(&seen) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, looking).await.expect("it never came to be so")
    }

    pub(crate) async fn me(&self) -> String {
        let me = self.get("/api/users/currentuser").await.expect(200).json();
        me["currentUser"]["id"].as_str().expect("signed in").to_owned()
    }
}

/// An id of the right shape that nothing has.
pub(crate) const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

/// An id as other systems write them.
pub(crate) const FOREIGN: &str = "5f1d7f3b9c1e4a0012345678";
