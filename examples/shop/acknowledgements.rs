//! What buyers were told, one line each, as the shop writes it and whoever checks it reads it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ticketing_core::values::{InvalidText, OrderId, UserId};

/// What one buyer was told in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The order that the buyer was told of.
    pub(crate) order: Option<OrderId>,
    /// It was said to be paid.
    pub(crate) paid: bool,
    /// It was said to be cancelled.
    pub(crate) cancelled: bool,
    /// The buyer has left.
    pub(crate) over: bool,
}

/// Where the lines are.
pub(crate) fn file_in(folder: &Path) -> PathBuf {
    folder.join("acknowledged.log")
}

/// The buyer with this number.
pub(crate) fn buyer(number: u32) -> Result<UserId, InvalidText> {
    UserId::new(format!("buyer-{number}"))
}

/// What every buyer was told, by number. A last line without an end was torn off by a kill, and
/// told nobody anything.
pub(crate) fn read(folder: &Path) -> Result<BTreeMap<u32, Known>, Box<dyn Error + Send + Sync>> {
    let text = match fs::read_to_string(file_in(folder)) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let mut buyers: BTreeMap<u32, Known> = BTreeMap::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let (number, told) = line.split_once(' ').ok_or_else(|| format!("odd line: {line}"))?;
        let known = buyers.entry(number.parse()?).or_default();
        match told.split_once(' ') {
            None if told == "asks" => {}
            None if told == "left" => known.over = true,
            Some(("reserved", order)) => known.order = Some(order.parse()?),
            Some(("paid", order)) => {
                (known.order, known.paid, known.over) = (Some(order.parse()?), true, true);
            }
            Some(("cancelled", order)) => {
                (known.order, known.cancelled, known.over) = (Some(order.parse()?), true, true);
            }
            None | Some(_) => return Err(format!("odd line: {line}").into()),
        }
    }
    Ok(buyers)
}
