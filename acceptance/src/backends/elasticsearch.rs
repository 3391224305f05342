//! Log lines as documents: read back to what the services wrote.

use serde_json::{Map, Value, json};
use testkit::Line;

/// What a field of a line is called in a document. Other fields of a line are below `waybill.`.
const NAMES: [(&str, &str); 12] = [
    ("@timestamp", "timestamp"),
    ("log.level", "severity"),
    ("message", "message"),
    ("service.name", "service"),
    ("service.version", "version"),
    ("trace.id", "trace_id"),
    ("span.id", "span_id"),
    ("log.logger", "target"),
    ("order.id", "order_id"),
    ("customer.ref", "customer_ref"),
    ("session.id", "session_id"),
    ("customer.tier", "customer_tier"),
];

/// The documents among what was answered to a search.
pub(super) fn documents(answer: &Value) -> Vec<Map<String, Value>> {
    let dotted = |hit: &Value| {
        let mut fields = Map::new();
        flatten(&mut fields, "", &hit["_source"]);
        fields
    };
    answer["hits"]["hits"].as_array().into_iter().flatten().map(dotted).collect()
}

/// `{"trace": {"id": 1}}` and `{"trace.id": 1}` are the same to Elasticsearch.
fn flatten(fields: &mut Map<String, Value>, name: &str, value: &Value) {
    match value.as_object() {
        Some(object) => {
            for (key, value) in object {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(fields, &name, value);
            }
        }
        None => {
            fields.insert(name.to_owned(), value.clone());
        }
    }
}

/// The line that a document was made of, without what was added on the way.
pub(super) fn line(mut document: Map<String, Value>) -> Line {
    let mut line = Line::new();
    for (field, name) in NAMES {
        line.extend(document.remove(field).map(|value| (name.to_owned(), value)));
    }
    if let Some(nanoseconds) = document.remove("event.duration").as_ref().and_then(Value::as_f64) {
        line.insert("duration_ms".to_owned(), json!(nanoseconds / 1e6));
    }
    for (field, value) in document {
        line.extend(field.strip_prefix("waybill.").map(|name| (name.to_owned(), value)));
    }
    line
}
