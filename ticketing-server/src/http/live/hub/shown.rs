//! Tickets that streams show, and what is known of them. Nothing here waits or reads.

use std::collections::{BTreeSet, HashMap};

use ticketing_core::domain::view::InventoryView;
use ticketing_core::values::TicketId;

/// The most tickets that all streams of a process show. They are read again in some 200 queries every
/// five seconds.
pub(super) const TICKETS_MAX: usize = 20_000;

/// The most tickets on the shelf: the newest, and those that were so while anybody looked.
const SHELF_MAX: usize = 200;

/// Tickets that streams show. Each is there as often as there are streams that show it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    tickets: HashMap<TicketId, Ticket>,
    shelf: Shelf,
}

#[derive(Debug, Default)]
struct Ticket {
    streams: usize,
    known: Known,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    /// It was not read yet.
    #[default]
    Unread,
    /// There is no such ticket, and an id that nothing has will not get one.
    Missing,
    Units(InventoryView),
}

/// What streams show that name no tickets.
#[derive(Debug, Default)]
struct Shelf {
    streams: usize,
    /// The newest that can be bought, when they were last read.
    newest: Vec<TicketId>,
    /// All that streams may show: the newest of now, and of before.
    tickets: BTreeSet<TicketId>,
    /// Counts those who asked to see it.
    asked: u64,
    /// The last of them who is answered by what was read.
    answered: u64,
}

/// No more tickets can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Shown {
    /// One more stream shows these tickets.
    pub(super) fn join(&mut self, tickets: &BTreeSet<TicketId>) -> Result<(), Full> {
        let new = tickets.iter().filter(|id| !self.tickets.contains_key(id)).count();
        if self.tickets.len().saturating_add(new) > TICKETS_MAX {
            return Err(Full);
        }
        for id in tickets {
            self.add(*id);
        }
        Ok(())
    }

    /// One stream less shows these tickets.
    pub(super) fn leave<'t>(&mut self, tickets: impl IntoIterator<Item = &'t TicketId>) {
        for id in tickets {
            let Some(ticket) = self.tickets.get_mut(id) else { continue };
            ticket.streams = ticket.streams.saturating_sub(1);
            if ticket.streams == 0 {
                self.tickets.remove(id);
            }
        }
    }

    /// One more stream shows the shelf. It may see what is read from now on.
    pub(super) fn join_shelf(&mut self) -> u64 {
        self.shelf.streams = self.shelf.streams.saturating_add(1);
        self.shelf.asked = self.shelf.asked.wrapping_add(1);
        self.shelf.asked
    }

    /// One stream less shows the shelf. Nobody knows it any more when the last has gone.
    pub(super) fn leave_shelf(&mut self) {
        self.shelf.streams = self.shelf.streams.saturating_sub(1);
        if self.shelf.streams == 0 {
            let tickets = std::mem::take(&mut self.shelf.tickets);
            self.shelf.newest.clear();
            self.leave(&tickets);
        }
    }

    /// Whether a stream waits for the shelf: then what is read now answers all up to this number.
    pub(super) fn shelf_wanted(&self) -> Option<u64> {
        let Shelf { streams, asked, answered, .. } = self.shelf;
        (streams > 0 && answered < asked).then_some(asked)
    }

    /// The same if any stream shows it.
    pub(super) fn shelf_shown(&self) -> Option<u64> {
        (self.shelf.streams > 0).then_some(self.shelf.asked)
    }

    /// Tickets of which nothing is known yet.
    pub(super) fn unread(&self) -> Vec<TicketId> {
        let tickets = self.tickets.iter();
        tickets.filter(|(_, it)| it.known == Known::Unread).map(|(id, _)| *id).collect()
    }

    /// Tickets that are there.
    pub(super) fn all(&self) -> Vec<TicketId> {
        let tickets = self.tickets.iter();
        tickets.filter(|(_, it)| it.known != Known::Missing).map(|(id, _)| *id).collect()
    }

    /// Takes in what is left of tickets, and answers what was not known of those that are shown.
    pub(super) fn learn(&mut self, units: &[InventoryView]) -> Vec<InventoryView> {
        let mut news = Vec::new();
        for units in units {
            let Some(ticket) = self.tickets.get_mut(&units.ticket_id) else { continue };
            let is_newer = match ticket.known {
                Known::Unread | Known::Missing => true,
                Known::Units(known) => known.version < units.version,
            };
            if is_newer {
                ticket.known = Known::Units(*units);
                news.push(*units);
            }
        }
        news
    }

    /// Those of these tickets that are still unread were looked for and not found.
    pub(super) fn miss(&mut self, tickets: &[TicketId]) {
        for id in tickets {
            if let Some(ticket) = self.tickets.get_mut(id)
                && ticket.known == Known::Unread
            {
                ticket.known = Known::Missing;
            }
        }
    }

    /// Takes in what is newest, for all who asked up to this number. Answers whether anything is on
    /// the shelf that was not.
    pub(super) fn fill_shelf(&mut self, newest: Vec<TicketId>, answered: u64) -> bool {
        if self.shelf.streams == 0 {
            return false;
        }
        self.shelf.answered = self.shelf.answered.max(answered);
        let mut is_new = false;
        for id in &newest {
            if self.shelf.tickets.insert(*id) {
                self.add(*id);
                is_new = true;
            }
        }
        self.shelf.newest = newest;
        self.clear_shelf();
        is_new
    }

    /// Lets go of the oldest that are too many; ids begin with the time. Those that can be bought stay,
    /// however old they are.
    fn clear_shelf(&mut self) {
        let Shelf { newest, tickets, .. } = &mut self.shelf;
        let too_many = tickets.len().saturating_sub(SHELF_MAX);
        let kept: BTreeSet<TicketId> = newest.iter().copied().collect();
        let oldest: Vec<TicketId> = tickets.difference(&kept).take(too_many).copied().collect();
        tickets.retain(|id| !oldest.contains(id));
        self.leave(&oldest);
    }

    /// What is newest, for whoever has this number; nothing while it is not read for it.
    pub(super) fn newest(&self, asked: u64) -> Option<&[TicketId]> {
        (asked <= self.shelf.answered).then_some(&self.shelf.newest)
    }

    /// Whether a ticket is on the shelf.
    pub(super) fn is_on_shelf(&self, id: TicketId) -> bool {
        self.shelf.tickets.contains(&id)
    }

    /// What is left of these tickets, of those that there are; nothing while one of them is unread.
    pub(super) fn units<'t>(
        &self,
        tickets: impl IntoIterator<Item = &'t TicketId>,
    ) -> Option<Vec<InventoryView>> {
        let mut found = Vec::new();
        for id in tickets {
            match self.tickets.get(id).map(|it| it.known) {
                Some(Known::Unread) => return None,
                Some(Known::Missing) | None => {}
                Some(Known::Units(units)) => found.push(units),
            }
        }
        Some(found)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.tickets.len()
    }

    fn add(&mut self, id: TicketId) {
        let ticket = self.tickets.entry(id).or_default();
        ticket.streams = ticket.streams.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use ticketing_core::values::Version;
    use uuid::Uuid;

    use super::*;

    fn id(number: u64) -> TicketId {
        TicketId::from_uuid(Uuid::from_u64_pair(number, 0))
    }

    fn ids(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<TicketId> {
        numbers.into_iter().map(id).collect()
    }

    fn units(number: u64, version: u64) -> InventoryView {
        let (version, ticket_id) = (Version::new(version), id(number));
        let (held, sold, available) = (0, 0, 1);
        InventoryView { ticket_id, version, on_sale: true, capacity: 1, held, sold, available }
    }

    #[test]
    fn a_process_shows_so_many_tickets() {
        let most = u64::try_from(TICKETS_MAX).unwrap();
        let mut shown = Shown::default();
        shown.join(&ids(0..most)).unwrap();
        shown.join(&ids(0..100)).unwrap();
        assert_eq!(shown.join(&ids([0, most])), Err(Full));
        assert_eq!(shown.count(), TICKETS_MAX, "who is refused leaves nothing behind");
        shown.leave(&ids(0..most));
        assert_eq!(shown.count(), 100);
        shown.join(&ids([0, most])).unwrap();
    }

    #[test]
    fn an_older_version_is_no_news() {
        let mut shown = Shown::default();
        shown.join(&ids([1])).unwrap();
        assert_eq!(shown.units(&ids([1])), None, "it is not read yet");
        assert_eq!(shown.learn(&[units(1, 3), units(2, 9)]), [units(1, 3)]);
        assert_eq!(shown.learn(&[units(1, 2), units(1, 3)]), []);
        assert_eq!(shown.learn(&[units(1, 4)]), [units(1, 4)]);
        assert_eq!(shown.units(&ids([1, 2])), Some(vec![units(1, 4)]));
    }

    #[test]
    fn what_can_be_bought_stays_on_the_shelf_however_old_it_is() {
        let mut shown = Shown::default();
        let asked = shown.join_shelf();
        assert_eq!(shown.newest(asked), None);
        for first in [1_000, 900, 800, 0] {
            let newest: Vec<TicketId> = ids(first..first + 100).into_iter().rev().collect();
            assert!(shown.fill_shelf(newest.clone(), asked));
            assert!(!shown.fill_shelf(newest.clone(), asked), "nothing is new on it");
            assert_eq!(shown.newest(asked), Some(newest.as_slice()));
            assert!(newest.iter().all(|id| shown.is_on_shelf(*id)));
            assert!(shown.count() <= SHELF_MAX, "{}", shown.count());
        }
        assert!(shown.is_on_shelf(id(1_050)) && !shown.is_on_shelf(id(850)));
        shown.leave_shelf();
        assert_eq!(shown.count(), 0);
    }

    #[test]
    fn what_was_read_before_somebody_asked_is_not_for_it() {
        let mut shown = Shown::default();
        let first = shown.join_shelf();
        assert_eq!(shown.shelf_wanted(), Some(first));
        let late = shown.join_shelf();
        shown.fill_shelf(vec![id(1)], first);
        assert!(shown.newest(first).is_some() && shown.newest(late).is_none());
        assert_eq!(shown.shelf_wanted(), Some(late));
        shown.fill_shelf(vec![id(1)], late);
        assert!(shown.newest(late).is_some());
        assert_eq!(shown.shelf_wanted(), None);
    }
}
