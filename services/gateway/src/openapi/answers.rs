//! What operations answer beside what stands at their handlers. Most refusals follow from an operation's form: one that
//! takes a body may find it too large.

use std::collections::BTreeMap;

use api::problem::{self, Problem, ProblemKind, TYPE_BASE};
use serde_json::json;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response};

use super::common::TRACE_CONTEXT;

/// Refusals that an operation's form does not show.
const OWN: [(&str, &[ProblemKind]); 2] = [
    (
        "placeOrder",
        &[
            ProblemKind::CardDeclined,
            ProblemKind::IdempotencyConflict,
            ProblemKind::InProgress,
            ProblemKind::OutOfStock,
            ProblemKind::UnknownSku,
        ],
    ),
    ("cancelOrder", &[ProblemKind::InProgress, ProblemKind::NotCancellable]),
];

/// What any request may be answered, by its status: too long a URI, too many requests, too large a header section,
/// overload or a neighbour that is away, too late.
const ANY: [u16; 5] = [414, 429, 431, 503, 504];

/// Adds to every operation the trace context it takes, the headers it answers with, and its refusals.
pub(super) fn complete(api: &mut OpenApi) {
    let mut refusals = BTreeMap::new();
    for item in api.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            for (status, answer) in &mut operation.responses.responses {
                let own: &[&str] = match status.as_str() {
                    "201" => &["location"],
                    "202" => &["location", "preference-applied"],
                    _ => &[],
                };
                if let RefOr::T(answer) = answer {
                    add_headers(answer, own);
                }
            }
            for (status, kinds) in kinds_of(operation) {
                let name = kinds.iter().map(|kind| kind.slug()).collect::<Vec<_>>().join(".");
                let answer = Ref::from_response_name(&name);
                operation.responses.responses.insert(status.to_string(), RefOr::Ref(answer));
                refusals.entry(name).or_insert_with(|| refusal(status, &kinds).into());
            }
            let context = TRACE_CONTEXT.map(|(name, ..)| RefOr::Ref(reference("parameters", name)));
            operation.parameters.get_or_insert_default().extend(context);
        }
    }
    let components = api.components.get_or_insert_default();
    components.responses.extend(refusals);
    components.schemas.insert("Problem".to_owned(), <Problem as utoipa::PartialSchema>::schema());
    components
        .schemas
        .insert("FieldError".to_owned(), <problem::FieldError as utoipa::PartialSchema>::schema());
}

/// The kinds of problem an operation may answer, by status.
fn kinds_of(operation: &Operation) -> BTreeMap<u16, Vec<ProblemKind>> {
    let parameters = operation.parameters.iter().flatten();
    let places: Vec<&ParameterIn> = parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(&parameter.parameter_in),
            RefOr::Ref(_) => None,
        })
        .collect();
    let body = operation.request_body.is_some();
    let path = places.contains(&&ParameterIn::Path);
    let guarded = operation.security.is_some();
    let scopes = json!(operation.security).to_string().contains(':');
    let own = OWN.iter().find(|(id, _)| operation.operation_id.as_deref() == Some(id));
    let known = [
        (body || path, ProblemKind::MalformedRequest),
        (guarded, ProblemKind::Unauthenticated),
        (scopes, ProblemKind::Forbidden),
        (path, ProblemKind::NotFound),
        (body, ProblemKind::BodyTooLarge),
        (body, ProblemKind::UnsupportedMediaType),
        (body || places.contains(&&ParameterIn::Query), ProblemKind::InvalidValues),
    ];
    let known = known.into_iter().filter_map(|(may, kind)| may.then_some(kind));
    let any = ProblemKind::ALL.into_iter().filter(|kind| ANY.contains(&kind.status()));
    let mut by_status = BTreeMap::<u16, Vec<ProblemKind>>::new();
    for kind in known.chain(any).chain(own.iter().flat_map(|(_, kinds)| kinds.iter().copied())) {
        by_status.entry(kind.status()).or_default().push(kind);
    }
    by_status
}

/// The answer with a problem of one of these kinds, all of one status.
fn refusal(status: u16, kinds: &[ProblemKind]) -> Response {
    let types = kinds.iter().map(|kind| format!("{TYPE_BASE}{}", kind.slug()));
    let of_these = ObjectBuilder::new()
        .property("type", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(types)))
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status])));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(of_these);
    let examples = kinds.iter().map(|kind| {
        let example = ExampleBuilder::new().value(Some(json!(Problem::new(*kind))));
        (kind.slug(), RefOr::from(example))
    });
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
    let mut answer = ResponseBuilder::new()
        .description(titles.join("; or: "))
        .content(problem::CONTENT_TYPE, content)
        .build();
    let retry = status == 429 || status == 503 || kinds.contains(&ProblemKind::InProgress);
    let own = [(retry, "retry-after"), (status == 401, "www-authenticate")];
    let own: Vec<&str> = own.into_iter().filter_map(|(has, name)| has.then_some(name)).collect();
    // These are answered where there is no request yet: it has no trace and counts for nobody.
    if status != 414 && status != 431 {
        add_headers(&mut answer, &own);
    }
    answer
}

fn add_headers(answer: &mut Response, own: &[&str]) {
    for name in ["x-trace-id", "server-timing", "ratelimit-policy", "ratelimit"].iter().chain(own) {
        answer.headers.insert((*name).to_owned(), RefOr::Ref(reference("headers", name)));
    }
}

fn reference(kind: &str, name: &str) -> Ref {
    Ref::new(format!("#/components/{kind}/{name}"))
}
