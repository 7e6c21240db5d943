//! Commands under a key: done once, and answered alike as often as they are sent.

use std::fmt::Debug;

use futures_util::future::join_all;

use super::watched_storage::Answer;
use super::*;
use crate::domain::view::{OrderStatus, PaymentStatus, RefundView};
use crate::service::caller::Caller;
use crate::service::outbox_relay::OutboxRelay;
use crate::service::payment_receipt::{PaymentOutcome, PaymentReceipt};
use crate::service::refund_terms::{RefundRequest, Refunder};
use crate::testing::builders::{a_buyer, a_new_ticket};
use crate::values::{IdempotencyKey, Money, PaymentId, RefundId};

impl Market {
    fn keyed(&self, key: &str) -> Ticketing {
        let key = IdempotencyKey::new(key).unwrap();
        self.engine.caller(Caller::default().with_key(key))
    }

    fn a_paid_order(&self) -> OrderView {
        let order = self.an_order();
        self.pay("buyer", order.id, "tok_visa");
        order
    }

    fn pay_under(&self, key: &str, order: OrderId, token: &str) -> Result<PaymentReceipt, Error> {
        let method = PaymentMethod::card_token(token);
        self.run(self.keyed(key).payments().pay(&a_buyer(), order, method))
    }

    fn refund_under(
        &self,
        key: &str,
        order: OrderId,
        what: RefundRequest,
    ) -> Result<RefundView, Error> {
        let by = Refunder::Seller(a_seller());
        self.run(self.keyed(key).refunds().request(by, order, what))
    }

    fn publish_and_prune(&self) {
        self.step(&mut OutboxRelay::new(Arc::clone(&self.engine.engine))).unwrap();
    }

    /// Sends a command twice under one key, with `meanwhile` in between, then another one.
    #[track_caller]
    fn sends_twice<T: PartialEq + Debug, U: Debug>(
        &self,
        command: impl Fn(&Ticketing) -> Result<T, Error>,
        meanwhile: impl FnOnce(&T),
        another: impl FnOnce(&Ticketing) -> Result<U, Error>,
    ) {
        let first = command(&self.keyed("key")).unwrap();
        meanwhile(&first);
        self.settle();
        let before = self.books();
        assert_eq!(command(&self.keyed("key")).unwrap(), first);
        assert_eq!(code(another(&self.keyed("key"))), "idempotency_key_reused");
        self.settle();
        assert_eq!(self.books(), before, "neither did anything");
    }
}

#[test]
fn listing_is_done_once() {
    let market = Market::new();
    let list = |new: NewTicket| {
        let market = &market;
        move |engine: &Ticketing| {
            market.run(engine.tickets().list_for_sale(a_seller(), new.clone()))
        }
    };
    let edit = |listed: &TicketView| {
        let terms = a_new_ticket().quantity(11);
        let (tickets, seller) = (market.engine.tickets(), a_seller());
        market.run(tickets.edit(&seller, listed.id, terms, None)).unwrap();
    };
    market.sends_twice(list(a_new_ticket()), edit, list(a_new_ticket().quantity(11)));
    assert_eq!(market.books().tickets.len(), 1);
}

#[test]
fn editing_is_done_once() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let edit = |quantity: u32| {
        let market = &market;
        move |engine: &Ticketing| {
            let terms = a_new_ticket().quantity(quantity);
            market.run(engine.tickets().edit(&a_seller(), ticket, terms, None))
        }
    };
    let undo = |_: &TicketView| drop(edit(10)(&market.engine).unwrap());
    market.sends_twice(edit(20), undo, edit(30));
    assert_eq!(market.pool(ticket).terms.capacity, 10, "the repeated edit did not undo the undo");
}

#[test]
fn withdrawing_is_done_once() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let withdraw = |cancel_holds| {
        let market = &market;
        move |engine: &Ticketing| {
            market.run(engine.tickets().withdraw(&a_seller(), ticket, cancel_holds))
        }
    };
    market.sends_twice(withdraw(false), |_| {}, withdraw(true));
}

#[test]
fn reserving_is_done_once() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let reserve = |units| {
        let market = &market;
        move |engine: &Ticketing| market.run(engine.orders().reserve(a_buyer(), [(ticket, units)]))
    };
    let cancel = |placed: &OrderView| {
        market.run(market.engine.orders().cancel(&a_buyer(), placed.id)).unwrap();
    };
    market.sends_twice(reserve(2), cancel, reserve(3));
    assert_eq!(market.claimed(ticket), (0, 0), "answered as it was, held no more");
}

#[test]
fn extending_is_done_once() {
    let market = Market::new();
    let (order, other) = (market.an_order(), market.an_order());
    let extend = |id| {
        let market = &market;
        move |engine: &Ticketing| market.run(engine.orders().extend(&a_buyer(), id))
    };
    let pay = |extended: &OrderView| market.pay("buyer", extended.id, "tok_visa");
    market.sends_twice(extend(order.id), pay, extend(other.id));
}

#[test]
fn cancelling_is_done_once() {
    let market = Market::new();
    let (order, other) = (market.an_order(), market.an_order());
    let cancel = |id| {
        let market = &market;
        move |engine: &Ticketing| market.run(engine.orders().cancel(&a_buyer(), id))
    };
    market.sends_twice(cancel(order.id), |_| {}, cancel(other.id));
}

/// The commit only begins the end; the gateway's answer completes it.
#[test]
fn cancelling_while_a_payment_runs_is_answered_with_the_same_end() {
    let market = Market::new();
    let (order, other) = (market.an_order(), market.an_order());
    market.pay("buyer", order.id, "tok_threeDSecure");
    let cancel = |id| {
        let market = &market;
        move |engine: &Ticketing| market.run(engine.orders().cancel(&a_buyer(), id))
    };
    let is_over = |told: &OrderView| assert_eq!(told.status, OrderStatus::Cancelled);
    market.sends_twice(cancel(order.id), is_over, cancel(other.id));
}

#[test]
fn refunding_is_done_once() {
    let market = Market::new();
    let order = market.a_paid_order();
    let refund = |cents| {
        let (market, order) = (&market, order.id);
        move |_: &Ticketing| {
            let part = RefundRequest::everything().amount(Money::usd(cents));
            market.refund_under("key", order, part)
        }
    };
    market.sends_twice(refund(5_00), |_| {}, refund(6_00));
    assert_eq!(market.books().refunds.len(), 1);
    assert_eq!(market.order(order.id).refunded, Money::usd(5_00));
}

#[test]
fn paying_is_done_once_and_shown_as_it_is_now() {
    let market = Market::new();
    let order = market.an_order();
    let first = market.pay_under("key", order.id, "tok_visa").unwrap();
    assert_eq!(first.outcome(), PaymentOutcome::Complete);
    market.settle();
    let again = market.pay_under("key", order.id, "tok_visa").unwrap();
    assert_eq!(again.payment.id, first.payment.id);
    assert_eq!(again.payment.status, PaymentStatus::Captured, "as it is now");
    let other_card = market.pay_under("key", order.id, "tok_mastercard");
    assert_eq!(code(other_card), "idempotency_key_reused");
    assert_eq!(market.gateway.ledger().intents.len(), 1);
}

#[test]
fn a_declined_payment_is_declined_again_under_its_key() {
    let market = Market::new();
    let order = market.an_order();
    let first = market.pay_under("key", order.id, "tok_chargeDeclined").unwrap();
    let again = market.pay_under("key", order.id, "tok_chargeDeclined").unwrap();
    assert_eq!(again, first);
    assert_eq!(market.gateway.ledger().intents.len(), 1, "another try needs another key");
    let paid = market.pay_under("another", order.id, "tok_visa").unwrap();
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
}

#[test]
fn a_key_stands_for_one_command_of_one_user() {
    let market = Market::new();
    let order = market.an_order();
    let ticket = order.lines[0].ticket_id;
    let engine = market.keyed("key");
    let mine = market.run(engine.orders().reserve(a_buyer(), [(ticket, 1)])).unwrap();
    let theirs = market.run(engine.orders().reserve(user("another"), [(ticket, 1)])).unwrap();
    assert_ne!(mine.id, theirs.id);
    assert_eq!(theirs.buyer_id, user("another"));
    let cancelled = market.run(engine.orders().cancel(&a_buyer(), order.id));
    assert_eq!(code(cancelled), "idempotency_key_reused", "another command, the same key");
    assert_eq!(market.claimed(ticket), (4, 0));
}

#[test]
fn a_refusal_leaves_the_key_free() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    let holder = market.reserved("holder", ticket, 1);
    let reserve = || market.run(market.keyed("key").orders().reserve(a_buyer(), [(ticket, 1)]));
    assert_eq!(code(reserve()), "sold_out");
    assert_eq!(code(reserve()), "sold_out");
    assert!(market.books().keys.is_empty());
    market.run(market.engine.orders().cancel(&user("holder"), holder.id)).unwrap();
    let placed = reserve().unwrap();
    assert_eq!(reserve().unwrap(), placed);

    let list = |title: &str| {
        let new = NewTicket::new(title, Money::usd(1_00));
        market.run(market.keyed("listing").tickets().list_for_sale(a_seller(), new))
    };
    assert_eq!(code(list("")), "invalid");
    assert!(list("Corrected").is_ok(), "even with other words");
}

#[test]
fn of_two_at_once_the_second_replays_the_first() {
    for seed in 0..20 {
        let market = Market::seeded(seed, Duties::NONE, |_| {});
        let other = market.another_engine(Arc::clone(&market.clock));
        let ticket = market.list(a_new_ticket().quantity(2)).id;
        let key = Caller::default().with_key(IdempotencyKey::new("key").unwrap());
        let doors = [market.engine.caller(key.clone()), other.caller(key)];
        // More than there is: the later ones would be sold out, were they not the same.
        let calls = (0..6).map(|call| {
            let orders = doors[call % 2].orders();
            let runtime = Arc::clone(&market.engine.engine.runtime);
            async move {
                runtime.sleep(Duration::from_micros(u64::try_from(call / 4).unwrap())).await;
                orders.reserve(a_buyer(), [(ticket, 2)]).await
            }
        });
        let answers = market.run(join_all(calls));
        let first = answers[0].as_ref().unwrap();
        for answer in &answers {
            assert_eq!(answer.as_ref().unwrap(), first, "seed {seed}");
        }
        assert_eq!(market.books().orders.len(), 1, "seed {seed}");
        assert_eq!(market.claimed(ticket), (2, 0), "seed {seed}");
    }
}

#[test]
fn of_two_different_ones_at_once_one_is_told_so() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let orders = market.keyed("key").orders();
    let (one, other) = market.run(async {
        tokio::join!(
            biased;
            orders.reserve(a_buyer(), [(ticket, 1)]),
            orders.reserve(a_buyer(), [(ticket, 2)]),
        )
    });
    assert_eq!(one.unwrap().lines[0].quantity.get(), 1);
    assert_eq!(code(other), "idempotency_key_reused");
    assert_eq!(market.claimed(ticket), (1, 0));
}

/// The first try commits between the second one's look at the key and its look at the order.
#[test]
fn a_refusal_that_follows_from_the_own_first_try_is_not_answered() {
    let market = Market::new();
    let order = market.an_order();
    let unwatched = Ticketing::builder()
        .storage(market.storage.inner.clone())
        .gateway(market.gateway.clone())
        .clock(Arc::clone(&market.clock))
        .ids(Arc::new(SeededIds::new(3, 33)))
        .runtime(market.world.node())
        .duties(Duties::NONE);
    let unwatched = market.run(unwatched.start()).unwrap();
    let key = Caller::default().with_key(IdempotencyKey::new("key").unwrap());
    market.storage.hold_call(Some("order"));
    let buyer = a_buyer();
    let second = market.keyed("key").orders();
    let (second, first) = market.run(async {
        let first = async {
            market.engine.engine.runtime.sleep(Duration::from_millis(1)).await;
            let extended = unwatched.caller(key).orders().extend(&buyer, order.id).await;
            market.storage.hold_call(None);
            extended
        };
        tokio::join!(biased; second.extend(&buyer, order.id), first)
    });
    assert_eq!(second.unwrap(), first.unwrap(), "not: extended before");
}

#[test]
fn after_an_unknown_outcome_the_key_tells() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let reserve = || market.run(market.keyed("key").orders().reserve(a_buyer(), [(ticket, 2)]));
    let lose_every_answer = || {
        market.storage.answer([Answer::LostAfter]);
        market.storage.answer([Answer::LostBefore; 15]);
    };
    lose_every_answer();
    let placed = reserve().unwrap();
    assert_eq!(reserve().unwrap(), placed);
    assert_eq!(market.books().orders, [market.order(placed.id)]);
    assert_eq!(market.claimed(ticket), (2, 0));
    lose_every_answer();
    assert_eq!(code(market.reserve("without a key", &[(ticket, 2)])), "unavailable");
    assert_eq!(market.claimed(ticket), (4, 0), "it holds them, and nobody knows");
}

#[test]
fn nothing_is_done_while_keys_can_not_be_read() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.storage.fail("key");
    let keyed = market.keyed("key").orders();
    assert_eq!(code(market.run(keyed.reserve(a_buyer(), [(ticket, 1)]))), "unavailable");
    assert!(market.books().orders.is_empty());
    market.reserved("without a key", ticket, 1);
}

#[test]
fn keys_live_as_long_as_events() {
    let market = Market::new();
    let retention = market.engine.engine.settings.event_retention;
    let ticket = market.list(a_new_ticket()).id;
    let reserve = || market.run(market.keyed("key").orders().reserve(a_buyer(), [(ticket, 1)]));
    let first = reserve().unwrap();
    market.publish_and_prune();
    market.pass(retention);
    market.publish_and_prune();
    assert_eq!(reserve().unwrap(), first);
    market.pass(MINUTE);
    market.publish_and_prune();
    assert_ne!(reserve().unwrap().id, first.id, "forgotten, so it is a new command");
}

/// Its answer is an old version, whose event may be gone before the key is.
#[test]
fn a_command_that_changed_nothing_is_answered_alike_for_as_long() {
    let market = Market::new();
    let retention = market.engine.engine.settings.event_retention;
    let order = market.an_order();
    let ticket = market.list(a_new_ticket()).id;
    market.run(market.engine.orders().cancel(&a_buyer(), order.id)).unwrap();
    market.run(market.engine.tickets().withdraw(&a_seller(), ticket, false)).unwrap();
    market.publish_and_prune();
    market.pass(retention + MINUTE);
    market.publish_and_prune();
    assert!(market.books().events.is_empty());
    let cancel = || market.run(market.keyed("one").orders().cancel(&a_buyer(), order.id)).unwrap();
    assert_eq!(cancel(), cancel());
    let tickets = market.keyed("two").tickets();
    let withdraw = || market.run(tickets.withdraw(&a_seller(), ticket, false)).unwrap();
    assert_eq!(withdraw(), withdraw());
    assert_eq!(market.books().keys.len(), 2);
}

#[test]
fn a_key_is_written_with_its_effect() {
    let market = Market::new();
    let order = market.a_paid_order();
    market.refund_under("refund", order.id, RefundRequest::everything()).unwrap();
    let another = market.an_order();
    let paid = market.pay_under("pay", another.id, "tok_visa").unwrap();
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
    let books = market.books();
    let answers: Vec<_> = books.keys.iter().map(|record| record.answer.aggregate).collect();
    let refund: RefundId = books.refunds[0].id;
    let payment: PaymentId = books.payments[1].id;
    assert!(answers.contains(&refund.into()) && answers.contains(&payment.into()), "{answers:?}");
    assert_eq!(books.keys.iter().filter(|record| record.user == a_seller()).count(), 1);
}
