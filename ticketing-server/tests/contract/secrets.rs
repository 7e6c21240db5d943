//! Canaries: secrets that a whole run uses, and that nobody finds afterwards, in no log however
//! talkative, in no answer, in no number and in no file but the one that keeps them.

use std::path::Path;

use axum::http::Method;
use serde_json::{Value, json};
use ticketing_core::ports::WebhookRequest;
use ticketing_local::SandboxGateway;

use crate::browser::{Answer, Browser};
use crate::program::{Program, command};

const PASSWORD: &str = "canary-password-49d1f7";
const NEW_PASSWORD: &str = "canary-password-b8e203";
const WRONG_PASSWORD: &str = "canary-password-77aa51";
const UNKNOWN_CARD: &str = "tok_canary_c2f9e4";
const CARD: &str = "tok_visa";

/// Files that keep a secret because it is theirs to keep.
const KEEPERS: [&str; 2] = ["session.keys", "sandbox.ledger"];

/// What must not be found, and where it is looked for.
#[derive(Debug, Default)]
struct Search {
    canaries: Vec<(&'static str, String)>,
    places: Vec<(String, String)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_run_gives_no_secret_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut search = Search::default();
    for (what, text) in [
        ("the password", PASSWORD),
        ("the new password", NEW_PASSWORD),
        ("a wrong password", WRONG_PASSWORD),
        ("an unknown card", UNKNOWN_CARD),
        ("the card", CARD),
    ] {
        search.canaries.push((what, text.to_owned()));
    }
    let webhook = sign_a_webhook(folder.path(), &mut search).await;
    let program = Program::start(folder.path(), &["--log", "trace"]).await;
    let browser = Browser::new(program.address);
    search.accounts(&browser).await;
    let order = search.purchases(&browser).await;
    search.webhooks(&browser, &webhook).await;
    search.heard("/metrics", &browser.get("/metrics").await.expect(200));
    let dead = command(folder.path()).args(["admin", "stuck"]).output().await.unwrap();
    assert!(dead.status.success(), "{dead:?}");
    search.places.push(("admin stuck".to_owned(), String::from_utf8_lossy(&dead.stdout).into()));
    let keys = std::fs::read_to_string(folder.path().join("session.keys")).unwrap();
    search.canaries.push(("the key of sessions", keys.trim().rsplit(':').next().unwrap().into()));

    let (ended, log) = program.terminate_and_tell().await;
    assert!(ended.success());
    assert!(log.contains("\"level\":\"TRACE\"") && log.contains(&order), "the log says little");
    search.places.push(("the log".to_owned(), log));
    search.files(folder.path());
    search.finds_nothing();
}

/// Opens the ledger before the server does, for its secret and a webhook that is signed with it.
async fn sign_a_webhook(folder: &Path, search: &mut Search) -> WebhookRequest {
    let path = folder.join("sandbox.ledger");
    let sandbox = SandboxGateway::open(&path).await.unwrap();
    let said = json!({
        "id": "sandbox_evt_canary", "livemode": false, "created": "2030-01-02T03:04:05Z",
        "intent": "sandbox_pi_none", "about": "intent",
    });
    let signed = sandbox.sign(said.to_string().into_bytes());
    sandbox.close().await.unwrap();
    let ledger = std::fs::read_to_string(path).unwrap();
    let header = ledger.lines().next().unwrap().split('\t').next().unwrap();
    let header: Value = serde_json::from_str(header).unwrap();
    let secret = header["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    search.canaries.push(("the secret of webhooks", secret));
    signed
}

impl Search {
    /// Everything that has to do with a password, done right and wrong.
    async fn accounts(&mut self, browser: &Browser) {
        let account = |password: &str| json!({ "email": "ada@example.com", "password": password });
        self.post(browser, "/api/users/signup", account(PASSWORD), 201).await;
        self.session(browser);
        let again = browser.another();
        self.post(&again, "/api/users/signup", account(PASSWORD), 400).await;
        self.post(&again, "/api/users/signin", account(WRONG_PASSWORD), 400).await;
        self.post(&again, "/api/users/signin", account(PASSWORD), 200).await;
        self.session(&again);
        let half = format!("{{\"password\":\"{PASSWORD}\"");
        let json = [("content-type", "application/json")];
        for path in ["/api/users/signup", "/api/users/signin"] {
            let answer = again.send(Method::POST, path, &json, half.clone().into()).await;
            self.heard(path, &answer.expect(400));
        }
        let odd = json!({ "email": { "password": PASSWORD }, "password": [PASSWORD] });
        self.post(&again, "/api/users/signin", odd, 400).await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
        let changed = browser.put("/api/users/password", change).await.expect(204);
        self.heard("changing the password", &changed);
        let moved = json!({ "email": "ada@example.org", "password": NEW_PASSWORD });
        self.heard("moving", &browser.put("/api/users/email", moved).await.expect(200));
        self.session(browser);
        for path in ["/api/users/currentuser", "/api/users/sessions", "/api/users/export"] {
            self.heard(path, &browser.get(path).await.expect(200));
        }
        let bearer = format!("Bearer {}", browser.cookie("session").unwrap());
        for (token, status) in [(bearer.clone(), 200), (format!("{bearer}x"), 401)] {
            let headers = [("authorization", token.as_str())];
            let answer =
                browser.another().send(Method::GET, "/api/orders", &headers, "".into()).await;
            self.heard("a bearer", &answer.expect(status));
        }
    }

    /// Cards that are refused and taken. Answers with an order that was paid.
    async fn purchases(&mut self, browser: &Browser) -> String {
        let ticket = browser.lists_many("Seats", json!(20), 5).await;
        let order = browser.reserves(&ticket).await;
        let pay = |token: &str| json!({ "orderId": order, "token": token });
        self.post(browser, "/api/payments", pay(UNKNOWN_CARD), 402).await;
        let created = |order: &Value| order["status"] == "created";
        browser.sees(&format!("/api/orders/{order}"), created).await;
        self.post(browser, "/api/payments", pay(CARD), 201).await;
        self.heard("an order", &browser.get(&format!("/api/orders/{order}")).await);

        let other = browser.reserves(&ticket).await;
        let opened = json!({ "orderId": other });
        let opened = browser.post("/api/payments/intents", opened).await.expect(201).json();
        let secret = opened["clientSecret"].as_str().unwrap().to_owned();
        self.canaries.push(("the secret of an intent", secret));
        self.heard("an order", &browser.get(&format!("/api/orders/{other}")).await.expect(200));
        order
    }

    async fn webhooks(&mut self, browser: &Browser, signed: &WebhookRequest) {
        let headers: Vec<_> =
            signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for (body, status) in [(signed.body.clone(), 200), (b"changed".to_vec(), 400)] {
            let path = "/api/webhooks/sandbox";
            let answer = browser.send(Method::POST, path, &headers, body.into()).await;
            self.heard(path, &answer.expect(status));
        }
    }

    async fn post(&mut self, browser: &Browser, path: &str, body: Value, status: u16) {
        self.heard(path, &browser.post(path, body).await.expect(status));
    }

    /// An answer, without the cookie that it sets.
    fn heard(&mut self, what: &str, answer: &Answer) {
        let mut headers = answer.headers.clone();
        headers.remove("set-cookie");
        self.places.push((format!("the answer to {what}"), format!("{headers:?}{}", answer.text)));
    }

    /// The token that a browser has now, and the part of it that nobody can make.
    fn session(&mut self, browser: &Browser) {
        let token = browser.cookie("session").unwrap();
        self.canaries.push(("a signature", token.rsplit('.').next().unwrap().to_owned()));
        self.canaries.push(("a token", token));
    }

    /// Every file but those that keep secrets: orders, events, dead letters, accounts.
    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if !KEEPERS.contains(&name.as_str()) && entry.file_type().unwrap().is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                self.places.push((name, String::from_utf8_lossy(&bytes).into()));
            }
        }
        let named = |name: &str| self.places.iter().any(|(place, _)| place == name);
        assert!(named("ticketing.db") && named("accounts.db"));
    }

    fn finds_nothing(&self) {
        let mut found = Vec::new();
        for (what, canary) in &self.canaries {
            assert!(canary.len() >= 8, "{what} is too short to be told from anything else");
            for (place, text) in &self.places {
                if let Some(at) = text.find(canary.as_str()) {
                    let from = text.floor_char_boundary(at.saturating_sub(200));
                    let to = text.floor_char_boundary((at + canary.len() + 40).min(text.len()));
                    let around = text.get(from..to).unwrap();
                    found.push(format!("{what} is in {place}: ...{around}..."));
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
