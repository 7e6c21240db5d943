//! Unit tests as a program that embeds the engine would write them, with mocks of its ports.
//!
//! The program here is a box office that answers in words of its own. What is tested is how it
//! translates the engine's answers; the mocks bring those answers about.

#[cfg(test)]
mod box_office {
    use std::sync::Arc;

    use ticketing_core::domain::payment::DeclineCode;
    use ticketing_core::domain::settlement::{IntentReport, IntentStatus};
    use ticketing_core::domain::view::OrderStatus;
    use ticketing_core::domain::{DomainEvent, Event, EventType};
    use ticketing_core::memory::MemoryStorage;
    use ticketing_core::ports::mock::{
        MockAcknowledge, MockClock, MockEventBus, MockEventStream, MockIdSource,
        MockPaymentGateway, MockRuntime, MockStorage, MockTimers,
    };
    use ticketing_core::ports::{
        Clock, Delivery, EventBus, EventStream, GatewayError, GatewayErrorKind, IdSource,
        OpenedIntent, OrderDirection, PaymentGateway, PortError, RandomIds, Runtime, Storage,
        SystemClock, Timers,
    };
    use ticketing_core::values::{
        IntentRef, Money, Page, StoreId, TicketId, Timestamp, Title, UserId,
    };
    use ticketing_core::{
        Duties, Error, NewTicket, PaymentMethod, PaymentOutcome, StartError, Ticketing,
    };
    use tokio::sync::mpsc;

    const PRICE: Money = Money::usd(20_00);

    /// Sells tickets over a counter.
    struct BoxOffice {
        engine: Ticketing,
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Answer {
        HereYouAre,
        /// With the word for why.
        TryAnotherCard(&'static str),
        YouWillHearFromUs,
        ComeBackLater,
        SorryNo(&'static str),
    }

    impl BoxOffice {
        async fn sell(&self, buyer: &UserId, ticket: TicketId, card: &str) -> Answer {
            match self.try_to_sell(buyer, ticket, card).await {
                Ok(PaymentOutcome::Complete) => Answer::HereYouAre,
                Ok(PaymentOutcome::Declined(code)) => Answer::TryAnotherCard(code.code()),
                Ok(PaymentOutcome::Pending) => Answer::YouWillHearFromUs,
                Ok(PaymentOutcome::RequiresAction | PaymentOutcome::Ended) => {
                    Answer::SorryNo("card")
                }
                Err(Error::Unavailable { .. } | Error::Overloaded { .. }) => Answer::ComeBackLater,
                Err(error) => Answer::SorryNo(error.code()),
            }
        }

        async fn try_to_sell(
            &self,
            buyer: &UserId,
            ticket: TicketId,
            card: &str,
        ) -> Result<PaymentOutcome, Error> {
            let order = self.engine.orders().reserve(buyer.clone(), [(ticket, 1)]).await?;
            let card = PaymentMethod::card_token(card);
            Ok(self.engine.payments().pay(buyer, order.id, card).await?.outcome())
        }

        /// The state of the buyer's only order.
        async fn order_status(&self, buyer: &UserId) -> OrderStatus {
            let orders = self.engine.orders();
            let list = orders.list(buyer, OrderDirection::OldestFirst, Page::default()).await;
            let items = list.unwrap().items;
            assert_eq!(items.len(), 1);
            items[0].status
        }
    }

    /// A box office with one ticket on sale, a storage that works and a gateway that does as it is
    /// told. Without background work, so that only the test's own calls reach the mock.
    async fn box_office(gateway: MockPaymentGateway) -> (BoxOffice, TicketId) {
        let builder = Ticketing::builder().storage(MemoryStorage::new()).gateway(gateway);
        let engine = builder.duties(Duties::NONE).start().await.unwrap();
        let ticket = NewTicket::new("Front row", PRICE);
        let ticket = engine.tickets().list_for_sale(user("seller"), ticket).await.unwrap();
        (BoxOffice { engine }, ticket.id)
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn intent() -> IntentRef {
        IntentRef::new("intent-1").unwrap()
    }

    fn report(status: IntentStatus) -> IntentReport {
        IntentReport { status, amount: PRICE, refunded: Money::zero(PRICE.currency()) }
    }

    /// A gateway that opens one intent, for the price of the order, and knows nothing else.
    fn gateway_with_an_intent() -> MockPaymentGateway {
        let mut gateway = MockPaymentGateway::new();
        gateway
            .expect_open()
            .withf(|intent| intent.amount == PRICE)
            .times(1)
            .returning(|_| Ok(OpenedIntent { intent: intent(), client_secret: None }));
        gateway
    }

    #[tokio::test]
    async fn a_declined_card_can_be_replaced() {
        let mut gateway = gateway_with_an_intent();
        let declined = Some(DeclineCode::InsufficientFunds);
        gateway
            .expect_confirm()
            .withf(|intent, card, _| intent.as_str() == "intent-1" && card.expose() == "tok_empty")
            .times(1)
            .returning(move |_, _, _| Ok(report(IntentStatus::NeedsMethod { declined })));
        gateway.expect_void().times(1).returning(|_, _| Ok(report(IntentStatus::Gone)));
        gateway.expect_capture().never();
        let (office, ticket) = box_office(gateway).await;

        let answer = office.sell(&user("ben"), ticket, "tok_empty").await;

        assert_eq!(answer, Answer::TryAnotherCard("insufficient_funds"));
        assert_eq!(office.order_status(&user("ben")).await, OrderStatus::Created);
        let answer = office.sell(&user("eve"), ticket, "tok_visa").await;
        assert_eq!(
            answer,
            Answer::SorryNo("sold_out"),
            "the unit is still held for the first buyer"
        );
    }

    #[tokio::test]
    async fn a_silent_gateway_means_neither_yes_nor_no() {
        let mut gateway = gateway_with_an_intent();
        let silence = |operation| GatewayError::new(GatewayErrorKind::Unknown, operation);
        gateway.expect_confirm().times(1).returning(move |_, _, _| Err(silence("confirm")));
        gateway.expect_look_up().times(1..).returning(move |_| Err(silence("look up")));
        gateway.expect_void().never();
        let (office, ticket) = box_office(gateway).await;

        let answer = office.sell(&user("ben"), ticket, "tok_visa").await;

        assert_eq!(answer, Answer::YouWillHearFromUs);
        assert_eq!(office.order_status(&user("ben")).await, OrderStatus::AwaitingPayment);
    }

    /// A storage that an engine can be started on, and nothing more.
    fn storage_with(now: Result<Timestamp, PortError>) -> MockStorage {
        let mut storage = MockStorage::new();
        storage.expect_lanes().return_const(1_usize);
        storage.expect_now().returning(move || now.clone());
        let id = StoreId::from_uuid(RandomIds.next());
        storage.expect_store_id().returning(move || Ok(id));
        storage
    }

    #[tokio::test]
    async fn a_storage_that_cannot_be_reached_is_no_verdict() {
        let mut storage = storage_with(Ok(SystemClock.now()));
        storage.expect_listings().returning(|_| Err(PortError::unavailable("read listings")));
        storage.expect_commit().never();
        let builder = Ticketing::builder().storage(storage).gateway(MockPaymentGateway::new());
        let engine = builder.duties(Duties::NONE).start().await.unwrap();
        let ticket = TicketId::from_uuid(RandomIds.next());

        let answer = BoxOffice { engine }.sell(&user("ben"), ticket, "tok_visa").await;

        assert_eq!(answer, Answer::ComeBackLater);
    }

    #[tokio::test]
    async fn an_engine_does_not_start_without_its_storage() {
        let storage = storage_with(Err(PortError::unavailable("ask the time")));
        let builder = Ticketing::builder().storage(storage).gateway(MockPaymentGateway::new());
        let failed = builder.duties(Duties::NONE).start().await.unwrap_err();
        assert!(matches!(failed, StartError::Storage(_)), "{failed:?}");
    }

    #[tokio::test]
    async fn what_is_put_on_sale_is_told_on_the_bus() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut bus = MockEventBus::new();
        bus.expect_publish().returning(move |events| {
            let publish = |event: &Event| {
                tell.send(event.data.event_type()).unwrap();
                Ok(())
            };
            events.iter().map(publish).collect()
        });
        bus.expect_interruptions().return_const(0_u64);
        let builder = Ticketing::builder()
            .storage(MemoryStorage::new())
            .gateway(MockPaymentGateway::new())
            .bus(Arc::new(bus))
            .duties(Duties { relay: true, ..Duties::NONE });
        let engine = builder.start().await.unwrap();

        let ticket = NewTicket::new("Front row", PRICE);
        engine.tickets().list_for_sale(user("seller"), ticket).await.unwrap();

        assert_eq!(told.recv().await, Some(EventType::TicketCreated));
        assert_eq!(told.recv().await, Some(EventType::InventoryChanged));
    }

    /// A listener: the titles of everything that is put on sale, until the bus is shut down.
    async fn titles_put_on_sale(events: &mut dyn EventStream) -> Vec<Title> {
        let mut titles = Vec::new();
        while let Some(Delivery { event, receipt }) = events.next().await {
            if let DomainEvent::TicketCreated(ticket) = event.data {
                titles.push(ticket.title);
            }
            receipt.acknowledge().await.unwrap();
        }
        titles
    }

    #[tokio::test]
    async fn a_listener_acknowledges_every_event() {
        let storage = MemoryStorage::new();
        let builder =
            Ticketing::builder().storage(storage.clone()).gateway(MockPaymentGateway::new());
        let engine = builder.duties(Duties::NONE).start().await.unwrap();
        let ticket = NewTicket::new("Front row", PRICE);
        let ticket = engine.tickets().list_for_sale(user("seller"), ticket).await.unwrap();
        let mut events = MockEventStream::new();
        for event in storage.books().events {
            let mut receipt = MockAcknowledge::new();
            receipt.expect_acknowledge().times(1).returning(|| Ok(()));
            let delivery = Delivery { event, receipt: Box::new(receipt) };
            events.expect_next().times(1).return_once(move || Some(delivery));
        }
        events.expect_next().times(1).return_once(|| None);

        assert_eq!(titles_put_on_sale(&mut events).await, [ticket.title]);
    }

    #[test]
    fn every_port_has_a_mock_that_is_a_trait_object() {
        let clock: Box<dyn Clock> = Box::new(MockClock::new());
        let ids: Box<dyn IdSource> = Box::new(MockIdSource::new());
        let runtime: Box<dyn Runtime> = Box::new(MockRuntime::new());
        let storage: Box<dyn Storage> = Box::new(MockStorage::new());
        let timers: Box<dyn Timers> = Box::new(MockTimers::new());
        let bus: Box<dyn EventBus> = Box::new(MockEventBus::new());
        let gateway: Box<dyn PaymentGateway> = Box::new(MockPaymentGateway::new());
        drop((clock, ids, runtime, storage, timers, bus, gateway));
    }
}
