//! The commands, over files and a running engine.

use std::path::Path;
use std::process::ExitCode;

use async_trait::async_trait;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::UserId;
use ticketing_core::{Duties, Ticketing};
use ticketing_sqlite::SqliteStorage;

use super::*;
use crate::admin::AdminDoor;
use crate::config::Config;

/// Knows one user, and serves nobody.
#[derive(Debug)]
struct Known;

#[async_trait]
impl Doors for Known {
    async fn serve(
        &self,
        config: Config,
        demo: bool,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("served at {}, demo {demo}", config.listen).into())
    }

    async fn user_of(
        &self,
        _config: &Config,
        email: &str,
    ) -> Result<Option<UserId>, Box<dyn std::error::Error + Send + Sync>> {
        Ok((email == "ada@example.com").then(|| UserId::new("user-7").unwrap()))
    }
}

fn parsed(arguments: &[&str]) -> Result<Cli, clap::Error> {
    let all = ["ticketing-server"].iter().chain(arguments);
    parse(all.map(OsString::from), BTreeMap::new())
}

/// Runs a command; its output and whether it was a success, or why it failed.
async fn ran(folder: &Path, arguments: &[&str]) -> Result<(bool, String), String> {
    let folder = folder.to_str().unwrap();
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--data-dir", folder]).collect();
    let mut out = Vec::new();
    let code = run(parsed(&arguments).unwrap(), &Known, &mut out).await;
    let is_success = code.map_err(|error| error.to_string())? == ExitCode::SUCCESS;
    Ok((is_success, String::from_utf8(out).unwrap()))
}

#[test]
fn commands_are_read() {
    let id = "0189f7a4-6f6a-7000-8000-000000000007";
    let command = |arguments: &[&str]| parsed(arguments).map(|cli| cli.command);
    assert_eq!(command(&[]).unwrap(), Command::Serve { demo: false });
    assert_eq!(command(&["--demo"]).unwrap(), Command::Serve { demo: true });
    assert_eq!(command(&["check"]).unwrap(), Command::Check);
    assert_eq!(command(&["migrate"]).unwrap(), Command::Migrate);
    assert_eq!(command(&["health"]).unwrap(), Command::Health);
    assert_eq!(command(&["admin", "verify"]).unwrap(), Command::Verify);
    assert_eq!(command(&["admin", "stuck"]).unwrap(), Command::Stuck);
    let resume = command(&["admin", "stuck", "resume", id]).unwrap();
    assert_eq!(resume, Command::Resume(id.parse().unwrap()));
    let retry = command(&["admin", "stuck", "retry-refund", id]).unwrap();
    assert_eq!(retry, Command::RetryRefund(id.parse().unwrap()));
    let replay = command(&["admin", "replay", "--since", "2026-01-02T03:04:05Z"]).unwrap();
    assert_eq!(replay, Command::Replay("2026-01-02T03:04:05Z".parse().unwrap()));
    let operator = command(&["admin", "operator", "ada@example.com"]).unwrap();
    assert_eq!(operator, Command::Operator("ada@example.com".to_owned()));
    let wrong: [&[&str]; 5] = [
        &["admin"],
        &["serve"],
        &["admin", "replay", "--since", "yesterday"],
        &["admin", "stuck", "resume", "7"],
        &["--no-such-flag", "1"],
    ];
    for arguments in wrong {
        command(arguments).unwrap_err();
    }
}

#[test]
fn every_setting_is_a_flag_at_every_command() {
    for setting in SETTINGS {
        for command in [&[][..], &["check"], &["admin", "verify"]] {
            let flag = setting.flag();
            let arguments: Vec<&str> = command.iter().copied().chain([&*flag, "x"]).collect();
            let cli = parsed(&arguments).unwrap();
            assert_eq!(cli.sources.flags.get(setting.name).map(String::as_str), Some("x"));
        }
    }
}

#[tokio::test]
async fn serving_is_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    let told = ran(folder.path(), &["--demo", "--listen", "127.0.0.1:7"]).await.unwrap_err();
    assert_eq!(told, "served at 127.0.0.1:7, demo true");
}

#[tokio::test]
async fn settings_are_checked_and_backends_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let free = ["check", "--listen", "127.0.0.1:0"];
    let (good, told) = ran(folder.path(), &[&free[..], &["--hold", "2s"]].concat()).await.unwrap();
    assert!(good, "{told}");
    assert!(told.contains("TICKETING_HOLD                 2s (flag)"), "{told}");
    assert!(told.contains("TICKETING_BUS                  local: (default)"), "{told}");
    assert!(told.contains("TICKETING_HOLD_CAP             10m 4s (default)"), "{told}");
    assert!(told.contains("database: it is made at the first start"), "{told}");
    assert!(told.contains("listen: 127.0.0.1:0 is free"), "{told}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");

    let storage = SqliteStorage::open(folder.path().join("ticketing.db")).await.unwrap();
    let (good, told) = ran(folder.path(), &free).await.unwrap();
    assert!(good && told.contains("database: it answers"), "{told}");
    storage.close().await;

    std::fs::write(folder.path().join("sandbox.ledger"), "something else").unwrap();
    let (good, told) = ran(folder.path(), &free).await.unwrap();
    assert!(!good && told.contains("payments: it can't be used"), "{told}");
    let told = ran(folder.path(), &["check", "--hold", "x"]).await.unwrap_err();
    assert!(told.contains("TICKETING_HOLD"), "{told}");
}

#[tokio::test]
async fn tables_are_made_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let (good, told) = ran(folder.path(), &["migrate"]).await.unwrap();
    assert!(good && told == "the tables are up to date\n", "{told}");
    let free = ["check", "--listen", "127.0.0.1:0"];
    let (good, told) = ran(folder.path(), &free).await.unwrap();
    assert!(good && told.contains("database: it answers\naccounts: it answers\n"), "{told}");
    let (good, _) = ran(folder.path(), &["migrate"]).await.unwrap();
    assert!(good, "there is nothing left to do");
    let running = SqliteStorage::open(folder.path().join("ticketing.db")).await.unwrap();
    ran(folder.path(), &["migrate"]).await.unwrap_err();
    running.close().await;
}

#[tokio::test]
async fn who_listens_nowhere_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let told = ran(folder.path(), &["health", "--listen", "127.0.0.1:9"]).await.unwrap_err();
    assert_eq!(told, "no server answers at 127.0.0.1:9");
}

#[tokio::test]
async fn a_store_is_looked_after() {
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(folder.path().join("ticketing.db")).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.duties(Duties::NONE).start().await.unwrap();
    let (good, told) = ran(folder.path(), &["admin", "verify"]).await.unwrap();
    assert!(good && told.ends_with("rules checked, 0 findings\n"), "{told}");
    let (good, told) = ran(folder.path(), &["admin", "stuck"]).await.unwrap();
    assert!(good && told == "nothing waits for a person\n", "{told}");

    let replay = ["admin", "replay", "--since", "2026-01-02T03:04:05Z"];
    let told = ran(folder.path(), &replay).await.unwrap_err();
    assert!(told.contains("no server that runs over"), "{told}");
    let door = AdminDoor::open(folder.path(), engine).unwrap();
    let (good, told) = ran(folder.path(), &replay).await.unwrap();
    assert!(good && told == "0 events were published once more\n", "{told}");
    door.close().await;
}

#[tokio::test]
async fn an_operator_is_told_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let told = ran(folder.path(), &["admin", "operator", "ada@example.com"]).await;
    assert_eq!(told, Ok((true, "user-7\n".to_owned())));
    let told = ran(folder.path(), &["admin", "operator", "bob@example.com"]).await;
    assert_eq!(told, Err("nobody has signed up as bob@example.com".to_owned()));
}
