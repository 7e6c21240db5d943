//! The transition tables in the documentation of the machines, read so that tests can hold the
//! code against them: what the documentation says and what the code does can't drift apart.
//!
//! A table belongs to a machine if its first header is `command`. Each cell lists what becomes of
//! a command in a state: the name of the next state, `same` for an unchanged one, or the code of
//! a rejection in backticks. Where the deadline matters a cell has two outcomes, marked `◦` for
//! before the deadline and `●` for at or after it.

use std::collections::{BTreeMap, BTreeSet};

/// Every cell of a machine's tables, and which of them a test has looked at.
pub(crate) struct TransitionTable {
    cells: BTreeMap<(String, String), String>,
    seen: BTreeSet<(String, String)>,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing changes.
    Same,
    /// The state with this name, which may be the one before with another content.
    Becomes(String),
    /// A rejection with this code.
    Refused(String),
}

/// On which side of the deadline a command comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    AtOrAfter,
}

impl TransitionTable {
    /// The tables in the documentation of the module with this source.
    pub(crate) fn of(source: &str) -> Self {
        let mut cells = BTreeMap::new();
        let mut states: Option<Vec<String>> = None;
        for line in source.lines() {
            let Some(row) = line.trim().strip_prefix("//! |") else {
                states = None;
                continue;
            };
            let mut row = row.trim_end_matches('|').split('|').map(str::trim);
            let first = row.next().unwrap_or_default();
            match &states {
                None => {
                    let header = row.map(str::to_owned).collect();
                    states = Some(if first == "command" { header } else { Vec::new() });
                }
                Some(_) if first.starts_with("---") => {}
                Some(states) if states.is_empty() => {}
                Some(states) => {
                    let row: Vec<&str> = row.collect();
                    assert_eq!(row.len(), states.len(), "a ragged row: {line}");
                    for (state, cell) in states.iter().zip(row) {
                        let place = (first.to_owned(), state.clone());
                        let twice = cells.insert(place, cell.to_owned());
                        assert_eq!(twice, None, "{first} is there twice");
                    }
                }
            }
        }
        assert!(!cells.is_empty(), "the documentation has no table");
        Self { cells, seen: BTreeSet::new() }
    }

    /// What the table says becomes of `command` in `state`.
    pub(crate) fn outcome(&mut self, command: &str, state: &str, side: Side) -> Outcome {
        let place = (command.to_owned(), state.to_owned());
        let cell = self.cells.get(&place);
        let cell = cell.unwrap_or_else(|| panic!("the table has no cell for {place:?}"));
        self.seen.insert(place);
        let mut outcomes = cell.split(", ").filter_map(|text| on_side(text, side));
        let outcome = outcomes.next().unwrap_or_else(|| panic!("{cell} has no outcome {side:?}"));
        assert_eq!(outcomes.next(), None, "{cell} has two outcomes {side:?}");
        outcome
    }

    /// Fails if the documentation has a cell that no test has looked at.
    pub(crate) fn assert_all_seen(&self) {
        let unseen: Vec<_> = self.cells.keys().filter(|place| !self.seen.contains(place)).collect();
        assert!(unseen.is_empty(), "nobody compared {unseen:?}");
    }
}

/// The outcome that one part of a cell promises on that side of the deadline, if any.
fn on_side(text: &str, side: Side) -> Option<Outcome> {
    let (text, holds) = match (text.strip_suffix(" ◦"), text.strip_suffix(" ●")) {
        (Some(text), _) => (text, side == Side::Before),
        (None, Some(text)) => (text, side == Side::AtOrAfter),
        (None, None) => (text, true),
    };
    let code = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let outcome = match (text, code) {
        (_, Some(code)) => Outcome::Refused(code.to_owned()),
        ("same", None) => Outcome::Same,
        (state, None) => Outcome::Becomes(state.to_owned()),
    };
    holds.then_some(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = "
        //! | room | what is in it |
        //! |---|---|
        //! | hall | chairs |
        //!
        //! | command | shut | open |
        //! |---|---|---|
        //! | open | open ◦, `too_late` ● | same |
        //! | shut | same | shut |
    ";

    #[test]
    fn cells_are_read_by_command_state_and_side() {
        let mut table = TransitionTable::of(DOCS);
        let becomes = |state: &str| Outcome::Becomes(state.to_owned());
        let refused = |code: &str| Outcome::Refused(code.to_owned());
        assert_eq!(table.outcome("open", "shut", Side::Before), becomes("open"));
        assert_eq!(table.outcome("open", "shut", Side::AtOrAfter), refused("too_late"));
        assert_eq!(table.outcome("open", "open", Side::Before), Outcome::Same);
        assert_eq!(table.outcome("shut", "open", Side::Before), becomes("shut"));
    }

    #[test]
    #[should_panic(expected = "no cell")]
    fn a_table_of_something_else_is_not_read() {
        TransitionTable::of(DOCS).outcome("hall", "what is in it", Side::Before);
    }

    #[test]
    #[should_panic(expected = r#"nobody compared [("shut", "open"), ("shut", "shut")]"#)]
    fn a_forgotten_row_fails() {
        let mut table = TransitionTable::of(DOCS);
        table.outcome("open", "shut", Side::Before);
        table.outcome("open", "open", Side::Before);
        table.assert_all_seen();
    }

    #[test]
    #[should_panic(expected = "a ragged row")]
    fn a_ragged_row_fails() {
        TransitionTable::of("//! | command | shut |\n//! |---|---|\n//! | open | open | same |");
    }
}
