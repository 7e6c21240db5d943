//! The pool: how many units of a listing are available, held and sold.
//!
//! ```text
//! available --hold--> held --sell--> sold
//!      ^               |               |
//!      '----release----'               |
//!      '------------return-------------'          capacity = available + held + sold
//! ```
//!
//! | command | on sale | withdrawn (clearing) | withdrawn |
//! |---|---|---|---|
//! | open | `no_such_step` | `no_such_step` | `no_such_step` |
//! | hold | on sale ◦, `sale_over` ● | `not_on_sale` | `not_on_sale` |
//! | hold before the sale opens | `sale_not_open` | `not_on_sale` | `not_on_sale` |
//! | hold of another version of the listing | `listing_changed` | `not_on_sale` | `not_on_sale` |
//! | hold more than one order may have | `over_order_limit` ◦, `sale_over` ● | `not_on_sale` | `not_on_sale` |
//! | hold more than one buyer may have | `over_buyer_limit` ◦, `sale_over` ● | `not_on_sale` | `not_on_sale` |
//! | hold more than is available | `sold_out` ◦, `sale_over` ● | `not_on_sale` | `not_on_sale` |
//! | hold nothing | `no_such_step` ◦, `sale_over` ● | `not_on_sale` | `not_on_sale` |
//! | release | on sale | withdrawn (clearing) | withdrawn |
//! | release more than is held | `units_not_there` | `units_not_there` | `units_not_there` |
//! | sell | on sale | withdrawn (clearing) | withdrawn |
//! | sell more than is held | `units_not_there` | `units_not_there` | `units_not_there` |
//! | return | on sale | withdrawn (clearing) | withdrawn |
//! | return more than is sold | `units_not_there` | `units_not_there` | `units_not_there` |
//! | restate | on sale | `not_on_sale` | `not_on_sale` |
//! | restate what claimed units fix | `ticket_reserved` | `not_on_sale` | `not_on_sale` |
//! | restate a capacity below what is claimed | `capacity_too_low` | `not_on_sale` | `not_on_sale` |
//! | withdraw while nothing is held | withdrawn | `not_on_sale` | `not_on_sale` |
//! | withdraw while units are held | `ticket_reserved` | `not_on_sale` | `not_on_sale` |
//! | withdraw and cancel the holds | withdrawn (clearing) | `not_on_sale` | `not_on_sale` |
//! | cleared | `no_such_step` | withdrawn | withdrawn |
//! | cleared while units are held | `no_such_step` | `ticket_reserved` | `ticket_reserved` |
//!
//! A cell names the next state, or the code of the refusal; ◦ is before the sale closes, ● when
//! it closes or after. Claimed is what is held or sold.
//!
//! Two rows with two versions describe what is for sale: the listing, which changes when its
//! seller edits it, and the pool, which changes with every group of reservations. The pool
//! repeats of the listing what a claim is guarded by, so that one locked row decides.
//!
//! A limit per buyer is kept by a second, smaller row, the [`Allowance`] of that buyer. It
//! follows every movement of the buyer's units and is touched only under the pool's lock.

use std::fmt;

use crate::domain::view::InventoryView;
use crate::planted::{self, CoreBug};
use crate::values::{PoolId, Quantity, TimeWindow, Timestamp, UserId, Version};

/// The units behind one listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Its id, shared with its ticket.
    pub id: PoolId,
    /// Counts the pool's changes: one per group that touched it.
    pub version: Version,
    /// What it repeats of its listing.
    pub terms: PoolTerms,
    /// Whether units can be claimed.
    pub state: PoolState,
    /// Units in unpaid orders.
    pub held: u32,
    /// Units in paid orders.
    pub sold: u32,
}

/// What a pool repeats of its listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolTerms {
    /// The listing's version that these terms are of.
    pub listing: Version,
    /// When units can be claimed.
    pub sale: TimeWindow,
    /// Units in all.
    pub capacity: u32,
    /// The most units of one order.
    pub max_per_order: Option<Quantity>,
    /// The most units of one buyer.
    pub max_per_buyer: Option<Quantity>,
}

/// Whether units of a pool can be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolState {
    /// They can.
    OnSale,
    /// The listing was withdrawn.
    Withdrawn {
        /// Live orders there are still to be cancelled.
        clearing: bool,
    },
}

/// How many units of a pool one buyer has, held or sold. Exists only for pools with a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The pool.
    pub pool: PoolId,
    /// The buyer.
    pub buyer: UserId,
    /// Counts its changes.
    pub version: Version,
    /// Units held or sold.
    pub taken: u32,
}

/// What can be asked of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolCommand {
    /// Be there: the pool of a new listing.
    Open(Pool),
    /// Hold units for an order.
    Hold {
        /// How many.
        units: u32,
        /// The version of the listing whose price and title the order froze.
        listing: Version,
    },
    /// Give held units back.
    Release(u32),
    /// Held units are paid for.
    Sell(u32),
    /// Sold units go back on sale.
    Return(u32),
    /// The listing was edited.
    Restate {
        /// What the pool repeats of it from now on.
        terms: PoolTerms,
        /// The edit touches what held or sold units fix.
        needs_unclaimed: bool,
    },
    /// The listing was withdrawn.
    Withdraw {
        /// The listing's new version.
        listing: Version,
        /// Live orders are to be cancelled.
        cancel_holds: bool,
    },
    /// No live order is left of a withdrawn listing.
    Cleared,
}

/// Why a pool refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such pool.
    Missing,
    /// The listing was withdrawn.
    NotOnSale,
    /// The sale opens later.
    SaleNotOpen {
        /// Then.
        opens: Timestamp,
    },
    /// The sale is over.
    SaleOver,
    /// Not so many units are available.
    SoldOut {
        /// So many are.
        left: u32,
    },
    /// More than one order may have.
    OverOrderLimit {
        /// The limit.
        limit: u32,
    },
    /// More than one buyer may have.
    OverBuyerLimit {
        /// What the buyer may still have.
        left: u32,
    },
    /// The listing moved on: read it again.
    ListingChanged,
    /// Units are held or sold, which fixes what the edit would change.
    Claimed,
    /// The capacity would fall below what is held and sold.
    CapacityTooLow {
        /// Units held or sold.
        claimed: u32,
    },
    /// More units than there are in that place: a bug of the caller.
    NotThere,
    /// The pool has no such step: a bug of the caller.
    NoSuchStep,
}

impl Refusal {
    /// The stable, machine-readable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "no_such_ticket",
            Self::NotOnSale => "not_on_sale",
            Self::SaleNotOpen { .. } => "sale_not_open",
            Self::SaleOver => "sale_over",
            Self::SoldOut { .. } => "sold_out",
            Self::OverOrderLimit { .. } => "over_order_limit",
            Self::OverBuyerLimit { .. } => "over_buyer_limit",
            Self::ListingChanged => "listing_changed",
            Self::Claimed => "ticket_reserved",
            Self::CapacityTooLow { .. } => "capacity_too_low",
            Self::NotThere => "units_not_there",
            Self::NoSuchStep => "no_such_step",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such ticket"),
            Self::NotOnSale => f.write_str("it is not on sale"),
            Self::SaleNotOpen { opens } => write!(f, "its sale opens at {opens}"),
            Self::SaleOver => f.write_str("its sale is over"),
            Self::SoldOut { left: 0 } => f.write_str("it is reserved or sold out"),
            Self::SoldOut { left } => write!(f, "only {left} are left"),
            Self::OverOrderLimit { limit } => write!(f, "one order may have {limit} at most"),
            Self::OverBuyerLimit { left } => write!(f, "this buyer may have {left} more at most"),
            Self::ListingChanged => f.write_str("it has changed since it was read"),
            Self::Claimed => f.write_str("units of it are held or sold"),
            Self::CapacityTooLow { claimed } => write!(f, "{claimed} are held or sold"),
            Self::NotThere => f.write_str("it has not so many units in that place"),
            Self::NoSuchStep => f.write_str("its pool has no such step"),
        }
    }
}

/// Where a command leaves the pool, and the buyer's allowance if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolDecision {
    /// The pool, its version untouched: the group that commits it counts.
    pub pool: Pool,
    /// Units that the buyer now has, held or sold; nothing if the pool keeps no limit.
    pub taken: Option<u32>,
}

impl Pool {
    /// The pool of a new listing.
    pub fn open(id: PoolId, terms: PoolTerms) -> Self {
        Self { id, version: Version::FIRST, terms, state: PoolState::OnSale, held: 0, sold: 0 }
    }

    /// Units that can be claimed. Never below zero, whatever the row says.
    pub fn available(&self) -> u32 {
        self.terms.capacity.saturating_sub(self.claimed())
    }

    /// Units held or sold.
    pub fn claimed(&self) -> u32 {
        self.held.saturating_add(self.sold)
    }

    /// What others see of it.
    pub fn view(&self) -> InventoryView {
        InventoryView::of(self)
    }

    /// Where `command` leaves the pool and a buyer who has `taken` units of it.
    ///
    /// # Errors
    /// The [`Refusal`]; the pool stays as it is.
    pub fn decide(
        self,
        command: PoolCommand,
        taken: u32,
        now: Timestamp,
    ) -> Result<PoolDecision, Refusal> {
        match (self.state, command) {
            (PoolState::OnSale, PoolCommand::Hold { units, listing }) => {
                self.hold(units, listing, taken, now)
            }
            (PoolState::OnSale, PoolCommand::Restate { terms, needs_unclaimed }) => {
                self.restate(terms, needs_unclaimed)
            }
            (PoolState::OnSale, PoolCommand::Withdraw { listing, cancel_holds }) => {
                self.withdraw(listing, cancel_holds)
            }
            (PoolState::OnSale | PoolState::Withdrawn { .. }, PoolCommand::Release(units)) => {
                let held = self.held.checked_sub(units).ok_or(Refusal::NotThere)?;
                Ok(Self { held, ..self }.gives_back(taken, units))
            }
            (PoolState::OnSale | PoolState::Withdrawn { .. }, PoolCommand::Return(units)) => {
                let sold = self.sold.checked_sub(units).ok_or(Refusal::NotThere)?;
                Ok(Self { sold, ..self }.gives_back(taken, units))
            }
            (PoolState::OnSale | PoolState::Withdrawn { .. }, PoolCommand::Sell(units)) => {
                let held = self.held.checked_sub(units).ok_or(Refusal::NotThere)?;
                let sold = self.sold.checked_add(units).ok_or(Refusal::NotThere)?;
                Ok(Self { held, sold, ..self }.keeps(taken))
            }
            (PoolState::Withdrawn { .. }, PoolCommand::Cleared) => self.cleared(),
            (
                PoolState::Withdrawn { .. },
                PoolCommand::Hold { .. }
                | PoolCommand::Restate { .. }
                | PoolCommand::Withdraw { .. },
            ) => Err(Refusal::NotOnSale),
            (PoolState::OnSale, PoolCommand::Cleared)
            | (PoolState::OnSale | PoolState::Withdrawn { .. }, PoolCommand::Open(_)) => {
                Err(Refusal::NoSuchStep)
            }
        }
    }

    fn hold(
        self,
        units: u32,
        listing: Version,
        taken: u32,
        now: Timestamp,
    ) -> Result<PoolDecision, Refusal> {
        if listing != self.terms.listing && !planted::is(CoreBug::StaleListingDecides) {
            return Err(Refusal::ListingChanged);
        }
        sale_is_open(self.terms.sale, now)?;
        if let Some(limit) = self.terms.max_per_order.filter(|limit| units > limit.get()) {
            return Err(Refusal::OverOrderLimit { limit: limit.get() });
        }
        if units == 0 {
            return Err(Refusal::NoSuchStep);
        }
        if units > self.available() && !planted::is(CoreBug::CheckThenInsert) {
            return Err(Refusal::SoldOut { left: self.available() });
        }
        let held = self.held.checked_add(units).ok_or(Refusal::NotThere)?;
        let taken = self.within_buyer_limit(taken, units)?;
        Ok(PoolDecision { pool: Self { held, ..self }, taken })
    }

    /// The buyer's units with `units` more, if the limit allows; nothing where there is none.
    fn within_buyer_limit(&self, taken: u32, units: u32) -> Result<Option<u32>, Refusal> {
        let Some(limit) = self.terms.max_per_buyer else {
            return Ok(None);
        };
        let sum = taken.checked_add(units).ok_or(Refusal::NotThere)?;
        if sum > limit.get() {
            return Err(Refusal::OverBuyerLimit { left: limit.get().saturating_sub(taken) });
        }
        Ok(Some(sum))
    }

    fn gives_back(self, taken: u32, units: u32) -> PoolDecision {
        self.keeps(taken.saturating_sub(units))
    }

    fn keeps(self, taken: u32) -> PoolDecision {
        PoolDecision { pool: self, taken: self.terms.max_per_buyer.map(|_| taken) }
    }

    fn without_buyer(self) -> PoolDecision {
        PoolDecision { pool: self, taken: None }
    }

    fn restate(self, terms: PoolTerms, needs_unclaimed: bool) -> Result<PoolDecision, Refusal> {
        let claimed = self.claimed();
        let limit_appears = terms.max_per_buyer.is_some() != self.terms.max_per_buyer.is_some();
        if claimed > 0 && (needs_unclaimed || limit_appears) {
            return Err(Refusal::Claimed);
        }
        if terms.capacity < claimed {
            return Err(Refusal::CapacityTooLow { claimed });
        }
        Ok(Self { terms, ..self }.without_buyer())
    }

    fn withdraw(self, listing: Version, cancel_holds: bool) -> Result<PoolDecision, Refusal> {
        if self.held > 0 && !cancel_holds {
            return Err(Refusal::Claimed);
        }
        let terms = PoolTerms { listing, ..self.terms };
        let state = PoolState::Withdrawn { clearing: self.held > 0 };
        Ok(Self { terms, state, ..self }.without_buyer())
    }

    fn cleared(self) -> Result<PoolDecision, Refusal> {
        if self.held > 0 {
            return Err(Refusal::Claimed);
        }
        Ok(Self { state: PoolState::Withdrawn { clearing: false }, ..self }.without_buyer())
    }
}

/// Whether units can be claimed at `now`, as far as the times of the sale go.
pub(in crate::domain) fn sale_is_open(sale: TimeWindow, now: Timestamp) -> Result<(), Refusal> {
    match (sale.from(), sale.until()) {
        (Some(opens), _) if now < opens => Err(Refusal::SaleNotOpen { opens }),
        (_, Some(closes)) if now >= closes => Err(Refusal::SaleOver),
        (_, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
