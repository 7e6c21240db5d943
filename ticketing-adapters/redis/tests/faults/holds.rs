//! Two engines over one storage, whose holds end by timers, or else by the sweeper.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ticketing_core::domain::view::OrderStatus;
use ticketing_core::memory::{MemoryBus, MemoryGateway, MemoryStorage};
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use ticketing_core::{NewTicket, Ticketing};
use ticketing_redis::RedisTimers;

use crate::server::Server;

const HOLD: Duration = Duration::from_secs(3);
/// Longer than anything here takes: by then only timers can have ended a hold.
const NEVER: Duration = Duration::from_hours(1);
const SOON: Duration = Duration::from_secs(30);

/// Two processes that sell the same ticket.
struct Shop {
    engines: [Ticketing; 2],
    ticket: TicketId,
}

impl Shop {
    async fn open(timers: [RedisTimers; 2], sweep_every: Duration) -> Self {
        let (storage, bus, gateway) =
            (MemoryStorage::new(), MemoryBus::new(), MemoryGateway::new());
        let start = async |timers: RedisTimers| {
            let builder = Ticketing::builder()
                .storage(storage.clone())
                .gateway(gateway.clone())
                .bus(Arc::new(bus.clone()))
                .timers(Arc::new(timers))
                .hold_for(HOLD)
                .settings(|settings| settings.sweep_every = sweep_every);
            builder.start().await.unwrap()
        };
        let [one, two] = timers;
        let engines = [start(one).await, start(two).await];
        let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(1000);
        let seller = UserId::new("seller").unwrap();
        let ticket = engines[0].tickets().list_for_sale(seller, new).await.unwrap().id;
        Self { engines, ticket }
    }

    async fn reserve(&self, number: usize) -> Vec<(UserId, OrderId)> {
        let mut orders = Vec::new();
        for buyer in 0..number {
            let engine = &self.engines[buyer % 2];
            let buyer = UserId::new(format!("buyer-{buyer}")).unwrap();
            let order = engine.orders().reserve(buyer.clone(), [(self.ticket, 1)]).await.unwrap();
            orders.push((buyer, order.id));
        }
        orders
    }

    /// Waits until all of them have expired; how long that took.
    async fn expire(&self, orders: &[(UserId, OrderId)]) -> Duration {
        let began = Instant::now();
        for (buyer, order) in orders {
            loop {
                let found = self.engines[0].orders().get(buyer, *order).await.unwrap();
                if found.status == OrderStatus::Cancelled {
                    break;
                }
                assert!(began.elapsed() < HOLD + SOON, "{found:?}");
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
        began.elapsed()
    }

    async fn close(self) {
        for engine in self.engines {
            engine.shutdown().await.unwrap();
        }
    }
}

async fn two(server: &Server) -> [RedisTimers; 2] {
    [server.timers().await, server.timers().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_end_every_hold_by_timers() {
    let server = Server::start(&["--appendonly", "yes"]).await;
    let shop = Shop::open(two(&server).await, NEVER).await;
    let orders = shop.reserve(60).await;
    println!("60 holds of {HOLD:?} ended by timers within {:?}", shop.expire(&orders).await);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_forgets_the_sweeper_ends() {
    let server = Server::start(&["--appendonly", "no"]).await;
    let shop = Shop::open(two(&server).await, Duration::from_secs(1)).await;
    let orders = shop.reserve(60).await;
    server.tell(&["FLUSHALL"]).await;
    println!("60 holds of {HOLD:?} ended after FLUSHALL within {:?}", shop.expire(&orders).await);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_delays_holds_at_the_most() {
    let mut server = Server::start(&["--appendonly", "no"]).await;
    let shop = Shop::open(two(&server).await, Duration::from_secs(1)).await;
    let mut orders = shop.reserve(30).await;
    server.kill();
    orders.extend(shop.reserve(30).await);
    println!("60 holds of {HOLD:?} ended without timers within {:?}", shop.expire(&orders).await);
    server.start_again().await;
    shop.close().await;
}

/// After the server is back, timers work as before, without anybody's help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_back_is_used_again() {
    let mut server = Server::start(&["--appendonly", "no"]).await;
    let timers = two(&server).await;
    let shop = Shop::open(timers.clone(), NEVER).await;
    server.kill();
    server.start_again().await;
    // What can't be armed while a connection is made anew is the sweeper's, who never comes here.
    for timers in &timers {
        crate::workers::claim_when_back(timers).await;
    }
    let orders = shop.reserve(30).await;
    println!("30 holds of {HOLD:?} ended by timers within {:?}", shop.expire(&orders).await);
    shop.close().await;
}
