//! A running server, and people who use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tempfile::TempDir;
use ticketing_local::SandboxGateway;
use ticketing_server::{Config, Server, ServerBuilder};

use crate::browser::Browser;
pub(crate) use crate::habits::{FOREIGN, NOTHING, PASSWORD, SOON, VISA};
use crate::hasher::HastyArgon2id;
use crate::stepped::SteppedGateway;

/// A running server on files of its own.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) server: Server,
    folder: TempDir,
}

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
