//! The style and the script of the pages, which are in the program. Their addresses name their
//! content, so that browsers keep them for ever.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use sha2::{Digest as _, Sha256};

/// A file of the pages.
#[derive(Debug)]
pub(super) struct Asset {
    /// Its address.
    pub(super) path: String,
    kind: HeaderValue,
    text: &'static str,
}

const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("client", "css", CSS, include_str!("assets/client.css")));
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("client", "js", JAVASCRIPT, include_str!("assets/client.js")));

/// For the page on which a card is typed into Stripe's form, where there is one.
pub(super) static PAY: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("pay", "js", JAVASCRIPT, include_str!("assets/pay.js")));
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", SVG, include_str!("assets/icon.svg")));

impl Asset {
    fn new(name: &str, ending: &str, kind: HeaderValue, text: &'static str) -> Self {
        let mut mark = hex::encode(Sha256::digest(text));
        mark.truncate(16);
        Self { path: format!("/assets/{name}.{mark}.{ending}"), kind, text }
    }
}

/// The routes of the files.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    [&STYLE, &SCRIPT, &PAY, &ICON].into_iter().fold(Router::new(), |routes, asset| {
        let headers =
            [(header::CONTENT_TYPE, asset.kind.clone()), (header::CACHE_CONTROL, FOR_EVER)];
        let text = asset.text;
        routes.route(&asset.path, get(async move || (headers, text).into_response()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_content() {
        let one = Asset::new("a", "css", CSS, "one");
        assert_eq!(one.path.split('.').count(), 3, "{}", one.path);
        assert_ne!(one.path, Asset::new("a", "css", CSS, "two").path);
        assert_eq!(one.path, Asset::new("a", "css", CSS, "one").path);
    }

    /// What a phone on a bad network waits for.
    #[test]
    fn the_files_are_small() {
        assert!(STYLE.text.len() < 12 * 1024, "{} bytes of style", STYLE.text.len());
        let script = SCRIPT.text.len() + PAY.text.len();
        assert!(script < 10 * 1024, "{script} bytes of script");
    }
}
