//! Who may know whom in the server: adapters are named where things are wired together, and
//! handlers see the engine's services only.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use std::fs;
use std::path::{Path, PathBuf};

/// Names that only the listed sources may say, by the beginning of their path.
const RESERVED: [(&str, &[&str]); 9] = [
    ("ticketing_sqlite", &["wiring", "backends"]),
    ("ticketing_postgres", &["wiring", "backends"]),
    ("ticketing_nats", &["wiring", "backends"]),
    ("ticketing_rabbitmq", &["wiring", "backends"]),
    ("ticketing_redis", &["wiring", "backends"]),
    ("ticketing_local", &["wiring", "backends", "server"]),
    ("ticketing_stripe", &["wiring", "backends"]),
    ("sqlx", &["auth/sqlite", "auth/postgres"]),
    ("Storage", &["wiring"]),
];

/// Every source with its path below `src`, tests aside.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn says(text: &str, word: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.flat_map(|line| line.split(|c| !is_part(c))).any(|it| it == word)
}

fn violations(path: &str, text: &str) -> Vec<String> {
    let reserved = RESERVED.iter().filter(|(word, may)| {
        says(text, word) && !may.iter().any(|allowed| path.starts_with(allowed))
    });
    reserved.map(|(word, _)| format!("{path} says `{word}`")).collect()
}

#[test]
fn adapters_are_named_in_the_wiring_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = sources(&root);
    assert!(all.len() > 40, "{} sources", all.len());
    let found: Vec<String> = all
        .iter()
        .flat_map(|(path, text)| {
            violations(path.strip_prefix(&root).unwrap().to_str().unwrap(), text)
        })
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_planted_import_is_found() {
    let handler = "use ticketing_sqlite::SqliteStorage;";
    assert_eq!(violations("http/tickets/list.rs", handler).len(), 1);
    assert_eq!(violations("wiring.rs", handler), Vec::<String>::new());
    assert_eq!(violations("http/tickets/list.rs", "// ticketing_sqlite"), Vec::<String>::new());
    assert_eq!(violations("auth/accounts.rs", "let rows = sqlx::query(text);").len(), 1);
}

/// Warnings and errors without a stable word, which alerts are made of.
fn nameless(path: &str, text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    let lines = ["tracing::warn!(", "tracing::error!("].into_iter().flat_map(|begin| {
        code.split(begin).skip(1).map(move |rest| format!("{begin}{}", rest.trim_start()))
    });
    let is_nameless = |line: &String| !line.split_once('(').unwrap().1.starts_with("code");
    lines.filter(is_nameless).map(|line| format!("{path}: {line:.60}")).collect()
}

#[test]
fn whatever_is_logged_as_wrong_has_a_stable_word() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found: Vec<String> = sources(&root)
        .iter()
        .flat_map(|(path, text)| {
            nameless(path.strip_prefix(&root).unwrap().to_str().unwrap(), text)
        })
        .collect();
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(nameless("a.rs", "tracing::warn!(%error, \"it failed\");").len(), 1);
    assert_eq!(nameless("a.rs", "tracing::warn!(code = \"x\", \"it failed\");").len(), 0);
}
