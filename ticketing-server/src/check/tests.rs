//! Each thing that can be in the way of a start is found, and nothing is changed by looking.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use ticketing_core::ports::chain;

use super::*;
use crate::Server;

fn config(folder: &Path) -> Config {
    Config::in_folder(folder)
}

/// What failed, with the whole of its reason.
fn failures(tried: &[Tried]) -> BTreeMap<&'static str, String> {
    let failed = |tried: &Tried| Some((tried.what, chain(tried.outcome.as_ref().err()?.as_ref())));
    tried.iter().filter_map(failed).collect()
}

fn outcome<'a>(tried: &'a [Tried], what: &str) -> &'a str {
    let found = tried.iter().find(|tried| tried.what == what).unwrap();
    found.outcome.as_ref().unwrap()
}

/// Every file with its size and the time of its last change. What readers tell each other is in memory,
/// for which the file ending in -shm stands.
fn listed(folder: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let entry = |entry: io::Result<std::fs::DirEntry>| {
        let (entry, metadata) =
            (entry.as_ref().unwrap(), entry.as_ref().unwrap().metadata().unwrap());
        let name = entry.file_name().into_string().unwrap();
        (name, (metadata.len(), metadata.modified().unwrap()))
    };
    let all = std::fs::read_dir(folder).unwrap().map(entry);
    all.filter(|(name, _)| !name.ends_with("-shm")).collect()
}

#[tokio::test]
async fn everything_is_tried_before_a_first_start_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("new"));
    let tried = check(&config).await;
    assert_eq!(failures(&tried), BTreeMap::new());
    let what: Vec<&str> = tried.iter().map(|tried| tried.what).collect();
    let expected =
        ["folder", "database", "accounts", "session key", "bus", "timers", "payments", "listen"];
    assert_eq!(what, expected);
    for what in ["database", "accounts", "session key", "payments"] {
        assert_eq!(outcome(&tried, what), "it is made at the first start", "{what}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_runs_is_left_alone_and_so_are_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(folder.path())).await.unwrap();
    let mut running = config(folder.path());
    running.listen = server.address();
    let before = listed(folder.path());
    let tried = check(&running).await;
    assert_eq!(failures(&tried), BTreeMap::new());
    assert!(outcome(&tried, "listen").contains("by the server that runs"));
    for what in ["database", "accounts", "session key", "payments"] {
        assert_eq!(outcome(&tried, what), "it answers", "{what}");
    }
    assert_eq!(listed(folder.path()), before, "nothing was written");
    server.shutdown().await;

    let before = listed(folder.path());
    let tried = check(&running).await;
    assert_eq!(failures(&tried), BTreeMap::new());
    assert_eq!(listed(folder.path()), before, "nothing was written, nor made beside it");
}

#[tokio::test]
async fn what_is_spoilt_is_found_each_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ticketing.db", "accounts.db", "session.keys", "sandbox.ledger"] {
        std::fs::write(folder.path().join(name), "something else, and too long to be empty")
            .unwrap();
    }
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", gone.local_addr().unwrap()).parse().unwrap();
    drop(gone);
    let mut config = config(folder.path());
    config.listen = taken.local_addr().unwrap();
    config.client_upstream = Some(upstream);
    let failed = failures(&check(&config).await);
    let what: Vec<&str> = failed.keys().copied().collect();
    let expected = ["accounts", "database", "listen", "payments", "session key", "web client"];
    assert_eq!(what, expected, "{failed:?}");
    assert!(failed["session key"].contains("name:secret"), "{failed:?}");
    assert!(failed["listen"].contains("can't listen at"), "{failed:?}");
    assert!(!failed["session key"].contains("something else"), "{failed:?}");
}

#[tokio::test]
async fn a_web_client_that_is_there_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let client = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", client.local_addr().unwrap()).parse().unwrap();
    let mut config = config(folder.path());
    config.client_upstream = Some(origin);
    let tried = check(&config).await;
    assert_eq!(failures(&tried), BTreeMap::new());
    assert!(outcome(&tried, "web client").contains("takes connections"));
}

#[tokio::test]
async fn a_folder_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let failed = failures(&check(&config(&file)).await);
    assert!(failed["folder"].contains("is no folder"), "{failed:?}");
}
