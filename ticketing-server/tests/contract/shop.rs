//! A running server, and people who use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use ticketing_local::SandboxGateway;
use ticketing_server::{Config, Server, ServerBuilder};

use crate::browser::Browser;
use crate::hasher::HastyArgon2id;
use crate::stepped::SteppedGateway;

/// A running server on files of its own.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) server: Server,
    folder: TempDir,
}

/// How long to wait for what must come of itself.
pub(crate) const SOON: Duration = Duration::from_secs(20);

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::built(change, |server| server).await
    }

    /// A shop whose server is put together by the test.
    pub(crate) async fn built(
        change: impl FnOnce(&mut Config),
        build: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = start(&folder, change, build).await;
        Self { server, folder }
    }

    /// A shop for many people: their passwords cost little, and any number of them comes from one
    /// address.
    pub(crate) async fn for_a_crowd() -> Self {
        Self::built(|_| {}, welcomes_a_crowd).await
    }

    /// A shop whose money moves in a sandbox that waits where the test wants it to.
    pub(crate) async fn stepped() -> (Self, SteppedGateway, SandboxGateway) {
        let sandbox = SandboxGateway::new();
        let gateway = SteppedGateway::over(sandbox.clone());
        let port = Arc::new(gateway.clone());
        let shop = Self::built(|_| {}, |server| welcomes_a_crowd(server).gateway(port)).await;
        (shop, gateway, sandbox)
    }

    /// The same shop after its server has ended and begun again with other settings.
    pub(crate) async fn reopened(
        self,
        change: impl FnOnce(&mut Config),
        build: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let Self { server, folder } = self;
        server.shutdown().await;
        Self { server: start(&folder, change, build).await, folder }
    }

    /// Another server with a storage of its own, and the same accounts.
    pub(crate) async fn another_server(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = "session.keys";
        std::fs::copy(self.folder.path().join(keys), folder.path().join(keys)).unwrap();
        let config = Config::in_folder(folder.path());
        let server =
            Server::builder(config).accounts(self.server.account_store()).start().await.unwrap();
        Self { server, folder }
    }

    pub(crate) async fn close(self) {
        self.server.shutdown().await;
    }

    /// Somebody who is not signed in.
    pub(crate) fn visitor(&self) -> Browser {
        Browser::new(self.server.address())
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

async fn start(
    folder: &TempDir,
    change: impl FnOnce(&mut Config),
    build: impl FnOnce(ServerBuilder) -> ServerBuilder,
) -> Server {
    let mut config = Config::in_folder(folder.path());
    change(&mut config);
    build(Server::builder(config)).start().await.unwrap()
}

/// Passwords that cost little, and no limit to how many sign up, or how often one does.
pub(crate) fn welcomes_a_crowd(server: ServerBuilder) -> ServerBuilder {
    server.auth(|auth| {
        auth.hasher = Arc::new(HastyArgon2id);
        auth.limits.per_account_and_address = None;
        auth.limits.per_account = None;
        auth.limits.confirmations_per_account = None;
        auth.limits.sign_ins_per_address = None;
        auth.limits.sign_ups_per_address = None;
    })
}

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
