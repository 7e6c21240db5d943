//! The walk-through of the README, as it is pasted into a shell.

use std::path::Path;
use std::process::Command;

use crate::shop::Shop;

/// The lines between the marks, without the fences of the code.
fn pasted() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, rest) = readme.split_once("<!-- walk-through: begins -->\n").unwrap();
    let (block, _) = rest.split_once("<!-- walk-through: ends -->").unwrap();
    block.lines().filter(|line| !line.starts_with("```")).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_through_ends_with_a_complete_order() {
    let shop = Shop::open().await;
    let pasted = pasted();
    let documented = "http://127.0.0.1:8080";
    assert_eq!(pasted.matches(documented).count(), 1);
    let here = format!("http://{}", shop.server.address());
    let script = pasted.replace(documented, &here);
    let shell = tokio::task::spawn_blocking(move || {
        Command::new("bash").args(["-eu", "-o", "pipefail", "-c", &script]).output().unwrap()
    });
    let output = shell.await.unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && complained.is_empty(), "{said}\n{complained}");
    let last = said.lines().last().unwrap();
    assert!(last.contains("\"status\":\"complete\"") && last.contains("\"total\":39.98"), "{said}");
}
