//! JSON Schema in words.

use maud::{Markup, html};
use serde_json::Value;

use super::{list, map, text};

/// What a schema is made of: its fields, its values or what it may be.
pub(super) fn definition(schema: &Value) -> Markup {
    let required = list(schema, "required");
    let parts = list(schema, "allOf").iter().filter(|part| part.get("properties").is_some());
    html! {
        @if let Some(fields) = map(schema, "/properties") {
            dl {
                @for (name, field) in fields {
                    dt {
                        code { (name) }
                        @if !required.iter().any(|one| one == name) { " " span.note { "may be missing" } }
                    }
                    dd {
                        (words(text(field, "description"))) " "
                        span.type { (kind(field)) (constraints(field)) }
                    }
                }
            }
        } @else if schema.get("allOf").is_some() {
            @for part in parts { (definition(part)) }
            @for one in list(schema, "allOf").iter().flat_map(|part| list(part, "oneOf")) {
                p { "and this or that: " }
                (definition(one))
            }
        } @else if schema.get("oneOf").is_some() {
            @for one in list(schema, "oneOf") { (definition(one)) }
        } @else {
            p.type { (kind(schema)) (constraints(schema)) }
        }
    }
}

/// Its type, with links to the schemas it names.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(name) = text(schema, "$ref").strip_prefix("#/components/schemas/") {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    for (key, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")] {
        let parts = list(schema, key);
        if !parts.is_empty() {
            return html! { @for (index, part) in parts.iter().enumerate() { @if index > 0 { (between) } (kind(part)) } };
        }
    }
    let values = list(schema, "enum");
    if !values.is_empty() {
        return html! {
            "one of"
            @for value in values { " " code { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) } }
        };
    }
    if let Some(of) = schema.get("items") {
        return html! { "list of " (kind(of)) };
    }
    match schema.get("type") {
        Some(Value::Array(types)) => {
            let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
            html! { (types.join(" or ")) }
        }
        _ if schema.get("properties").is_some() => html! { "an object" },
        _ => html! { (text(schema, "type")) },
    }
}

/// What else its values must be.
pub(super) fn constraints(schema: &Value) -> Markup {
    const NAMED: [(&str, &str); 8] = [
        ("format", "format"),
        ("pattern", "pattern"),
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minItems", "items at least"),
        ("maxItems", "items at most"),
        ("maxLength", "characters at most"),
        ("default", "default"),
    ];
    html! {
        @for (key, name) in NAMED {
            @if let Some(value) = schema.get(key) {
                ", " (name) " " code { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) }
            }
        }
    }
}

/// Prose in which `` `code` `` and `**strong**` mean what they do in Markdown.
pub(super) fn words(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else {
                @for (index, part) in part.split("**").enumerate() {
                    @if index % 2 == 1 { strong { (part) } } @else { (part) }
                }
            }
        }
    }
}
