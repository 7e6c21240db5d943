//! What buyers and sellers do, chosen by a seed.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::domain::NewTicket;
use ticketing_core::testing::SeededRng;
use ticketing_core::values::{IdempotencyKey, Money, OrderId, TicketId, UserId};
use ticketing_core::{
    Caller, Error, PaymentMethod, PaymentOutcome, RefundRequest, Refunder, Ticketing,
};

use crate::oracle::Oracle;
use crate::world::World;

/// Card tokens, the ones that work more often than the others.
const TOKENS: [&str; 8] = [
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_chargeDeclined",
    "tok_chargeDeclinedInsufficientFunds",
    "tok_threeDSecure",
    "tok_answersUnknown",
    "tok_automatic",
];

/// Chooses commands.
pub(crate) struct Workload {
    rng: SeededRng,
    tickets: Vec<TicketId>,
    keys: u64,
}

impl Workload {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: SeededRng::new(seed).fork("workload"), tickets: Vec::new(), keys: 0 }
    }

    /// One command, and whatever happens around it.
    pub(crate) fn step(&mut self, world: &mut World) {
        world.disturb(&mut self.rng);
        match self.rng.below(100) {
            0..5 => self.list(world),
            5..45 => self.reserve(world),
            45..70 => self.pay(world),
            70..80 => self.cancel(world),
            80..84 => self.extend(world),
            84..87 => self.edit(world),
            87..88 => self.withdraw(world),
            88..92 => self.refund(world),
            92..94 => self.retry_a_refund(world),
            94..97 => self.pay_in_the_browser(world),
            _ => world.gateway_acts(&mut self.rng),
        }
        let pause = Duration::from_millis(self.rng.below(2_500));
        world.run_for(pause);
    }

    fn buyer(&mut self) -> UserId {
        UserId::new(format!("buyer-{}", self.rng.below(12))).unwrap()
    }

    fn seller(&mut self) -> UserId {
        UserId::new(format!("seller-{}", self.rng.below(2))).unwrap()
    }

    /// Mostly a new key or none, at times one that was used before.
    fn caller(&mut self) -> (Caller, Option<IdempotencyKey>) {
        let number = match self.rng.below(4) {
            0 => return (Caller::default(), None),
            1 if self.keys > 0 => self.rng.below(self.keys),
            _ => {
                self.keys += 1;
                self.keys
            }
        };
        let key = IdempotencyKey::new(format!("key-{number}")).unwrap();
        (Caller::default().with_key(key.clone()), Some(key))
    }

    fn order(&mut self, world: &World) -> Option<(OrderId, UserId)> {
        let known = world.oracle.known();
        // Mostly a recent one: those still have something to go through.
        let recent = known.len().saturating_sub(4);
        let known =
            if self.rng.chance(800) { known.get(recent..).unwrap_or_default() } else { &known };
        self.rng.pick(known).cloned()
    }

    fn list(&mut self, world: &mut World) {
        let mut new = NewTicket::new("A seat", Money::usd(1_000))
            .quantity(u32::try_from(1 + self.rng.below(12)).unwrap());
        if self.rng.chance(300) {
            new = new.max_per_buyer(2);
        }
        if self.rng.chance(200) {
            new = new.max_per_order(1);
        }
        let seller = self.seller();
        let oracle = world.oracle.clone();
        let listed = Arc::clone(&world.tickets);
        world.call(&mut self.rng, move |engine| async move {
            let answer = engine.tickets().list_for_sale(seller, new).await;
            if let Ok(ticket) = &answer {
                listed.lock().unwrap().push(ticket.id);
            }
            note(&oracle, &answer);
        });
        self.tickets.clone_from(&world.tickets.lock().unwrap());
    }

    fn reserve(&mut self, world: &mut World) {
        self.tickets.clone_from(&world.tickets.lock().unwrap());
        let recent = self.tickets.len().saturating_sub(6);
        let mut tickets = self.tickets.get(recent..).unwrap_or_default().to_vec();
        self.rng.shuffle(&mut tickets);
        let lines = 1 + usize::from(self.rng.chance(300));
        let wanted: Vec<(TicketId, u32)> = tickets
            .into_iter()
            .take(lines)
            .map(|id| (id, 1 + u32::from(self.rng.chance(250))))
            .collect();
        let (buyer, (caller, key)) = (self.buyer(), self.caller());
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            let answer = engine.caller(caller).orders().reserve(buyer, wanted).await;
            if let Ok(order) = &answer {
                oracle.reserved(order, key);
            }
            note(&oracle, &answer);
        });
    }

    fn pay(&mut self, world: &mut World) {
        let Some((order, buyer)) = self.order(world) else { return };
        let token = *self.rng.pick(&TOKENS).unwrap();
        let (caller, _) = self.caller();
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            let payments = engine.caller(caller).payments();
            let answer = payments.pay(&buyer, order, PaymentMethod::card_token(token)).await;
            if let Ok(receipt) = &answer {
                // A key that was used before shows the payment of another order.
                if let (PaymentOutcome::Complete, Some(order)) =
                    (receipt.outcome(), receipt.payment.order_id)
                {
                    oracle.paid(order);
                }
            }
            note(&oracle, &answer);
        });
    }

    fn pay_in_the_browser(&mut self, world: &mut World) {
        let Some((order, buyer)) = self.order(world) else { return };
        let token = *self.rng.pick(&TOKENS).unwrap();
        let oracle = world.oracle.clone();
        let gateway = world.gateway.clone();
        world.call(&mut self.rng, move |engine| async move {
            let answer = engine.payments().open(&buyer, order).await;
            let intent =
                answer.as_ref().ok().and_then(|receipt| receipt.payment.gateway_id.as_ref());
            if let Some(intent) = intent {
                let card = PaymentMethod::card_token(token);
                // The bank may say no, which is the gateway's to tell.
                gateway.confirm_as_client(intent, &card).ok();
            }
            note(&oracle, &answer);
        });
    }

    fn cancel(&mut self, world: &mut World) {
        let Some((order, buyer)) = self.order(world) else { return };
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            let answer = engine.orders().cancel(&buyer, order).await;
            if let Ok(order) = &answer {
                oracle.cancelled(order);
            }
            note(&oracle, &answer);
        });
    }

    fn extend(&mut self, world: &mut World) {
        let Some((order, buyer)) = self.order(world) else { return };
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            note(&oracle, &engine.orders().extend(&buyer, order).await);
        });
    }

    fn edit(&mut self, world: &mut World) {
        let Some(ticket) = self.rng.pick(&self.tickets).copied() else { return };
        let price = Money::usd(u32::try_from(500 + self.rng.below(1_000)).unwrap());
        let new = NewTicket::new("A better seat", price)
            .quantity(u32::try_from(1 + self.rng.below(12)).unwrap());
        let seller = self.seller();
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            note(&oracle, &engine.tickets().edit(&seller, ticket, new, None).await);
        });
    }

    fn withdraw(&mut self, world: &mut World) {
        let Some(ticket) = self.rng.pick(&self.tickets).copied() else { return };
        let (seller, cancel_holds) = (self.seller(), self.rng.chance(700));
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            note(&oracle, &engine.tickets().withdraw(&seller, ticket, cancel_holds).await);
        });
    }

    fn refund(&mut self, world: &mut World) {
        let Some((order, _)) = self.order(world) else { return };
        let by = Refunder::Operator(operator());
        let request = match self.rng.below(3) {
            0 => RefundRequest::everything().restocking(),
            1 => RefundRequest::everything().amount(Money::usd(100)),
            _ => RefundRequest::everything(),
        };
        let (caller, _) = self.caller();
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine: Ticketing| async move {
            note(&oracle, &engine.caller(caller).refunds().request(by, order, request).await);
        });
    }

    /// An operator sends a failed refund once more, whether or not it was made by hand meanwhile.
    fn retry_a_refund(&mut self, world: &mut World) {
        let failed = world.failed_refunds();
        let Some((refund, _)) = self.rng.pick(&failed).copied() else { return };
        let oracle = world.oracle.clone();
        world.call(&mut self.rng, move |engine| async move {
            note(&oracle, &engine.operator().retry_refund(&operator(), refund).await);
        });
    }
}

fn operator() -> UserId {
    UserId::new("operator").unwrap()
}

fn note<T>(oracle: &Oracle, answer: &Result<T, Error>) {
    oracle.answered(answer.as_ref().err().map_or("ok", Error::code));
}
