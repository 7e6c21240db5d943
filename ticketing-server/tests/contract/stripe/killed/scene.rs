//! A server process over Postgres, whose money moves at a stand-in, and which dies when a test says so.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use ticketing_core::domain::payment::Payment;
use ticketing_core::domain::refund::RefundState;
use ticketing_core::ports::Storage as _;
use ticketing_postgres::{PostgresConfig, PostgresInspector, PostgresStorage};
use ticketing_stripe_stand_in::{Call, Event, Fault, Ledger, StandIn};
use tokio::sync::Mutex;

use crate::browser::Browser;
use crate::database::{Clocked, in_database, plain};
use crate::program::Program;
use crate::shop::SOON;
use crate::stripe::agreement::Agreement;
use crate::stripe::process_at;

/// Longer than any lease, and than anything is left alone; much shorter than a hold.
const A_WHILE: Duration = Duration::from_secs(65);

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Its call has come to Stripe, and had no effect.
    Asked,
    /// Its call had its effect, and is not answered.
    Done,
    /// Its call is answered, and what comes of that waits to be written.
    Answered,
}

/// A reserved unit of a ticket of its own.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) ticket: String,
    pub(super) order: String,
}

pub(super) struct Scene {
    pub(super) stripe: StandIn,
    agreement: Agreement,
    storage: PostgresStorage,
    clock: Clocked,
    folder: TempDir,
    process: Mutex<Process>,
}

/// What is another one after each kill.
struct Process {
    program: Option<Program>,
    buyer: Browser,
    /// A transaction that the process waits for.
    lock: Option<PgConnection>,
}

impl Scene {
    /// Plays a story. After it, the books are whole and agree with Stripe's ledger.
    pub(super) async fn play(story: impl AsyncFnOnce(&Self)) {
        in_database(async |url| {
            let stripe = StandIn::start().await.unwrap();
            let clock = Clocked::running(url).await;
            let folder = tempfile::tempdir().unwrap();
            let program = process_at(&stripe, url, &folder).await;
            let buyer = program.signs_up("ann").await;
            let storage = PostgresConfig::from_url(url).unwrap().open().await.unwrap();
            let agreement = Agreement::watched(Arc::new(storage.clone()), stripe.clone());
            let process = Mutex::new(Process { program: Some(program), buyer, lock: None });
            let scene = Self { stripe, agreement, storage, clock, folder, process };
            story(&scene).await;
            scene.comes_to_rest().await;
            let program = scene.process.lock().await.program.take().unwrap();
            assert!(program.terminate().await.success());
            scene.storage.close().await;
        })
        .await;
    }

    pub(super) fn buyer(&self) -> Browser {
        self.process.try_lock().expect("nobody kills it meanwhile").buyer.tab()
    }

    pub(super) fn endpoint(&self) -> String {
        let process = self.process.try_lock().expect("nobody kills it meanwhile");
        let address = process.program.as_ref().expect("it runs").address;
        format!("http://{address}/api/webhooks/stripe")
    }

    pub(super) async fn sale(&self) -> Sale {
        let buyer = self.buyer();
        let ticket = buyer.lists("Front row", json!(20)).await;
        let order = buyer.reserves(&ticket).await;
        Sale { ticket, order }
    }

    /// Opens an intent that the buyer's browser confirms. Answers with its name.
    pub(super) async fn opens(&self, sale: &Sale) -> String {
        let opened = json!({ "orderId": sale.order });
        self.buyer().post("/api/payments/intents", opened).await.expect(201);
        self.stripe.ledger().intents.pop().unwrap().id
    }

    /// Pays, and waits until the money is taken.
    pub(super) async fn pays(&self, sale: &Sale) {
        let paid = self.buyer().pays(&sale.order).await;
        assert_eq!(paid["status"], "complete", "{paid}");
        self.comes_to_rest().await;
    }

    /// Has the server asked for something, and brings it to that moment of a call to Stripe.
    pub(super) async fn asks(
        &self,
        sale: &Sale,
        (method, path, body): (Method, String, Value),
        call: Call,
        moment: Moment,
        has_effect: impl Fn(&Ledger) -> bool + Send + Sync,
    ) {
        let asked = self.stripe.calls(call);
        self.stripe.next(
            call,
            match moment {
                Moment::Asked => Fault::SilenceBefore,
                Moment::Done => Fault::SilenceAfter,
                Moment::Answered => Fault::Held,
            },
        );
        let buyer = self.buyer();
        drop(tokio::spawn(async move { buyer.try_json(method, &path, &body).await }));
        self.until("it is asked", async || self.stripe.calls(call) > asked).await;
        if moment == Moment::Asked {
            assert!(!has_effect(&self.stripe.ledger()), "{sale:?}");
            return;
        }
        if moment == Moment::Answered {
            // Before the call has its effect, or somebody else hears of that and writes it down.
            assert!(!has_effect(&self.stripe.ledger()), "{sale:?}");
            let rows = "SELECT 1 FROM ticketing.payments FOR UPDATE;
                        SELECT 1 FROM ticketing.refunds FOR UPDATE";
            self.process.lock().await.lock = Some(self.lock(rows).await);
            self.stripe.let_go();
        }
        self.until("it is done", async || has_effect(&self.stripe.ledger())).await;
        if moment == Moment::Answered {
            self.until_somebody_waits().await;
        }
    }

    /// A transaction that has this locked.
    pub(super) async fn lock(&self, sql: &'static str) -> PgConnection {
        let mut conn = PgConnection::connect(&plain(self.clock.url())).await.unwrap();
        sqlx::raw_sql("BEGIN").execute(&mut conn).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
        conn
    }

    /// Waits until a commit waits for the lock.
    pub(super) async fn until_somebody_waits(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut conn = PgConnection::connect(&plain(self.clock.url())).await.unwrap();
        let waits = async || {
            let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
            waiting > 0
        };
        self.until("a commit waits", waits).await;
        conn.close().await.unwrap();
    }

    /// Kills the process where it is, and starts it again; then everything is settled.
    pub(super) async fn kill_and_start_again(&self) {
        let lock = self.process.lock().await.lock.take();
        self.kill(lock).await;
        self.start_again().await;
    }

    /// Kills the process. What it had sent to the database and is locked out of is not done any more.
    pub(super) async fn kill(&self, lock: Option<PgConnection>) {
        let program = self.process.lock().await.program.take().expect("it runs");
        program.kill().await;
        let Some(lock) = lock else { return };
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.count(sql).await;
        lock.close().await.unwrap();
    }

    pub(super) async fn start_again(&self) {
        self.start().await;
        self.comes_to_rest().await;
    }

    pub(super) async fn start(&self) {
        let program = process_at(&self.stripe, self.clock.url(), &self.folder).await;
        let mut process = self.process.lock().await;
        process.buyer = process.buyer.at(program.address);
        process.program = Some(program);
    }

    /// Time goes on until nothing is left to do; then the books are whole, and agree with Stripe's.
    pub(super) async fn comes_to_rest(&self) {
        for _ in 0..8 {
            if self.rests_soon().await {
                Agreement::assert_none(&self.agreement.broken().await);
                let mut inspector = PostgresInspector::from_url(self.clock.url()).await.unwrap();
                assert_eq!(inspector.verify().await.unwrap(), []);
                return;
            }
            self.stripe.advance(A_WHILE);
            self.clock.advance(A_WHILE).await;
        }
        panic!("it never comes to rest: {:?}", self.stripe.ledger());
    }

    async fn rests_soon(&self) -> bool {
        for _ in 0..30 {
            // What Stripe knows nothing of is in the books alone.
            let open = "SELECT (SELECT count(*) FROM ticketing.payments WHERE next_action_at IS NOT NULL)
                             + (SELECT count(*) FROM ticketing.refunds WHERE next_action_at IS NOT NULL)";
            if self.count(open).await == 0 && self.agreement.is_at_rest().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    pub(super) async fn status(&self, sale: &Sale) -> String {
        let order = self.buyer().order(&sale.order).await;
        order["status"].as_str().unwrap().to_owned()
    }

    pub(super) async fn attempts(&self, sale: &Sale) -> Vec<Payment> {
        self.storage.payments_of(sale.order.parse().unwrap()).await.unwrap()
    }

    /// How the only refund of a sale stands in the books.
    pub(super) async fn refund(&self, sale: &Sale) -> RefundState {
        let payment = self.attempts(sale).await.pop().unwrap().id;
        let refunds = self.storage.refunds_of(payment).await.unwrap();
        let [refund] = <[_; 1]>::try_from(refunds).unwrap();
        refund.state
    }

    /// How many webhooks are kept, and not dealt with.
    pub(super) async fn webhooks(&self) -> i64 {
        self.count("SELECT count(*) FROM ticketing.webhooks WHERE NOT closed").await
    }

    pub(super) async fn delivers(&self, event: &Event) -> Option<u16> {
        self.stripe.deliver(&self.stripe.sign(event), &self.endpoint()).await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let mut conn = PgConnection::connect(&plain(self.clock.url())).await.unwrap();
        let count = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        count
    }

    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, waiting).await.unwrap_or_else(|_late| {
            panic!("it never came to this: {what}: {:?}", self.stripe.ledger())
        });
    }
}
