//! Bad input of every kind: a typed rejection with a stable code, and nothing has changed.

#[cfg(test)]
mod bad_input {
    use std::future::Future;
    use std::sync::Arc;
    use std::time::Duration;

    use ticketing_core::domain::{NewTicket, PaymentState};
    use ticketing_core::memory::{MemoryGateway, MemoryStorage};
    use ticketing_core::testing::ManualClock;
    use ticketing_core::values::{Money, OrderId, TicketId, Timestamp, UserId, Version};
    use ticketing_core::{
        Duties, Error, PaymentMethod, Reason, RefundRequest, Refunder, Ticketing,
    };

    const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
    const HOLD: Duration = Duration::from_mins(15);

    struct World {
        engine: Ticketing,
        storage: MemoryStorage,
        clock: ManualClock,
    }

    impl World {
        async fn new() -> Self {
            let clock = ManualClock::new(START);
            let storage = MemoryStorage::with_clock(Arc::new(clock.clone()));
            let engine = Ticketing::builder()
                .storage(storage.clone())
                .gateway(MemoryGateway::with_clock(Arc::new(clock.clone())))
                .clock(Arc::new(clock.clone()))
                .hold_for(HOLD)
                .duties(Duties::NONE)
                .start()
                .await
                .unwrap();
            Self { engine, storage, clock }
        }

        async fn list(&self, new: NewTicket) -> TicketId {
            self.engine.tickets().list_for_sale(user("seller"), new).await.unwrap().id
        }

        async fn reserve(&self, ticket: TicketId) -> OrderId {
            self.engine.orders().reserve(user("buyer"), [(ticket, 1)]).await.unwrap().id
        }

        async fn buy(&self, ticket: TicketId) -> OrderId {
            let order = self.reserve(ticket).await;
            let card = PaymentMethod::card_token("tok_visa");
            let paid = self.engine.payments().pay(&user("buyer"), order, card).await.unwrap();
            // The capture follows in a task of its own.
            for _ in 0..10_000 {
                let books = self.storage.books();
                let payment = books.payments.iter().find(|row| row.id == paid.payment.id);
                if payment.is_some_and(|payment| payment.state == PaymentState::Captured) {
                    return order;
                }
                tokio::task::yield_now().await;
            }
            panic!("the payment was never captured");
        }

        /// The command is refused with this code, and the books are as they were.
        async fn refused<T>(
            &self,
            code: &str,
            command: impl Future<Output = Result<T, Error>>,
        ) -> Error {
            let before = self.storage.books();
            let Err(error) = command.await else { panic!("{code}: it was done") };
            assert_eq!(error.code(), code);
            assert_eq!(self.storage.books(), before, "{code}: something has changed");
            error
        }

        /// The same for wrong fields, which are named.
        async fn invalid<T>(
            &self,
            fields: &[(&str, &str)],
            command: impl Future<Output = Result<T, Error>>,
        ) {
            let error = self.refused("invalid", command).await;
            let Error::Rejected(rejection) = error else { panic!("{error}") };
            let Reason::Invalid(wrong) = rejection.reason else { panic!("{rejection}") };
            let wrong: Vec<_> = wrong.iter().map(|one| (one.field, one.code)).collect();
            assert_eq!(wrong, fields);
        }
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn place() -> NewTicket {
        NewTicket::new("A place", Money::usd(2_000)).quantity(4)
    }

    fn unknown_ticket() -> TicketId {
        "018f2b6c-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn unknown_order() -> OrderId {
        "018f2b6c-0000-7000-8000-000000000002".parse().unwrap()
    }

    #[tokio::test]
    async fn listing() {
        let world = World::new().await;
        let tickets = world.engine.tickets();
        let list = |new| tickets.list_for_sale(user("seller"), new);
        let titled = |title: &str| NewTicket::new(title, Money::usd(1));
        for (title, code) in [
            ("", "text_empty"),
            ("  ", "text_empty"),
            ("a\0b", "text_forbidden_character"),
            ("a\u{1b}[31m", "text_forbidden_character"),
            ("two\nlines", "text_forbidden_character"),
        ] {
            world.invalid(&[("title", code)], list(titled(title))).await;
        }
        world.invalid(&[("title", "text_too_long")], list(titled(&"x".repeat(201)))).await;
        let free = NewTicket::new("A place", Money::usd(0));
        world.invalid(&[("price", "price_not_positive")], list(free)).await;
        for units in [0, 10_000_001, u32::MAX] {
            world.invalid(&[("quantity", "invalid_quantity")], list(place().quantity(units))).await;
        }
        let limits = place().max_per_order(0).max_per_buyer(0);
        let fields = [("maxPerOrder", "invalid_quantity"), ("maxPerBuyer", "invalid_quantity")];
        world.invalid(&fields, list(limits)).await;
        let backwards = place().sale_starts_at(START.plus(HOLD)).sale_ends_at(START);
        world.invalid(&[("saleEndsAt", "empty_window")], list(backwards)).await;
        let all = NewTicket::new("", Money::usd(0)).quantity(0).venue("\0");
        let fields = [
            ("title", "text_empty"),
            ("venue", "text_forbidden_character"),
            ("quantity", "invalid_quantity"),
            ("price", "price_not_positive"),
        ];
        world.invalid(&fields, list(all)).await;
    }

    #[tokio::test]
    async fn editing_and_withdrawing() {
        let world = World::new().await;
        let tickets = world.engine.tickets();
        let ticket = world.list(place()).await;
        let (seller, other) = (user("seller"), user("other"));
        let dearer = || NewTicket::new("A place", Money::usd(9_000)).quantity(4);
        let edit = |who, id, new, seen| tickets.edit(who, id, new, seen);
        world.refused("not_found", edit(&seller, unknown_ticket(), place(), None)).await;
        world.refused("not_owner", edit(&other, ticket, dearer(), None)).await;
        let stale = Some(Version::new(7));
        world.refused("stale_version", edit(&seller, ticket, dearer(), stale)).await;
        world.refused("not_owner", tickets.withdraw(&other, ticket, false)).await;
        world.refused("not_found", tickets.withdraw(&seller, unknown_ticket(), false)).await;

        world.reserve(ticket).await;
        world.reserve(ticket).await;
        world.refused("ticket_reserved", edit(&seller, ticket, dearer(), None)).await;
        let smaller = place().quantity(1);
        world.refused("capacity_too_low", edit(&seller, ticket, smaller, None)).await;
        let limited = place().max_per_buyer(2);
        world.refused("ticket_reserved", edit(&seller, ticket, limited, None)).await;
        world.refused("ticket_reserved", tickets.withdraw(&seller, ticket, false)).await;

        let gone = world.list(place()).await;
        tickets.withdraw(&seller, gone, false).await.unwrap();
        world.refused("ticket_withdrawn", edit(&seller, gone, dearer(), None)).await;
    }

    #[tokio::test]
    async fn reserving() {
        let world = World::new().await;
        let orders = world.engine.orders();
        let ticket = world.list(place()).await;
        let euros = world.list(NewTicket::new("A place", Money::eur(2_000))).await;
        let reserve = |lines: Vec<(TicketId, u32)>| orders.reserve(user("buyer"), lines);
        world.invalid(&[("lines", "no_lines")], reserve(vec![])).await;
        world.invalid(&[("lines", "too_many_lines")], reserve(vec![(ticket, 1); 21])).await;
        let twice = vec![(ticket, 1), (ticket, 2)];
        world.invalid(&[("lines", "ticket_twice")], reserve(twice)).await;
        let nothing = vec![(ticket, 0)];
        world.invalid(&[("quantity", "invalid_quantity")], reserve(nothing)).await;
        let absurd = vec![(ticket, u32::MAX)];
        world.invalid(&[("quantity", "invalid_quantity")], reserve(absurd)).await;
        world.refused("not_found", reserve(vec![(unknown_ticket(), 1)])).await;
        world.refused("not_found", reserve(vec![(ticket, 1), (unknown_ticket(), 1)])).await;
        world.refused("mixed_currencies", reserve(vec![(ticket, 1), (euros, 1)])).await;
        world.refused("sold_out", reserve(vec![(ticket, 5)])).await;

        let later = world.list(place().sale_starts_at(START.plus(HOLD))).await;
        world.refused("sale_not_open", reserve(vec![(later, 1)])).await;
        let over = world.list(place().sale_ends_at(START)).await;
        world.refused("sale_over", reserve(vec![(over, 1)])).await;
        let few = world.list(place().max_per_order(1)).await;
        world.refused("over_order_limit", reserve(vec![(few, 2)])).await;
        let fair = world.list(place().max_per_buyer(1)).await;
        world.reserve(fair).await;
        world.refused("over_buyer_limit", reserve(vec![(fair, 1)])).await;
        world.engine.tickets().withdraw(&user("seller"), euros, false).await.unwrap();
        world.refused("not_on_sale", reserve(vec![(euros, 1)])).await;
    }

    #[tokio::test]
    async fn extending_cancelling_and_paying() {
        let world = World::new().await;
        let (orders, payments) = (world.engine.orders(), world.engine.payments());
        let (buyer, other) = (user("buyer"), user("other"));
        let pay = |who, order| payments.pay(who, order, PaymentMethod::card_token("tok_visa"));
        let ticket = world.list(place()).await;
        let order = world.reserve(ticket).await;
        world.refused("not_found", orders.extend(&buyer, unknown_order())).await;
        world.refused("not_owner", orders.extend(&other, order)).await;
        world.refused("not_found", orders.cancel(&buyer, unknown_order())).await;
        world.refused("not_owner", orders.cancel(&other, order)).await;
        world.refused("not_owner", orders.get(&other, order)).await;
        world.refused("not_found", pay(&buyer, unknown_order())).await;
        world.refused("not_owner", pay(&other, order)).await;

        orders.extend(&buyer, order).await.unwrap();
        world.refused("already_extended", orders.extend(&buyer, order)).await;
        orders.cancel(&buyer, order).await.unwrap();
        world.refused("order_cancelled", orders.extend(&buyer, order)).await;
        world.refused("order_cancelled", pay(&buyer, order)).await;

        let paid = world.buy(ticket).await;
        world.refused("order_complete", orders.extend(&buyer, paid)).await;
        world.refused("order_complete", orders.cancel(&buyer, paid)).await;
        world.refused("order_complete", pay(&buyer, paid)).await;

        let late = world.reserve(ticket).await;
        world.clock.advance(HOLD);
        world.refused("order_expired", orders.extend(&buyer, late)).await;
        world.refused("order_expired", pay(&buyer, late)).await;
    }

    #[tokio::test]
    async fn refunding() {
        let world = World::new().await;
        let refunds = world.engine.refunds();
        let ticket = world.list(place()).await;
        let request = |order, what| refunds.request(Refunder::Operator(user("op")), order, what);
        let everything = RefundRequest::everything;
        world.refused("not_found", request(unknown_order(), everything())).await;
        let unpaid = world.reserve(ticket).await;
        world.refused("not_paid", request(unpaid, everything())).await;

        let order = world.buy(ticket).await;
        let stranger = Refunder::Seller(user("other"));
        world.refused("not_owner", refunds.request(stranger, order, everything())).await;
        let too_much = everything().amount(Money::usd(2_001));
        world.refused("refund_too_large", request(order, too_much)).await;
        let zero = everything().amount(Money::usd(0));
        world.invalid(&[("amount", "amount_not_positive")], request(order, zero)).await;
        let euros = everything().amount(Money::eur(1));
        world.invalid(&[("amount", "wrong_currency")], request(order, euros)).await;
        let more = RefundRequest::lines([(ticket, 2)]);
        world.refused("refund_too_large", request(order, more)).await;
        let more_units = RefundRequest::lines([(ticket, 2)]).amount(Money::usd(1));
        world.refused("return_too_large", request(order, more_units)).await;
        let none = RefundRequest::lines([(ticket, 0)]);
        world.invalid(&[("quantity", "invalid_quantity")], request(order, none)).await;
        let foreign = RefundRequest::lines([(unknown_ticket(), 1)]);
        world.refused("return_too_large", request(order, foreign)).await;
        let talkative = everything().because("x".repeat(501));
        world.invalid(&[("reason", "text_too_long")], request(order, talkative)).await;

        refunds.request(Refunder::Seller(user("seller")), order, everything()).await.unwrap();
        world.refused("order_refunded", request(order, everything())).await;
    }
}
