//! What a visitor sees where a program would read the body of a failure.

use askama::Template;
use axum::extract::{OriginalUri, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::Told;
use crate::http::extract::RequestCorrelation;
use crate::http::is_of_api;
use crate::web::Web;
use crate::web::answer::page;
use crate::web::frame::{Frame, wants_pages};
use crate::web::texts::fill;
use crate::web::visitor::page_of_form;

#[derive(Debug, Template)]
#[template(path = "failure.html")]
struct Failure {
    frame: Frame,
    title: String,
    text: String,
    /// After how many seconds the page tries again by itself.
    again_after: Option<u64>,
    /// Where to go on, and what that is called.
    way_on: (String, &'static str),
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
    let asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let told = response.extensions().get::<Told>().cloned().filter(|_| !is_page(&response));
    let Some(told) = told else { return response };
    let failure = Failure::of(&web, &asked, &response, &told, correlation.unwrap_or_default());
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
    let own: Vec<HeaderName> = shown.headers().keys().cloned().collect();
    for (name, value) in told_first.headers() {
        if *name != header::CONTENT_LENGTH && !own.contains(name) {
            shown.headers_mut().append(name, value.clone());
        }
    }
    shown
}

impl Failure {
    fn of(web: &Web, asked: &Parts, response: &Response, told: &Told, correlation: String) -> Self {
        let frame = Frame::of(web, asked);
        let t = frame.t;
        let status = response.status();
        let is_form = !asked.method.is_safe();
        let way_on = if is_form {
            (page_of_form(asked.uri.path()).to_owned(), t.back_to_form)
        } else {
            ("/".to_owned(), t.look_at_others)
        };
        let (title, text, again_after) = if status == StatusCode::NOT_FOUND {
            (t.not_found, t.not_found_hint.to_owned(), None)
        } else if is_form && (status.is_server_error() || told.code == "too_many_requests") {
            // What a form asked for is not asked for again by itself, and may have been done.
            (t.not_answered, t.not_answered_hint.to_owned(), None)
        } else if let Some(seconds) = seconds_to_wait(response.headers()) {
            let title = if told.code == "unavailable" { t.away } else { t.busy };
            (title, fill(t.busy_hint, "n", seconds), Some(seconds))
        } else if status.is_server_error() {
            (t.failed, fill(t.failed_hint, "id", correlation), None)
        } else {
            (t.refused, t.refusal(told.code, &told.message), None)
        };
        Self { title: title.to_owned(), text, again_after, way_on, frame }
    }
}

fn seconds_to_wait(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}
