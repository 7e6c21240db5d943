//! What goes wrong when a test wants it to.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Creates an intent.
    Create,
    /// Retrieves an intent.
    Retrieve,
    /// Lists intents.
    List,
    /// Confirms an intent.
    Confirm,
    /// Captures an intent.
    Capture,
    /// Cancels an intent.
    Cancel,
    /// Makes a refund.
    Refund,
    /// Retrieves a refund.
    RetrieveRefund,
    /// Makes a payment method of a token.
    Method,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered late.
    Delay(Duration),
    /// It has its effect at once, and is answered late.
    LateAnswer(Duration),
    /// It waits until the test lets it go. Meanwhile it has no effect, and its key is in use.
    Held,
    /// It has no effect, is answered with a 500, and its key repeats that.
    ErrorBefore,
    /// It has its effect, is answered with a 500, and its key repeats that.
    ErrorAfter,
    /// It has no effect, and is never answered.
    SilenceBefore,
    /// It has its effect, and is never answered.
    SilenceAfter,
    /// It has no effect, and the connection is cut.
    CutBefore,
    /// It has its effect, and the connection is cut.
    CutAfter,
    /// It has no effect: too many calls at once. Its key does not repeat that.
    TooMany,
}

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: BTreeMap<Call, VecDeque<Fault>>,
    always: Option<Fault>,
}

impl Faults {
    pub(crate) fn push(&mut self, call: Call, fault: Fault) {
        self.next.entry(call).or_default().push_back(fault);
    }

    pub(crate) fn set_always(&mut self, fault: Option<Fault>) {
        self.always = fault;
    }

    pub(crate) fn take(&mut self, call: Call) -> Option<Fault> {
        let next = self.next.get_mut(&call).and_then(VecDeque::pop_front);
        next.or(self.always)
    }
}
