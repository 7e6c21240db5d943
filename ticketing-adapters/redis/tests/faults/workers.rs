//! Workers over a server that has a bad day.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ticketing_core::ports::{ClaimedWakeup, PortErrorKind, Timers, Wakeup};
use ticketing_core::values::{OrderId, Timestamp, Version};
use ticketing_redis::{OpenError, RedisConfig, RedisTimers, Risk};
use uuid::Uuid;

use crate::server::Server;

const LEASE: Duration = Duration::from_mins(1);
/// How long a server that is back may take to be heard.
const BACK: Duration = Duration::from_secs(15);

fn overdue() -> Wakeup {
    let order = OrderId::from_uuid(Uuid::now_v7());
    Wakeup { order, version: Version::FIRST, at: Timestamp::EPOCH }
}

async fn arm(timers: &RedisTimers, number: usize) -> BTreeSet<OrderId> {
    let mut armed = BTreeSet::new();
    for _ in 0..number {
        let wakeup = overdue();
        timers.arm(wakeup).await.unwrap();
        armed.insert(wakeup.order);
    }
    armed
}

/// Claims when the server answers again.
pub(crate) async fn claim_when_back(timers: &RedisTimers) -> Vec<ClaimedWakeup> {
    let began = Instant::now();
    loop {
        match timers.claim(1000, LEASE).await {
            Ok(claimed) => {
                println!("answered {:?} after it was back", began.elapsed());
                return claimed;
            }
            Err(error) => {
                assert_eq!(*error.kind(), PortErrorKind::Unavailable, "{error:?}");
                assert!(began.elapsed() < BACK, "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn orders(claimed: &[ClaimedWakeup]) -> BTreeSet<OrderId> {
    claimed.iter().map(|claimed| claimed.wakeup.order).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_comes_back_with_what_it_wrote_down() {
    let settings = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut server = Server::start(&settings).await;
    let timers = server.timers().await;
    assert_eq!(timers.risks().await.unwrap(), []);
    let armed = arm(&timers, 50).await;
    let done = timers.claim(10, LEASE).await.unwrap();
    for claimed in &done {
        timers.done(*claimed).await.unwrap();
    }
    server.kill();
    let lost = timers.claim(10, LEASE).await.unwrap_err();
    assert_eq!(*lost.kind(), PortErrorKind::Unavailable);
    server.start_again().await;
    let claimed = claim_when_back(&timers).await;
    let left: BTreeSet<OrderId> = armed.difference(&orders(&done)).copied().collect();
    assert_eq!(orders(&claimed), left);
}

/// The server forgets everything, scripts too, and nobody holds a claim that is given again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgets_is_armed_anew() {
    let mut server = Server::start(&["--appendonly", "no"]).await;
    let timers = server.timers().await;
    assert_eq!(timers.risks().await.unwrap(), [Risk::DoesNotPersist]);
    let wakeup = overdue();
    timers.arm(wakeup).await.unwrap();
    let before = timers.claim(10, LEASE).await.unwrap();
    server.kill();
    server.start_again().await;
    assert_eq!(claim_when_back(&timers).await, []);
    timers.arm(wakeup).await.unwrap();
    timers.done(before[0]).await.unwrap();
    let after = timers.claim(10, LEASE).await.unwrap();
    assert_eq!(orders(&after), BTreeSet::from([wakeup.order]), "the old claim finished nothing");
    assert!(after[0].epoch > before[0].epoch);
    server.tell(&["FLUSHALL"]).await;
    timers.done(after[0]).await.unwrap();
    assert_eq!(timers.claim(10, LEASE).await.unwrap(), []);
}

/// What the other shards gave is leased: whoever only heard of the failure would not get it for as
/// long as that lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_fails_keeps_nothing_from_the_others() {
    let server = Server::start(&[]).await;
    let url = format!("{}?prefix=shop&shards=4", server.open_url());
    let timers = RedisTimers::from_url(&url).await.unwrap();
    let armed = arm(&timers, 40).await;
    server.tell(&["DEL", "{shop:0}:armed"]).await;
    server.tell(&["SET", "{shop:0}:armed", "spoilt"]).await;
    let claimed = orders(&timers.claim(100, LEASE).await.unwrap());
    assert!(!claimed.is_empty() && claimed.len() < armed.len(), "{} came", claimed.len());
    let failed = timers.claim(100, LEASE).await.unwrap_err();
    assert_eq!(*failed.kind(), PortErrorKind::Unavailable, "the spoilt shard is all that is left");
    server.tell(&["DEL", "{shop:0}:armed"]).await;
    assert_eq!(timers.claim(100, LEASE).await.unwrap(), [], "what it had is lost, and swept");
}

/// Two workers get different wake-ups, and what one of them had in hand when it died the other
/// gets when the lease is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_leaves_its_wakeups_to_the_other() {
    let server = Server::start(&[]).await;
    let (one, two) = (server.timers().await, server.timers().await);
    let armed = arm(&one, 40).await;
    let short = Duration::from_secs(5);
    let dies = one.claim(25, short).await.unwrap();
    let lives = two.claim(25, LEASE).await.unwrap();
    assert_eq!((dies.len(), lives.len()), (25, 15));
    drop(one);
    let began = Instant::now();
    let mut inherited = Vec::new();
    while inherited.len() < 25 {
        inherited.extend(two.claim(25, LEASE).await.unwrap());
        assert!(began.elapsed() < BACK, "{} came", inherited.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all = orders(&lives).union(&orders(&inherited)).copied().collect::<BTreeSet<_>>();
    assert_eq!(all, armed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_evict_is_told_of() {
    let settings = ["--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"];
    let server = Server::start(&settings).await;
    let policy = "allkeys-lru".to_owned();
    let risks = server.timers().await.risks().await.unwrap();
    assert_eq!(risks, [Risk::MayEvict { policy }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_waited_for_and_one_that_refuses_is_told() {
    let mut server = Server::start_with_password("let-me-in").await;
    let refused = RedisTimers::from_url(&server.open_url()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Server(_)), "{refused:?}");
    let url = server.url();
    server.kill();
    let timers = RedisTimers::from_url(&url).await.unwrap();
    let away = timers.arm(overdue()).await.unwrap_err();
    assert_eq!(*away.kind(), PortErrorKind::Unavailable);
    server.start_again().await;
    assert_eq!(claim_when_back(&timers).await, []);
    let config = RedisConfig::from_url(&url).unwrap();
    assert!(!format!("{config:?} {timers:?}").contains("let-me-in"));
}

/// Whoever may use the keys and nothing else can do all that timers need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_has_to_be_allowed() {
    let server = Server::start(&[]).await;
    let rules = "on >word ~{shop:* resetchannels -@all +evalsha +script|load +time \
                 +hset +hget +hdel +zadd +zrem +zrangebyscore +get +set";
    let mut words = vec!["ACL", "SETUSER", "timers"];
    words.extend(rules.split_whitespace());
    server.tell(&words).await;
    let url = server.open_url().replace("redis://", "redis://timers:word@");
    let timers = RedisTimers::from_url(&format!("{url}?prefix=shop")).await.unwrap();
    let armed = arm(&timers, 3).await;
    let claimed = timers.claim(10, LEASE).await.unwrap();
    assert_eq!(orders(&claimed), armed);
    timers.done(claimed[0]).await.unwrap();
    let others = RedisTimers::from_url(&format!("{url}?prefix=other")).await.unwrap();
    let refused = others.arm(overdue()).await.unwrap_err();
    assert_eq!(*refused.kind(), PortErrorKind::Misconfigured);
}
