//! What every operation may answer besides what its handler says: the refusals of the layers around
//! it, and of what reads its body and its idempotency key.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{
    ComponentsBuilder, Content, Header, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder,
};

/// A refusal that many operations share.
struct Refusal {
    name: &'static str,
    status: &'static str,
    description: &'static str,
    /// Whether it says after how many seconds to try again.
    passes: bool,
}

const CROSS_SITE: Refusal = Refusal {
    name: "CrossSite",
    status: "403",
    description: "A browser sent it for a page of another site",
    passes: false,
};
const CONFLICT: Refusal = Refusal {
    name: "Conflict",
    status: "409",
    description: "Others are changing the same, or it was changed since: look again",
    passes: false,
};
const TOO_LARGE: Refusal = Refusal {
    name: "BodyTooLarge",
    status: "413",
    description: "The body is too large",
    passes: false,
};
const NOT_JSON: Refusal = Refusal {
    name: "NotJson",
    status: "415",
    description: "The body is not declared as JSON",
    passes: false,
};
const KEY_REUSED: Refusal = Refusal {
    name: "KeyReused",
    status: "422",
    description: "The idempotency key was used for another command",
    passes: false,
};
const TOO_MANY: Refusal = Refusal {
    name: "TooMany",
    status: "429",
    description: "Too many requests, or attempts, of one account or from one address",
    passes: true,
};
const UNAVAILABLE: Refusal = Refusal {
    name: "Unavailable",
    status: "503",
    description: "It can't be done now, or too many are waiting",
    passes: true,
};

const ALL: [&Refusal; 7] =
    [&CROSS_SITE, &CONFLICT, &TOO_LARGE, &NOT_JSON, &KEY_REUSED, &TOO_MANY, &UNAVAILABLE];

/// Adds to every operation the refusals that it shares with others. What its handler says of the
/// same status stays.
pub(super) fn add_refusals(document: &mut Document) {
    let mut components = ComponentsBuilder::from(document.components.take().unwrap_or_default());
    for refusal in ALL {
        components = components.response(refusal.name, refusal.response());
    }
    document.components = Some(components.build());
    for item in document.paths.paths.values_mut() {
        add_to(item);
    }
}

fn add_to(item: &mut PathItem) {
    let PathItem { get, put, post, delete, .. } = item;
    for (operation, changes) in [(get, false), (put, true), (post, true), (delete, true)] {
        if let Some(operation) = operation {
            for refusal in shared_by(operation, changes) {
                let responses = &mut operation.responses.responses;
                responses.entry(refusal.status.to_owned()).or_insert_with(|| refusal.reference());
            }
        }
    }
}

fn shared_by(operation: &Operation, changes: bool) -> Vec<&'static Refusal> {
    let mut shared = vec![&TOO_MANY, &UNAVAILABLE];
    if changes {
        shared.push(&CROSS_SITE);
    }
    if let Some(RefOr::T(body)) = &operation.request_body {
        shared.push(&TOO_LARGE);
        if body.content.contains_key("application/json") {
            shared.push(&NOT_JSON);
        }
    }
    if takes_key(operation) {
        shared.extend([&CONFLICT, &KEY_REUSED]);
    }
    shared
}

fn takes_key(operation: &Operation) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == "Idempotency-Key",
        RefOr::Ref(_) => false,
    })
}

impl Refusal {
    fn response(&self) -> Response {
        let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
        let mut response =
            ResponseBuilder::new().description(self.description).content("application/json", body);
        if self.passes {
            let seconds = SchemaType::new(Type::Integer);
            let header = Header::new(ObjectBuilder::new().schema_type(seconds).minimum(Some(1)));
            response = response.header("Retry-After", header);
        }
        response.build()
    }

    fn reference(&self) -> RefOr<Response> {
        RefOr::Ref(Ref::from_response_name(self.name))
    }
}
