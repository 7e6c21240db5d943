//! Bad days of the server, seen from the bus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ticketing_core::ports::{EventBus, PortErrorKind, Subscription};
use ticketing_core::testing::traffic::{Traffic, an_event_of_nobodys as an_event};
use ticketing_nats::{NatsBus, OpenError};

use crate::server::Server;

/// How many events must have come before something goes wrong, and after it.
const MUCH: usize = 200;
/// How long it may take until events come again after the server is back.
const BACK: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_mins(1);

async fn two(server: &Server) -> [Arc<dyn EventBus>; 2] {
    [Arc::new(server.bus().await), Arc::new(server.bus().await)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_that_it_confirmed() {
    let mut server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    traffic.goes_on(MUCH, SOON).await;
    for _time in 0..2 {
        server.kill();
        server.start_again().await;
        let back = traffic.goes_on(MUCH, BACK).await;
        println!("kill -9: {MUCH} events came within {back:?} after the server was back");
    }
    println!("{} confirmed, all of them came", traffic.end().await);
    assert!(here.interruptions() >= 2 && there.interruptions() >= 2);
}

/// The server comes back with nothing: neither stream nor groups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_everything_is_set_up_anew() {
    let mut server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    traffic.goes_on(MUCH, SOON).await;
    server.kill();
    server.forget();
    server.start_again().await;
    let back = traffic.goes_on(MUCH, BACK).await;
    println!("all forgotten: {MUCH} events came within {back:?} after the server was back");
    assert!(here.interruptions() >= 1);
}

/// Nobody's connection ends. What was in the stream is lost with it, and is published again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_somebody_deleted_is_made_anew() {
    let server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    for _time in 0..3 {
        traffic.goes_on(MUCH, SOON).await;
        let before = here.interruptions();
        server.jetstream().await.delete_stream("ticketing").await.unwrap();
        let back = traffic.goes_on(MUCH, BACK).await;
        println!("stream deleted: {MUCH} events came within {back:?}");
        assert!(here.interruptions() > before, "what was in it is published again");
    }
}

/// A process that only listens may be the one that makes the stream anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_finds_out_that_others_made_the_stream_anew() {
    let server = Server::start().await;
    let [here, there] = two(&server).await;
    for published in here.publish(&[an_event(), an_event()]).await {
        published.unwrap();
    }
    let before = here.interruptions();
    server.jetstream().await.delete_stream("ticketing").await.unwrap();
    drop(there.subscribe(Subscription::Group("listeners".to_owned())).await.unwrap());
    for _time in 0..2 {
        here.publish(&[an_event()]).await.remove(0).unwrap();
        assert_eq!(here.interruptions(), before + 1, "once");
    }
}

/// The server answers nothing to acknowledgements that a consumer would have taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_somebody_deleted_is_made_anew() {
    let server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    for _time in 0..3 {
        traffic.goes_on(MUCH, SOON).await;
        let jetstream = server.jetstream().await;
        jetstream.delete_consumer_from_stream("traffic", "ticketing").await.unwrap();
        let back = traffic.goes_on(MUCH, BACK).await;
        println!("consumer deleted: {MUCH} events came within {back:?}");
    }
    println!("{} confirmed, all of them came", traffic.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_is_told() {
    let server = Server::start().await;
    let wrong = server.url().replace("shop:", "nobody:");
    assert_ne!(wrong, server.url());
    let refused = NatsBus::from_url(&wrong).await.unwrap_err();
    assert!(matches!(refused, OpenError::Server(_)), "{refused:?}");
    assert!(!format!("{refused:?} {refused}").contains("open-sesame"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_waited_for() {
    let server = Server::start().await;
    let [here, there] = two(&server).await;
    let traffic = Traffic::begin(&here, &there).await;
    traffic.goes_on(MUCH, SOON).await;
    server.signal("STOP");
    let began = Instant::now();
    let refused = here.publish(&[an_event()]).await.remove(0);
    println!("a server that stands still: told after {:?}", began.elapsed());
    assert_eq!(*refused.unwrap_err().kind(), PortErrorKind::Unavailable);
    server.signal("CONT");
    let back = traffic.goes_on(MUCH, BACK).await;
    println!("{MUCH} events came within {back:?} after it went on");
    println!("{} confirmed, all of them came", traffic.end().await);
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
    bus.close().await;
    let closed = bus.subscribe(Subscription::Everyone).await.unwrap_err();
    assert_eq!(*closed.kind(), PortErrorKind::Closed);
}

/// A listener hears again when the server is back, without anybody's help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_hears_again() {
    let mut server = Server::start().await;
    let [here, there] = two(&server).await;
    let mut listener = there.subscribe(Subscription::Everyone).await.unwrap();
    server.kill();
    server.start_again().await;
    let began = Instant::now();
    loop {
        drop(here.publish(&[an_event()]).await);
        let heard = tokio::time::timeout(Duration::from_millis(50), listener.next()).await;
        if heard.is_ok_and(|heard| heard.is_some()) {
            break;
        }
        assert!(began.elapsed() < BACK);
    }
    println!("heard {:?} after the server was back", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_no_group_can_bear_are_refused() {
    let server = Server::start().await;
    let bus = server.bus().await;
    for name in ["", "a.b", "a b", "*"] {
        let refused = bus.subscribe(Subscription::Group(name.to_owned())).await.unwrap_err();
        assert_eq!(*refused.kind(), PortErrorKind::Misconfigured, "{name:?}");
    }
}

#[tokio::test]
async fn a_url_of_something_else_is_refused() {
    let refused = NatsBus::from_url("redis://127.0.0.1").await.unwrap_err();
    assert!(matches!(refused, OpenError::NotAUrl), "{refused:?}");
}
