//! The happy path, and the races about payment and expiration that must be tried: R1 to R23.

use std::time::Duration;

use ticketing_core::testing::{FaultKind, Operation};

use crate::plan::{Act, Card, Event, Manner, Order, Plan, What};
use crate::world::{GRACE, HOLD, PATIENCE};

/// A story that is played with everything going wrong.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub what: &'static str,
    /// Whether pairs of crashes are tried in it as well.
    pub in_pairs: bool,
    acts: fn() -> Vec<Act>,
}

impl Scenario {
    /// The plan of it, without faults of its own.
    pub fn plan(self) -> Plan {
        Plan::calm((self.acts)())
    }
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    let scenario = |name, what, acts| Scenario { name, what, in_pairs: false, acts };
    let paying = |name, what, acts| Scenario { name, what, in_pairs: true, acts };
    vec![
        scenario("happy", "reserved, paid, complete", happy),
        paying("R1", "pay just before the deadline, answer later", r1),
        scenario("R2", "pay just after the deadline, before any timer", r2),
        paying("R3", "crash after the intent was opened", r3),
        paying("R4", "crash after the charge", r4),
        scenario("R5", "webhook before the answer", r5),
        scenario("R6", "webhook before the commit that it belongs to", r6),
        scenario("R7", "the same webhook twenty times at once", r7),
        scenario("R8", "news of a success and a failure swapped", r8),
        scenario(
            "R9",
            "webhook days after the cancellation, and after the unit was sold again",
            r9,
        ),
        scenario("R10", "double click", r10),
        scenario("R11", "declined, then another card", r11),
        paying("R12", "a server error that the gateway keeps", r12),
        paying("R13", "gateway down at the deadline", r13),
        paying("R14", "the buyer cancels while paying", r14),
        scenario("R15", "the seller withdraws while somebody pays", r15),
        scenario("R16", "two refunds of a part at once", r16),
        scenario("R17", "a refund fails and is sent again", r17),
        scenario("R18", "a webhook tells what is not so", r18),
        scenario("R19", "an intent that nobody knows", r19),
        scenario("R20", "cancelled, reserved by another, and then the first one's timer", r20),
        scenario("R21", "dispute", r21),
        scenario("R22", "listing edited between order and payment", r22),
        scenario("R23", "database put back from a backup", r23),
    ]
}

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn then(what: What, pause: Duration) -> Act {
    Act { pause, what }
}

fn world(event: Event) -> Act {
    then(What::World(event), Duration::ZERO)
}

fn plain() -> Manner {
    Manner { keyed: true, ..Manner::default() }
}

fn list(units: u32) -> Act {
    then(What::List { seller: 0, units, per_buyer: None, manner: plain() }, SECOND)
}

fn reserve(buyer: u8, pause: Duration) -> Act {
    then(What::Reserve { buyer, lines: vec![(0, 1)], manner: plain() }, pause)
}

fn pay(card: Card, pause: Duration) -> Act {
    then(What::Pay { order: 0, card, manner: plain() }, pause)
}

fn cancel(order: u8, pause: Duration) -> Act {
    then(What::Cancel { order, manner: plain() }, pause)
}

fn refund(cents: Option<u32>, pause: Duration) -> Act {
    then(What::Refund { order: 0, cents, restock: true, manner: plain() }, pause)
}

fn wait(pause: Duration) -> Act {
    then(What::Wait, pause)
}

fn fault(operation: Operation, nth: u64, kind: FaultKind) -> Act {
    world(Event::Fault { operation, nth, kind })
}

fn bank() -> Act {
    then(What::World(Event::Bank { content: true }), SECOND)
}

fn sold(rest: Vec<Act>) -> Vec<Act> {
    let mut acts = vec![list(1), reserve(0, SECOND), pay(Card::Good, 2 * SECOND)];
    acts.extend(rest);
    acts
}

fn happy() -> Vec<Act> {
    sold(Vec::new())
}

fn r1() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, HOLD.saturating_sub(MILLI)),
        world(Event::LongestDelay(GRACE / 2)),
        fault(Operation::Confirm, 1, FaultKind::Delay),
        pay(Card::Good, GRACE + PATIENCE),
    ]
}

fn r2() -> Vec<Act> {
    vec![
        list(1),
        world(Event::Outage { operation: Operation::ClaimTimers, down: true }),
        world(Event::Outage { operation: Operation::DueOrders, down: true }),
        reserve(0, HOLD + MILLI),
        pay(Card::Good, SECOND),
        world(Event::Outage { operation: Operation::ClaimTimers, down: false }),
        world(Event::Outage { operation: Operation::DueOrders, down: false }),
    ]
}

fn r3() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        fault(Operation::OpenIntent, 1, FaultKind::CrashAfter),
        pay(Card::Good, 2 * SECOND),
    ]
}

fn r4() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        fault(Operation::Confirm, 1, FaultKind::CrashAfter),
        pay(Card::Good, 2 * SECOND),
    ]
}

fn r5() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        fault(Operation::LookUp, 1, FaultKind::Delay),
        pay(Card::Silent, Duration::ZERO),
        world(Event::DeliverPost(Order::First)),
        wait(3 * SECOND),
    ]
}

fn r6() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        fault(Operation::Commit, 3, FaultKind::Delay),
        pay(Card::Good, Duration::ZERO),
        world(Event::DeliverPost(Order::First)),
        wait(3 * SECOND),
    ]
}

fn r7() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        world(Event::HoldPost(true)),
        pay(Card::NeedsBuyer, SECOND),
        bank(),
        then(What::World(Event::DeliverPost(Order::Often)), 2 * SECOND),
    ]
}

fn r8() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        world(Event::HoldPost(true)),
        pay(Card::Declined, SECOND),
        pay(Card::Good, SECOND),
        then(What::World(Event::DeliverPost(Order::Last)), 2 * SECOND),
    ]
}

fn r9() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        world(Event::HoldPost(true)),
        pay(Card::NeedsBuyer, SECOND),
        world(Event::Outage { operation: Operation::Void, down: true }),
        world(Event::Outage { operation: Operation::LookUp, down: true }),
        cancel(0, PATIENCE + 3 * SECOND),
        reserve(1, SECOND),
        bank(),
        world(Event::Outage { operation: Operation::Void, down: false }),
        world(Event::Outage { operation: Operation::LookUp, down: false }),
        pay(Card::Good, 2 * SECOND),
        world(Event::NobodyIsUp { days: 3 }),
        then(What::World(Event::DeliverPost(Order::First)), 2 * SECOND),
    ]
}

fn r10() -> Vec<Act> {
    let twice = Manner { twice: true, keyed: false, ..Manner::default() };
    let click = What::Pay { order: 0, card: Card::Good, manner: twice };
    vec![list(1), reserve(0, SECOND), then(click, 2 * SECOND)]
}

fn r11() -> Vec<Act> {
    vec![list(1), reserve(0, SECOND), pay(Card::Declined, SECOND), pay(Card::Good, 2 * SECOND)]
}

fn r12() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        world(Event::KeepErrors(1_000)),
        pay(Card::Good, SECOND),
        world(Event::KeepErrors(0)),
        wait(2 * SECOND),
    ]
}

fn r13() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        pay(Card::NeedsBuyer, SECOND),
        world(Event::Outage { operation: Operation::Void, down: true }),
        world(Event::Outage { operation: Operation::LookUp, down: true }),
        wait(HOLD + PATIENCE + 3 * SECOND),
        bank(),
        world(Event::Outage { operation: Operation::Void, down: false }),
        world(Event::Outage { operation: Operation::LookUp, down: false }),
    ]
}

fn r14() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        fault(Operation::Confirm, 1, FaultKind::Delay),
        pay(Card::Good, Duration::ZERO),
        cancel(0, 4 * SECOND),
    ]
}

fn r15() -> Vec<Act> {
    let withdraw = What::Withdraw { ticket: 0, cancel_holds: true, manner: plain() };
    vec![
        list(1),
        reserve(0, SECOND),
        pay(Card::NeedsBuyer, SECOND),
        then(withdraw, 3 * SECOND),
        bank(),
        wait(SECOND),
    ]
}

fn r16() -> Vec<Act> {
    sold(vec![refund(Some(600), Duration::ZERO), refund(Some(600), 2 * SECOND)])
}

fn r17() -> Vec<Act> {
    sold(vec![
        world(Event::SpoilRefund { hangs: false }),
        refund(None, 2 * SECOND),
        then(What::RetryRefund { manner: plain() }, 2 * SECOND),
    ])
}

fn r18() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        pay(Card::NeedsBuyer, SECOND),
        then(What::World(Event::OddWebhook { known: true }), SECOND),
        bank(),
        wait(SECOND),
    ]
}

fn r19() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        then(What::World(Event::OddWebhook { known: false }), SECOND),
        then(What::World(Event::ForeignIntent), 2 * SECOND),
    ]
}

fn r20() -> Vec<Act> {
    vec![list(1), reserve(0, SECOND), cancel(0, SECOND), reserve(1, HOLD.saturating_sub(MILLI))]
}

fn r21() -> Vec<Act> {
    sold(vec![then(What::World(Event::Dispute), 2 * SECOND), refund(None, SECOND)])
}

fn r22() -> Vec<Act> {
    let edit = What::Edit { ticket: 0, price: 700, units: 3, manner: plain() };
    vec![list(2), reserve(0, SECOND), then(edit, SECOND), pay(Card::Good, 2 * SECOND)]
}

fn r23() -> Vec<Act> {
    vec![
        list(1),
        reserve(0, SECOND),
        world(Event::Backup),
        pay(Card::Good, 3 * SECOND),
        then(What::World(Event::Restore), 2 * SECOND),
    ]
}
