//! A server process that is killed while it sells: what was answered is there, the rest happened or
//! did not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::memory::Ledger;
use ticketing_server::{Config, Server};
use tokio::sync::Notify;

use crate::browser::Browser;
use crate::program::{Program, command};
use crate::shop::{SOON, VISA};

/// What a buyer was told, by order.
type Told = BTreeMap<String, &'static str>;

/// Answered commands before the process is killed, one number for each round.
const ROUNDS: [usize; 5] = [40, 7, 90, 23, 61];

/// What buyers of one round have in common.
#[derive(Debug, Default)]
struct Round {
    answered: AtomicUsize,
    over: AtomicBool,
    enough: Notify,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    let seller = program.signs_up("seller").await;
    let ticket = seller.lists_many("Seats", json!("19.99"), 5_000).await;
    let mut buyers = Vec::new();
    for number in 0..8 {
        buyers.push(program.signs_up(&format!("buyer-{number}")).await);
    }
    let mut running = Some(program);
    let mut told: Vec<Told> = vec![Told::new(); buyers.len()];
    for answers in ROUNDS {
        let program = running.take().unwrap();
        let address = program.address;
        let now: Vec<Browser> = buyers.iter().map(|buyer| buyer.at(address)).collect();
        told = buy_until_killed(program, now, &ticket, told, answers).await;
        let program = Program::start(folder.path(), &[]).await;
        for (buyer, told) in buyers.iter().zip(&told) {
            remembers(&buyer.at(program.address), told).await;
        }
        running = Some(program);
    }
    let program = running.unwrap();
    books_agree(&seller.at(program.address), &ticket, &buyers, &program).await;
    assert!(program.terminate().await.success());
    verified(folder.path()).await;
    money_agrees(folder.path(), &buyers).await;
    verified(folder.path()).await;
}

/// Buyers reserve, pay and cancel, until so many commands were answered.
async fn buy_until_killed(
    program: Program,
    buyers: Vec<Browser>,
    ticket: &str,
    told: Vec<Told>,
    answers: usize,
) -> Vec<Told> {
    let round = Arc::new(Round::default());
    let buying: Vec<_> = buyers
        .into_iter()
        .zip(told)
        .enumerate()
        .map(|(number, (buyer, told))| {
            let (round, ticket) = (Arc::clone(&round), ticket.to_owned());
            tokio::spawn(async move { buy(&round, answers, number, &buyer, &ticket, told).await })
        })
        .collect();
    tokio::time::timeout(SOON, round.enough.notified()).await.expect("nothing is answered");
    program.kill().await;
    round.over.store(true, Ordering::SeqCst);
    let mut all = Vec::new();
    for buyer in buying {
        all.push(buyer.await.unwrap());
    }
    all
}

async fn buy(
    round: &Round,
    answers: usize,
    number: usize,
    buyer: &Browser,
    ticket: &str,
    mut told: Told,
) -> Told {
    while !round.over.load(Ordering::SeqCst) {
        let wanted = json!({ "ticketId": ticket });
        let Some((201, order)) = attempt(buyer, Method::POST, "/api/orders", &wanted).await else {
            continue;
        };
        round.count(answers);
        let order = order["id"].as_str().unwrap().to_owned();
        told.insert(order.clone(), "reserved");
        if told.len() % 5 == number % 5 {
            let path = format!("/api/orders/{order}");
            if let Some((204, _)) = attempt(buyer, Method::DELETE, &path, &json!({})).await {
                round.count(answers);
                told.insert(order, "cancelled");
            } else {
                told.insert(order, "anything");
            }
            continue;
        }
        let paid = json!({ "orderId": order, "token": VISA });
        match attempt(buyer, Method::POST, "/api/payments", &paid).await {
            Some((201, payment)) if payment["status"] == "complete" => {
                round.count(answers);
                told.insert(order, "complete");
            }
            _ => drop(told.insert(order, "anything")),
        }
    }
    told
}

/// What was answered; nothing when the process died before it answered.
async fn attempt(
    buyer: &Browser,
    method: Method,
    path: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let answer = buyer.try_json(method, path, body).await?;
    let body = serde_json::from_str(&answer.text).unwrap_or_default();
    Some((answer.status.as_u16(), body))
}

impl Round {
    fn count(&self, answers: usize) {
        if self.answered.fetch_add(1, Ordering::SeqCst) + 1 == answers {
            self.enough.notify_one();
        }
    }
}

/// After the restart each order reads as its buyer was told.
async fn remembers(buyer: &Browser, told: &Told) {
    for (order, told) in told {
        let order = buyer.order(order).await;
        let status = order["status"].as_str().unwrap();
        let fits = match *told {
            "complete" => status == "complete",
            "cancelled" => status == "cancelled",
            "reserved" => status == "created",
            _ => true,
        };
        assert!(fits, "told {told}, and now: {order}");
    }
}

/// Units, orders and money add up once everything that was under way has settled.
async fn books_agree(seller: &Browser, ticket: &str, buyers: &[Browser], program: &Program) {
    let settled = async {
        loop {
            let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
            for buyer in buyers {
                for order in orders_of(&buyer.at(program.address)).await {
                    *by_status.entry(order["status"].as_str().unwrap().to_owned()).or_default() +=
                        1;
                }
            }
            let units = seller.ticket(ticket).await;
            let count = |status: &str| by_status.get(status).copied().unwrap_or(0);
            let held = count("created") + count("awaiting:payment");
            let agree = units["sold"] == json!(count("complete")) && units["held"] == json!(held);
            if agree && count("awaiting:payment") == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // An attempt that nobody can finish is voided after a minute.
    tokio::time::timeout(Duration::from_mins(2), settled).await.expect("the books never agreed");
}

/// The gateway holds the price of each complete order, once, and nothing of the others. The server is
/// started within the test for that, on the same files: nobody else may look into its ledger.
async fn money_agrees(folder: &Path, buyers: &[Browser]) {
    let server = Server::start(Config::in_folder(folder)).await.unwrap();
    let mut complete = BTreeSet::new();
    for buyer in buyers {
        let orders = orders_of(&buyer.at(server.address())).await.into_iter();
        let paid = orders.filter(|order| order["status"] == "complete");
        complete.extend(paid.map(|order| order["id"].as_str().unwrap().to_owned()));
    }
    assert!(complete.len() > 20, "nobody has paid: {}", complete.len());
    let agreement = async {
        while !ledger_agrees(&server.sandbox().unwrap().ledger(), &complete) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // What was authorized when the process died is captured or voided by whoever comes next.
    let agreed = tokio::time::timeout(Duration::from_mins(1), agreement).await;
    agreed.unwrap_or_else(|_| panic!("{:#?}", server.sandbox().unwrap().ledger()));
    server.shutdown().await;
}

/// Whether what was captured is what is complete, and nothing is left in between.
fn ledger_agrees(ledger: &Ledger, complete: &BTreeSet<String>) -> bool {
    let mut captured = BTreeSet::new();
    for intent in &ledger.intents {
        let order = intent.opened.order.to_string();
        match intent.status {
            IntentStatus::Captured => {
                assert_eq!((intent.captured.minor(), intent.refunded.minor()), (1999, 0));
                assert!(captured.insert(order.clone()), "{order} was charged twice");
            }
            IntentStatus::Gone => assert_eq!(intent.captured.minor(), 0, "{intent:?}"),
            IntentStatus::NeedsMethod { .. }
            | IntentStatus::NeedsAction
            | IntentStatus::Processing
            | IntentStatus::Authorized => return false,
        }
    }
    captured == *complete
}

async fn orders_of(buyer: &Browser) -> Vec<Value> {
    let mut orders = Vec::new();
    let mut next = Some("/api/orders".to_owned());
    while let Some(path) = next {
        let page = buyer.get(&path).await.expect(200);
        orders.extend(page.json().as_array().unwrap().clone());
        let link = page.header("link").and_then(|link| link.split_once('>'));
        next = link.map(|(path, _)| path.trim_start_matches('<').to_owned());
    }
    orders
}

/// The invariants hold in the file.
async fn verified(folder: &Path) {
    let verified = command(folder).args(["admin", "verify"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{said}");
}
