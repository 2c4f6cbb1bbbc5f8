//! The OpenAPI 3.1 document: made from the routes themselves, with what holds for every operation added once.

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::{
    Components, Content, HttpMethod, InfoBuilder, License, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    Required, Response, ResponseBuilder, Schema, Server,
};
use utoipa::{PartialSchema, ToSchema};

use crate::router;

const ABOUT: &str = "One signed-in user for every tool on the machine. Compatible with the Pieces OS User API.\n\n\
    Errors are one sentence of text with the stable word in `X-Error-Code` and the request's id in `X-Request-Id`; \
    a caller that accepts `application/problem+json` gets RFC 9457 with the same code. Unknown members of a body are \
    ignored; a member of the wrong type is a 400 that names its path.";

/// The head of the document, before any route.
pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Usher")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(License::new("Apache-2.0 OR MIT")))
        .build();
    OpenApiBuilder::new().info(info).servers(Some([Server::new("/")])).build()
}

/// The whole document.
pub(crate) fn document() -> OpenApi {
    let mut document = router::documented().split_for_parts().1;
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations_mut(item) {
            add_binding(operation);
            add_common_answers(operation, method);
            say_that_a_body_may_be_absent(operation);
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(usher_wire::Problem::name().into_owned(), usher_wire::Problem::schema());
    for (name, _, response) in COMMON.iter().chain(&OF_BINDING) {
        components.responses.insert((*name).to_owned(), RefOr::T(failure(response)));
    }
    document
}

/// The document as it is committed and served: pretty, with a line end.
pub fn openapi_json() -> String {
    let mut json = document().to_pretty_json().expect("the document has only string keys, so it encodes");
    json.push('\n');
    json
}

/// Answers every operation may give: component name, status, description.
const COMMON: &[(&str, &str, &str)] = &[
    ("BadRequest", "400", "the body, a member or the path is not as documented"),
    ("Refused", "403", "the caller or its page may not do this"),
    ("TooLarge", "413", "the body is larger than 1 MiB"),
    ("NotJson", "415", "the body is not JSON"),
    ("TooMany", "429", "too many requests are waiting"),
    ("Failed", "500", "it failed; nothing was changed"),
    ("NotReady", "503", "the daemon is starting"),
];

/// Answers to a caller whose account is not to be found.
const OF_BINDING: [(&str, &str, &str); 2] = [
    ("NoAccount", "404", "`Usher-Account` names no account of this device"),
    ("Ambiguous", "409", "`Usher-Account` names several accounts: send the id of one"),
];

/// The operations that speak of "the user": of the current one, or of the one their caller is bound to.
const OF_THE_USER: [&str; 22] = [
    "user_snapshot",
    "refresh_user",
    "stream_user",
    "user_beta_status",
    "user_providers",
    "user_update_vanity",
    "user_access_token",
    "stream_user_last_checked_in",
    "user_checkout",
    "user_manage_subscriptions",
    "user_paddle_refresh",
    "user_has_feature_access",
    "sign_out_of_os",
    "connect",
    "allocations_snapshot",
    "allocation_snapshot",
    "allocations_connect_new_cloud",
    "allocations_disconnect_cloud",
    "entities_snapshot",
    "entities_specific_entity_snapshot",
    "subscriptions_snapshot",
    "subscriptions_specific_subscription_snapshot",
];

/// Documents the header that binds a caller, where it means something.
fn add_binding(operation: &mut Operation) {
    if !operation.operation_id.as_deref().is_some_and(|id| OF_THE_USER.contains(&id)) {
        return;
    }
    let header = ParameterBuilder::new()
        .name("Usher-Account")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "binds this caller to one account of the device (id, e-mail or user name), whoever is current",
        ))
        .schema(Some(String::schema()));
    operation.parameters.get_or_insert_default().push(RefOr::T(header.build()));
    for (name, status, _) in OF_BINDING {
        let answer = RefOr::Ref(Ref::from_response_name(name));
        operation.responses.responses.entry(status.to_owned()).or_insert(answer);
    }
}

/// Those that only a body can cause.
const OF_BODIES: [&str; 2] = ["413", "415"];

fn add_common_answers(operation: &mut Operation, method: HttpMethod) {
    for (name, status, _) in COMMON {
        if method == HttpMethod::Get && OF_BODIES.contains(status) {
            continue;
        }
        let answer = RefOr::Ref(Ref::from_response_name(*name));
        operation.responses.responses.entry((*status).to_owned()).or_insert(answer);
    }
    // What each operation says of its own failures in text can be had as a problem, too.
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.as_bytes()[0] >= b'4' && response.content.contains_key("text/plain") {
            response.content.insert("application/problem+json".into(), RefOr::T(problem()));
        }
    }
}

/// An optional body is one that may be left out, not one that may be `null`.
fn say_that_a_body_may_be_absent(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        if let Some(RefOr::T(Schema::OneOf(choices))) = &content.schema {
            content.schema = choices.items.iter().find(|choice| matches!(choice, RefOr::Ref(_))).cloned();
        }
    }
}

fn failure(description: &str) -> Response {
    let text = Content::new(Some(String::schema()));
    ResponseBuilder::new()
        .description(description)
        .content("text/plain", text)
        .content("application/problem+json", problem())
        .build()
}

fn problem() -> Content {
    Content::new(Some(Ref::from_schema_name(usher_wire::Problem::name())))
}

/// The operations of a path with their methods.
fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let get = item.get.as_mut().map(|operation| (HttpMethod::Get, operation));
    let post = item.post.as_mut().map(|operation| (HttpMethod::Post, operation));
    get.into_iter().chain(post)
}
