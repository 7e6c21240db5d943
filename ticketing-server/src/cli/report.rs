//! What commands show.

use std::error::Error;
use std::io::{self, Write};

use crate::backends::{Reached, Waiting};
use crate::config::{Config, SETTINGS};

/// The settings, each with its value and where that comes from. Secrets are left out.
pub(super) fn settings(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    for setting in SETTINGS {
        let told = config.told().iter().find(|told| told.setting == setting);
        let (value, origin) = match told {
            Some(told) => (told.value.as_str(), told.origin.to_string()),
            None => (setting.default, "default".to_owned()),
        };
        writeln!(out, "{:<30} {value} ({origin})", setting.variable())?;
    }
    Ok(())
}

/// How a backend is.
pub(super) fn reached(
    name: &str,
    reached: Result<Reached, Box<dyn Error + Send + Sync>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let told = match reached {
        Ok(Reached::Answers) => "it answers".to_owned(),
        Ok(Reached::WillBeMade) => "it is made at the first start".to_owned(),
        Ok(Reached::InUse) => "a server that runs has it".to_owned(),
        Err(error) => format!("it can't be used: {}", chain(error.as_ref())),
    };
    writeln!(out, "{name}: {told}")
}

/// An error and what it came of, once.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// What waits for a person, and how it goes on.
pub(super) fn waiting(waiting: &Waiting, out: &mut dyn Write) -> io::Result<()> {
    let Waiting { payments, refunds, dead_letters } = waiting;
    for payment in payments {
        let (amount, currency) = (payment.amount.to_major(), payment.amount.currency());
        let (id, state, at) = (payment.id, payment.state.name(), payment.created_at);
        writeln!(out, "payment {id}: {amount} {currency}, {state}, begun {at}")?;
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
