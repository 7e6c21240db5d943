//! What commands show.

use std::io::{self, Write};

use ticketing_core::domain::payment::PaymentState;
use ticketing_core::ports::chain;

use crate::backends::Waiting;
use crate::check::Tried;
use crate::config::{Config, SETTINGS};

/// The settings, each with its value and where that comes from. What is secret is left out.
pub(super) fn settings(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    for setting in SETTINGS {
        let told = config.told().iter().find(|told| told.setting == setting);
        let origin = told.map_or_else(|| "default".to_owned(), |told| told.origin.to_string());
        writeln!(out, "{:<30} {} ({origin})", setting.variable(), config.shown(setting))?;
    }
    for variable in config.strangers() {
        writeln!(out, "{variable:<30} there is no such setting: it is left alone")?;
    }
    Ok(())
}

/// How everything is that was tried, a line for each.
pub(super) fn tried(tried: &[Tried], out: &mut dyn Write) -> io::Result<()> {
    for Tried { what, outcome } in tried {
        match outcome {
            Ok(told) => writeln!(out, "{what}: {told}")?,
            Err(error) => writeln!(out, "{what}: it can't be used: {}", chain(error.as_ref()))?,
        }
    }
    Ok(())
}

/// What waits for a person, and how it goes on.
pub(super) fn waiting(waiting: &Waiting, out: &mut dyn Write) -> io::Result<()> {
    let Waiting { payments, refunds, dead_letters } = waiting;
    for payment in payments {
        let (amount, currency) = (payment.amount.to_major(), payment.amount.currency());
        let (id, at) = (payment.id, payment.created_at);
        write!(out, "payment {id}: {amount} {currency}")?;
        if let Some(order) = payment.order {
            write!(out, " for order {order}")?;
        }
        if let Some(intent) = &payment.intent {
            write!(out, ", {intent} at the gateway")?;
        }
        if let PaymentState::NeedsOperator { why } = payment.state {
            write!(out, ", {why}")?;
        }
        writeln!(out, ", begun {at}")?;
        writeln!(out, "    when its cause is mended: admin stuck resume {id}")?;
    }
    for refund in refunds {
        let (amount, currency) = (refund.amount.to_major(), refund.amount.currency());
        let (id, payment) = (refund.id, refund.payment);
        writeln!(out, "refund {id}: {amount} {currency} of payment {payment} failed")?;
        writeln!(out, "    to send it once more: admin stuck retry-refund {id}")?;
    }
    for letter in dead_letters {
        let (event, version) = (letter.event.aggregate, letter.event.version);
        writeln!(out, "event {event} at {version}, given up {}: {}", letter.at, letter.reason)?;
    }
    if payments.is_empty() && refunds.is_empty() && dead_letters.is_empty() {
        writeln!(out, "nothing waits for a person")?;
    }
    Ok(())
}
