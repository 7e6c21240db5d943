//! Which operations want a session, and how it is sent.

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, OpenApi as Document};

const COOKIE: &str = "cookie";
const BEARER: &str = "bearer";

/// Says of every operation that refuses who is not signed in how to sign in.
pub(super) fn add_sessions(document: &mut Document) {
    let cookie = ApiKeyValue::with_description(
        "__Host-session",
        "Set by signing up and in. Where cookies go over plain HTTP its name is `session`.",
    );
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let token = token.description(Some("The value of the cookie")).build();
    let components = ComponentsBuilder::from(document.components.take().unwrap_or_default())
        .security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
        .security_scheme(BEARER, SecurityScheme::Http(token));
    document.components = Some(components.build());
    let either = [COOKIE, BEARER].map(|scheme| SecurityRequirement::new(scheme, [""; 0]));
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            if operation.responses.responses.contains_key("401") {
                operation.security = Some(either.to_vec());
            }
        }
    }
}
