//! A log that a test can read.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Subscriber;

use super::{LogFormat, log};

/// What was logged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Its lines, as machines read them.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A log like the program's that is kept, and what keeps it.
pub(crate) fn kept(filter: &str, format: LogFormat) -> (Kept, Box<dyn Subscriber + Send + Sync>) {
    let kept = Kept::default();
    let writer = kept.clone();
    let log = log(filter, format, move || writer.clone()).unwrap();
    (kept, log)
}
