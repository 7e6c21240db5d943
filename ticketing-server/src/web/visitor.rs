//! Whoever is signed in.

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use super::Web;
use crate::auth::Recognised;
use crate::http::error::ApiError;
use crate::http::noted::note_user;

/// Whoever is signed in; anybody else is sent to where one signs in, and comes back from there.
#[derive(Debug, Clone)]
pub(super) struct Member(pub(super) Recognised);

impl FromRequestParts<Web> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let member = web.accounts.recognise(parts).await;
        let member = member.map_err(|why| ApiError::from(why).into_response())?;
        let member = member.ok_or_else(|| Redirect::to(&sign_in_for(parts)).into_response())?;
        note_user(&parts.extensions, &member.user);
        Ok(Self(member))
    }
}

/// Where one signs in and comes back from. What a form asked for is not done then: its page is shown
/// again.
fn sign_in_for(parts: &Parts) -> String {
    let asked = parts.extensions.get().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let here = asked.path_and_query().map_or("/", |it| it.as_str());
    let here = if parts.method.is_safe() { here } else { page_of_form(here) };
    format!("/signin?{}", next_is(here))
}

/// The page on which a form is that is sent to this path: the path itself, or what its last part is
/// done to.
pub(super) fn page_of_form(path: &str) -> &str {
    const DONE_TO_IT: [&str; 4] = ["/pay", "/cancel", "/extend", "/withdraw"];
    let path = path.split('?').next().unwrap_or(path);
    if path.starts_with("/account/") {
        return "/account";
    }
    if path == "/signout" {
        return "/";
    }
    DONE_TO_IT.iter().find_map(|verb| path.strip_suffix(verb)).unwrap_or(path)
}

/// The parameter that says where to go on to.
pub(super) fn next_is(path: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("next", path).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_its_page() {
        assert_eq!(page_of_form("/orders/7/pay"), "/orders/7");
        assert_eq!(page_of_form("/orders/7/cancel?a=b"), "/orders/7");
        assert_eq!(page_of_form("/tickets/7"), "/tickets/7");
        assert_eq!(page_of_form("/account/sessions/7/end"), "/account");
        assert_eq!(page_of_form("/signout"), "/");
        assert_eq!(next_is("/tickets?q=a b&c"), "next=%2Ftickets%3Fq%3Da+b%26c");
    }
}
