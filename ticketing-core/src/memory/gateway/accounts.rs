//! The gateway's whole state, and what was answered under which key.

use std::collections::BTreeMap;

use crate::domain::settlement::IntentReport;
use crate::ports::payment_gateway::{
    GatewayError, GatewayErrorKind, OpenIntent, OpenedIntent, PaymentMethod, RefundReport,
    RefundStatus, SendRefund,
};
use crate::values::{IntentRef, Money};

use super::ledger::Ledger;
use super::webhooks::Mailbox;

#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) ledger: Ledger,
    pub(super) mailbox: Mailbox,
    /// How the next refund is answered.
    pub(super) next_refund: RefundStatus,
    keys: BTreeMap<String, Remembered>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            mailbox: Mailbox::default(),
            next_refund: RefundStatus::Succeeded,
            keys: BTreeMap::new(),
        }
    }
}

/// A call that was made under a key, and its answer.
#[derive(Debug)]
struct Remembered {
    call: Call,
    answer: Answer,
}

/// A call with all its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Open(OpenIntent),
    Confirm(IntentRef, PaymentMethod),
    Capture(IntentRef, Money),
    Void(IntentRef),
    Refund(SendRefund),
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Opened(OpenedIntent),
    Report(IntentReport),
    Refund(RefundReport),
}

impl Answer {
    pub(super) fn opened(self) -> Result<OpenedIntent, GatewayError> {
        match self {
            Self::Opened(opened) => Ok(opened),
            Self::Report(_) | Self::Refund(_) => Err(key_of_another()),
        }
    }

    pub(super) fn report(self) -> Result<IntentReport, GatewayError> {
        match self {
            Self::Report(report) => Ok(report),
            Self::Opened(_) | Self::Refund(_) => Err(key_of_another()),
        }
    }

    pub(super) fn refund(self) -> Result<RefundReport, GatewayError> {
        match self {
            Self::Refund(report) => Ok(report),
            Self::Opened(_) | Self::Report(_) => Err(key_of_another()),
        }
    }
}

impl Accounts {
    /// Does `act` the first time that the key is used, and gives its answer every time.
    pub(super) fn once(
        &mut self,
        key: &str,
        call: Call,
        act: impl FnOnce(&mut Self) -> Result<Answer, GatewayError>,
    ) -> Result<Answer, GatewayError> {
        if let Some(known) = self.keys.get(key) {
            let same = known.call == call;
            return if same { Ok(known.answer.clone()) } else { Err(key_of_another()) };
        }
        let answer = act(self)?;
        let remembered = Remembered { call, answer: answer.clone() };
        self.keys.insert(key.to_owned(), remembered);
        Ok(answer)
    }
}

/// Refused for good: certainly no effect.
pub(super) fn refused(operation: &'static str, why: &'static str) -> GatewayError {
    GatewayError::new(GatewayErrorKind::Refused, operation).with_source(why)
}

fn key_of_another() -> GatewayError {
    refused("remember", "the key was used for another call")
}

/// The place in the ledger of what is named like that; nothing for a name that is not ours.
pub(super) fn place_of(prefix: &str, name: &str) -> Option<usize> {
    let digits = name.strip_prefix(prefix)?;
    let number: usize = digits.parse().ok()?;
    let place = number.checked_sub(1)?;
    // One name for each place: a sign or a leading zero makes another name of it.
    (number.to_string() == digits).then_some(place)
}
