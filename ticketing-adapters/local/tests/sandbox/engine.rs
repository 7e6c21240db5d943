//! An engine over the sandbox: cards of every kind, and books that agree with the ledger.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::domain::view::OrderStatus;
use ticketing_core::memory::MemoryStorage;
use ticketing_core::ports::{PaymentGateway, Runtime, Storage};
use ticketing_core::testing::builders::START;
use ticketing_core::testing::invariants::{against_ledger, at_rest, violations};
use ticketing_core::testing::{SeededIds, StepRuntime};
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use ticketing_core::{
    Duties, NewTicket, PaymentOutcome, PaymentReceipt, RefundRequest, Refunder, Ticketing,
};
use ticketing_local::{Deliveries, SandboxGateway};

use crate::desk::{PRICE, card};

const STEPS: u64 = 1_000_000;

struct Shop {
    steps: StepRuntime,
    storage: MemoryStorage,
    gateway: SandboxGateway,
    engine: Ticketing,
    ticket: TicketId,
    buyer: UserId,
    seller: UserId,
}

impl Shop {
    /// An engine that hears of its gateway only when it asks.
    fn new() -> Self {
        let steps = StepRuntime::new(1);
        let (clock, ids) = (steps.clock(START), SeededIds::new(1, 1));
        let runtime: Arc<dyn Runtime> = steps.node();
        let gateway = SandboxGateway::builder()
            .clock(Arc::clone(&clock))
            .runtime(Arc::clone(&runtime))
            .late_by(Duration::from_secs(3))
            .in_memory();
        let storage = MemoryStorage::with_clock_and_ids(Arc::clone(&clock), &ids);
        let builder = Ticketing::builder()
            .storage(storage.clone())
            .gateway(gateway.clone())
            .clock(clock)
            .ids(Arc::new(ids))
            .runtime(runtime)
            .duties(Duties { reconciler: false, ..Duties::ALL });
        let engine = steps.block_on(builder.start(), STEPS).unwrap().unwrap();
        let (seller, buyer) = (UserId::new("ada").unwrap(), UserId::new("ben").unwrap());
        let new = NewTicket::new("Front row", PRICE).quantity(10);
        let tickets = engine.tickets();
        let listed = steps.block_on(tickets.list_for_sale(seller.clone(), new), STEPS);
        let ticket = listed.unwrap().unwrap().id;
        Self { steps, storage, gateway, engine, ticket, buyer, seller }
    }

    /// The one line that joins the sandbox to an engine.
    fn joined(&self) -> Deliveries {
        self.gateway.deliver_to(self.engine.payments()).unwrap()
    }

    fn run<T>(&self, command: impl Future<Output = T>) -> T {
        self.steps.block_on(command, STEPS).unwrap()
    }

    fn reserve(&self) -> OrderId {
        let orders = self.engine.orders();
        self.run(orders.reserve(self.buyer.clone(), [(self.ticket, 1)])).unwrap().id
    }

    fn pay(&self, order: OrderId, token: &str) -> PaymentReceipt {
        self.run(self.engine.payments().pay(&self.buyer, order, card(token))).unwrap()
    }

    fn status(&self, order: OrderId) -> OrderStatus {
        self.run(self.engine.orders().get(&self.buyer, order)).unwrap().status
    }

    /// Lets webhooks arrive and captures follow.
    fn settle(&self) {
        self.steps.run_for(Duration::from_secs(1), STEPS).unwrap();
    }

    fn captured(&self) -> Money {
        let intents = self.gateway.ledger().intents;
        let sum = |sum: Money, captured| sum.checked_add(captured).unwrap();
        intents.iter().map(|intent| intent.captured).fold(Money::usd(0), sum)
    }

    /// Our books are in order, and the gateway's ledger says the same.
    fn check_books(&self) {
        self.settle();
        let books = self.storage.books();
        let mut broken = violations(&books);
        broken.extend(at_rest(&books));
        let store = self.run(self.storage.store_id()).unwrap();
        broken.extend(against_ledger(&books, &self.gateway.ledger(), store));
        assert!(broken.is_empty(), "{broken:#?}");
        assert!(self.run(self.gateway.undelivered()).unwrap().is_empty());
    }
}

#[test]
fn a_good_card_pays_and_a_refund_goes_back() {
    let shop = Shop::new();
    let _deliveries = shop.joined();
    let order = shop.reserve();
    assert_eq!(shop.pay(order, "tok_visa").outcome(), PaymentOutcome::Complete);
    shop.settle();
    assert_eq!((shop.status(order), shop.captured()), (OrderStatus::Complete, PRICE));

    let by = Refunder::Seller(shop.seller.clone());
    let all = RefundRequest::everything().because("rain");
    shop.run(shop.engine.refunds().request(by, order, all)).unwrap();
    shop.check_books();
    assert_eq!(shop.status(order), OrderStatus::Refunded);
    assert_eq!(shop.gateway.ledger().refunds[0].amount, PRICE);
}

#[test]
fn a_declined_card_leaves_room_for_another() {
    let shop = Shop::new();
    let _deliveries = shop.joined();
    for (token, code) in [
        ("tok_chargeDeclined", DeclineCode::CardDeclined),
        ("tok_chargeDeclinedInsufficientFunds", DeclineCode::InsufficientFunds),
        ("tok_chargeDeclinedExpiredCard", DeclineCode::ExpiredCard),
    ] {
        let order = shop.reserve();
        assert_eq!(shop.pay(order, token).outcome(), PaymentOutcome::Declined(code));
        assert_eq!(shop.status(order), OrderStatus::Created);
        assert_eq!(shop.pay(order, "tok_visa").outcome(), PaymentOutcome::Complete);
    }
    shop.check_books();
    assert_eq!(shop.captured(), Money::usd(60_00));
}

#[test]
fn an_answer_that_is_lost_or_late_is_found_out() {
    let shop = Shop::new();
    let _deliveries = shop.joined();
    for token in ["tok_answersUnknown", "tok_answersLate"] {
        let order = shop.reserve();
        assert_eq!(shop.pay(order, token).outcome(), PaymentOutcome::Complete, "{token}");
    }
    shop.check_books();
    assert_eq!(shop.captured(), Money::usd(40_00));
}

#[test]
fn the_bank_asks_the_buyer_and_a_webhook_tells_of_the_answer() {
    for ok in [true, false] {
        let shop = Shop::new();
        let _deliveries = shop.joined();
        let order = shop.reserve();
        let receipt = shop.pay(order, "tok_threeDSecure");
        assert_eq!(receipt.outcome(), PaymentOutcome::RequiresAction);
        let secret = receipt.client_secret.expect("the browser needs it");
        let intent = shop.gateway.intent_of(&secret).unwrap();
        shop.run(shop.gateway.authenticate(&intent, ok)).unwrap();
        shop.settle();
        let (expected, sum) =
            if ok { (OrderStatus::Complete, PRICE) } else { (OrderStatus::Created, Money::usd(0)) };
        assert_eq!((shop.status(order), shop.captured()), (expected, sum));
        if !ok {
            assert_eq!(shop.pay(order, "tok_visa").outcome(), PaymentOutcome::Complete);
        }
        shop.check_books();
    }
}

#[test]
fn the_buyers_browser_confirms_and_a_webhook_tells() {
    let shop = Shop::new();
    let order = shop.reserve();
    let receipt = shop.run(shop.engine.payments().open(&shop.buyer, order)).unwrap();
    let intent = shop.gateway.intent_of(&receipt.client_secret.unwrap()).unwrap();
    shop.run(shop.gateway.confirm_as_client(&intent, &card("tok_chargeDeclined"))).unwrap();
    shop.run(shop.gateway.confirm_as_client(&intent, &card("tok_visa"))).unwrap();
    shop.settle();
    assert_eq!(shop.status(order), OrderStatus::AwaitingPayment, "nobody has told yet");

    let deliveries = shop.joined();
    shop.settle();
    assert_eq!((shop.status(order), shop.captured()), (OrderStatus::Complete, PRICE));
    shop.check_books();
    shop.run(deliveries.stop());
}

#[test]
fn the_name_is_the_one_in_the_path_of_its_webhooks() {
    assert_eq!(SandboxGateway::new().name().as_str(), "sandbox");
}
