//! What a history is made of, decided before it begins.
//!
//! A plan is a value: it is [drawn](Plan::of) from a seed, or written down for a scenario, and the
//! shrinker takes parts of it away. Acts name orders and tickets by how recent they are, so that a
//! plan with fewer acts still means something.

mod draw;
mod words;

use std::time::Duration;

use ticketing_core::testing::{FaultKind, Operation};

/// What a history is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The seed of everything that is left to chance while it runs.
    pub seed: u64,
    /// The processes, the first of which has every duty.
    pub processes: Vec<ProcessPlan>,
    /// How many lanes the storage says it has.
    pub lanes: usize,
    /// How many of a thousand calls of a port go wrong in each way.
    pub faults: Vec<(FaultKind, u32)>,
    /// How late a delayed call comes at most.
    pub longest_delay: Duration,
    /// Calls that go wrong because of their number.
    pub at_calls: Vec<(u64, FaultKind)>,
    /// What the bus, the timers, the gateway and the post do of their own accord.
    pub mischief: Mischiefs,
    /// What happens, one after the other.
    pub acts: Vec<Act>,
}

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessPlan {
    /// How far its clock is ahead, in milliseconds.
    pub ahead_millis: i64,
    /// Whether it has duties, beside answering clients.
    pub works: bool,
}

/// How many of a thousand chances are taken for each kind of mischief.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mischiefs {
    /// Events that the bus delivers twice.
    pub bus_repeats: u32,
    /// Events that overtake others.
    pub bus_reorders: u32,
    /// Events that the bus confirms and loses.
    pub bus_loses: u32,
    /// Wake-ups that are lost.
    pub timers_lose: u32,
    /// Wake-ups that come before or after their time.
    pub timers_shift: u32,
    /// Wake-ups that come again.
    pub timers_repeat: u32,
    /// Server errors that the gateway keeps, and repeats for their key.
    pub kept_errors: u32,
    /// Webhooks that are delivered twice.
    pub post_repeats: u32,
    /// Webhooks that stay in the post for a long time.
    pub post_delays: u32,
}

/// Something that happens, and how much time passes after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// How much time passes after it.
    pub pause: Duration,
    /// What it is.
    pub what: What,
}

/// What a client sends, or what befalls the world.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Nothing: time passes.
    Wait,
    /// A seller puts a listing on sale.
    List {
        /// Which seller.
        seller: u8,
        /// How many units.
        units: u32,
        /// The most that one buyer may have.
        per_buyer: Option<u32>,
        /// How it is sent.
        manner: Manner,
    },
    /// A buyer reserves.
    Reserve {
        /// Which buyer.
        buyer: u8,
        /// Which tickets, the newest being zero, and how many units of each.
        lines: Vec<(u8, u32)>,
        /// How it is sent.
        manner: Manner,
    },
    /// A buyer pays for an order with a card.
    Pay {
        /// Which order, the newest being zero.
        order: u8,
        /// With which card.
        card: Card,
        /// How it is sent.
        manner: Manner,
    },
    /// A buyer opens a payment and confirms it in the browser.
    PayInBrowser {
        /// Which order.
        order: u8,
        /// With which card.
        card: Card,
        /// How it is sent.
        manner: Manner,
    },
    /// A buyer cancels an order.
    Cancel {
        /// Which order.
        order: u8,
        /// How it is sent.
        manner: Manner,
    },
    /// A buyer asks for a longer hold.
    Extend {
        /// Which order.
        order: u8,
        /// How it is sent.
        manner: Manner,
    },
    /// A seller changes a listing.
    Edit {
        /// Which ticket.
        ticket: u8,
        /// Its new price in cents.
        price: u32,
        /// Its new number of units; as many as before if zero.
        units: u32,
        /// How it is sent.
        manner: Manner,
    },
    /// A seller takes a listing off sale.
    Withdraw {
        /// Which ticket.
        ticket: u8,
        /// Whether live orders are cancelled.
        cancel_holds: bool,
        /// How it is sent.
        manner: Manner,
    },
    /// An operator gives money back.
    Refund {
        /// Which order.
        order: u8,
        /// A sum in cents; everything if it is not said.
        cents: Option<u32>,
        /// Whether the units go back on sale.
        restock: bool,
        /// How it is sent.
        manner: Manner,
    },
    /// An operator sends a failed refund again.
    RetryRefund {
        /// How it is sent.
        manner: Manner,
    },
    /// A client sends an earlier command once more, under the key that it had.
    Again {
        /// Which one, the newest being zero.
        command: u8,
        /// Where it is sent.
        process: u8,
    },
    /// Something that no client of ours does.
    World(Event),
}

/// Something that befalls the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A process dies after so many steps.
    Crash {
        /// Which.
        process: u8,
        /// After how many steps.
        steps: u32,
    },
    /// A clock is set.
    SetClock {
        /// Whose.
        process: u8,
        /// How far it is ahead from now on, in milliseconds.
        ahead_millis: i64,
    },
    /// The timers forget everything.
    ForgetTimers,
    /// The bus confirms so many publications, and forgets them.
    ForgetPublished(u32),
    /// Everything of the last minutes is published once more.
    PublishAgain,
    /// The buyer's bank has asked for something, and got it or not.
    Bank {
        /// Whether it is content.
        content: bool,
    },
    /// Somebody gives money back at the gateway's own desk.
    RefundByHand {
        /// How much, in cents.
        cents: u32,
    },
    /// The next refund fails, or hangs.
    SpoilRefund {
        /// Whether it only hangs.
        hangs: bool,
    },
    /// Refunds that hang turn out.
    EndRefunds {
        /// Well or not.
        well: bool,
    },
    /// A buyer disputes a charge.
    Dispute,
    /// Somebody sends a webhook that nobody signed.
    ForgeWebhook,
    /// A call of that operation goes wrong.
    Fault {
        /// Of which operation.
        operation: Operation,
        /// Which one from now, the next being the first.
        nth: u64,
        /// How.
        kind: FaultKind,
    },
    /// How late a delayed call comes at most from now on.
    LongestDelay(Duration),
    /// Every call of that operation fails from now on, or none does any more.
    Outage {
        /// Of which operation.
        operation: Operation,
        /// Whether it fails.
        down: bool,
    },
    /// Webhooks wait in the post from now on, or are delivered.
    HoldPost(bool),
    /// What waits in the post is delivered, in this order.
    DeliverPost(Order),
    /// The gateway keeps so many of a thousand errors from now on.
    KeepErrors(u32),
    /// A webhook of the gateway's tells of an intent that is not there, or has not moved.
    OddWebhook {
        /// Whether there is such an intent.
        known: bool,
    },
    /// Somebody opens an intent in our name without any attempt of ours.
    ForeignIntent,
    /// The database is copied.
    Backup,
    /// The database is put back from its copy, and every process starts anew.
    Restore,
    /// Every process is down for days.
    NobodyIsUp {
        /// How many.
        days: u32,
    },
}

/// In which order the post is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As it was sent.
    First,
    /// The other way round.
    Last,
    /// Each letter twenty times at once.
    Often,
}

/// How a command is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// To which process.
    pub process: u8,
    /// Under an idempotency key of its own.
    pub keyed: bool,
    /// Twice at once, to two processes.
    pub twice: bool,
    /// The client hangs up after so long.
    pub hangs_up_after: Option<Duration>,
}

/// A card, by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// Authorizes.
    Good,
    /// Is declined.
    Declined,
    /// Captures at once.
    Automatic,
    /// Needs the buyer.
    NeedsBuyer,
    /// Authorizes, and the answer is lost.
    Silent,
}

impl Card {
    /// Its token at the gateway in memory.
    pub fn token(self) -> &'static str {
        match self {
            Self::Good => "tok_visa",
            Self::Declined => "tok_chargeDeclined",
            Self::Automatic => "tok_automatic",
            Self::NeedsBuyer => "tok_threeDSecure",
            Self::Silent => "tok_answersUnknown",
        }
    }
}

impl Plan {
    /// One process with a right clock, without faults: what a scenario starts from.
    pub fn calm(acts: Vec<Act>) -> Self {
        Self {
            seed: 1,
            processes: vec![ProcessPlan { ahead_millis: 0, works: true }],
            lanes: 1,
            faults: Vec::new(),
            longest_delay: Duration::from_secs(2),
            at_calls: Vec::new(),
            mischief: Mischiefs::default(),
            acts,
        }
    }
}
