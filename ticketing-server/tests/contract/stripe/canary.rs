//! Keys, tokens and secrets of Stripe that a whole run uses, and that nobody finds afterwards: not in the
//! log at its most talkative, not in an answer, an error, a metric, an event, a row or a file.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ticketing_stripe_stand_in::{Call, Fault, SignedEvent, StandIn};
use tokio::process::Command;

use crate::browser::{Answer, Browser};
use crate::database::{KEYS, in_database, plain};
use crate::program::{Program, command};
use crate::shop::SOON;

const CARD: &str = "tok_mastercard";
const METHOD: &str = "pm_card_visa_chargeDeclined";
const UNKNOWN: &str = "tok_canary_c2f9e4";
const ASKS: &str = "pm_card_threeDSecure2Required";
/// A secret that webhooks were signed with before.
const OLD_SECRET: &str = "whsec_canary_a81d07";
/// What stands in the database's URL.
const DATABASE_PASSWORD: &str = "VerySecret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_over_files_gives_no_key_and_no_token_away() {
    let search = run(None).await;
    search.finds_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_over_postgres_gives_no_key_and_no_token_away() {
    in_database(async |url| {
        let mut search = run(Some(url)).await;
        search.rows(url).await;
        search.canaries.push(DATABASE_PASSWORD.to_owned());
        search.finds_nothing();
    })
    .await;
}

/// What must not be found, what must be, and where both are looked for.
struct Search {
    canaries: Vec<String>,
    /// An order that every kind of place tells of: what can't be found there was not looked at.
    order: String,
    places: Vec<(String, String)>,
}

/// A server, its keys, and where it keeps its books.
struct Setting<'a> {
    stripe: &'a StandIn,
    folder: &'a Path,
    key_file: &'a Path,
    database: Option<&'a str>,
}

impl Setting<'_> {
    fn command(&self) -> Command {
        let mut command = command(self.folder);
        command
            .env("TICKETING_PAYMENTS", format!("stripe:{}", self.stripe.url()))
            .env("TICKETING_STRIPE_SECRET_KEY_FILE", self.key_file)
            .env("TICKETING_STRIPE_PUBLISHABLE_KEY", self.stripe.publishable_key())
            .env(
                "TICKETING_STRIPE_WEBHOOK_SECRETS",
                format!("{},{OLD_SECRET}", self.stripe.webhook_secret()),
            );
        if let Some(url) = self.database {
            command.env("TICKETING_DATABASE", url).env("TICKETING_SESSION_KEYS", KEYS);
        }
        command
    }

    /// What a command of the program says, and whether it is content.
    async fn says(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.command();
        let ran = command.args(arguments).kill_on_drop(true).output();
        let ran = tokio::time::timeout(SOON, ran).await.unwrap().unwrap();
        let said = [ran.stdout, ran.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        (ran.status.success(), said.concat())
    }
}

/// Sells, fails and is told off with everything secret that there is.
async fn run(database: Option<&str>) -> Search {
    let stripe = StandIn::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_file.path(), stripe.secret_key()).unwrap();
    let setting =
        Setting { stripe: &stripe, folder: folder.path(), key_file: key_file.path(), database };
    let canaries = [stripe.secret_key(), stripe.webhook_secret(), OLD_SECRET];
    let cards = [CARD, METHOD, UNKNOWN, ASKS];
    let canaries = canaries.iter().chain(&cards).map(|canary| (*canary).to_owned()).collect();
    let mut search = Search { canaries, order: String::new(), places: Vec::new() };
    let program = Program::started(setting.command().args(["--log", "trace"])).await;
    search.sell(&program, &stripe).await;
    search.quarrel(&program, &stripe).await;
    let (content, said) = setting.says(&["check"]).await;
    assert!(content && said.contains("payments: it answers"), "{said}");
    search.place("check", said);
    for arguments in [["admin", "stuck"], ["admin", "verify"]] {
        let (content, said) = setting.says(&arguments).await;
        assert!(content, "{said}");
        search.place("admin", said);
    }
    let (ended, log) = program.terminate_and_tell().await;
    assert!(ended.success());
    assert!(log.contains("\"level\":\"TRACE\"") && log.contains("hyper"), "the log says little");
    search.place("the log", log);
    search.files(folder.path());
    // A key that Stripe does not take is told of, and not shown.
    let wrong = "sk_test_canary_5b0c93";
    std::fs::write(key_file.path(), wrong).unwrap();
    let (content, said) = setting.says(&["check"]).await;
    assert!(!content && said.contains("payments"), "{said}");
    search.place("check with a wrong key", said);
    search.canaries.push(wrong.to_owned());
    search
}

impl Search {
    fn place(&mut self, what: &str, text: String) {
        self.places.push((what.to_owned(), text));
    }

    async fn post(&mut self, browser: &Browser, path: &str, body: Value, status: u16) -> Answer {
        let answer = browser.post(path, body).await.expect(status);
        self.place("an answer", format!("{:?}{}", answer.headers, answer.text));
        answer
    }

    /// Sells with good and bad cards, and at a browser.
    async fn sell(&mut self, program: &Program, stripe: &StandIn) {
        let browser = program.signs_up("ada").await;
        let ticket = browser.lists_many("Seats", json!(20), 9).await;
        self.order = browser.reserves(&ticket).await;
        let path = format!("/api/orders/{}", self.order);
        for (token, status) in [(UNKNOWN, 402), (METHOD, 402), (CARD, 201)] {
            let body = json!({ "orderId": self.order, "token": token });
            self.post(&browser, "/api/payments", body, status).await;
            if status == 402 {
                browser.sees(&path, |order| order["status"] == "created").await;
            }
        }
        let other = browser.reserves(&ticket).await;
        let opened = json!({ "orderId": other });
        let opened = browser.post("/api/payments/intents", opened).await.expect(201).json();
        // The buyer's browser is given it; nobody else is.
        self.canaries.push(opened["clientSecret"].as_str().unwrap().to_owned());
        let asked = browser.reserves(&ticket).await;
        let body = json!({ "orderId": asked, "token": ASKS });
        let asked = browser.post("/api/payments", body).await.expect(201).json();
        self.canaries.push(asked["clientSecret"].as_str().unwrap().to_owned());
        deliver_all(program, stripe).await;
        let mut orders = browser.watch(&format!("{path}/live")).await.unwrap();
        let (name, told) = orders.next().await.unwrap();
        self.place("a stream", format!("{name} {told}"));
        let refund = format!("{path}/refund");
        let refunded = async {
            // Until the capture is written down.
            while browser.post(&refund, json!({ "amount": 5 })).await.status.as_u16() != 201 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, refunded).await.unwrap();
        for path in ["/metrics", "/api/orders", path.as_str(), "/readyz"] {
            let answer = browser.get(path).await.expect(200);
            self.place("an answer", format!("{:?}{}", answer.headers, answer.text));
        }
        let page = browser.get(&format!("/orders/{}", self.order)).await.expect(200);
        self.place("a page", page.text);
    }

    /// What goes wrong is told of: by Stripe, by the way to it, and by who forges its webhooks.
    async fn quarrel(&mut self, program: &Program, stripe: &StandIn) {
        let browser = program.signs_up("ben").await;
        let ticket = browser.lists_many("Seats", json!(20), 9).await;
        for (call, fault) in [
            (Call::Create, Fault::ErrorBefore),
            (Call::Confirm, Fault::ErrorAfter),
            (Call::Confirm, Fault::CutAfter),
            (Call::Capture, Fault::CutBefore),
            (Call::Method, Fault::ErrorBefore),
        ] {
            let order = browser.reserves(&ticket).await;
            stripe.next(call, fault);
            let body = json!({ "orderId": order, "token": CARD });
            let answer = browser.post("/api/payments", body).await;
            self.place("an answer", format!("{:?}{}", answer.headers, answer.text));
        }
        let event = json!({ "id": "evt_1", "type": "payment_intent.succeeded", "livemode": false,
            "data": { "object": { "id": "pi_1" } } });
        let body = event.to_string().into_bytes();
        for (secret, status) in
            [("whsec_somebody", 400), (OLD_SECRET, 200), (stripe.webhook_secret(), 200)]
        {
            let signed = SignedEvent::sign(body.clone(), secret, stripe.now());
            let headers = [("stripe-signature", signed.signature.as_str())];
            let path = "/api/webhooks/stripe";
            let answer = browser.send(axum::http::Method::POST, path, &headers, signed.body.into());
            let answer = answer.await.expect(status);
            self.place("an answer", format!("{:?}{}", answer.headers, answer.text));
        }
        let card = json!({ "orderId": CARD, "token": { "card": CARD } });
        let odd = browser.post("/api/payments", card).await.expect(400);
        self.place("an answer", odd.text);
    }

    /// Every file but the one that keeps the keys of sessions.
    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() && entry.file_name() != "session.keys" {
                let bytes = std::fs::read(entry.path()).unwrap();
                self.place("a file", String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }

    /// Every row of every table: orders, payments, events, webhooks, keys, accounts, and all others.
    async fn rows(&mut self, url: &str) {
        let mut conn = PgConnection::connect(&plain(url)).await.unwrap();
        let tables = "SELECT format('%I.%I', table_schema, table_name)
                      FROM information_schema.tables WHERE table_type = 'BASE TABLE'
                       AND table_schema NOT IN ('pg_catalog', 'information_schema')";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut conn).await.unwrap();
        for table in &tables {
            let all = format!("SELECT row_to_json(it)::text FROM {table} it");
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(&mut conn).await.unwrap();
            let told = |name: &str| !table.ends_with(name) || rows.len() > 2;
            assert!(["payments", "events", "webhooks"].into_iter().all(told), "{table}: {rows:?}");
            self.place(table, rows.join("\n"));
        }
        conn.close().await.unwrap();
        assert!(tables.iter().any(|table| table == "ticketing.events"), "{tables:?}");
        assert!(self.tells("ticketing.events") && self.tells("ticketing.payments"));
    }

    /// Whether the order is found there, so that a canary would be.
    fn tells(&self, place: &str) -> bool {
        self.places.iter().any(|(known, text)| known == place && text.contains(&self.order))
    }

    fn finds_nothing(&self) {
        for place in ["an answer", "a stream", "a page", "the log"] {
            assert!(self.tells(place), "{place} tells nothing");
        }
        for canary in &self.canaries {
            assert!(canary.len() >= 8, "too short to be told from anything else");
            // Rows show bytes like this.
            let bytes = hex::encode(canary);
            for (place, text) in &self.places {
                let found = text.contains(canary) || text.contains(&bytes);
                assert!(!found, "{canary} is in {place}");
            }
        }
    }
}

async fn deliver_all(program: &Program, stripe: &StandIn) {
    let endpoint = format!("http://{}/api/webhooks/stripe", program.address);
    for event in stripe.take_events() {
        assert_eq!(stripe.deliver(&stripe.sign(&event), &endpoint).await, Some(200));
    }
}
