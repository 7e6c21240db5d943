//! Starting the shop, killing it, and what is left of it in the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use ticketing_core::domain::{CancelReason, OrderState};
use ticketing_core::values::OrderId;

use crate::acknowledgements::{self, Known};
use crate::audit::lost;
use crate::last_start::LastStart;

const KILLS: usize = 20;
/// How many lines the shop writes before it is killed: once it has hardly begun, once it is busy.
const LINES: [usize; 5] = [1, 60, 9, 150, 30];
/// Nothing here takes as long; a run that does hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_outlives_twenty_kills() {
    let folder = tempfile::tempdir().unwrap();
    for lines in LINES.into_iter().cycle().take(KILLS) {
        sell_and_kill(folder.path(), lines).await;
    }
    let told = acknowledgements::read(folder.path()).unwrap();

    let end = LastStart::over(folder.path()).await.quiet().await;
    assert_eq!(end.wrong(), Vec::<String>::new(), "the books and the ledger");
    assert_eq!(lost(&told, &end.books), Vec::<String>::new(), "what buyers were told");
    assert_eq!(lost(&with_an_order_that_is_not_there(told), &end.books).len(), 1);

    let ended = |how: fn(&OrderState) -> bool| {
        end.books.orders.iter().filter(|order| how(&order.state)).count()
    };
    let complete = ended(|state| matches!(state, OrderState::Complete { .. }));
    let expired = ended(|state| *state == OrderState::Cancelled { reason: CancelReason::Expired });
    assert!(complete > KILLS && expired > KILLS, "{complete} complete, {expired} expired");
}

/// Lets the shop write so many lines, and kills it without a warning.
async fn sell_and_kill(folder: &Path, lines: usize) {
    let enough = lines + lines_in(folder);
    let mut shop = Shop(Command::new(env!("CARGO_BIN_EXE_shop")).arg(folder).spawn().unwrap());
    let begun = Instant::now();
    while lines_in(folder) < enough {
        assert_eq!(shop.0.try_wait().unwrap(), None, "the shop ended by itself");
        assert!(begun.elapsed() < PATIENCE, "the shop sells nothing");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A running shop. Dropping it kills it, with SIGKILL where there are signals.
struct Shop(Child);

impl Drop for Shop {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn lines_in(folder: &Path) -> usize {
    fs::read_to_string(acknowledgements::file_in(folder)).map_or(0, |text| text.lines().count())
}

/// The same with one more order, of which nobody else ever heard.
fn with_an_order_that_is_not_there(mut told: BTreeMap<u32, Known>) -> BTreeMap<u32, Known> {
    let order = Some(OrderId::from_uuid(uuid::Uuid::max()));
    told.insert(u32::MAX, Known { order, ..Known::default() });
    told
}
