//! A pool of units as its documentation describes it, one command after the other.

/// How far one order of the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It was not placed.
    Nowhere,
    /// It holds its units.
    Held,
    /// It was cancelled and still holds its units, until its payment is voided.
    Ending,
    /// Its units are sold.
    Sold,
    /// It has no units any more.
    Gone,
}

/// A pool, and the orders that are there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) on_sale: bool,
    pub(super) capacity: u32,
    /// Every order's stage and units.
    pub(super) orders: Vec<(Stage, u32)>,
}

/// What is done to a pool, or seen of it. Orders are named by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// An order is placed.
    Place(usize),
    /// So many units are asked for, and not there.
    SoldOut(u32),
    /// An order is cancelled by somebody.
    Cancel(usize),
    /// An order's units come free.
    Free(usize),
    /// An order is paid.
    Sell(usize),
    /// A sale is undone, and its units go back on sale.
    Return(usize),
    /// An order is seen to be paid.
    SeenSold(usize),
    /// An order is seen to be over.
    SeenGone(usize),
    /// The pool has another capacity.
    Resize(u32),
    /// The listing is withdrawn.
    Withdraw,
}

impl Step {
    /// Whether it changes nothing: it may then be taken as soon as it is right.
    pub(super) fn is_look(self) -> bool {
        matches!(self, Self::SoldOut(_) | Self::SeenSold(_) | Self::SeenGone(_))
    }
}

impl State {
    fn claimed(&self) -> u32 {
        let claims = self
            .orders
            .iter()
            .filter(|(stage, _)| matches!(stage, Stage::Held | Stage::Ending | Stage::Sold));
        claims.map(|(_, units)| *units).fold(0, u32::saturating_add)
    }

    fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.claimed())
    }

    fn stage(&self, order: usize) -> Stage {
        self.orders.get(order).map_or(Stage::Nowhere, |(stage, _)| *stage)
    }

    fn with(&self, order: usize, stage: Stage) -> Self {
        let mut next = self.clone();
        if let Some(entry) = next.orders.get_mut(order) {
            entry.0 = stage;
        }
        next
    }

    fn units(&self, order: usize) -> u32 {
        self.orders.get(order).map_or(0, |(_, units)| *units)
    }

    /// The state after a step; nothing if the step is not possible here.
    pub(super) fn after(&self, step: Step) -> Option<Self> {
        let unchanged = |is_so: bool| is_so.then(|| self.clone());
        match step {
            Step::Place(order) => {
                let fits = self.on_sale && self.units(order) <= self.free();
                let new = self.stage(order) == Stage::Nowhere;
                (fits && new).then(|| self.with(order, Stage::Held))
            }
            Step::SoldOut(units) => unchanged(!self.on_sale || self.free() < units),
            Step::Cancel(order) => match self.stage(order) {
                Stage::Held => Some(self.with(order, Stage::Ending)),
                Stage::Ending | Stage::Gone => Some(self.clone()),
                Stage::Nowhere | Stage::Sold => None,
            },
            Step::Free(order) => match self.stage(order) {
                Stage::Held | Stage::Ending => Some(self.with(order, Stage::Gone)),
                Stage::Nowhere | Stage::Sold | Stage::Gone => None,
            },
            Step::Sell(order) => match self.stage(order) {
                Stage::Held | Stage::Ending => Some(self.with(order, Stage::Sold)),
                Stage::Nowhere | Stage::Sold | Stage::Gone => None,
            },
            Step::Return(order) => {
                let sold = self.stage(order) == Stage::Sold;
                sold.then(|| self.with(order, Stage::Gone))
            }
            Step::SeenSold(order) => unchanged(self.stage(order) == Stage::Sold),
            Step::SeenGone(order) => {
                unchanged(matches!(self.stage(order), Stage::Ending | Stage::Gone))
            }
            Step::Resize(capacity) => {
                let fits = self.on_sale && self.claimed() <= capacity;
                fits.then(|| Self { capacity, ..self.clone() })
            }
            Step::Withdraw => Some(Self { on_sale: false, ..self.clone() }),
        }
    }
}
