//! A gate that a test closes, so that what comes to it waits.

use std::sync::Arc;

use tokio::sync::watch;

use crate::shop::SOON;

/// A gate. Its clones are the same one; nobody waits before the test closes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    is_closed: bool,
    arrived: usize,
}

/// A closed gate, which opens when this is dropped.
#[derive(Debug)]
pub(crate) struct Held(Gate);

impl Gate {
    /// Whoever comes waits from now on.
    pub(crate) fn hold(&self) -> Held {
        self.0.send_replace(State { is_closed: true, arrived: 0 });
        Held(self.clone())
    }

    /// Waits while the gate is closed.
    pub(crate) async fn pass(&self) {
        self.0.send_modify(|state| state.arrived += 1);
        self.0.subscribe().wait_for(|state| !state.is_closed).await.unwrap();
    }
}

impl Held {
    /// Waits until somebody is at the gate.
    pub(crate) async fn reached(&self) {
        let mut state = self.0.0.subscribe();
        let reached = state.wait_for(|state| state.arrived > 0);
        tokio::time::timeout(SOON, reached).await.expect("nobody came to the gate").unwrap();
    }

    /// How many came to the gate since it was closed.
    pub(crate) fn arrived(&self) -> usize {
        self.0.0.borrow().arrived
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.is_closed = false);
    }
}
