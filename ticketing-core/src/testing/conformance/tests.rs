use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder(suite: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("src/testing/conformance").join(suite)
}

/// The public functions of a room that take a scene and nothing else.
fn cases_in(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let functions = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
    let cases = functions.filter_map(|function| {
        let (name, rest) = function.split_once('(')?;
        let scene_alone = rest.starts_with("scene: &Scene)") || rest.starts_with("scene: &mut ");
        scene_alone.then(|| name.to_owned())
    });
    cases.collect()
}

/// The cases of a suite, by the room that they are in.
fn written(suite: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rooms = std::fs::read_dir(folder(suite)).unwrap();
    let rooms = rooms.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let cases = rooms.map(|path| {
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (room, cases_in(&path))
    });
    cases.filter(|(_, cases)| !cases.is_empty()).collect()
}

/// The cases that the suite's macro lists, by room.
fn listed(suite: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(folder(suite).join("mod.rs")).unwrap();
    let (_, list) = text.split_once("$harness; ").unwrap();
    let (list, _) = list.split_once("        }\n    };").unwrap();
    let list = list.strip_prefix(suite).unwrap();
    let rooms = list.split('}').filter_map(|room| room.split_once('{'));
    let rooms = rooms.map(|(room, cases)| {
        let names: Vec<String> = cases.split_whitespace().map(str::to_owned).collect();
        let distinct: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(distinct.len(), names.len(), "a case of {room} is listed twice");
        (room.trim().to_owned(), distinct)
    });
    rooms.collect()
}

#[test]
fn every_case_that_is_written_is_run() {
    for suite in ["storage", "bus", "timers", "gateway"] {
        let written = written(suite);
        assert!(!written.is_empty(), "{suite} has cases");
        assert_eq!(listed(suite), written, "the list of the suite {suite}");
    }
}
