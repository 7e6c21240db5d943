//! Lists over HTTP: a bare array, and where the next page is in `Link`.

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use ticketing_core::values::{Cursor, Page, PageLimit, Paged};

use super::error::ApiError;
use super::extract::Problems;

/// Which part of a list a client asks for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParameters {
    /// Where to read on, from the `Link` header of the page before.
    cursor: Option<String>,
    /// How many at most: 1 to 100, and 100 unless named.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

impl PageParameters {
    pub(crate) fn page(&self, problems: &mut Problems) -> Page {
        let mut page = Page::default();
        if let Some(cursor) = &self.cursor {
            match cursor.parse() {
                Ok(cursor) => page.after = Some(cursor),
                Err(_foreign) => {
                    problems.add("cursor", "invalid_cursor", "cursor must come from a Link header");
                }
            }
        }
        if let Some(limit) = &self.limit {
            match limit.parse().ok().and_then(|limit| PageLimit::new(limit).ok()) {
                Some(limit) => page.limit = limit,
                None => problems.add("limit", "invalid_page_limit", "limit must be 1 to 100"),
            }
        }
        page
    }
}

/// A page of a list.
pub(crate) fn paged<T, B: Serialize>(
    uri: &OriginalUri,
    page: Paged<T>,
    body: impl FnMut(T) -> B,
) -> Result<Response, ApiError> {
    let next = page.next;
    let items: Vec<B> = page.items.into_iter().map(body).collect();
    let mut response = Json(items).into_response();
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", next_page(uri, next));
        let link = HeaderValue::try_from(link).map_err(|error| ApiError::internal(&error))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The same request with another cursor. The path and query came in a request line, so they are
/// fit for a header as they are.
fn next_page(uri: &Uri, next: Cursor) -> String {
    let others = uri.query().unwrap_or_default().split('&');
    let others = others.filter(|it| !it.is_empty() && !it.starts_with("cursor="));
    let query = others.map(str::to_owned).chain([format!("cursor={next}")]);
    format!("{}?{}", uri.path(), query.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &str = "00000000000000000000000000000007";

    fn next_of(uri: &str) -> String {
        next_page(&uri.parse().unwrap(), NEXT.parse().unwrap())
    }

    #[test]
    fn the_next_page_is_the_same_question_further_on() {
        assert_eq!(next_of("/api/tickets"), format!("/api/tickets?cursor={NEXT}"));
        assert_eq!(next_of("/t?q=a%20b&limit=3"), format!("/t?q=a%20b&limit=3&cursor={NEXT}"));
        assert_eq!(next_of("/t?cursor=1&all=true"), format!("/t?all=true&cursor={NEXT}"));
        assert_eq!(next_of("/t?&"), format!("/t?cursor={NEXT}"));
    }

    #[test]
    fn wrong_parameters_are_told_each() {
        let asked = PageParameters { cursor: Some("x".into()), limit: Some("0".into()) };
        let mut problems = Problems::default();
        assert_eq!(asked.page(&mut problems), Page::default());
        assert!(problems.refuse().is_err());
        let asked = PageParameters { cursor: Some(NEXT.into()), limit: Some("3".into()) };
        let mut problems = Problems::default();
        let page = asked.page(&mut problems);
        assert!(problems.refuse().is_ok());
        assert_eq!((page.after, page.limit.get()), (NEXT.parse().ok(), 3));
    }
}
