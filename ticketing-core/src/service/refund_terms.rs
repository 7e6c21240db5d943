//! What a refund request means for its order, and who may ask for it.

use crate::domain::order::{Line, Order, OrderRefund, ReturnedLine};
use crate::domain::rejection::{FieldError, Reason};
use crate::values::{Currency, MajorUnits, Money, MoneyError, Note, Quantity, TicketId, UserId};

/// Who gives money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refunder {
    /// A seller, who may give back its own lines, at their price at most; anything of an order
    /// in which all lines are its own.
    Seller(UserId),
    /// An operator, who may give back anything.
    Operator(UserId),
}

/// Who looks at a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// A user, who may see the refunds of orders that it has bought, or sold a line of.
    User(UserId),
    /// An operator, who may see all of them.
    Operator,
}

/// What is to be given back.
///
/// Without lines and amount: everything that is left. With lines: their price, unless an
/// amount is named. With an amount alone: money, and no units.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RefundRequest {
    /// The units that come back.
    pub lines: Vec<(TicketId, u32)>,
    /// The sum.
    pub amount: Option<RefundAmount>,
    /// Whether the units go back on sale.
    pub restock: bool,
    /// Why.
    pub reason: Option<String>,
}

/// How much is to be given back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum RefundAmount {
    /// This sum; one in another currency than the order's is refused.
    Exact(Money),
    /// So many major units of the order's currency.
    OfTheOrder(MajorUnits),
}

impl From<Money> for RefundAmount {
    fn from(amount: Money) -> Self {
        Self::Exact(amount)
    }
}

impl From<MajorUnits> for RefundAmount {
    fn from(amount: MajorUnits) -> Self {
        Self::OfTheOrder(amount)
    }
}

impl RefundAmount {
    fn in_currency(&self, currency: Currency) -> Result<Money, Reason> {
        match self {
            Self::Exact(amount) if amount.currency() == currency => Ok(*amount),
            Self::Exact(_) => {
                Err(invalid("amount", "wrong_currency", "The order is in another currency"))
            }
            Self::OfTheOrder(amount) => amount.in_currency(currency).map_err(too_much),
        }
    }
}

impl RefundRequest {
    /// Everything that is left.
    pub fn everything() -> Self {
        Self::default()
    }

    /// These units, and their price.
    pub fn lines(lines: impl IntoIterator<Item = (TicketId, u32)>) -> Self {
        Self { lines: lines.into_iter().collect(), ..Self::default() }
    }

    /// This sum.
    #[must_use]
    pub fn amount(self, amount: impl Into<RefundAmount>) -> Self {
        Self { amount: Some(amount.into()), ..self }
    }

    /// And put the units back on sale.
    #[must_use]
    pub fn restocking(self) -> Self {
        Self { restock: true, ..self }
    }

    /// For this reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

fn invalid(field: &'static str, code: &'static str, message: impl Into<String>) -> Reason {
    Reason::Invalid(vec![FieldError::new(field, code, message)])
}

/// What a request means for this order.
pub(crate) fn terms_of(order: &Order, request: &RefundRequest) -> Result<OrderRefund, Reason> {
    let everything = request.lines.is_empty() && request.amount.is_none();
    let lines = if everything { kept_lines(order)? } else { returned_lines(&request.lines)? };
    let left = order.left_to_refund().map_err(too_much)?;
    let amount = match &request.amount {
        Some(amount) => amount.in_currency(left.currency())?,
        None if everything => left,
        None => price_of(order, &lines)?,
    };
    let reason = request.reason.as_deref().map(Note::new).transpose();
    let reason = reason.map_err(|error| invalid("reason", error.code(), error.to_string()))?;
    Ok(OrderRefund { amount, lines, restock: request.restock, reason })
}

fn too_much(error: MoneyError) -> Reason {
    invalid("amount", error.code(), error.to_string())
}

fn kept_lines(order: &Order) -> Result<Vec<ReturnedLine>, Reason> {
    let kept = order.lines.iter().filter(|line| line.kept() > 0);
    returned_lines(&kept.map(|line| (line.ticket_id, line.kept())).collect::<Vec<_>>())
}

fn returned_lines(lines: &[(TicketId, u32)]) -> Result<Vec<ReturnedLine>, Reason> {
    let checked = lines.iter().map(|(ticket, units)| {
        Ok(ReturnedLine { ticket: *ticket, quantity: Quantity::new(*units)? })
    });
    let checked: Result<_, crate::values::InvalidQuantity> = checked.collect();
    checked.map_err(|error| invalid("quantity", error.code(), error.to_string()))
}

fn price_of(order: &Order, lines: &[ReturnedLine]) -> Result<Money, Reason> {
    let mut sum = Money::zero(order.total.currency());
    for returned in lines {
        let line = order.lines.iter().find(|line| line.ticket_id == returned.ticket);
        let line = line.ok_or(Reason::ReturnTooLarge { ticket: returned.ticket })?;
        let price = line.price.times(returned.quantity.get()).map_err(too_much)?;
        sum = sum.checked_add(price).map_err(too_much)?;
    }
    Ok(sum)
}

/// Whoever sells nothing of an order hears that first, and nothing of its state.
pub(crate) fn check_part(by: &Refunder, order: &Order) -> Result<(), Reason> {
    match by {
        Refunder::Operator(_) => Ok(()),
        Refunder::Seller(seller) if order.lines.iter().any(|line| line.seller_id == *seller) => {
            Ok(())
        }
        Refunder::Seller(_) => Err(Reason::NotOwner),
    }
}

/// A seller of every line may give back anything. Beside others, a seller gives back units of its
/// own, at their price at most: a sum alone is of no line, and what is left of a line that came
/// back for less is its own seller's. For the rest there are operators.
pub(crate) fn check_authority(
    by: &Refunder,
    order: &Order,
    asked: &OrderRefund,
) -> Result<(), Reason> {
    let Refunder::Seller(seller) = by else {
        return Ok(());
    };
    let is_own = |line: &Line| line.seller_id == *seller;
    if order.lines.iter().all(is_own) {
        return Ok(());
    }
    let named = |line: &&Line| asked.lines.iter().any(|one| one.ticket == line.ticket_id);
    if asked.lines.is_empty() || !order.lines.iter().filter(named).all(is_own) {
        return Err(Reason::NotOwner);
    }
    let left = price_of(order, &asked.lines)?;
    left.checked_sub(asked.amount).map(|_rest| ()).map_err(|_more| Reason::RefundTooLarge { left })
}
