//! How a plan follows from its seed.
//!
//! Swarm testing: each seed switches on a part of all faults and of all operations, with rates of
//! its own. A history with everything at once would hide what each of them alone can do.

use std::time::Duration;

use ticketing_core::testing::{FaultKind, Operation, SeededRng};

use super::{Act, Card, Event, Manner, Mischiefs, Plan, ProcessPlan, What};

/// The most acts of a history, and the least.
const ACTS: (u64, u64) = (12, 40);
/// The longest pause after an act, in milliseconds.
const PAUSE_MAX: u64 = 2_500;
/// How far a clock may be off.
const CLOCK_OFF_MILLIS: u64 = 5 * 60 * 1_000;

/// What may happen, and how often where it does.
const OPERATIONS: [(Kind, u32); 27] = [
    (Kind::Reserve, 400),
    (Kind::Pay, 260),
    (Kind::Cancel, 100),
    (Kind::Again, 60),
    (Kind::PayInBrowser, 60),
    (Kind::Extend, 40),
    (Kind::List, 70),
    (Kind::Edit, 40),
    (Kind::Withdraw, 20),
    (Kind::Refund, 70),
    (Kind::RetryRefund, 20),
    (Kind::Crash, 60),
    (Kind::Bank, 40),
    (Kind::RefundByHand, 20),
    (Kind::SpoilRefund, 20),
    (Kind::EndRefunds, 15),
    (Kind::Dispute, 20),
    (Kind::SetClock, 20),
    (Kind::ForgetTimers, 10),
    (Kind::ForgetPublished, 15),
    (Kind::PublishAgain, 10),
    (Kind::ForgeWebhook, 10),
    (Kind::OddWebhook, 10),
    (Kind::ForeignIntent, 10),
    (Kind::Outage, 50),
    (Kind::HoldPost, 25),
    (Kind::Restore, 40),
];

/// The faults of ports, and the highest rate of each in a thousand calls.
const FAULTS: [(FaultKind, u64); 9] = [
    (FaultKind::Delay, 60),
    (FaultKind::Before, 50),
    (FaultKind::RequestLost, 50),
    (FaultKind::ReplyLost, 50),
    (FaultKind::Duplicate, 50),
    (FaultKind::ServerErrorBefore, 60),
    (FaultKind::ServerErrorAfter, 60),
    (FaultKind::CrashBefore, 4),
    (FaultKind::CrashAfter, 4),
];

/// In how many of a thousand histories nobody is up for days, and for how many days at most: as
/// long as a gateway sends its webhooks again.
const DAYS_PER_1000: u32 = 60;
const DAYS_MAX: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Reserve,
    Pay,
    PayInBrowser,
    Cancel,
    Extend,
    Edit,
    Withdraw,
    Refund,
    RetryRefund,
    Again,
    Crash,
    SetClock,
    ForgetTimers,
    ForgetPublished,
    PublishAgain,
    Bank,
    RefundByHand,
    SpoilRefund,
    EndRefunds,
    Dispute,
    ForgeWebhook,
    OddWebhook,
    ForeignIntent,
    Outage,
    HoldPost,
    Restore,
}

/// What the engine may find down for a while.
const OUTAGES: [Operation; 10] = [
    Operation::OpenIntent,
    Operation::Confirm,
    Operation::LookUp,
    Operation::Capture,
    Operation::Void,
    Operation::SendRefund,
    Operation::ListIntents,
    Operation::Publish,
    Operation::ClaimTimers,
    Operation::DueOrders,
];

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed).fork("plan");
        let processes = processes(&mut rng);
        let plan = Self {
            seed,
            lanes: 1 + rng.index(3),
            faults: faults(&mut rng),
            longest_delay: longest_delay(&mut rng),
            at_calls: Vec::new(),
            mischief: mischiefs(&mut rng),
            acts: Draw { rng, processes: processes.len() }.acts(),
            processes,
        };
        plan.with_days(SeededRng::new(seed).fork("days"))
    }

    /// In few histories there are days in which nobody is up: what came before is late then.
    fn with_days(mut self, mut rng: SeededRng) -> Self {
        if rng.chance(DAYS_PER_1000) {
            let days = 1 + u32::try_from(rng.below(DAYS_MAX)).unwrap_or(0);
            let place = 1 + rng.index(self.acts.len());
            let pause = Duration::from_secs(rng.below(3));
            let what = What::World(Event::NobodyIsUp { days });
            self.acts.insert(place.min(self.acts.len()), Act { pause, what });
        }
        self
    }
}

fn processes(rng: &mut SeededRng) -> Vec<ProcessPlan> {
    let skewed = rng.chance(500);
    let number = 1 + rng.index(3);
    let process = |first: usize, rng: &mut SeededRng| {
        let off = rng.chance(600) && skewed;
        let ahead_millis = if off { clock_off(rng) } else { 0 };
        ProcessPlan { ahead_millis, works: first == 0 || rng.chance(500) }
    };
    (0..number).map(|place| process(place, rng)).collect()
}

fn clock_off(rng: &mut SeededRng) -> i64 {
    let off = i64::try_from(rng.below(CLOCK_OFF_MILLIS)).unwrap_or(0);
    if rng.chance(500) { off } else { off.saturating_neg() }
}

fn faults(rng: &mut SeededRng) -> Vec<(FaultKind, u32)> {
    let quiet = rng.chance(150);
    let drawn = FAULTS.map(|(kind, most)| {
        let on = rng.chance(450) && !quiet;
        let rate = u32::try_from(1 + rng.below(most)).unwrap_or(1);
        on.then_some((kind, rate))
    });
    drawn.into_iter().flatten().collect()
}

/// Mostly as a slow line; at times as a process that stands still for longer than any lease.
fn longest_delay(rng: &mut SeededRng) -> Duration {
    if rng.chance(120) { Duration::from_secs(90) } else { Duration::from_secs(2) }
}

fn mischiefs(rng: &mut SeededRng) -> Mischiefs {
    let quiet = rng.chance(200);
    let mut rate = |on: u32, most: u64| {
        let (on, rate) = (rng.chance(on), u32::try_from(1 + rng.below(most)).unwrap_or(1));
        if on && !quiet { rate } else { 0 }
    };
    Mischiefs {
        bus_repeats: rate(500, 300),
        bus_reorders: rate(500, 300),
        bus_loses: rate(400, 300),
        timers_lose: rate(300, 500),
        timers_shift: rate(300, 500),
        timers_repeat: rate(300, 300),
        kept_errors: rate(250, 80),
        post_repeats: rate(500, 400),
        post_delays: rate(400, 400),
    }
}

struct Draw {
    rng: SeededRng,
    processes: usize,
}

impl Draw {
    fn acts(mut self) -> Vec<Act> {
        let kinds = self.kinds();
        let (least, most) = ACTS;
        let number = least + self.rng.below(most - least);
        let mut acts = vec![self.act(Kind::List)];
        for _ in 0..number {
            let kind = self.kind(&kinds);
            acts.push(self.act(kind));
        }
        acts
    }

    /// What may happen in this history: reserving and paying, and a random part of the rest.
    fn kinds(&mut self) -> Vec<(Kind, u32)> {
        let drawn = OPERATIONS.map(|(kind, weight)| {
            let always = matches!(kind, Kind::Reserve | Kind::Pay);
            // What forgets takes away what could be checked, so that few histories have it.
            let often = if kind == Kind::Restore { 80 } else { 450 };
            let on = self.rng.chance(often) || always;
            on.then_some((kind, weight))
        });
        drawn.into_iter().flatten().collect()
    }

    fn kind(&mut self, kinds: &[(Kind, u32)]) -> Kind {
        let all: u32 = kinds.iter().map(|(_, weight)| weight).sum();
        let mut place = self.rng.below(u64::from(all));
        for (kind, weight) in kinds {
            match place.checked_sub(u64::from(*weight)) {
                Some(rest) => place = rest,
                None => return *kind,
            }
        }
        Kind::Reserve
    }

    fn act(&mut self, kind: Kind) -> Act {
        let what = self.what(kind);
        let longest = if self.rng.chance(60) { 12 * PAUSE_MAX } else { PAUSE_MAX };
        // Every fourth command is followed at once by the next, so that they race.
        let pause = if self.rng.chance(250) { 0 } else { self.rng.below(longest) };
        Act { pause: Duration::from_millis(pause), what }
    }

    fn what(&mut self, kind: Kind) -> What {
        let manner = self.manner();
        match kind {
            Kind::List => What::List {
                seller: self.small(2),
                units: self.units(),
                per_buyer: self.rng.chance(300).then_some(2),
                manner,
            },
            Kind::Reserve => What::Reserve { buyer: self.small(4), lines: self.lines(), manner },
            Kind::Pay => What::Pay { order: self.recent(), card: self.card(), manner },
            Kind::PayInBrowser => {
                What::PayInBrowser { order: self.recent(), card: self.card(), manner }
            }
            Kind::Cancel => What::Cancel { order: self.recent(), manner },
            Kind::Extend => What::Extend { order: self.recent(), manner },
            Kind::Edit => What::Edit {
                ticket: self.small(3),
                price: u32::from(self.small(200)) + 500,
                units: if self.rng.chance(500) { 0 } else { self.units() },
                manner,
            },
            Kind::Withdraw => {
                What::Withdraw { ticket: self.small(3), cancel_holds: self.rng.chance(700), manner }
            }
            Kind::Refund => What::Refund {
                order: self.recent(),
                cents: self.rng.chance(500).then_some(100),
                restock: self.rng.chance(400),
                manner,
            },
            Kind::RetryRefund => What::RetryRefund { manner },
            Kind::Again => What::Again { command: self.recent(), process: self.process() },
            Kind::Crash
            | Kind::SetClock
            | Kind::ForgetTimers
            | Kind::ForgetPublished
            | Kind::PublishAgain
            | Kind::Bank
            | Kind::RefundByHand
            | Kind::SpoilRefund
            | Kind::EndRefunds
            | Kind::Dispute
            | Kind::ForgeWebhook
            | Kind::OddWebhook
            | Kind::ForeignIntent
            | Kind::Outage
            | Kind::HoldPost
            | Kind::Restore => What::World(self.event(kind)),
        }
    }

    fn event(&mut self, kind: Kind) -> Event {
        match kind {
            Kind::SetClock => {
                Event::SetClock { process: self.process(), ahead_millis: clock_off(&mut self.rng) }
            }
            Kind::ForgetTimers => Event::ForgetTimers,
            Kind::ForgetPublished => Event::ForgetPublished(1 + u32::from(self.small(6))),
            Kind::PublishAgain => Event::PublishAgain,
            Kind::Bank => Event::Bank { content: self.rng.chance(700) },
            Kind::RefundByHand => Event::RefundByHand { cents: 50 },
            Kind::SpoilRefund => Event::SpoilRefund { hangs: self.rng.chance(400) },
            Kind::EndRefunds => Event::EndRefunds { well: self.rng.chance(700) },
            Kind::Dispute => Event::Dispute,
            Kind::ForgeWebhook => Event::ForgeWebhook,
            Kind::OddWebhook => Event::OddWebhook { known: self.rng.chance(700) },
            Kind::ForeignIntent => Event::ForeignIntent,
            Kind::HoldPost => Event::HoldPost(self.rng.chance(500)),
            Kind::Restore if self.rng.chance(500) => Event::Restore,
            Kind::Restore => Event::Backup,
            Kind::Outage => Event::Outage {
                operation: self.rng.pick(&OUTAGES).copied().unwrap_or(Operation::Void),
                down: self.rng.chance(500),
            },
            Kind::Crash
            | Kind::List
            | Kind::Reserve
            | Kind::Pay
            | Kind::PayInBrowser
            | Kind::Cancel
            | Kind::Extend
            | Kind::Edit
            | Kind::Withdraw
            | Kind::Refund
            | Kind::RetryRefund
            | Kind::Again => Event::Crash {
                process: self.process(),
                steps: u32::try_from(self.rng.below(60)).unwrap_or(0),
            },
        }
    }

    fn manner(&mut self) -> Manner {
        let (process, keyed) = (self.process(), self.rng.chance(500));
        let twice = self.rng.chance(100);
        let hangs_up = self.rng.chance(120);
        let after = Duration::from_millis(self.rng.below(400));
        Manner { process, keyed, twice, hangs_up_after: hangs_up.then_some(after) }
    }

    fn process(&mut self) -> u8 {
        u8::try_from(self.rng.index(self.processes)).unwrap_or(0)
    }

    fn small(&mut self, below: u64) -> u8 {
        u8::try_from(self.rng.below(below)).unwrap_or(0)
    }

    /// Mostly the newest, at times an old one.
    fn recent(&mut self) -> u8 {
        let below = if self.rng.chance(800) { 2 } else { 8 };
        self.small(below)
    }

    fn units(&mut self) -> u32 {
        let below = if self.rng.chance(500) { 3 } else { 12 };
        1 + u32::from(self.small(below))
    }

    fn lines(&mut self) -> Vec<(u8, u32)> {
        let number = 1 + usize::from(self.rng.chance(250));
        let line = |place: usize, rng: &mut SeededRng| {
            let other = u8::try_from(place + rng.index(2)).unwrap_or(0);
            let ticket = if place > 0 || rng.chance(150) { other } else { 0 };
            (ticket, 1 + u32::from(rng.chance(250)))
        };
        (0..number).map(|place| line(place, &mut self.rng)).collect()
    }

    fn card(&mut self) -> Card {
        let cards = [
            Card::Good,
            Card::Good,
            Card::Good,
            Card::Good,
            Card::Declined,
            Card::Automatic,
            Card::NeedsBuyer,
            Card::Silent,
        ];
        self.rng.pick(&cards).copied().unwrap_or(Card::Good)
    }
}
