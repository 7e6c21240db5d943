mod bus;
mod each_method;
mod kinds;
mod plan;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::testing::step_runtime::{NodeRuntime, StepRuntime};

const MANY: u64 = 10_000;

/// One process, and the faults of its ports.
struct World {
    runtime: StepRuntime,
    node: Arc<NodeRuntime>,
    faults: Faults,
}

impl World {
    fn new(seed: u64) -> Self {
        let runtime = StepRuntime::new(seed);
        let node = runtime.node();
        let faults = Faults::new(seed, Arc::<NodeRuntime>::clone(&node)).on_node(&node);
        Self { runtime, node, faults }
    }

    fn answer<F: Future>(&self, call: F) -> F::Output {
        self.runtime.block_on(call, MANY).unwrap()
    }
}

/// Counts the calls that reach the real port.
#[derive(Debug, Clone, Default)]
struct Reached(Arc<Mutex<u32>>);

impl Reached {
    fn note(&self) -> u32 {
        let mut times = self.0.lock().unwrap();
        *times += 1;
        *times
    }

    fn times(&self) -> u32 {
        *self.0.lock().unwrap()
    }
}
