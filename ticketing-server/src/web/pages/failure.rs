//! What a visitor sees where a program would read the body of a failure.

use askama::Template;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::Told;
use crate::http::extract::RequestCorrelation;
use crate::http::is_of_api;
use crate::web::Web;
use crate::web::answer::page;
use crate::web::frame::{Frame, wants_pages};
use crate::web::texts::fill;

#[derive(Debug, Template)]
#[template(path = "failure.html")]
struct Failure {
    frame: Frame,
    title: String,
    text: String,
    /// After how many seconds the page tries again by itself.
    again_after: Option<u64>,
}

/// Shows failures as pages to visitors who look at pages.
pub(crate) async fn show(State(web): State<Web>, request: Request, next: Next) -> Response {
    if is_of_api(request.uri().path()) || !wants_pages(request.headers()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let correlation = parts.extensions.get().map(|RequestCorrelation(id)| id.to_string());
    let uri = OriginalUri(parts.uri.clone());
    parts.extensions.insert(uri);
    let frame = Frame::of(&web, &parts);
    let is_safe = parts.method.is_safe();
    let response = next.run(Request::from_parts(parts, body)).await;
    let told = response.extensions().get::<Told>().cloned().filter(|_| !is_page(&response));
    let Some(told) = told else { return response };
    let failure = Failure::of(frame, &response, &told, correlation.unwrap_or_default(), is_safe);
    let Ok(shown) = page(response.status(), &failure) else { return response };
    dressed(shown, &response, told)
}

/// Whether the answer is a page already: a form that was refused, and says why.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// The page with what else the answer said.
fn dressed(shown: Response, told_first: &Response, told: Told) -> Response {
    let mut shown = shown.into_response();
    shown.extensions_mut().insert(told);
    for (name, value) in told_first.headers() {
        if *name != header::CONTENT_LENGTH && !shown.headers().contains_key(name) {
            shown.headers_mut().append(name, value.clone());
        }
    }
    shown
}

impl Failure {
    fn of(
        frame: Frame,
        response: &Response,
        told: &Told,
        correlation: String,
        is_safe: bool,
    ) -> Self {
        let t = frame.t;
        let status = response.status();
        let (title, text, again_after) = if status == StatusCode::NOT_FOUND {
            (t.not_found, t.not_found_hint.to_owned(), None)
        } else if let Some(seconds) = seconds_to_wait(response.headers()) {
            // What a form asked for is not asked for again by itself.
            let again = is_safe.then_some(seconds);
            (t.busy, fill(t.busy_hint, "n", seconds), again)
        } else if status.is_server_error() {
            (t.failed, fill(t.failed_hint, "id", correlation), None)
        } else {
            (t.refused, t.refusal(told.code, &told.message), None)
        };
        Self { title: title.to_owned(), text, again_after, frame }
    }
}

fn seconds_to_wait(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}
