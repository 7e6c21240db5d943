//! Short words for what a plan holds, for traces.

use std::fmt;

use super::{Act, Event, Plan, What};

impl Event {
    /// A word for counting what befell the world.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Crash { .. } => "world: a process dies",
            Self::SetClock { .. } => "clocks: one is set",
            Self::ForgetTimers => "timers: all forgotten",
            Self::ForgetPublished(_) => "bus: publications confirmed and forgotten",
            Self::PublishAgain => "bus: everything published again",
            Self::Bank { content: true } => "gateway: the buyer's bank says yes",
            Self::Bank { content: false } => "gateway: the buyer's bank says no",
            Self::RefundByHand { .. } => "gateway: refund by hand",
            Self::SpoilRefund { hangs: true } => "gateway: the next refund hangs",
            Self::SpoilRefund { hangs: false } => "gateway: the next refund fails",
            Self::EndRefunds { .. } => "gateway: refunds that hang turn out",
            Self::Dispute => "gateway: dispute",
            Self::ForgeWebhook => "post: webhook forged",
            Self::Fault { .. } => "world: the nth call goes wrong",
            Self::LongestDelay(_) => "world: another longest delay",
            Self::Outage { down: true, .. } => "world: an operation is down",
            Self::Outage { down: false, .. } => "world: an operation is up again",
            Self::HoldPost(true) => "post: all webhooks wait",
            Self::HoldPost(false) => "post: webhooks wait no longer",
            Self::DeliverPost(_) => "post: all webhooks delivered",
            Self::KeepErrors(_) => "gateway: another rate of kept errors",
            Self::OddWebhook { .. } => "post: webhook that tells of nothing",
            Self::ForeignIntent => "gateway: intent that nobody knows",
            Self::Backup => "storage: copied",
            Self::Restore => "storage: put back from a copy",
            Self::NobodyIsUp { .. } => {
                "world: nobody is up for days, and webhooks are late by as much"
            }
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let What::World(event) = &self.what {
            write!(f, "{event:?}")?;
        } else {
            write!(f, "{:?}", self.what)?;
        }
        write!(f, ", then {:?}", self.pause)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} lanes", self.seed, self.lanes)?;
        for (number, process) in self.processes.iter().enumerate() {
            writeln!(f, "process {number}: {process:?}")?;
        }
        writeln!(f, "faults in a thousand calls: {:?}", self.faults)?;
        if !self.at_calls.is_empty() {
            writeln!(f, "faults by number: {:?}", self.at_calls)?;
        }
        writeln!(f, "{:?}", self.mischief)?;
        for (number, act) in self.acts.iter().enumerate() {
            writeln!(f, "act {number}: {act}")?;
        }
        Ok(())
    }
}
