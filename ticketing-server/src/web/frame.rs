//! What every page has around it, and what it knows of its visitor.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;

use super::Web;
use super::assets::{ICON, SCRIPT, STYLE};
use super::done::Done;
use super::language::Language;
use super::texts::Texts;
use super::visitor::{next_is, page_of_form};
use crate::auth::Recognised;
use crate::http::noted::note_user;

/// What every page has around it.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) language: Language,
    /// What the page says.
    pub(super) t: &'static Texts,
    /// Who is signed in, as far as this process knows: enough to show a page.
    pub(super) member: Option<Recognised>,
    /// What was just done, or went wrong.
    pub(super) notice: Option<Notice>,
    pub(super) sandbox: bool,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
    /// Where one comes back from signing in or up: the parameter of their addresses.
    pub(super) back_here: String,
    /// What the script says, as JSON.
    pub(super) words: String,
}

/// A line at the top of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) is_bad: bool,
}

/// What the script of the pages says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Words {
    left_one: &'static str,
    left_many: &'static str,
    sold_out: &'static str,
    all_held: &'static str,
    withdrawn: &'static str,
    meter: &'static str,
    connection_lost: &'static str,
    last_seen: &'static str,
    time_left: &'static str,
    minutes: &'static str,
    seconds: &'static str,
    last_minute: &'static str,
    last_seconds: &'static str,
}

impl Frame {
    /// The frame of a page for whoever sends this request.
    pub(super) fn of(web: &Web, request: &Parts) -> Self {
        let member = web.accounts.known(request);
        if let Some(member) = &member {
            note_user(&request.extensions, &member.user);
        }
        let here = request.extensions.get().map_or(&request.uri, |OriginalUri(uri)| uri);
        let language = Language::of(&request.headers);
        let done = Done::of(here);
        let notice = done.map(|done| Notice::good(done.text(language.texts())));
        let back_here = back_to(here, request.method.is_safe());
        Self { member, notice, back_here, ..Self::bare(web, language) }
    }

    fn bare(web: &Web, language: Language) -> Self {
        let t = language.texts();
        Self {
            language,
            t,
            member: None,
            notice: None,
            sandbox: web.sandbox,
            style: &STYLE.path,
            script: &SCRIPT.path,
            icon: &ICON.path,
            back_here: String::new(),
            words: words(t),
        }
    }

    /// The page tells of a refusal at its top.
    pub(super) fn refused(mut self, text: impl Into<String>) -> Self {
        self.notice = Some(Notice { text: text.into(), is_bad: true });
        self
    }

    /// Whether anybody may keep the page: it shows nothing of whoever asked for it.
    pub(super) fn is_everybodys(&self) -> bool {
        self.member.is_none() && self.notice.is_none()
    }
}

impl Notice {
    fn good(text: &str) -> Self {
        Self { text: text.to_owned(), is_bad: false }
    }
}

impl FromRequestParts<Web> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self::of(web, parts))
    }
}

fn words(t: &Texts) -> String {
    let words = Words {
        left_one: t.left_one,
        left_many: t.left_many,
        sold_out: t.sold_out,
        all_held: t.all_held,
        withdrawn: t.withdrawn,
        meter: t.meter,
        connection_lost: t.connection_lost,
        last_seen: t.last_seen,
        time_left: t.time_left,
        minutes: t.minutes,
        seconds: t.seconds,
        last_minute: t.last_minute,
        last_seconds: t.last_seconds,
    };
    serde_json::to_string(&words).unwrap_or_default()
}

/// The parameter that leads back to this page; from where one signs in, to where that leads back.
fn back_to(here: &Uri, is_safe: bool) -> String {
    let path = if is_safe { here.path() } else { page_of_form(here.path()) };
    if matches!(path, "/signin" | "/signup") {
        let query = here.query().unwrap_or_default();
        let next = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
        return next_is(own_path(next.as_ref().map(|(_, path)| &**path)));
    }
    next_is(path)
}

/// Where a page may send its visitor on to: a path of this server, from a parameter that anybody may
/// have written.
pub(super) fn own_path(asked: Option<&str>) -> &str {
    let is_own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    asked.filter(is_own).unwrap_or("/")
}

/// Whether the visitor's browser is to be shown pages, and not what programs read.
pub(super) fn wants_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get(axum::http::header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|kinds| kinds.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_back_to_where_one_was() {
        let back = |here: &str, is_safe| back_to(&here.parse().unwrap(), is_safe);
        assert_eq!(back("/tickets/7?done=saved", true), "next=%2Ftickets%2F7");
        assert_eq!(back("/orders/7/pay", false), "next=%2Forders%2F7");
        assert_eq!(back("/signin?next=%2Ftickets%2F7", true), "next=%2Ftickets%2F7");
        assert_eq!(back("/signup?next=%2F%2Felsewhere", true), "next=%2F");
        assert_eq!(back("/signup", true), "next=%2F");
    }

    #[test]
    fn only_own_paths_are_gone_on_to() {
        assert_eq!(own_path(Some("/orders/7?a=b")), "/orders/7?a=b");
        for foreign in ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "", "a"]
        {
            assert_eq!(own_path(Some(foreign)), "/", "{foreign}");
        }
        assert_eq!(own_path(Some("/a\r\nb")), "/");
        assert_eq!(own_path(None), "/");
    }
}
