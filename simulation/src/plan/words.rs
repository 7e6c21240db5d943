//! Short words for what a plan holds, for traces.

use std::fmt;

use super::{Act, Plan, What};

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let What::World(event) = &self.what {
            write!(f, "{event:?}")?;
        } else {
            write!(f, "{:?}", self.what)?;
        }
        write!(f, ", then {:?}", self.pause)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} lanes", self.seed, self.lanes)?;
        for (number, process) in self.processes.iter().enumerate() {
            writeln!(f, "process {number}: {process:?}")?;
        }
        writeln!(f, "faults in a thousand calls: {:?}", self.faults)?;
        if !self.at_calls.is_empty() {
            writeln!(f, "faults by number: {:?}", self.at_calls)?;
        }
        writeln!(f, "{:?}", self.mischief)?;
        for (number, act) in self.acts.iter().enumerate() {
            writeln!(f, "act {number}: {act}")?;
        }
        Ok(())
    }
}
