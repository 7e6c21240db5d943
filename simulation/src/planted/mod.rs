//! Bugs that the harness must find: a guard behind which no bug was ever found is not known to
//! guard anything.
//!
//! Most are planted in ports, between an engine and the reference adapters; those that need a
//! place in the core ask `ticketing_core::planted` there. Nothing of it is in a program that does
//! not depend on this package.

mod bugs;
#[cfg(feature = "planted-bugs")]
mod gateway;
pub mod search;
#[cfg(feature = "planted-bugs")]
mod storage;

pub use bugs::Bug;

#[cfg(feature = "planted-bugs")]
pub(crate) use chosen::{Planted, in_this_thread};
#[cfg(not(feature = "planted-bugs"))]
pub(crate) use none::{Planted, in_this_thread};

/// With bugs: ports that have them.
#[cfg(feature = "planted-bugs")]
mod chosen {
    use std::sync::Arc;

    use ticketing_core::ports::{EventBus, PaymentGateway, Storage};

    use super::Bug;
    use super::gateway::PlantedGateway;
    use super::storage::{PlantedStorage, Shared};

    /// What makes the ports of a world's processes, with the bug that was chosen.
    #[derive(Debug)]
    pub(crate) struct Planted {
        bug: Option<Bug>,
        shared: Arc<Shared>,
    }

    impl Planted {
        pub(crate) fn new(bug: Option<Bug>) -> Self {
            Self { bug, shared: Arc::default() }
        }

        /// The storage as one process sees it.
        pub(crate) fn storage(
            &self,
            storage: Arc<dyn Storage>,
            bus: &Arc<dyn EventBus>,
            gateway: &Arc<dyn PaymentGateway>,
        ) -> Arc<dyn Storage> {
            match self.bug.filter(|bug| bug.is_of_storage()) {
                Some(bug) => {
                    let world = (Arc::clone(bus), Arc::clone(gateway));
                    Arc::new(PlantedStorage::new(bug, storage, world, &self.shared))
                }
                None => storage,
            }
        }

        /// The gateway as one process sees it.
        pub(crate) fn gateway(&self, gateway: Arc<dyn PaymentGateway>) -> Arc<dyn PaymentGateway> {
            match self.bug.filter(|bug| bug.is_of_gateway()) {
                Some(bug) => Arc::new(PlantedGateway::new(bug, gateway)),
                None => gateway,
            }
        }
    }

    /// As long as it lives, this thread's core has the bug, if it is one of the core.
    pub(crate) fn in_this_thread(bug: Option<Bug>) -> InThisThread {
        ticketing_core::planted::choose(bug.and_then(Bug::of_core));
        InThisThread
    }

    pub(crate) struct InThisThread;

    impl Drop for InThisThread {
        fn drop(&mut self) {
            ticketing_core::planted::choose(None);
        }
    }
}

/// Without bugs: the ports as they are.
#[cfg(not(feature = "planted-bugs"))]
mod none {
    use std::sync::Arc;

    use ticketing_core::ports::{EventBus, PaymentGateway, Storage};

    use super::Bug;

    #[derive(Debug)]
    pub(crate) struct Planted;

    impl Planted {
        pub(crate) fn new(_bug: Option<Bug>) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as where there are bugs")]
        pub(crate) fn storage(
            &self,
            storage: Arc<dyn Storage>,
            _bus: &Arc<dyn EventBus>,
            _gateway: &Arc<dyn PaymentGateway>,
        ) -> Arc<dyn Storage> {
            storage
        }

        #[expect(clippy::unused_self, reason = "as where there are bugs")]
        pub(crate) fn gateway(&self, gateway: Arc<dyn PaymentGateway>) -> Arc<dyn PaymentGateway> {
            gateway
        }
    }

    pub(crate) struct Nothing;

    pub(crate) fn in_this_thread(_bug: Option<Bug>) -> Nothing {
        Nothing
    }
}
