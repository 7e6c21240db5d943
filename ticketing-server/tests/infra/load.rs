//! Buyers who never stop, and who notice everything that goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::browser::{Answer, Browser};
use crate::cluster::Cluster;
use crate::habits::VISA;
use crate::shop::SOON;

/// How many buy at the same time.
const BUYERS: usize = 4;
/// How many units there are of what each of them buys: more than can be sold in the time. It is not one
/// ticket for all, since two processes that sell the same one may tell a caller to try again, see
/// `ticketing-postgres`; here every failure is the deployment's.
const UNITS: u32 = 100_000;
/// What one of them costs, in minor units.
const PRICE: i64 = 1999;

/// Orders, and what their buyers were told last.
type Told = BTreeMap<String, &'static str>;

/// A sale that is under way.
pub(crate) struct Sale {
    seller: Browser,
    tickets: Vec<String>,
    seen: Arc<Seen>,
    buying: Vec<JoinHandle<Told>>,
    /// A page that shows what is left, live.
    looking: JoinHandle<usize>,
}

/// What all buyers saw.
#[derive(Debug, Default)]
struct Seen {
    answered: AtomicUsize,
    over: AtomicBool,
}

impl Sale {
    /// Lists something, and sends buyers for it.
    pub(crate) async fn begin(cluster: &Cluster) -> Self {
        let seller = cluster.member("seller").await;
        let seen = Arc::new(Seen::default());
        let (mut tickets, mut buying) = (Vec::new(), Vec::new());
        for number in 0..BUYERS {
            let buyer = cluster.member(&format!("buyer-{number}")).await;
            let ticket = seller.lists_many("Seats", json!("19.99"), UNITS).await;
            tickets.push(ticket.clone());
            let seen = Arc::clone(&seen);
            buying.push(tokio::spawn(async move { buy(&buyer, &ticket, &seen).await }));
        }
        let looking = tokio::spawn(look(cluster.visitor(), tickets[0].clone(), Arc::clone(&seen)));
        Self { seller, tickets, seen, buying, looking }
    }

    /// Waits until so many more requests were answered.
    pub(crate) async fn goes_on(&self, answers: usize) {
        let (began, wanted) = (Instant::now(), self.seen.answered() + answers);
        while self.seen.answered() < wanted {
            assert!(began.elapsed() < SOON, "no {answers} answers within {SOON:?}");
            self.stands().await;
        }
    }

    /// Waits for so long, with the sale going on all the time.
    pub(crate) async fn lasts(&self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.goes_on(1).await;
        }
    }

    /// Nobody has given up yet.
    async fn stands(&self) {
        assert!(self.buying.iter().all(|one| !one.is_finished()), "a buyer saw something wrong");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    /// Ends it, and compares: what buyers were told is stored, the units add up, and the gateway has the
    /// price of each complete order, once, and nothing else. Answers what was sold, in words.
    pub(crate) async fn end(self, cluster: &Cluster) -> String {
        self.seen.over.store(true, Ordering::SeqCst);
        let mut told = Told::new();
        for buying in self.buying {
            told.extend(buying.await.expect("a buyer saw something wrong"));
        }
        let shown = self.looking.await.expect("the live page saw something wrong");
        let count = |wanted: &str| told.values().filter(|status| **status == wanted).count();
        let (complete, cancelled) = (count("complete"), count("cancelled"));
        assert!(complete > 0 && cancelled > 0 && shown > 0, "nobody bought anything");
        let stored = cluster.substitutes.orders().await;
        let as_told = stored.iter().map(|(order, status)| (&**order, &**status));
        let all: Vec<(&str, &str)> = told.iter().map(|(order, told)| (&**order, *told)).collect();
        assert_eq!(as_told.collect::<Vec<_>>(), all, "stored, and told");
        let mut sold = 0;
        for ticket in &self.tickets {
            let path = format!("/api/tickets/{ticket}");
            let settled = self.seller.sees(&path, |it| it["held"] == json!(0)).await;
            sold += settled["sold"].as_u64().unwrap();
        }
        assert_eq!(sold, u64::try_from(complete).unwrap());
        money_agrees(cluster, complete).await;
        books_hold(cluster).await;
        format!("{complete} bought, {cancelled} given back, {shown} numbers shown live")
    }
}

/// What must always hold does, as the program itself checks it in a pod.
async fn books_hold(cluster: &Cluster) {
    let mut container = cluster.roles["orders"].container.clone();
    container.arguments = vec!["admin".to_owned(), "verify".to_owned()];
    let told = crate::pod::run_to_the_end(&container, &cluster.substitutes).await;
    assert!(told.contains(" rules checked, 0 findings"), "{told}");
}

/// Waits until what was authorized is taken.
async fn money_agrees(cluster: &Cluster, complete: usize) {
    let began = Instant::now();
    loop {
        let charges = cluster.substitutes.stripe.ledger().charges;
        let taken: Vec<i64> = charges.iter().map(|it| it.captured - it.refunded).collect();
        if taken.len() == complete && taken.iter().all(|sum| *sum == PRICE) {
            return;
        }
        assert!(taken.len() <= complete, "{} charges for {complete} orders", taken.len());
        assert!(began.elapsed() < SOON, "not taken: {charges:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Seen {
    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    /// One more answer, with the status that it must have: no failure of any kind is forgiven.
    fn note(&self, answer: Answer, status: u16) -> Answer {
        let answer = answer.expect(status);
        self.answered.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

/// Reserves, then pays, looks, or gives back, as long as the sale goes on.
async fn buy(buyer: &Browser, ticket: &str, seen: &Seen) -> Told {
    let mut told = Told::new();
    while seen.goes_on() {
        seen.note(buyer.get("/api/users/currentuser").await, 200);
        seen.note(buyer.get("/").await, 200);
        let wanted = json!({ "ticketId": ticket });
        let order = seen.note(buyer.post("/api/orders", wanted).await, 201).id();
        let path = format!("/api/orders/{order}");
        if told.len() % 3 == 2 {
            seen.note(buyer.send(Method::DELETE, &path, &[], "".into()).await, 204);
            told.insert(order, "cancelled");
            continue;
        }
        let pay = json!({ "orderId": order, "token": VISA });
        let paid = seen.note(buyer.post("/api/payments", pay).await, 201).json();
        assert_eq!(paid["status"], "complete", "{paid}");
        let shown = seen.note(buyer.get(&path).await, 200).json();
        assert_eq!(shown["status"], "complete", "{shown}");
        told.insert(order, "complete");
    }
    told
}

/// Looks at a live page, and opens it again when its server ends. Answers how many numbers it showed.
async fn look(visitor: Browser, ticket: String, seen: Arc<Seen>) -> usize {
    let path = format!("/api/tickets/live?ids={ticket}");
    let mut shown = 0;
    while seen.goes_on() {
        let mut stream = visitor.watch(&path).await.expect("a stream");
        while let Some((name, units)) = stream.next().await {
            if name == "availability" {
                assert_ne!(units[0]["available"], Value::Null, "{units}");
                shown += 1;
            }
            if !seen.goes_on() {
                return shown;
            }
        }
    }
    shown
}
