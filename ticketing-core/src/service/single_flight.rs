//! One task does it, the others wait for that one.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Lets one caller for each key do the work while the others wait for its end.
#[derive(Debug)]
pub(crate) struct SingleFlight<K> {
    running: Mutex<BTreeMap<K, watch::Receiver<()>>>,
}

impl<K> Default for SingleFlight<K> {
    fn default() -> Self {
        Self { running: Mutex::default() }
    }
}

/// Ends the flight, also when its caller is dropped in the middle.
struct Landing<'a, K: Ord> {
    flights: &'a SingleFlight<K>,
    key: K,
    own: watch::Receiver<()>,
    _announce: watch::Sender<()>,
}

impl<K: Ord> Drop for Landing<'_, K> {
    fn drop(&mut self) {
        let mut running = self.flights.lock();
        // A later flight may have taken off for the same key.
        if running.get(&self.key).is_some_and(|flight| flight.same_channel(&self.own)) {
            running.remove(&self.key);
        }
    }
}

impl<K> SingleFlight<K> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, watch::Receiver<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Copy> SingleFlight<K> {
    /// Does `work`, unless somebody does it for that key already: then waits for the end of it.
    pub(crate) async fn run<T>(&self, key: K, work: impl Future<Output = T>) -> Option<T> {
        match self.board(key) {
            Ok(landing) => {
                let done = work.await;
                drop(landing);
                Some(done)
            }
            Err(mut others) => {
                // The sender never sends: an error says that it is gone, and the work with it.
                others.changed().await.ok();
                None
            }
        }
    }

    fn board(&self, key: K) -> Result<Landing<'_, K>, watch::Receiver<()>> {
        let mut running = self.lock();
        if let Some(others) = running.get(&key) {
            return Err(others.clone());
        }
        let (announce, own) = watch::channel(());
        running.insert(key, own.clone());
        Ok(Landing { flights: self, key, own, _announce: announce })
    }

    /// Whoever comes from now on does the work again, and waits for nobody who began before.
    pub(crate) fn start_over(&self, key: K) {
        self.lock().remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_does_nothing() {
        let flights = SingleFlight::default();
        let (finish, finished) = oneshot::channel::<()>();
        let mut first = Box::pin(flights.run(1, async { finished.await.is_ok() }));
        assert_eq!(first.as_mut().now_or_never(), None);
        let mut second = Box::pin(flights.run(1, async { true }));
        assert_eq!(second.as_mut().now_or_never(), None);
        assert_eq!(flights.run(2, async { 7 }).await, Some(7), "another key flies alone");
        finish.send(()).unwrap();
        assert_eq!(first.await, Some(true));
        assert_eq!(second.await, None);
    }

    #[tokio::test]
    async fn who_comes_after_a_fresh_start_waits_for_nobody_before() {
        let flights = SingleFlight::default();
        let (finish, finished) = oneshot::channel::<()>();
        let mut early = Box::pin(flights.run(1, async { finished.await.is_ok() }));
        assert_eq!(early.as_mut().now_or_never(), None);
        flights.start_over(1);
        let mut late = Box::pin(flights.run(1, std::future::pending::<bool>()));
        assert_eq!(late.as_mut().now_or_never(), None);
        finish.send(()).unwrap();
        assert_eq!(early.await, Some(true));
        let mut joined = Box::pin(flights.run(1, async { true }));
        assert_eq!(joined.as_mut().now_or_never(), None, "the early end is not the late one's");
        drop(late);
        assert_eq!(joined.await, None);
    }

    #[tokio::test]
    async fn a_dropped_flight_frees_its_key() {
        let flights = SingleFlight::default();
        let mut first = Box::pin(flights.run(1, std::future::pending::<()>()));
        assert_eq!(first.as_mut().now_or_never(), None);
        drop(first);
        assert_eq!(flights.run(1, async { 7 }).await, Some(7));
    }
}
