//! What stands beside a route in a list: one sentence, without the marks of Markdown, which are read in
//! descriptions alone.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::path::{Operation, PathItem};

/// Leaves to every operation the first sentence of its summary; the whole is its description.
pub(super) fn shorten(document: &mut Document) {
    for PathItem { get, put, post, delete, .. } in document.paths.paths.values_mut() {
        for operation in [get, put, post, delete].into_iter().flatten() {
            shorten_of(operation);
        }
    }
}

fn shorten_of(operation: &mut Operation) {
    let Some(whole) = operation.summary.take() else { return };
    // Line breaks are those of the source.
    let whole = whole.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = whole.split_once(". ").map_or(whole.as_str(), |(first, _)| first);
    operation.summary = Some(first.trim_end_matches('.').replace('`', ""));
    let further = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{whole}\n\n{further}").trim_end().to_owned());
}
