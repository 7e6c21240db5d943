//! The envelope: every event reads back, and nothing else reads as an event.

mod any;
mod reading;
mod round_trip;

use std::fs;
use std::path::Path;

/// The golden files: one event of each type, as it is on the wire.
fn golden_files() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}
