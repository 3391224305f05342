//! The document as a page: read with any browser, without a script and without anything from elsewhere.

mod schema;

use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

use schema::{constraints, kind, words};

pub(super) const STYLE_PATH: &str = "/docs/style.css";
pub(super) const STYLE: &str = include_str!("page/style.css");

/// The whole page.
pub(super) fn page(document: &Value) -> Markup {
    let info = at(document, "/info");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (text(info, "title")) " API" }
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header {
                    h1 { (text(info, "title")) " API " small { (text(info, "version")) } }
                    p { "As a document for programs: " a href="/api/openapi.json" { "OpenAPI " (text(document, "openapi")) } }
                }
                nav aria-label="Operations" { (contents(document)) }
                main #main {
                    @for paragraph in text(info, "description").split("\n\n") { p { (words(paragraph)) } }
                    @for tag in list(document, "tags") { (group(document, tag)) }
                    (schemas(document))
                }
            }
        }
    }
}

/// An operation with the place it is at.
struct Place<'a> {
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
}

fn operations<'a>(document: &'a Value, tag: &'a str) -> impl Iterator<Item = Place<'a>> {
    let of_path = |(path, item): (&'a String, &'a Value)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| Place { path, method, operation })
    };
    let all = map(document, "/paths").into_iter().flatten().flat_map(of_path);
    all.filter(move |place| list(place.operation, "tags").iter().any(|name| name == tag))
}

fn contents(document: &Value) -> Markup {
    html! {
        @for tag in list(document, "tags") {
            h2 { (text(tag, "name")) }
            ul {
                @for place in operations(document, text(tag, "name")) {
                    li {
                        a href={ "#" (text(place.operation, "operationId")) } {
                            (method(place.method)) span { (text(place.operation, "summary")) }
                        }
                    }
                }
            }
        }
        p { a href="#schemas" { "Schemas" } }
    }
}

fn method(name: &str) -> Markup {
    html! { span class={ "method " (name) } { (name.to_uppercase()) } }
}

fn group(document: &Value, tag: &Value) -> Markup {
    let name = text(tag, "name");
    html! {
        h2 id=(name) { (name) }
        p { (text(tag, "description")) }
        @for place in operations(document, name) { (operation(document, &place)) }
    }
}

fn operation(document: &Value, place: &Place) -> Markup {
    let of = place.operation;
    let id = text(of, "operationId");
    html! {
        section.operation id=(id) {
            h3 { a href={ "#" (id) } { (method(place.method)) " " code { (place.path) } } }
            p { strong { (text(of, "summary")) } }
            @for paragraph in text(of, "description").split("\n\n").filter(|words| !words.is_empty()) {
                p { (words(paragraph)) }
            }
            @if let Some(scopes) = scopes(of) { p.scopes { "Token: " (scopes) } }
            (parameters(document, of))
            @let body = at(of, "/requestBody/content/application~1json");
            @if !body.is_null() {
                h4 { "Body" }
                p { code { "application/json" } " " (kind(at(body, "/schema"))) }
                (example(body))
            }
            h4 { "Answers" }
            (answers(document, of))
        }
    }
}

/// What the token must allow, where the door is closed.
fn scopes(operation: &Value) -> Option<Markup> {
    let needed = list(operation, "security").iter().find_map(|one| one.get("bearer")?.as_array())?;
    let scopes: Vec<&str> = needed.iter().filter_map(Value::as_str).collect();
    Some(match scopes.as_slice() {
        [] => html! { "any" },
        scopes => html! { "scope " code { (scopes.join(" ")) } },
    })
}

fn parameters(document: &Value, operation: &Value) -> Markup {
    let parameters = list(operation, "parameters");
    html! {
        @if !parameters.is_empty() {
            h4 { "Parameters" }
            dl {
                @for parameter in parameters.iter().map(|parameter| resolve(document, parameter)) {
                    dt {
                        code { (text(parameter, "name")) } " "
                        span.note {
                            (text(parameter, "in"))
                            @if parameter.get("required") == Some(&Value::Bool(true)) { ", required" }
                        }
                    }
                    dd {
                        (words(text(parameter, "description"))) " "
                        span.type { (kind(at(parameter, "/schema"))) (constraints(at(parameter, "/schema"))) }
                    }
                }
            }
        }
    }
}

fn answers(document: &Value, operation: &Value) -> Markup {
    html! {
        @for (status, answer) in map(operation, "/responses").into_iter().flatten() {
            @let answer = resolve(document, answer);
            details {
                summary {
                    span class={ "status s" (status.get(..1).unwrap_or_default()) } { (status) } " "
                    (words(text(answer, "description")))
                }
                @for (media_type, content) in map(answer, "/content").into_iter().flatten() {
                    p { code { (media_type) } " " (kind(at(content, "/schema"))) }
                    (example(content))
                }
                @let headers: Vec<&String> = map(answer, "/headers").into_iter().flatten().map(|(name, _)| name).collect();
                @if !headers.is_empty() {
                    p.note { "Headers:" @for name in headers { " " code { (name) } } }
                }
            }
        }
    }
}

/// The examples of a body, if there are any.
fn example(content: &Value) -> Markup {
    let named =
        map(content, "/examples").into_iter().flatten().filter_map(|(_, example)| example.get("value"));
    html! {
        @for example in content.get("example").into_iter().chain(named) {
            pre tabindex="0" { code { (format!("{example:#}")) } }
        }
    }
}

fn schemas(document: &Value) -> Markup {
    html! {
        h2 #schemas { "Schemas" }
        @for (name, schema) in map(document, "/components/schemas").into_iter().flatten() {
            section.schema id={ "schema-" (name) } {
                h3 { a href={ "#schema-" (name) } { (name) } }
                p { (words(text(schema, "description"))) }
                (schema::definition(schema))
            }
        }
    }
}

/// What `$ref` points at, or the value itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.map_or(value, |pointer| at(document, pointer))
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn map<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    at(value, pointer).as_object()
}
