//! Crowds on the real runtime: exact, whoever is quick, slow or gone.

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a crowd on the real runtime, in real time")]
mod crowds {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use ticketing_core::domain::{AggregateKind, NewTicket, OrderState};
    use ticketing_core::memory::{Books, MemoryGateway, MemoryStorage};
    use ticketing_core::values::{Money, TicketId, UserId};
    use ticketing_core::{Error, Ticketing};

    /// Longer than any of these tests may take, whatever else the machine does.
    const PATIENCE: Duration = Duration::from_mins(2);

    async fn engine(storage: &MemoryStorage) -> Ticketing {
        Ticketing::builder()
            .storage(storage.clone())
            .gateway(MemoryGateway::new())
            .settings(|settings| settings.queue_max = 65_536)
            .start()
            .await
            .unwrap()
    }

    fn user(name: &str, number: usize) -> UserId {
        UserId::new(format!("{name}-{number}")).unwrap()
    }

    async fn list(engine: &Ticketing, units: u32) -> TicketId {
        let new = NewTicket::new("A place", Money::usd(2_000)).quantity(units);
        engine.tickets().list_for_sale(user("seller", 0), new).await.unwrap().id
    }

    /// What must hold of the books after any crowd.
    fn check(books: &Books) {
        let mut held: BTreeMap<TicketId, u32> = BTreeMap::new();
        for order in &books.orders {
            assert_eq!(order.state, OrderState::Created, "nobody paid or cancelled");
            for line in order.lines.iter() {
                *held.entry(line.ticket_id).or_default() += line.quantity.get();
            }
        }
        for pool in &books.pools {
            let expected = held.get(&pool.id).copied().unwrap_or_default();
            assert_eq!((pool.held, pool.sold), (expected, 0), "counters agree with rows");
            assert!(pool.held <= pool.terms.capacity, "never more than there is");
        }
        let mut next: BTreeMap<_, u64> = BTreeMap::new();
        for event in &books.events {
            let key = event.key();
            let version = next.entry(key.aggregate).or_default();
            assert_eq!(
                key.version.get(),
                *version,
                "one event for each version of {}",
                key.aggregate
            );
            *version += 1;
        }
        let order_events =
            books.events.iter().filter(|event| event.key().aggregate.kind == AggregateKind::Order);
        assert_eq!(order_events.count(), books.orders.len(), "one event for each order");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn ten_thousand_buyers_get_exactly_a_thousand_units() {
        let storage = MemoryStorage::new();
        let engine = engine(&storage).await;
        let ticket = list(&engine, 1_000).await;
        let buyers = (0..10_000).map(|number| {
            let orders = engine.orders();
            tokio::spawn(async move { orders.reserve(user("buyer", number), [(ticket, 1)]).await })
        });
        let buyers: Vec<_> = buyers.collect();
        let (mut got, mut refused) = (0, 0);
        for buyer in buyers {
            match tokio::time::timeout(PATIENCE, buyer).await.unwrap().unwrap() {
                Ok(_) => got += 1,
                Err(error) => {
                    assert_eq!(error.code(), "sold_out");
                    refused += 1;
                }
            }
        }
        assert_eq!((got, refused), (1_000, 9_000));
        check(&storage.books());
        engine.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn crossing_orders_of_two_lines_are_exact_and_never_wait_for_each_other() {
        let storage = MemoryStorage::new().with_lanes(4);
        let engine = engine(&storage).await;
        let mut tickets = Vec::new();
        for _ in 0..10 {
            tickets.push(list(&engine, 40).await);
        }
        let buyers = (0..500).map(|number| {
            let orders = engine.orders();
            // Every pair of tickets, in both orders: what deadlocks where locks are taken unsorted.
            let (one, other) = (tickets[number % 10], tickets[(number + 1 + number / 10 % 9) % 10]);
            let lines =
                if number % 2 == 0 { [(one, 1), (other, 2)] } else { [(other, 2), (one, 1)] };
            tokio::spawn(async move { orders.reserve(user("buyer", number), lines).await })
        });
        let buyers: Vec<_> = buyers.collect();
        let mut got = 0;
        for buyer in buyers {
            match tokio::time::timeout(PATIENCE, buyer).await.unwrap().unwrap() {
                Ok(order) => {
                    assert_eq!(order.lines.len(), 2, "all of its lines");
                    got += 1;
                }
                Err(error) => assert_eq!(error.code(), "sold_out"),
            }
        }
        let books = storage.books();
        check(&books);
        assert_eq!(books.orders.len(), got, "all of an order's lines or none of them");
        let left: u32 = books.pools.iter().map(ticketing_core::domain::Pool::available).sum();
        assert!(left < 40, "sold out, but for what no order of two lines fits: {left} left");
        engine.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_buyer_never_gets_more_than_the_limit() {
        let storage = MemoryStorage::new();
        let engine = engine(&storage).await;
        let new = NewTicket::new("A place", Money::usd(2_000)).quantity(100).max_per_buyer(4);
        let ticket = engine.tickets().list_for_sale(user("seller", 0), new).await.unwrap().id;
        let tries = (0..200).map(|_| {
            let orders = engine.orders();
            tokio::spawn(async move { orders.reserve(user("buyer", 7), [(ticket, 1)]).await })
        });
        let tries: Vec<_> = tries.collect();
        let mut got = 0;
        for one in tries {
            match one.await.unwrap() {
                Ok(_) => got += 1,
                Err(error) => assert_eq!(error.code(), "over_buyer_limit"),
            }
        }
        assert_eq!(got, 4);
        check(&storage.books());
        engine.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn callers_that_go_away_leave_nothing_half_done() {
        let storage = MemoryStorage::new();
        let engine = engine(&storage).await;
        let tickets = [list(&engine, 300).await, list(&engine, 300).await];
        let mut buyers = Vec::new();
        for number in 0..2_000 {
            let orders = engine.orders();
            let lines = [(tickets[0], 1), (tickets[1], 1)];
            buyers.push(tokio::spawn(async move {
                orders.reserve(user("buyer", number), lines).await.map(|order| order.id)
            }));
            if number % 3 == 0 {
                // Dropped wherever it happens to be.
                tokio::task::yield_now().await;
                buyers[number].abort();
            }
        }
        let (mut acknowledged, mut dropped) = (Vec::new(), 0);
        for buyer in buyers {
            match buyer.await {
                Ok(Ok(order)) => acknowledged.push(order),
                Ok(Err(refused)) => assert_eq!(refused.code(), "sold_out"),
                Err(gone) => dropped += usize::from(gone.is_cancelled()),
            }
        }
        assert!(dropped > 0, "nobody went away");
        // Drains what the dropped callers left in the queue.
        engine.shutdown().await.unwrap();
        let books = storage.books();
        check(&books);
        assert_eq!(books.orders.len(), 300, "what was freed by nobody was sold to somebody");
        for id in acknowledged {
            assert!(
                books.orders.iter().any(|order| order.id == id),
                "acknowledged order {id} is kept"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn several_processes_over_one_storage_sell_exactly_what_there_is() {
        let storage = MemoryStorage::new();
        let engines = [engine(&storage).await, engine(&storage).await, engine(&storage).await];
        let ticket = list(&engines[0], 500).await;
        let buyers = (0..3_000).map(|number| {
            let orders = engines[number % 3].orders();
            tokio::spawn(async move { orders.reserve(user("buyer", number), [(ticket, 1)]).await })
        });
        let buyers: Vec<_> = buyers.collect();
        let mut got = 0;
        for buyer in buyers {
            match buyer.await.unwrap() {
                Ok(_) => got += 1,
                Err(Error::Rejected(refused)) => assert_eq!(refused.code(), "sold_out"),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(got, 500);
        check(&storage.books());
        for engine in engines {
            engine.shutdown().await.unwrap();
        }
    }
}
