//! The same shop that the contract is tested with, as a deployment of processes.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::browser::Browser;
use crate::deployment::Deployment;
pub(crate) use crate::habits::{FOREIGN, NOTHING, PASSWORD, SOON, VISA};

pub(crate) struct Shop {
    pub(crate) deployment: Deployment,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self { deployment: Deployment::start("15m").await }
    }

    pub(crate) async fn close(self) {
        self.deployment.close().await;
    }

    /// Somebody who is not signed in.
    pub(crate) fn visitor(&self) -> Browser {
        Browser::new(self.deployment.address())
    }

    /// Somebody who has just signed up.
    pub(crate) async fn member(&self) -> Browser {
        static MEMBERS: AtomicUsize = AtomicUsize::new(0);
        let number = MEMBERS.fetch_add(1, Ordering::Relaxed);
        let browser = self.visitor();
        let account =
            json!({ "email": format!("member-{number}@example.com"), "password": PASSWORD });
        browser.post("/api/users/signup", account).await.expect(201);
        browser
    }
}
