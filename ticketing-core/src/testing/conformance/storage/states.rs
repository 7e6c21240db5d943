//! Orders, payments and refunds in every state, with every field that they can have.

use std::time::Duration;

use super::reads::events_read_back;
use super::samples::{NO_HOLD, units, units_for_sale};
use super::scene::Scene;
use crate::domain::decision::Decision;
use crate::domain::order::{
    CancelReason, Canceller, HoldPolicy, Order, OrderCommand, OrderRefund, OrderState, ReturnedLine,
};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Dispute, Payment, PaymentCommand, Trouble, VoidReason,
};
use crate::domain::refund::{Refund, RefundCommand, RefundState};
use crate::domain::ticket::Ticket;
use crate::testing::builders::{Planned, Purchase, intent, refund_reference, user};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{Money, Note, PaymentId, RefundId, Timestamp};

/// Long enough that nothing in a case is given up, short enough that nothing is due never.
const PATIENCE: Duration = Duration::from_mins(10);

/// Orders from hold to refund, each version read back.
pub async fn every_paid_order_reads_back(scene: &Scene) {
    let ticket = scene.list(units_for_sale(50)).await.ticket;
    let order = order_step(scene, reserve(scene, &ticket).await).await;
    let order = order_step(scene, scene.make().await.extend(&order)).await;
    let paying = purchase_step(scene, start(scene, &order).await).await;
    let declined = purchase_step(scene, scene.make().await.gone(&paying)).await;
    assert_eq!(declined.order.state, OrderState::Created, "payable again");
    let paying = purchase_step(scene, start(scene, &declined.order).await).await;
    let complete = purchase_step(scene, scene.make().await.complete(&paying)).await;
    let paid = purchase_step(scene, scene.make().await.capture(&complete)).await;
    let part = refund_of(&ticket, 30_00, 1, true);
    let paid = purchase_step(scene, scene.make().await.refund_with(&paid, part)).await;
    let rest = refund_of(&ticket, 30_00, 2, false);
    let paid = purchase_step(scene, scene.make().await.refund_with(&paid, rest)).await;
    let refunded = OrderState::Refunded { payment: paid.payment.id };
    assert_eq!(paid.order.state, refunded, "all of the money went back");
}

/// Orders that end without a sale, for every reason and with and without a payment.
pub async fn every_cancelled_order_reads_back(scene: &Scene) {
    let ticket = scene.list(units_for_sale(50)).await.ticket;
    let by = |by| OrderCommand::Cancel { by, patience: PATIENCE };
    let ends = [
        (by(Canceller::Buyer), CancelReason::Buyer),
        (by(Canceller::Seller), CancelReason::Seller),
        (OrderCommand::Expire { patience: PATIENCE }, CancelReason::Expired),
    ];
    for (command, reason) in ends {
        let order = order_step(scene, reserve_for_a_tick(scene, &ticket).await).await;
        let awaiting = order_step(scene, reserve_for_a_tick(scene, &ticket).await).await;
        let no_grace = scene.make().await.with_policy(NO_HOLD);
        let started = no_grace.start_payment(&awaiting, ConfirmedBy::Server);
        let paying = purchase_step(scene, started).await;
        if reason == CancelReason::Expired {
            scene.pass(2).await;
        }
        let make = scene.make().await;
        let over = order_step(scene, make.order(&order, command.clone())).await;
        assert_eq!(over.state, OrderState::Cancelled { reason });

        let make = scene.make().await;
        let order = order_step(scene, make.order(&paying.order, command)).await;
        let cancelling = Purchase { order, ..paying };
        let over = purchase_step(scene, scene.make().await.gone(&cancelling)).await;
        assert_eq!(over.order.state, OrderState::Cancelled { reason });
    }
    let order = order_step(scene, reserve(scene, &ticket).await).await;
    let paying = purchase_step(scene, start(scene, &order).await).await;
    let complete = purchase_step(scene, scene.make().await.complete(&paying)).await;
    let undone = purchase_step(scene, scene.make().await.gone(&complete)).await;
    let reason = CancelReason::Payment;
    assert_eq!(undone.order.state, OrderState::Cancelled { reason });
}

/// An order of as many lines as there can be, for a buyer with the longest name.
pub async fn an_order_of_many_lines_reads_back(scene: &Scene) {
    let mut tickets = Vec::new();
    for number in 0..Order::MAX_LINES {
        let mut terms = units_for_sale(9);
        terms.title = format!("Row {number} {}", "ü".repeat(190));
        tickets.push(scene.list(terms).await.ticket);
    }
    let lines: Vec<(&Ticket, u32)> = tickets.iter().zip((1..=9).cycle()).collect();
    let buyer = user(&"ß".repeat(32));
    let placed = scene.make().await.reserve(&buyer, &lines);
    order_step(scene, placed).await;
}

/// Payments in every state, with every reason, decline, trouble and dispute that there is.
pub async fn every_payment_reads_back(scene: &Scene) {
    let ticket = scene.list(units_for_sale(500)).await.ticket;
    for (confirmed_by, commands) in payment_stories() {
        let order = scene.apply(reserve(scene, &ticket).await).await;
        let started = scene.make().await.start_payment(&order, confirmed_by);
        let mut payment = purchase_step(scene, started).await.payment;
        for command in commands {
            let step = scene.make().await.payment(&payment, command);
            payment = payment_step(scene, step).await;
        }
    }
    for captured in [false, true] {
        let now = scene.now().await;
        let id = PaymentId::from_uuid(scene.ids().next());
        let name = intent(if captured { "pi_captured" } else { "pi_open" });
        let stray = Payment::stray(id, name, Money::eur(7_00), captured, now);
        let next = stray.next().clone();
        let batch = scene.batch(now).payment(stray).build();
        payment_step(scene, Planned { batch, next }).await;
    }
}

/// Commands that lead a payment through every state, beside the one who confirms it.
fn payment_stories() -> Vec<(ConfirmedBy, Vec<PaymentCommand>)> {
    use PaymentCommand as Command;
    let opened = |name: String, confirming| Command::Opened { intent: intent(&name), confirming };
    let mut stories = vec![
        (
            ConfirmedBy::Server,
            vec![
                opened("i".repeat(255), true),
                Command::NeedsAction,
                Command::Confirm,
                Command::Authorized { accepted: true },
                Command::Captured { accepted: true },
                Command::Refund(Money::usd(1_00)),
                Command::RefundedAtGateway(Money::usd(2_00)),
                Command::Dispute(Dispute::Opened),
                Command::Dispute(Dispute::Won),
                Command::Dispute(Dispute::Lost),
            ],
        ),
        (
            ConfirmedBy::Server,
            vec![
                Command::OpenInDoubt,
                Command::MarkLate,
                Command::Void(VoidReason::Abandoned),
                opened("pi_late".to_owned(), false),
                Command::Gone,
            ],
        ),
        (ConfirmedBy::Server, vec![Command::Captured { accepted: false }]),
        (ConfirmedBy::Server, vec![Command::Authorized { accepted: true }, Command::CaptureFailed]),
        (ConfirmedBy::Server, vec![Command::Authorized { accepted: false }]),
        (
            ConfirmedBy::Server,
            vec![
                Command::Park(Trouble::WrongAmount),
                Command::Resume,
                Command::Park(Trouble::Misconfigured),
            ],
        ),
    ];
    for code in DECLINES {
        let name = format!("pi_{}", code.code());
        let server = vec![opened(name.clone(), true), Command::Declined(code), Command::Gone];
        let client = vec![
            opened(format!("{name}_client"), false),
            Command::Declined(code),
            Command::Confirm,
            Command::ConfirmationLost,
        ];
        stories.push((ConfirmedBy::Server, server));
        stories.push((ConfirmedBy::Client, client));
    }
    stories
}

const DECLINES: [DeclineCode; 7] = [
    DeclineCode::CardDeclined,
    DeclineCode::InsufficientFunds,
    DeclineCode::ExpiredCard,
    DeclineCode::IncorrectCvc,
    DeclineCode::AuthenticationFailed,
    DeclineCode::ProcessingError,
    DeclineCode::InvalidMethod,
];

/// Refunds in every state, with the longest reason and reference, with and without an order.
pub async fn every_refund_reads_back(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    let paid = scene.sell(&user("buyer"), &[(&ticket, 3)]).await;
    let reasons = [None, Some("ö".repeat(500)), Some(String::new())];
    for reason in reasons {
        let mut refund = refund_of(&ticket, 1_00, 0, false);
        refund.reason = reason.map(|text| worked(Note::new(&text), "a note"));
        let now = scene.now().await;
        let id = RefundId::from_uuid(scene.ids().next());
        let (payment, order) = (paid.payment.id, Some(paid.order.id));
        let requested = Refund::request(id, payment, order, refund.amount, refund.reason, now);
        let mut refund = refund_step(scene, requested, now).await;
        for (command, state) in refund_story() {
            let planned = scene.make().await.refund_step(&refund, command);
            scene.accept(&planned.batch).await;
            refund = refund_reads_back(scene, planned).await;
            assert_eq!(refund.state, state);
        }
    }
    let now = scene.now().await;
    let id = RefundId::from_uuid(scene.ids().next());
    let noted = Refund::noted(id, paid.payment.id, None, Money::usd(2_00), now);
    refund_step(scene, noted, now).await;
}

fn refund_story() -> [(RefundCommand, RefundState); 9] {
    let long = "r".repeat(255);
    [
        (RefundCommand::Pending(refund_reference("re_1")), RefundState::Pending),
        (RefundCommand::Failed, RefundState::Failed),
        (RefundCommand::Retry, RefundState::Requested),
        (RefundCommand::Succeeded(refund_reference(&long)), RefundState::Succeeded),
        (RefundCommand::Failed, RefundState::Failed),
        (RefundCommand::Retry, RefundState::Requested),
        (RefundCommand::NextKey, RefundState::Requested),
        (RefundCommand::GivenBack, RefundState::Succeeded),
        (RefundCommand::NotGivenBack, RefundState::Failed),
    ]
}

async fn reserve(scene: &Scene, ticket: &Ticket) -> Planned<Order> {
    scene.make().await.reserve(&user("buyer"), &[(ticket, 3)])
}

async fn reserve_for_a_tick(scene: &Scene, ticket: &Ticket) -> Planned<Order> {
    let policy = HoldPolicy { hold: scene.tick(), ..NO_HOLD };
    let make = scene.make().await.with_policy(policy);
    make.reserve(&user("buyer"), &[(ticket, 1)])
}

async fn start(scene: &Scene, order: &Order) -> Planned<Purchase> {
    scene.make().await.start_payment(order, ConfirmedBy::Server)
}

fn refund_of(ticket: &Ticket, cents: u32, back: u32, restock: bool) -> OrderRefund {
    let lines = (back > 0).then(|| ReturnedLine { ticket: ticket.id, quantity: units(back) });
    OrderRefund {
        amount: Money::usd(cents),
        lines: lines.into_iter().collect(),
        restock,
        reason: None,
    }
}

async fn order_step(scene: &Scene, planned: Planned<Order>) -> Order {
    scene.accept(&planned.batch).await;
    assert_eq!(scene.order(planned.next.id).await, planned.next);
    events_read_back(scene, &planned.batch).await;
    planned.next
}

async fn purchase_step(scene: &Scene, planned: Planned<Purchase>) -> Purchase {
    scene.accept(&planned.batch).await;
    let Purchase { order, payment, refund } = &planned.next;
    assert_eq!(scene.order(order.id).await, *order);
    assert_eq!(scene.payment(payment.id).await, *payment);
    if let Some(refund) = refund {
        let read = worked(scene.storage().refund(refund.id).await, "refund");
        assert_eq!(read.as_ref(), Some(refund));
    }
    events_read_back(scene, &planned.batch).await;
    planned.next
}

async fn payment_step(scene: &Scene, planned: Planned<Payment>) -> Payment {
    scene.accept(&planned.batch).await;
    assert_eq!(scene.payment(planned.next.id).await, planned.next);
    events_read_back(scene, &planned.batch).await;
    planned.next
}

async fn refund_step(scene: &Scene, decision: Decision<Refund>, now: Timestamp) -> Refund {
    let next = decision.next().clone();
    let batch = scene.batch(now).refund(decision).build();
    scene.accept(&batch).await;
    refund_reads_back(scene, Planned { batch, next }).await
}

async fn refund_reads_back(scene: &Scene, planned: Planned<Refund>) -> Refund {
    let read = worked(scene.storage().refund(planned.next.id).await, "refund");
    assert_eq!(found(read, "the refund"), planned.next);
    events_read_back(scene, &planned.batch).await;
    planned.next
}
