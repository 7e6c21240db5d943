//! Bad days of the server, seen from the bus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions, QueuePurgeOptions};
use ticketing_core::ports::{EventBus, PortErrorKind, Subscription, chain};
use ticketing_core::testing::traffic::{Traffic, an_event_of_nobodys as an_event};
use ticketing_rabbitmq::{OpenError, RabbitBus};

use crate::server::Server;

/// How many events must have come before something goes wrong, and after it.
const MUCH: usize = 200;
/// How long it may take until events come again after the server is back.
const BACK: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_mins(1);

async fn two(server: &Server) -> [Arc<dyn EventBus>; 2] {
    [Arc::new(server.bus().await), Arc::new(server.bus().await)]
}

/// Nobody's connection ends, so returned events tell publishers, and a cancelled consumer a group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_deleted_is_declared_anew() {
    let server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    traffic.goes_on(MUCH, SOON).await;
    let (_connection, channel) = server.channel().await;
    for queue in ["ticketing.group.traffic", "ticketing.sink"] {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    }
    let back = traffic.goes_on(MUCH, SOON).await;
    println!("queues deleted: {MUCH} events came within {back:?}");
    let exchange = "ticketing.events".into();
    channel.exchange_delete(exchange, ExchangeDeleteOptions::default()).await.unwrap();
    let group = "ticketing.group.traffic".into();
    channel.queue_delete(group, QueueDeleteOptions::default()).await.unwrap();
    let back = traffic.goes_on(MUCH, SOON).await;
    println!("exchange deleted: {MUCH} events came within {back:?}");
    channel
        .queue_purge("ticketing.group.traffic".into(), QueuePurgeOptions::default())
        .await
        .unwrap();
    let back = traffic.goes_on(MUCH, SOON).await;
    println!("queue purged: {MUCH} events came within {back:?}");
}

/// It reads nothing more of whoever publishes, until there is room. What waits there can be taken
/// meanwhile, which makes room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_room_is_told_and_read_from() {
    let server = Server::start().await;
    let [here, there] = two(&server).await;
    let mut member = there.subscribe(Subscription::Group("slow".to_owned())).await.unwrap();
    for published in here.publish(&[an_event(), an_event()]).await {
        published.unwrap();
    }
    server.control(&["set_vm_memory_high_watermark", "0.00001"]).await;
    let began = Instant::now();
    let mut told = Vec::new();
    while !told.iter().any(|told: &String| told.contains("full")) {
        assert!(began.elapsed() < SOON, "{told:?}");
        let tried = Instant::now();
        if let Err(refused) = here.publish(&[an_event(), an_event()]).await.remove(0) {
            assert_eq!(*refused.kind(), PortErrorKind::Unavailable);
            told.push(chain(&refused));
        }
        assert!(tried.elapsed() < BACK, "{:?}", tried.elapsed());
    }
    println!("no room: told after {:?}: {told:?}", began.elapsed());
    for _event in 0..2 {
        let delivery = tokio::time::timeout(SOON, member.next()).await.unwrap().unwrap();
        delivery.receipt.acknowledge().await.unwrap();
    }
    server.control(&["set_vm_memory_high_watermark", "0.6"]).await;
    let began = Instant::now();
    while here.publish(&[an_event()]).await.remove(0).is_err() {
        assert!(began.elapsed() < BACK);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("taken {:?} after there was room", began.elapsed());
}

/// Killed while it writes, a server that is alone may find no leader for a queue, and then answers
/// nothing about it until an operator calls for an election, as the README tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_that_it_confirmed() {
    let mut server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    traffic.goes_on(MUCH, SOON).await;
    for _time in 0..2 {
        server.kill();
        server.start_again().await;
        server.elect(&["ticketing.group.traffic", "ticketing.sink"]).await;
        let back = traffic.goes_on(MUCH, BACK).await;
        println!("kill -9: {MUCH} events came within {back:?} after the server was back");
    }
    println!("{} confirmed, all of them came", traffic.end().await);
    assert!(here.interruptions() >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_first_is_waited_for() {
    let mut server = Server::start().await;
    server.kill();
    let bus = server.bus().await;
    let refused = bus.publish(&[an_event()]).await.remove(0).unwrap_err();
    assert_eq!(*refused.kind(), PortErrorKind::Unavailable);
    let refused = bus.subscribe(Subscription::Everyone).await.unwrap_err();
    assert_eq!(*refused.kind(), PortErrorKind::Unavailable);
    server.start_again().await;
    let began = Instant::now();
    while bus.publish(&[an_event()]).await.remove(0).is_err() {
        assert!(began.elapsed() < BACK);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("taken {:?} after the server was there", began.elapsed());
    let wrong = server.url().replace("guest:guest", "guest:wrong");
    let refused = RabbitBus::from_url(&wrong).await.unwrap_err();
    assert!(matches!(refused, OpenError::Server(_)), "{refused:?}");
    bus.close().await;
    let closed = bus.subscribe(Subscription::Everyone).await.unwrap_err();
    assert_eq!(*closed.kind(), PortErrorKind::Closed);
}
