//! Two server processes that sell from one Postgres database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::browser::{Answer, Browser};
use crate::database::{KEYS, in_database, plain};
use crate::program::{Program, command};
use crate::shop::SOON;

/// How many want a unit, each over a connection of its own.
const CALLERS: usize = 10_000;
/// How many of them ask at the same time: more than both servers together take in.
const AT_ONCE: usize = 1_000;
const UNITS: usize = 1_000;
/// Whose callers they are.
const PEOPLE: usize = 10;

/// How many want both of two tickets, half of them in the one order and half in the other.
const CROSSING: usize = 400;
const PAIRS: usize = 150;

/// How often a caller asks again who was told that the server has too much to do.
const TRIES: usize = 60;

/// Longer than all time limits of the database.
const STOPPED_FOR: Duration = Duration::from_secs(8);
/// With `TICKETING_LONG=1`.
const STOPPED_FOR_LONG: Duration = Duration::from_mins(1);
/// How long the database lets a stopped process keep what it has locked, and some more.
const LOCKED_MAX: Duration = Duration::from_secs(9);

/// A server process with files of its own, and everything else in the database.
struct Server {
    program: Program,
    _folder: TempDir,
}

impl Server {
    async fn start(database: &str, hold: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path());
        command.env("TICKETING_DATABASE", database).env("TICKETING_SESSION_KEYS", KEYS);
        command.args(["--address-connections", "10000", "--hold", hold]);
        Self { program: Program::started(&mut command).await, _folder: folder }
    }

    /// The same person at this server.
    fn of(&self, person: &Browser) -> Browser {
        person.at(self.program.address)
    }
}

async fn both(database: &str, hold: &str) -> [Server; 2] {
    [Server::start(database, hold).await, Server::start(database, hold).await]
}

async fn people(server: &Server, number: usize) -> Vec<Browser> {
    let mut people = Vec::new();
    for number in 0..number {
        people.push(server.program.signs_up(&format!("buyer-{number}")).await);
    }
    people
}

async fn end(servers: [Server; 2]) {
    for server in servers {
        assert!(server.program.terminate().await.success());
    }
}

/// Reserves, and asks again as long as the server has too much to do.
async fn reserves(caller: &Browser, wanted: &Value) -> Answer {
    for _ in 0..TRIES {
        let answer = caller.post("/api/orders", wanted.clone()).await;
        if answer.status.as_u16() != 503 {
            return answer;
        }
        let seconds = answer.header("retry-after").expect("when to try again").parse().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    panic!("the server never has time");
}

/// What callers are told: their orders, and how many were refused.
async fn all_ask(callers: Vec<(Browser, Value)>) -> (BTreeSet<String>, usize) {
    let asking = callers
        .into_iter()
        .map(|(caller, wanted)| tokio::spawn(async move { reserves(&caller, &wanted).await }));
    let answers: Vec<_> =
        futures_util::stream::iter(asking).buffer_unordered(AT_ONCE).collect().await;
    let (mut orders, mut refused) = (BTreeSet::new(), 0);
    for answer in answers {
        let answer = answer.unwrap();
        if answer.status.as_u16() == 201 {
            assert!(orders.insert(answer.id()), "one order for two: {answer:?}");
        } else {
            answer.expect_errors(400, &[("Ticket is already reserved", None)]);
            refused += 1;
        }
    }
    (orders, refused)
}

/// The orders in the database.
async fn stored(database: &str) -> BTreeSet<String> {
    let mut conn = PgConnection::connect(&plain(database)).await.unwrap();
    let all = sqlx::query_scalar("SELECT id::text FROM ticketing.orders").fetch_all(&mut conn);
    let all: Vec<String> = all.await.unwrap();
    conn.close().await.unwrap();
    all.into_iter().collect()
}

/// What must always hold does.
async fn verified(database: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.env("TICKETING_DATABASE", database).args(["admin", "verify"]).kill_on_drop(true);
    let ran = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("rules checked, 0 findings"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_at_two_processes_get_a_thousand_units() {
    in_database(async |database| {
        let servers = both(database, "15m").await;
        let seller = servers[0].program.signs_up("seller").await;
        let ticket = seller.lists_many("Seats", json!(20), u32::try_from(UNITS).unwrap()).await;
        let people = people(&servers[0], PEOPLE).await;
        let callers = people.iter().cycle().zip(servers.iter().cycle().skip(1)).take(CALLERS);
        let callers =
            callers.map(|(person, server)| (server.of(person), json!({ "ticketId": ticket })));
        let began = Instant::now();
        let (orders, refused) = all_ask(callers.collect()).await;
        println!("{CALLERS} callers were answered in {:?}", began.elapsed());
        assert_eq!((orders.len(), refused), (UNITS, CALLERS - UNITS));

        for server in &servers {
            let left = server.of(&seller).ticket(&ticket).await;
            assert_eq!((&left["available"], &left["held"]), (&json!(0), &json!(UNITS)), "{left}");
        }
        assert_eq!(stored(database).await, orders, "nobody has an order that nobody was told of");
        verified(database).await;
        end(servers).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_cross_at_two_processes_bring_nobody_a_deadlock() {
    in_database(async |database| {
        let servers = both(database, "15m").await;
        let seller = servers[0].program.signs_up("seller").await;
        let pairs = u32::try_from(PAIRS).unwrap();
        let mut tickets = Vec::new();
        for title in ["Seats", "Meals"] {
            tickets.push(seller.lists_many(title, json!(20), pairs).await);
        }
        let people = people(&servers[0], PEOPLE).await;
        let line = |ticket: &String| json!({ "ticketId": ticket, "quantity": 1 });
        let forth: Vec<Value> = tickets.iter().map(line).collect();
        let back: Vec<Value> = tickets.iter().rev().map(line).collect();
        let callers = (0..CROSSING).map(|number| {
            let lines = if number % 2 == 0 { &forth } else { &back };
            // Each server has callers of both kinds.
            let server = &servers[number / 2 % 2];
            (server.of(&people[number % PEOPLE]), json!({ "lines": lines }))
        });
        let (orders, refused) = all_ask(callers.collect()).await;
        assert_eq!((orders.len(), refused), (PAIRS, CROSSING - PAIRS));
        for ticket in &tickets {
            let left = seller.ticket(ticket).await;
            assert_eq!((&left["available"], &left["held"]), (&json!(0), &json!(PAIRS)), "{left}");
        }
        verified(database).await;
        end(servers).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_that_ended_at_one_process_is_refused_at_the_other() {
    in_database(async |database| {
        let servers = both(database, "15m").await;
        let member = servers[0].program.signs_up("member").await;
        let elsewhere = servers[1].of(&member);
        assert_eq!(member.me().await, elsewhere.me().await);

        let signed_out = Instant::now();
        member.post("/api/users/signout", json!({})).await.expect(200);
        elsewhere.sees("/api/users/currentuser", |seen| seen["currentUser"].is_null()).await;
        elsewhere.post("/api/tickets", json!({ "title": "A", "price": 1 })).await.expect(401);
        let took = signed_out.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        println!("refused everywhere after {took:?}");
        end(servers).await;
    })
    .await;
}

/// What buyers of one server saw.
#[derive(Debug, Default)]
struct Sales {
    answered: AtomicUsize,
    over: AtomicBool,
}

impl Sales {
    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// Waits for so many more answers.
    async fn go_on(&self, more: usize, patience: Duration) {
        let (begun, wanted) = (Instant::now(), self.answered() + more);
        while self.answered() < wanted {
            assert!(begun.elapsed() < patience, "no {more} answers in {patience:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Reserves and cancels until it is over. Answers the orders that it was told of.
async fn buys(buyer: Browser, ticket: String, sales: Arc<Sales>) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    while !sales.over.load(Ordering::SeqCst) {
        let wanted = json!({ "ticketId": ticket });
        let answer = buyer.at_last(Method::POST, "/api/orders", &wanted).await;
        // Who waits for what somebody else has locked may be told that there is no time.
        if answer.status.as_u16() == 503 {
            continue;
        }
        let order = answer.expect(201).id();
        sales.answered.fetch_add(1, Ordering::SeqCst);
        // Half of them are left to their deadline.
        if told.len() % 2 == 0 {
            let path = format!("/api/orders/{order}");
            let answer = buyer.at_last(Method::DELETE, &path, &json!({})).await;
            assert!([204, 503].contains(&answer.status.as_u16()), "{answer:?}");
        }
        told.insert(order);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stands_still_holds_the_other_up_for_seconds_only() {
    in_database(async |database| {
        let [stops, goes_on] = both(database, "2s").await;
        let seller = stops.program.signs_up("seller").await;
        let ticket = seller.lists_many("Seats", json!("19.99"), 100_000).await;
        let sales: [Arc<Sales>; 2] = Default::default();
        let mut buying = Vec::new();
        for (number, person) in people(&stops, PEOPLE).await.into_iter().enumerate() {
            let (server, sales) = ([&stops, &goes_on][number % 2], Arc::clone(&sales[number % 2]));
            buying.push(tokio::spawn(buys(server.of(&person), ticket.clone(), sales)));
        }
        for sales in &sales {
            sales.go_on(100, SOON).await;
        }
        let left_over = stops.of(&seller).reserves(&ticket).await;
        let path = format!("/api/orders/{left_over}");

        stops.program.signal("STOP").await;
        let stopped = Instant::now();
        let is_long = std::env::var("TICKETING_LONG").is_ok_and(|long| long == "1");
        let lasts = if is_long { STOPPED_FOR_LONG } else { STOPPED_FOR };
        let mut longest = Duration::ZERO;
        while stopped.elapsed() < lasts {
            let begun = Instant::now();
            sales[1].go_on(1, LOCKED_MAX).await;
            longest = longest.max(begun.elapsed());
        }
        // Deadlines that the stopped one was to watch are watched by the other.
        goes_on.of(&seller).sees(&path, |order| order["cancelReason"] == "expired").await;
        let lasted = stopped.elapsed();
        println!("stopped for {lasted:?}: the longest without a sale elsewhere was {longest:?}");

        stops.program.signal("CONT").await;
        let woken = Instant::now();
        sales[0].go_on(100, SOON).await;
        println!("it sells again {:?} after it was woken", woken.elapsed());
        let mut told = BTreeSet::new();
        for sales in &sales {
            sales.over.store(true, Ordering::SeqCst);
        }
        for buying in buying {
            told.extend(buying.await.unwrap());
        }
        let units = |seen: &Value| (seen["held"].clone(), seen["available"].clone());
        let all_back = (json!(0), json!(100_000));
        goes_on
            .of(&seller)
            .sees(&format!("/api/tickets/{ticket}"), |it| units(it) == all_back)
            .await;
        let lost: Vec<String> = told.difference(&stored(database).await).cloned().collect();
        assert!(lost.is_empty(), "told, and not there: {lost:?}");
        verified(database).await;
        end([stops, goes_on]).await;
    })
    .await;
}
