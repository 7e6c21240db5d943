//! The commands in the documentation: each is run here, or marked as needing what is not here.
//!
//! A line before each block of code says which: `<!-- runs: WHAT -->` is run by the test of that name
//! below, together with the others of its page and name; `<!-- needs: WHAT -->` needs a cluster, a
//! container engine, or somebody's own servers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::process::Command;

use crate::manifests::root;
use crate::postgres::Cluster;
use crate::program::{PROGRAM, Program, command};
use crate::shop::SOON;

const PAGES: [&str; 2] = ["docs/deploying.md", "docs/operating.md"];

/// What tests below run.
const RUN: [(&str, &str); 3] = [
    ("docs/deploying.md", "grants"),
    ("docs/operating.md", "backup and restore"),
    ("docs/operating.md", "a running server"),
];

/// What is not here.
const NEEDED: [&str; 3] = ["a cluster", "a container engine", "skaffold and a cluster"];

/// A block of code, and what is said of it.
#[derive(Debug)]
struct Block {
    mark: String,
    code: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut found = Vec::new();
    let mut last = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let code = lines.by_ref().take_while(|line| !line.starts_with("```"));
            let code = code.collect::<Vec<_>>().join("\n");
            found.push(Block { mark: std::mem::take(&mut last), code });
        } else if !line.trim().is_empty() {
            line.trim().clone_into(&mut last);
        }
    }
    found
}

fn marked(mark: &str, word: &str) -> Option<String> {
    let said = mark.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    said.strip_prefix(word)?.strip_prefix(": ").map(str::to_owned)
}

/// All that is to be run under a name, in the order of the page.
fn to_run(page: &str, name: &str) -> String {
    let mine =
        blocks(page).into_iter().filter(|it| marked(&it.mark, "runs").as_deref() == Some(name));
    mine.map(|block| block.code + "\n").collect()
}

/// The rights of those that sell, as the documentation has them.
pub(crate) fn grants() -> String {
    to_run("docs/deploying.md", "grants")
}

#[test]
fn every_block_is_run_or_says_what_it_needs() {
    let mut runs = BTreeSet::new();
    for page in PAGES {
        for block in blocks(page) {
            if let Some(name) = marked(&block.mark, "runs") {
                runs.insert((page, name));
                continue;
            }
            let needs = marked(&block.mark, "needs");
            let needs =
                needs.unwrap_or_else(|| panic!("{page} does not say who runs:\n{}", block.code));
            assert!(NEEDED.contains(&&*needs), "{page}: {needs}");
            names_what_is_there(page, &block.code);
        }
    }
    let known: BTreeSet<_> = RUN.iter().map(|(page, name)| (*page, (*name).to_owned())).collect();
    assert_eq!(runs, known);
}

/// What can't be run still has to be a shell's language, and to name files that are there.
fn names_what_is_there(page: &str, code: &str) {
    let read = std::process::Command::new("bash").args(["-n", "-c", code]).output().unwrap();
    assert!(read.status.success(), "{page}: {}", String::from_utf8_lossy(&read.stderr));
    for word in code.split_whitespace().filter(|word| word.starts_with("infra/")) {
        assert!(root().join(word).exists(), "{page} names {word}");
    }
}

/// A server over a Postgres of its own, in which something was sold.
struct Shop {
    postgres: Cluster,
    program: Program,
    folder: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let postgres = Cluster::start(&["max_connections=100"]).await;
        let mut conn = postgres.connect().await;
        let make = "CREATE DATABASE ticketing ENCODING 'UTF8' TEMPLATE template0";
        sqlx::query(AssertSqlSafe(make)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path());
        command.env("TICKETING_DATABASE", url(&postgres));
        let program = Program::started(&mut command).await;
        let seller = program.signs_up("ada").await;
        let ticket = seller.lists_many("Front row", json!(20), 5).await;
        let order = seller.reserves(&ticket).await;
        seller.pays(&order).await;
        Self { postgres, program, folder }
    }

    /// Runs commands as somebody who looks after it does, and answers what they print.
    async fn runs(&self, code: &str) -> String {
        let work = tempfile::tempdir().unwrap();
        let mut shell = Command::new("bash");
        shell.args(["-eu", "-o", "pipefail", "-c", code]).current_dir(work.path());
        shell.env("PATH", path()).env("TICKETING_DATA_DIR", self.folder.path());
        shell.env("TICKETING_DATABASE", url(&self.postgres)).env("database", url(&self.postgres));
        shell.env("server", format!("http://{}", self.program.address)).kill_on_drop(true);
        shell.env("TICKETING_LISTEN", self.program.address.to_string());
        let ran = tokio::time::timeout(SOON * 2, shell.output()).await.unwrap().unwrap();
        let (told, wrong) =
            (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{code}\n{told}\n{wrong}");
        told.into_owned()
    }
}

fn url(postgres: &Cluster) -> String {
    let port = postgres.options().get_port();
    format!("postgres://postgres@127.0.0.1:{port}/ticketing?sslmode=disable")
}

/// Our program, those of Postgres, and the usual.
fn path() -> std::ffi::OsString {
    let ours = PathBuf::from(PROGRAM).parent().unwrap().to_owned();
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let postgres = std::env::var_os("TICKETING_TEST_POSTGRES_BIN").map(PathBuf::from);
    let all = std::iter::once(ours).chain(postgres).chain(std::env::split_paths(&usual));
    std::env::join_paths(all).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_made_and_restored() {
    let shop = Shop::open().await;
    let told = shop.runs(&to_run("docs/operating.md", "backup and restore")).await;
    assert!(told.contains("rules checked, 0 findings"), "{told}");
    let options = shop.postgres.options().database("restored");
    let mut conn = sqlx::PgConnection::connect_with(&options).await.unwrap();
    let sold: (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM ticketing.orders WHERE state = 'complete'),
                (SELECT count(*) FROM ticketing_accounts.accounts)",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(sold, (1, 1), "the order and its buyer");
    conn.close().await.unwrap();
    assert!(shop.program.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_looked_after() {
    let shop = Shop::open().await;
    let told = shop.runs(&to_run("docs/operating.md", "a running server")).await;
    for expected in ["rules checked, 0 findings", "nothing waits for a person", "is ready"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(shop.program.terminate().await.success());
}
