//! Webhooks get to whoever listens, until they are acknowledged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use ticketing_core::ports::{PaymentGateway, Runtime, WebhookRequest};
use ticketing_core::testing::StepRuntime;
use ticketing_core::testing::builders::START;
use ticketing_local::{Deliveries, NoRuntime, SandboxGateway};
use tokio::sync::mpsc;

use crate::desk::{card, names, opened, to_open, used};

const STEPS: u64 = 100_000;

/// A gateway in memory and a listener that writes down when it was told what.
struct World {
    steps: StepRuntime,
    gateway: SandboxGateway,
    heard: Arc<Mutex<Vec<(Duration, WebhookRequest)>>>,
    /// How many of the next deliveries fail.
    failing: Arc<AtomicUsize>,
    runtime: Arc<dyn Runtime>,
}

impl World {
    fn new() -> Self {
        let steps = StepRuntime::new(1);
        let runtime: Arc<dyn Runtime> = steps.node();
        let builder = SandboxGateway::builder().clock(steps.clock(START));
        let gateway = builder.runtime(Arc::clone(&runtime)).in_memory();
        let (heard, failing) = (Arc::default(), Arc::default());
        Self { steps, gateway, heard, failing, runtime }
    }

    fn listen(&self) -> Deliveries {
        let (heard, failing) = (Arc::clone(&self.heard), Arc::clone(&self.failing));
        let runtime = Arc::clone(&self.runtime);
        let listener = move |webhook: WebhookRequest| {
            heard.lock().unwrap().push((runtime.elapsed(), webhook));
            let fails = |left: usize| left.checked_sub(1);
            let failed = failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok();
            async move { if failed { Err("not now") } else { Ok(()) } }
        };
        self.gateway.deliver_to(listener).unwrap()
    }

    fn use_card(&self, number: u128) {
        self.steps.block_on(used(&self.gateway, number, "tok_visa"), STEPS).unwrap();
    }

    fn run_for(&self, time: Duration) {
        self.steps.run_for(time, STEPS).unwrap();
    }

    /// When webhooks came, in milliseconds, and the number at the end of their names.
    fn heard(&self) -> Vec<(u128, String)> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        let number = |(at, webhook): &(Duration, WebhookRequest)| {
            let notice = self.gateway.read_webhook(webhook, START.plus(*at)).unwrap();
            notice.id.as_str().rsplit_once('_').unwrap().1.to_owned()
        };
        heard.iter().map(|told| (told.0.as_millis(), number(told))).collect()
    }

    fn undelivered(&self) -> usize {
        self.steps.block_on(self.gateway.undelivered(), STEPS).unwrap().unwrap().len()
    }
}

fn told(told: &[(u128, &str)]) -> Vec<(u128, String)> {
    told.iter().map(|(at, number)| (*at, (*number).to_owned())).collect()
}

#[test]
fn what_waited_and_what_comes_is_delivered_once() {
    let world = World::new();
    world.use_card(1);
    let deliveries = world.listen();
    world.run_for(Duration::from_secs(1));
    world.use_card(2);
    world.run_for(Duration::from_hours(1));
    // Lines 1 and 4 open intents, line 3 notes a delivery.
    assert_eq!(world.heard(), told(&[(0, "2"), (1000, "5")]));
    assert_eq!(world.undelivered(), 0);
    drop(deliveries);
}

#[test]
fn what_is_not_taken_comes_again_after_growing_pauses() {
    let world = World::new();
    world.failing.store(11, Ordering::SeqCst);
    let deliveries = world.listen();
    world.use_card(1);
    world.run_for(Duration::from_mins(5));
    let heard = world.heard();
    assert!(heard.iter().all(|(_, number)| number == "2"), "{heard:?}");
    let times: Vec<u128> = heard.iter().map(|(at, _)| *at).collect();
    let pauses: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let growing = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000];
    assert_eq!(pauses, growing);
    assert_eq!(world.undelivered(), 0);

    // Once all is delivered, the next failure is tried again soon.
    world.failing.store(1, Ordering::SeqCst);
    world.use_card(2);
    world.run_for(Duration::from_secs(1));
    let heard = world.heard();
    assert_eq!(heard[1].0 - heard[0].0, 100);
    drop(deliveries);
}

#[test]
fn one_that_is_not_taken_does_not_hold_up_the_others() {
    let world = World::new();
    world.failing.store(1, Ordering::SeqCst);
    for number in 1..=3 {
        world.use_card(number);
    }
    let deliveries = world.listen();
    world.run_for(Duration::from_millis(50));
    world.use_card(4);
    world.run_for(Duration::from_secs(1));
    let heard: Vec<String> = world.heard().into_iter().map(|(_, number)| number).collect();
    assert_eq!(heard, ["2", "4", "6", "10", "2"]);
    drop(deliveries);
}

/// Here each webhook that is taken brings about the next one, so that there is always more.
#[test]
fn what_is_not_taken_comes_again_in_time_while_others_come() {
    let world = World::new();
    world.use_card(1);
    world.use_card(2);
    let (gateway, runtime) = (world.gateway.clone(), Arc::clone(&world.runtime));
    let (heard, calls) = (Arc::clone(&world.heard), AtomicUsize::new(0));
    let busy = move |webhook: WebhookRequest| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        heard.lock().unwrap().push((runtime.elapsed(), webhook));
        let (gateway, runtime) = (gateway.clone(), Arc::clone(&runtime));
        async move {
            if call == 0 {
                return Err("not now");
            }
            runtime.sleep(Duration::from_millis(1)).await;
            used(&gateway, 10 + u128::try_from(call).unwrap(), "tok_visa").await;
            Ok(())
        }
    };
    let deliveries = world.gateway.deliver_to(busy).unwrap();
    world.run_for(Duration::from_secs(1));
    let heard = world.heard();
    let first: Vec<u128> =
        heard.iter().filter(|(_, number)| number == "2").map(|(at, _)| *at).collect();
    assert_eq!(first, [0, 100], "{} webhooks in all", heard.len());
    assert!(heard.len() > 900, "{} webhooks in all", heard.len());
    drop(deliveries);
}

#[test]
fn a_listener_that_never_answers_is_given_up_on() {
    let world = World::new();
    world.use_card(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let deliveries = world.gateway.deliver_to(move |_webhook: WebhookRequest| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Result<(), std::io::Error>>()
    });
    world.run_for(Duration::from_secs(31));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(world.undelivered(), 1);
    drop(deliveries);
}

#[test]
fn deliveries_stop_when_they_are_told_to_and_when_they_are_dropped() {
    let world = World::new();
    let deliveries = world.listen();
    world.use_card(1);
    world.run_for(Duration::from_millis(1));
    world.steps.block_on(deliveries.stop(), STEPS).unwrap();
    assert_eq!(world.steps.tasks(), 0);
    world.use_card(2);
    drop(world.listen());
    world.run_for(Duration::from_hours(1));
    assert_eq!(world.steps.tasks(), 0);
    assert_eq!((world.heard().len(), world.undelivered()), (1, 1));
}

#[test]
fn a_task_does_not_keep_a_gateway_alive() {
    let world = World::new();
    let deliveries = world.listen();
    world.run_for(Duration::from_millis(1));
    drop(world.gateway);
    world.steps.run_for(Duration::from_millis(1), STEPS).unwrap();
    assert_eq!(world.steps.tasks(), 0);
    drop(deliveries);
}

#[test]
fn without_a_runtime_nothing_is_delivered() {
    let gateway = SandboxGateway::new();
    let sink = |_webhook: WebhookRequest| async { Ok::<(), std::io::Error>(()) };
    assert_eq!(gateway.deliver_to(sink).unwrap_err(), NoRuntime);
}

#[tokio::test]
async fn what_nobody_acknowledged_is_delivered_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    let gateway = opened(&path).await.unwrap();
    let intent = used(&gateway, 1, "tok_chargeDeclined").await;
    let (tell, mut heard) = mpsc::unbounded_channel();
    let sink = |tell: mpsc::UnboundedSender<WebhookRequest>| {
        move |webhook: WebhookRequest| {
            let sent = tell.send(webhook);
            async move { sent }
        }
    };
    let deliveries = gateway.deliver_to(sink(tell.clone())).unwrap();
    let first = heard.recv().await.unwrap();
    deliveries.stop().await;
    gateway.confirm(&intent, &card("tok_visa"), "again").await.unwrap();
    gateway.open(&to_open(2)).await.unwrap();
    let waiting = gateway.undelivered().await.unwrap();
    gateway.close().await.unwrap();

    let gateway = opened(&path).await.unwrap();
    let deliveries = gateway.deliver_to(sink(tell)).unwrap();
    let mut later = Vec::new();
    for _ in &waiting {
        later.push(heard.recv().await.unwrap());
    }
    assert_eq!(later, waiting);
    let last = names(&gateway, &later).pop();
    assert_ne!(last, names(&gateway, &[first]).pop());
    deliveries.stop().await;
    gateway.close().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_is_closed_delivers_no_more() {
    let folder = TempDir::new().unwrap();
    let gateway = opened(&folder.path().join("ledger")).await.unwrap();
    let (tell, mut heard) = mpsc::unbounded_channel();
    let sink = move |webhook: WebhookRequest| {
        let sent = tell.send(webhook);
        async move { sent }
    };
    let deliveries = gateway.deliver_to(sink).unwrap();
    used(&gateway, 1, "tok_visa").await;
    assert!(heard.recv().await.is_some());
    gateway.close().await.unwrap();
    assert_eq!(heard.recv().await, None, "the task has ended, and its sink with it");
    deliveries.stop().await;
}
