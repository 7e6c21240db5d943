//! Two engines over one storage, that tell each other over the bus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ticketing_core::domain::DomainEvent;
use ticketing_core::domain::view::OrderStatus;
use ticketing_core::memory::{MemoryGateway, MemoryStorage, MemoryTimers};
use ticketing_core::ports::{EventBus, Subscription};
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use ticketing_core::{Duties, NewTicket, Ticketing};

use crate::server::Server;

const HOLD: Duration = Duration::from_secs(3);
/// Longer than anything here takes: by then only timers can have ended a hold.
const NEVER: Duration = Duration::from_hours(1);
const SOON: Duration = Duration::from_mins(1);

/// One process that sells, and one that wakes when holds are over.
struct Shop {
    seller: Ticketing,
    waker: Ticketing,
    ticket: TicketId,
}

impl Shop {
    async fn open(server: &Server) -> Self {
        let (storage, gateway) = (MemoryStorage::new(), MemoryGateway::new());
        let timers = MemoryTimers::new();
        // A group is remembered from its first subscription on. Duties subscribe when they come to it.
        for group in ["expiration", "orders"] {
            let group = Subscription::Group(group.to_owned());
            drop(server.bus().await.subscribe(group).await.unwrap());
        }
        let start = async |duties: Duties| {
            let bus: Arc<dyn EventBus> = Arc::new(server.bus().await);
            let builder = Ticketing::builder()
                .storage(storage.clone())
                .gateway(gateway.clone())
                .bus(bus)
                .timers(Arc::new(timers.clone()))
                .duties(duties)
                .hold_for(HOLD)
                .settings(|settings| settings.sweep_every = NEVER);
            builder.start().await.unwrap()
        };
        let sells = Duties { expiration: false, ..Duties::ALL };
        let seller = start(sells).await;
        let waker = start(Duties { expiration: true, ..Duties::NONE }).await;
        let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(1000);
        let user = UserId::new("seller").unwrap();
        let ticket = seller.tickets().list_for_sale(user, new).await.unwrap().id;
        Self { seller, waker, ticket }
    }

    async fn reserve(&self, buyer: &UserId) -> OrderId {
        let orders = self.seller.orders();
        orders.reserve(buyer.clone(), [(self.ticket, 1)]).await.unwrap().id
    }

    /// Waits until an order has expired, which takes timers of the one process, and the other one
    /// to hear of them.
    async fn expires(&self, buyer: &UserId, order: OrderId) -> Duration {
        let began = Instant::now();
        while self.seller.orders().get(buyer, order).await.unwrap().status != OrderStatus::Cancelled
        {
            assert!(began.elapsed() < HOLD + SOON, "it has not expired");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_ends_by_way_of_the_bus_before_and_after_a_bad_day() {
    let mut server = Server::start().await;
    let shop = Shop::open(&server).await;
    let buyer = UserId::new("buyer").unwrap();
    let order = shop.reserve(&buyer).await;
    println!("a hold of {HOLD:?} ended after {:?}", shop.expires(&buyer, order).await);
    let mut events = shop.waker.events().await.unwrap();
    server.kill();
    server.start_again().await;
    let order = shop.reserve(&buyer).await;
    println!("after a restart, after {:?}", shop.expires(&buyer, order).await);
    // The other process hears what happens at this one.
    let heard = async {
        while let Some(delivery) = events.next().await {
            if matches!(&delivery.event.data, DomainEvent::OrderCancelled(view) if view.id == order)
            {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, heard).await.unwrap();
    shop.waker.shutdown().await.unwrap();
    shop.seller.shutdown().await.unwrap();
}
