//! What a command told, kept in a document of the repository.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::say;

/// Lines that are told at once, and kept.
#[derive(Debug, Default)]
pub(crate) struct Told {
    lines: Vec<String>,
}

impl Told {
    pub(crate) fn say(&mut self, line: impl Into<String>) -> anyhow::Result<()> {
        let line = line.into();
        say(&line)?;
        self.lines.push(line);
        Ok(())
    }

    /// Puts the lines into `docs/reliability.md`, in place of those that stand between the marks
    /// of that name, as they are or as a block of code.
    pub(crate) fn record(&self, name: &str, is_code: bool) -> anyhow::Result<()> {
        let path = repository().join("docs/reliability.md");
        let document = std::fs::read_to_string(&path)?;
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) =
            document.split_once(&begin).context("the document has no such mark")?;
        let (_, after) = rest.split_once(&end).context("the document has no such mark's end")?;
        let lines = self.lines.join("\n");
        let text = if is_code { format!("```text\n{lines}\n```") } else { lines };
        let document = format!("{before}{begin}\n{text}\n\n{end}{after}");
        std::fs::write(path, document).context("the document can't be written")
    }
}

/// Writes the seeds that are known to find planted bugs.
pub(crate) fn record_known_seeds(lines: &[String]) -> anyhow::Result<()> {
    let path = repository().join("simulation/known-seeds.txt");
    std::fs::write(path, format!("{}\n", lines.join("\n"))).context("the seeds can't be written")
}

/// The repository that this was built from.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
