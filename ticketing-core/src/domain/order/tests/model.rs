//! Any sequence of commands to several orders of one pool, against a model of few numbers.

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::decision::{Decision, Units};
use crate::domain::inventory::{Pool, PoolCommand, PoolState, PoolTerms};
use crate::domain::order::fixtures::{FRONT_ROW, PATIENCE, PLACED, POLICY, listing, minutes, user};
use crate::domain::order::tests::table::assert_laws;
use crate::domain::order::{
    CancelReason, Canceller, NewOrder, Order, OrderCommand as Command, OrderRefund,
    OrderState as State, ReturnedLine,
};
use crate::domain::ticket::{NewTicket, Ticket};
use crate::values::{Money, OrderId, PaymentId, Quantity, TimeWindow, Timestamp, Version};

const CAPACITY: u32 = 6;
const PRICE: u32 = 10_00;

#[derive(Debug, Clone)]
enum Step {
    Place(u32),
    /// To one of the orders: which, and what.
    Ask(usize, Asked),
    Wait(u64),
}

#[derive(Debug, Clone)]
enum Asked {
    Extend,
    Pay,
    /// About the attempt with this number: the right one, if it is the last.
    Money(u64, bool),
    Ended(u64),
    CaptureFailed(u64),
    Cancel,
    Expire,
    Release,
    Refund(u32, u32, bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    let attempt = 1..4_u64;
    let asked = prop_oneof![
        1 => Just(Asked::Extend),
        3 => Just(Asked::Pay),
        3 => (attempt.clone(), any::<bool>()).prop_map(|(attempt, captured)| {
            Asked::Money(attempt, captured)
        }),
        2 => attempt.clone().prop_map(Asked::Ended),
        1 => attempt.prop_map(Asked::CaptureFailed),
        1 => Just(Asked::Cancel),
        2 => Just(Asked::Expire),
        1 => Just(Asked::Release),
        2 => (0..25_00_u32, 0..3_u32, any::<bool>()).prop_map(|(cents, units, restock)| {
            Asked::Refund(cents, units, restock)
        }),
    ];
    prop_oneof![
        1 => (1..4_u32).prop_map(Step::Place),
        8 => (0..4_usize, asked).prop_map(|(order, asked)| Step::Ask(order, asked)),
        1 => (0..9_u64).prop_map(Step::Wait),
    ]
}

/// What the model knows of an order: where its units are, and a few numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    phase: Phase,
    units: u32,
    returned: u32,
    restocked: u32,
    /// In cents.
    paid_back: u32,
    deadline: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Held,
    Paying,
    Ending,
    Sold,
    GivenBack,
    Over,
}

impl Model {
    /// What the engine's order comes down to.
    fn of(order: &Order) -> Self {
        let line = &order.lines[0];
        Self {
            phase: match order.state {
                State::Created => Phase::Held,
                State::AwaitingPayment { .. } => Phase::Paying,
                State::Cancelling { .. } => Phase::Ending,
                State::Complete { .. } => Phase::Sold,
                State::Refunded { .. } => Phase::GivenBack,
                State::Cancelled { .. } => Phase::Over,
            },
            units: line.quantity.get(),
            returned: line.returned,
            restocked: line.restocked,
            paid_back: order.refunded.minor().try_into().unwrap(),
            deadline: order.deadline(),
        }
    }

    fn held(&self) -> u32 {
        let holds = matches!(self.phase, Phase::Held | Phase::Paying | Phase::Ending);
        if holds { self.units } else { 0 }
    }

    fn sold(&self) -> u32 {
        let sold = matches!(self.phase, Phase::Sold | Phase::GivenBack);
        if sold { self.units - self.restocked } else { 0 }
    }

    /// What a refund makes of it, if it may.
    fn refunded(&self, cents: u32, units: u32, restock: bool) -> Option<Self> {
        let total = self.units * PRICE;
        let paid_back = self.paid_back + cents;
        let returned = self.returned + units;
        let may = self.phase == Phase::Sold && cents > 0;
        if !may || paid_back > total || returned > self.units {
            return None;
        }
        let restocked = self.restocked + if restock { units } else { 0 };
        let phase = if paid_back == total { Phase::GivenBack } else { Phase::Sold };
        Some(Self { phase, returned, restocked, paid_back, ..self.clone() })
    }
}

/// The world: one listing, its pool, its orders and the time.
#[derive(Debug)]
struct World {
    ticket: Ticket,
    pool: Pool,
    orders: Vec<Order>,
    attempts: Vec<u64>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let terms = PoolTerms {
            listing: Version::FIRST,
            sale: TimeWindow::always(),
            capacity: CAPACITY,
            max_per_order: None,
            max_per_buyer: None,
        };
        let new = NewTicket::new("Front row", Money::usd(PRICE)).quantity(CAPACITY);
        Self {
            ticket: listing(FRONT_ROW, new),
            pool: Pool::open(FRONT_ROW, terms),
            orders: Vec::new(),
            attempts: Vec::new(),
            now: PLACED,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Wait(more) => self.now = self.now.plus(minutes(more)),
            Step::Place(units) => self.place(units),
            Step::Ask(order, asked) if order < self.orders.len() => self.ask(order, &asked),
            Step::Ask(..) => {}
        }
        self.check();
    }

    fn place(&mut self, units: u32) {
        let number = self.orders.len().try_into().unwrap();
        let new = NewOrder {
            id: OrderId::from_uuid(Uuid::from_u64_pair(0x0d, number)),
            buyer: &user("buyer"),
            lines: &[(&self.ticket, Quantity::new(units).unwrap())],
            policy: POLICY,
        };
        let (decision, _open) = Order::place(new, self.now).unwrap();
        let hold = PoolCommand::Hold { units, listing: Version::FIRST };
        let claimed = self.pool.decide(hold, 0, self.now);
        let fits = units <= CAPACITY - self.pool.held - self.pool.sold;
        assert_eq!(claimed.is_ok(), fits, "{units} of {:?}", self.pool);
        if let Ok(claimed) = claimed {
            self.pool = claimed.pool;
            self.orders.push(decision.into_next());
            self.attempts.push(0);
        }
    }

    /// The attempt of an order with this number.
    fn attempt(order: usize, number: u64) -> PaymentId {
        PaymentId::from_uuid(Uuid::from_u64_pair(order.try_into().unwrap(), number))
    }

    fn command(&self, order: usize, asked: &Asked) -> Command {
        let attempt = |number| Self::attempt(order, number);
        match *asked {
            Asked::Extend => Command::Extend(POLICY),
            Asked::Pay => {
                Command::StartPayment { attempt: attempt(self.attempts[order] + 1), policy: POLICY }
            }
            Asked::Money(number, captured) => {
                Command::MoneyArrived { attempt: attempt(number), captured }
            }
            Asked::Ended(number) => Command::PaymentEnded { attempt: attempt(number) },
            Asked::CaptureFailed(number) => Command::CaptureFailed { attempt: attempt(number) },
            Asked::Cancel => Command::Cancel { by: Canceller::Buyer, patience: PATIENCE },
            Asked::Expire => Command::Expire { patience: PATIENCE },
            Asked::Release => Command::ReleaseUnpaid,
            Asked::Refund(cents, units, restock) => {
                let line = |quantity| ReturnedLine { ticket: FRONT_ROW, quantity };
                Command::Refund(OrderRefund {
                    amount: Money::usd(cents),
                    lines: Quantity::new(units).map(line).into_iter().collect(),
                    restock,
                    reason: None,
                })
            }
        }
    }

    fn ask(&mut self, index: usize, asked: &Asked) {
        let before = self.orders[index].clone();
        let verdict = before.clone().decide(self.command(index, asked), self.now);
        assert_laws(&before, &verdict);
        let expected = self.expected(index, asked);
        let next = verdict.as_ref().map_or(&before, Decision::next);
        assert_eq!(Model::of(next), expected, "{asked:?} of {before:?} at {}", self.now);
        if let Ok(decision) = verdict {
            self.move_units(&decision);
            self.attempts[index] += u64::from(decision.is_change() && matches!(asked, Asked::Pay));
            self.orders[index] = decision.into_next();
        }
    }

    /// What the model says becomes of an order; refused and repeated commands leave it alone.
    fn expected(&self, index: usize, asked: &Asked) -> Model {
        let order = &self.orders[index];
        let model = Model::of(order);
        let runs = |number: u64| order.attempt() == Some(Self::attempt(index, number));
        let cap = order.created_at.plus(POLICY.cap);
        let late = self.now >= model.deadline;
        let go = |phase| Model { phase, ..model.clone() };
        match (model.phase, asked) {
            (Phase::Held, Asked::Extend) if !late && !order.extended => {
                let longer = order.expires_at.plus(POLICY.hold).min(cap);
                Model { deadline: model.deadline.max(longer), ..model }
            }
            (Phase::Held, Asked::Pay) if !late => {
                let grace = order.pay_deadline.unwrap_or(self.now.plus(POLICY.grace).min(cap));
                Model { phase: Phase::Paying, deadline: model.deadline.max(grace), ..model }
            }
            (Phase::Paying, Asked::Money(number, _)) if runs(*number) => go(Phase::Sold),
            (Phase::Ending, Asked::Money(number, true)) if runs(*number) && by_time(order) => {
                go(Phase::Sold)
            }
            (Phase::Paying, Asked::Ended(number)) if runs(*number) => {
                go(if late { Phase::Over } else { Phase::Held })
            }
            (Phase::Ending, Asked::Ended(number)) if runs(*number) => go(Phase::Over),
            (Phase::Ending, Asked::Release) if Some(self.now) >= order.due_at() => go(Phase::Over),
            (Phase::Sold, Asked::CaptureFailed(number)) if runs(*number) => go(Phase::Over),
            (Phase::Held, Asked::Cancel) => go(Phase::Over),
            (Phase::Held, Asked::Expire) if late => go(Phase::Over),
            (Phase::Paying, Asked::Cancel) => go(Phase::Ending),
            (Phase::Paying, Asked::Expire) if late => go(Phase::Ending),
            (_, Asked::Refund(cents, units, restock)) => {
                model.refunded(*cents, *units, *restock).unwrap_or(model)
            }
            (_, _) => model,
        }
    }

    /// The pool does what the decision says; it must never refuse.
    fn move_units(&mut self, decision: &Decision<Order>) {
        let all = decision.next().lines[0].quantity.get();
        let command = match decision.units() {
            Units::Stay => return,
            Units::Hold => panic!("an order holds its units once"),
            Units::Release => PoolCommand::Release(all),
            Units::Sell => PoolCommand::Sell(all),
            Units::Return(lines) => {
                PoolCommand::Return(lines.iter().map(|(_, units)| *units).sum())
            }
        };
        self.pool = self.pool.decide(command, 0, self.now).unwrap().pool;
    }

    /// Units are where the orders say, and nowhere twice.
    fn check(&self) {
        let models = || self.orders.iter().map(Model::of);
        assert_eq!(self.pool.held, models().map(|model| model.held()).sum::<u32>());
        assert_eq!(self.pool.sold, models().map(|model| model.sold()).sum::<u32>());
        assert!(self.pool.held + self.pool.sold <= CAPACITY);
        assert_eq!(self.pool.state, PoolState::OnSale);
    }
}

fn by_time(order: &Order) -> bool {
    matches!(order.state, State::Cancelling { reason: CancelReason::Expired, .. })
}

proptest! {

    #[test]
    fn orders_of_one_pool_follow_the_model(
        steps in prop::collection::vec(any_step(), 0..60)
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        // Whatever happened, time alone sets free what nobody paid for.
        world.now = world.now.plus(minutes(1_000));
        for order in 0..world.orders.len() {
            world.take(Step::Ask(order, Asked::Expire));
            world.now = world.now.plus(PATIENCE);
            world.take(Step::Ask(order, Asked::Release));
        }
        prop_assert_eq!(world.pool.held, 0);
    }
}
