//! `/orders/{id}`: one order, how long it is reserved, and its payment.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::domain::order::{CancelReason, Line};
use ticketing_core::domain::view::{OrderStatus, OrderView, PaymentStatus};
use ticketing_core::values::{OrderId, UserId};
use ticketing_core::{PaymentMethod, PaymentOutcome, PaymentReceipt};

use crate::http::detached::detached;
use crate::http::error::{ApiError, capitalized};
use crate::http::extract::{Command, PathId};
use crate::http::payments::is_token;
use crate::web::answer::{self, on_to, page, with_stripe};
use crate::web::assets::PAY;
use crate::web::done::Done;
use crate::web::format::{Moment, money};
use crate::web::forms::{Form, Refused, fresh_key, under_key};
use crate::web::frame::Frame;
use crate::web::texts::{Texts, fill};
use crate::web::visitor::Member;
use crate::web::{StripeForm, Web};

#[derive(Debug, Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    id: String,
    version: u64,
    stands: Stands,
    /// What it is about, in a line, and what that means.
    says: (&'static str, &'static str),
    lines: Vec<Row>,
    total: String,
    pay: String,
    given_back: Option<String>,
    expires_at: Moment,
    ordered_at: Moment,
    seconds_left: u64,
    time_in_all: u64,
    first_ticket: String,
    /// Whether nothing is paid yet, and the order goes on.
    can_be_cancelled: bool,
    /// Where the card is typed into Stripe's own form.
    card: Option<CardForm>,
    key: String,
}

/// Stripe's form for the card that pays for an order.
#[derive(Debug, Clone)]
struct CardForm {
    form: StripeForm,
    /// The script that shows it.
    module: &'static str,
    /// In the currency's smallest unit.
    amount: i64,
    /// As Stripe writes it.
    currency: String,
}

/// What the page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    ToPay,
    Paying,
    Complete,
    Ended,
}

#[derive(Debug)]
struct Row {
    ticket: String,
    title: String,
    units: u32,
    price: String,
    returned: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Card {
    token: String,
    key: String,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    Member(buyer): Member,
    frame: Frame,
    id: PathId<OrderId>,
) -> Result<Response, ApiError> {
    let order = web.engine.orders().get(&buyer.user, id.known()?).await?;
    let card = CardForm::of(&web, &order).await?;
    let shown = page(StatusCode::OK, &OrderPage::new(&web, frame, &order, card.clone()))?;
    Ok(with_stripe(shown, card.as_ref().map(|card| &card.form)))
}

/// Back from the address of a form, which a page that it was refused with has.
pub(in crate::web) async fn back(id: PathId<OrderId>) -> Result<Response, ApiError> {
    Ok(on_to(&format!("/orders/{}", id.known()?)))
}

pub(in crate::web) async fn pay(
    State(web): State<Web>,
    Member(buyer): Member,
    frame: Frame,
    id: PathId<OrderId>,
    command: Command,
    Form(card): Form<Card>,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let paid = if is_token(&card.token) {
        let payments = web.engine.caller(under_key(command, &card.key)?).payments();
        let user = buyer.user.clone();
        let method = PaymentMethod::card_token(card.token);
        detached(async move { payments.pay(&user, id, method).await }).await
    } else {
        Err(ApiError::bad_request("invalid_token", "There is no such card"))
    };
    let refused = match paid {
        Ok(receipt) => declined(&receipt, frame.t),
        Err(error) => Some(Refused::by(error, frame.t)?),
    };
    match refused {
        None => Ok(on_to(&format!("/orders/{id}"))),
        Some(refused) => show_refused(&web, &buyer.user, frame, id, &refused).await,
    }
}

pub(in crate::web) async fn cancel(
    State(web): State<Web>,
    Member(buyer): Member,
    frame: Frame,
    id: PathId<OrderId>,
    Command(caller): Command,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let orders = web.engine.caller(caller).orders();
    let user = buyer.user.clone();
    let cancelled = detached(async move { orders.cancel(&user, id).await }).await;
    // While its payment is being voided, the page itself says so.
    let done =
        cancelled.map(|order| (order.status == OrderStatus::Cancelled).then_some(Done::Cancelled));
    show_done(&web, &buyer.user, frame, id, done).await
}

pub(in crate::web) async fn extend(
    State(web): State<Web>,
    Member(buyer): Member,
    frame: Frame,
    id: PathId<OrderId>,
    Command(caller): Command,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let orders = web.engine.caller(caller).orders();
    let user = buyer.user.clone();
    let extended = detached(async move { orders.extend(&user, id).await }).await;
    show_done(&web, &buyer.user, frame, id, extended.map(|_order| Some(Done::Extended))).await
}

/// Goes back to the order, which tells what was done, or shows it with why that was refused.
async fn show_done(
    web: &Web,
    buyer: &UserId,
    frame: Frame,
    id: OrderId,
    done: Result<Option<Done>, ApiError>,
) -> Result<Response, ApiError> {
    let page = format!("/orders/{id}");
    match done {
        Ok(done) => Ok(on_to(&done.map_or(page.clone(), |done| done.at(&page)))),
        Err(error) => {
            let refused = Refused::by(error, frame.t)?;
            show_refused(web, buyer, frame, id, &refused).await
        }
    }
}

async fn show_refused(
    web: &Web,
    buyer: &UserId,
    frame: Frame,
    id: OrderId,
    refused: &Refused,
) -> Result<Response, ApiError> {
    let order = web.engine.orders().get(buyer, id).await?;
    let card = CardForm::of(web, &order).await?;
    let order = OrderPage::new(web, refused.frame(frame), &order, card.clone());
    Ok(with_stripe(answer::refused(refused, &order)?, card.as_ref().map(|card| &card.form)))
}

/// What the visitor is told of an attempt that did not pay; nothing where it did, or may still.
fn declined(receipt: &PaymentReceipt, t: &Texts) -> Option<Refused> {
    let (code, text) = match receipt.outcome() {
        PaymentOutcome::Complete | PaymentOutcome::RequiresAction | PaymentOutcome::Pending => {
            return None;
        }
        PaymentOutcome::Declined(code) => {
            (code.code(), t.refusal(code.code(), &capitalized(&code.to_string())))
        }
        PaymentOutcome::Ended => ("payment_ended", t.cancelled_by_payment.to_owned()),
    };
    Some(Refused::whole(StatusCode::PAYMENT_REQUIRED, code, text))
}

impl CardForm {
    /// The form, where there is one and a card is wanted: for an order that waits for one, or whose
    /// attempt waits for its buyer, who may have left the page in between.
    async fn of(web: &Web, order: &OrderView) -> Result<Option<Self>, ApiError> {
        let Some(form) = &web.stripe else { return Ok(None) };
        let is_wanted = match (order.status, order.cancel_reason) {
            (OrderStatus::Created, _) => true,
            (OrderStatus::AwaitingPayment, None) => {
                let attempts = web.engine.payments().attempts(&order.buyer_id, order.id).await?;
                attempts.last().is_some_and(|it| it.payment.status == PaymentStatus::RequiresAction)
            }
            (OrderStatus::AwaitingPayment, Some(_))
            | (OrderStatus::Complete | OrderStatus::Cancelled | OrderStatus::Refunded, _) => false,
        };
        Ok(is_wanted.then(|| Self {
            form: form.clone(),
            module: &PAY.path,
            amount: order.total.minor(),
            currency: order.total.currency().to_string().to_ascii_lowercase(),
        }))
    }
}

impl OrderPage {
    fn new(web: &Web, frame: Frame, order: &OrderView, card: Option<CardForm>) -> Self {
        let now = web.engine.now();
        let t = frame.t;
        let total = money(frame.language, order.total);
        let seconds = |span: std::time::Duration| span.as_millis().div_ceil(1000);
        let whole = |seconds: u128| u64::try_from(seconds).unwrap_or(u64::MAX);
        let back = (!order.refunded.is_zero()).then(|| money(frame.language, order.refunded));
        Self {
            id: order.id.to_string(),
            version: order.version.get(),
            stands: Stands::of(order),
            says: if card.is_some() { (t.order, "") } else { says(t, order) },
            lines: order.lines.iter().map(|line| Row::new(&frame, line)).collect(),
            pay: fill(t.pay, "amount", &total),
            total,
            given_back: back.map(|amount| fill(t.refunded_part, "amount", amount)),
            expires_at: Moment::of(frame.language, order.expires_at),
            ordered_at: Moment::of(frame.language, order.created_at),
            seconds_left: whole(seconds(order.expires_at.since(now))),
            time_in_all: whole(seconds(order.expires_at.since(order.created_at))).max(1),
            first_ticket: order
                .lines
                .first()
                .map(|it| it.ticket_id.to_string())
                .unwrap_or_default(),
            can_be_cancelled: matches!(
                (order.status, order.cancel_reason),
                (OrderStatus::Created | OrderStatus::AwaitingPayment, None)
            ),
            key: fresh_key(),
            card,
            frame,
        }
    }

    fn is_to_pay(&self) -> bool {
        self.stands == Stands::ToPay
    }

    /// Whether the page says why something was refused, which is to be read in peace.
    fn is_refused(&self) -> bool {
        self.frame.notice.as_ref().is_some_and(|notice| notice.is_bad)
    }

    fn is_paying(&self) -> bool {
        self.stands == Stands::Paying
    }

    fn is_complete(&self) -> bool {
        self.stands == Stands::Complete
    }

    fn is_ended(&self) -> bool {
        self.stands == Stands::Ended
    }
}

impl Stands {
    fn of(order: &OrderView) -> Self {
        match order.status {
            OrderStatus::Created => Self::ToPay,
            OrderStatus::AwaitingPayment => Self::Paying,
            OrderStatus::Complete => Self::Complete,
            OrderStatus::Cancelled | OrderStatus::Refunded => Self::Ended,
        }
    }
}

fn says(t: &'static Texts, order: &OrderView) -> (&'static str, &'static str) {
    match (order.status, order.cancel_reason) {
        (OrderStatus::Created, _) => (t.order, ""),
        (OrderStatus::AwaitingPayment, None) => (t.paying, t.paying_hint),
        (OrderStatus::AwaitingPayment, Some(_)) => (t.order, t.being_cancelled),
        (OrderStatus::Complete, _) => (t.complete, t.complete_hint),
        (OrderStatus::Cancelled, Some(CancelReason::Expired)) => (t.expired, t.expired_hint),
        (OrderStatus::Cancelled, Some(CancelReason::Seller)) => {
            (t.cancelled_by_seller, t.nothing_charged)
        }
        (OrderStatus::Cancelled, Some(CancelReason::Payment)) => {
            (t.cancelled_by_payment, t.nothing_charged)
        }
        (OrderStatus::Cancelled, _) => (t.cancelled_by_you, t.nothing_charged),
        (OrderStatus::Refunded, _) => (t.refunded, t.refunded_hint),
    }
}

impl Row {
    fn new(frame: &Frame, line: &Line) -> Self {
        let returned = (line.returned > 0).then(|| fill(frame.t.returned, "n", line.returned));
        Self {
            ticket: line.ticket_id.to_string(),
            title: line.title.to_string(),
            units: line.quantity.get(),
            price: money(frame.language, line.price),
            returned,
        }
    }
}
