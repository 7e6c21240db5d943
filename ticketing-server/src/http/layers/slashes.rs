//! The slash at the end of a path, which the API does not mind.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use crate::http::api::is_of_api;

/// The request without slashes at the end of its path, if it is for the API. Elsewhere they mean
/// something: what a page links to is found from there.
pub(super) fn optional(mut request: Request) -> Request {
    if let Some(uri) = trimmed(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn trimmed(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| is_of_api(path))?;
    let path = path.trim_end_matches('/');
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_has_no_slash_at_the_end() {
        let of = |uri: &str| trimmed(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(of("/api/tickets/").as_deref(), Some("/api/tickets"));
        assert_eq!(of("/api/tickets//?q=a/").as_deref(), Some("/api/tickets?q=a/"));
        assert_eq!(of("http://a/api/").as_deref(), Some("http://a/api"));
        for other in ["/api/tickets", "/docs/", "/", "/api/tickets?q=/", "/apiary/"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
