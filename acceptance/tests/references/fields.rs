//! Fields of log documents: from the code's lines through Logstash and the Collector into Elasticsearch's mapping, and what
//! Grafana and Kibana ask of it.

use super::{assert_no, files, items, json, read, repository, text, texts, yaml};
use acceptance::dashboards::dashboards;
use serde_json::Value;
use std::collections::BTreeMap;
use telemetry::names::field;

/// Elasticsearch's fields by their paths, with their types.
pub struct Mapping(BTreeMap<String, String>);

impl Mapping {
    pub fn load() -> Self {
        let mut fields = BTreeMap::new();
        for path in files("elasticsearch/component-templates", ".json") {
            collect("", &json(&path)["template"]["mappings"]["properties"], &mut fields);
        }
        Self(fields)
    }

    /// The type of a field. Whatever lies below a flattened field is a keyword.
    fn kind(&self, path: &str) -> Option<&str> {
        let flattened = path
            .match_indices('.')
            .map(|(at, _)| &path[..at])
            .any(|parent| self.0.get(parent).is_some_and(|kind| kind == "flattened"));
        if flattened { Some("keyword") } else { self.0.get(path).map(String::as_str) }
    }

    fn check(&self, place: &str, path: &str, problems: &mut Vec<String>) {
        if self.kind(path).is_none() {
            problems.push(format!("{place}: Elasticsearch has no field {path}"));
        }
    }

    /// The same for each field that a query names.
    pub fn check_query(&self, place: &str, query: &str, problems: &mut Vec<String>) {
        for field in fields_of_query(query) {
            self.check(place, &field, problems);
        }
    }

    /// Only some types can be counted by their values.
    fn check_countable(&self, place: &str, path: &str, problems: &mut Vec<String>) {
        if !matches!(self.kind(path), Some("keyword" | "long" | "date" | "date_nanos")) {
            problems.push(format!("{place}: {path} is {:?}, which cannot be counted", self.kind(path)));
        }
    }
}

fn collect(parent: &str, properties: &Value, fields: &mut BTreeMap<String, String>) {
    for (name, property) in properties.as_object().into_iter().flatten() {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        match property["type"].as_str() {
            // An alias counts as what it stands for.
            Some("alias") => drop(fields.insert(path, "keyword".to_owned())),
            Some(kind) => drop(fields.insert(path, kind.to_owned())),
            None => collect(&path, &property["properties"], fields),
        }
    }
}

/// The fields that a query names, in Lucene's and in Kibana's language alike: `name:value`, `name >= value`.
fn fields_of_query(query: &str) -> Vec<String> {
    // What is quoted is a value.
    let unquoted: String = query.replace("\\\"", "").split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    let is_part = |letter: char| letter.is_alphanumeric() || "_.@".contains(letter);
    let mut fields = Vec::new();
    for (at, _) in unquoted.match_indices([':', '<', '>']) {
        let before = unquoted[..at].trim_end();
        let start = before.rfind(|letter: char| !is_part(letter)).map_or(0, |place| place + 1);
        match &before[start..] {
            "" => {}
            "_exists_" => {
                let after = &unquoted[at + 1..];
                let end = after.find(|letter: char| !is_part(letter)).unwrap_or(after.len());
                fields.push(after[..end].to_owned());
            }
            name => fields.push(name.to_owned()),
        }
    }
    fields
}

#[test]
fn lines_become_documents() {
    let mapping = Mapping::load();
    let of_lines = json(&repository("logstash/scripts/fields.json"));
    let of_lines = of_lines.as_object().unwrap();
    let mut problems = Vec::new();
    for (from, to) in of_lines {
        if !field::ALL.iter().any(|field| field.name == from) {
            problems.push(format!("fields.json: no log line has {from}"));
        }
        mapping.check("fields.json", text(to), &mut problems);
    }
    // Everything else goes below `waybill`.
    assert_eq!(mapping.kind("waybill.anything"), Some("keyword"));
    for field in field::ALL.iter().filter(|field| matches!(field.on, field::On::Every | field::On::Context)) {
        if !of_lines.contains_key(field.name) {
            problems.push(format!("fields.json does not have {}", field.name));
        }
    }
    // The Collector makes the same documents where Logstash cannot run.
    let collector = read(&repository("collector/logs.yaml"));
    for (from, to) in of_lines {
        for name in [from.as_str(), text(to)] {
            let last = name.rsplit('.').next().unwrap().trim_start_matches('@');
            if !collector.contains(last) {
                problems.push(format!("collector/logs.yaml does not have {name}"));
            }
        }
    }
    assert_no(&problems);
}

#[test]
fn grafana_asks_for_fields_that_there_are() {
    let mapping = Mapping::load();
    let mut problems = Vec::new();
    for dashboard in dashboards() {
        let place = text(&dashboard["uid"]);
        for target in items(&dashboard["panels"]).iter().flat_map(|panel| items(&panel["targets"])) {
            if target["datasource"]["uid"] == "elasticsearch" {
                mapping.check_query(place, text(&target["query"]), &mut problems);
                let aggregations = items(&target["bucketAggs"]).iter().chain(items(&target["metrics"]));
                for field in aggregations.filter_map(|aggregation| aggregation["field"].as_str()) {
                    mapping.check_countable(place, field, &mut problems);
                }
            }
        }
        for variable in
            items(&dashboard["templating"]["list"]).iter().filter(|variable| variable["type"] == "query")
        {
            let query: Value = serde_json::from_str(text(&variable["query"])).unwrap();
            mapping.check_countable(place, text(&query["field"]), &mut problems);
            mapping.check_query(place, text(&query["query"]), &mut problems);
        }
    }
    let sources = yaml(&repository("grafana/provisioning/datasources/waybill.yaml"));
    for settings in items(&sources["datasources"]).iter().map(|source| &source["jsonData"]) {
        for name in ["timeField", "logMessageField", "logLevelField"] {
            if let Some(field) = settings[name].as_str() {
                mapping.check("data source", field, &mut problems);
            }
        }
        for link in items(&settings["dataLinks"]) {
            let field = text(&link["field"]).replace(['^', '$', '\\'], "");
            mapping.check("data link", &field, &mut problems);
        }
        mapping.check_query("link to logs", text(&settings["tracesToLogsV2"]["query"]), &mut problems);
    }
    assert_no(&problems);
}

/// Where saved objects and rules name fields.
const KIBANA_FIELDS: [&str; 9] = [
    "sourceField",
    "timeField",
    "timeFieldName",
    "columns",
    "field",
    "aggField",
    "termField",
    "group_by_fields",
    "field_name",
];

#[test]
fn kibana_asks_for_fields_that_there_are() {
    let mapping = Mapping::load();
    let mut problems = Vec::new();
    for path in files("kibana", ".json") {
        let place = path.file_name().unwrap().to_string_lossy().into_owned();
        check_kibana(&mapping, &place, &json(&path), &mut problems);
    }
    assert_no(&problems);
}

/// What the names of our fields begin with, where they are keys: `{"term": {"log.level": "ERROR"}}`.
const ROOTS: [&str; 9] =
    ["log.", "service.", "trace.", "span.", "order.", "customer.", "session.", "event.", "waybill."];

/// Saved objects hold further JSON as text.
fn check_kibana(mapping: &Mapping, place: &str, value: &Value, problems: &mut Vec<String>) {
    let (mut found, mut keys) = (Vec::new(), Vec::new());
    texts(value, &mut found);
    names(value, &mut keys);
    for key in keys.into_iter().filter(|key| ROOTS.iter().any(|root| key.starts_with(root))) {
        mapping.check(place, key, problems);
    }
    for (key, text) in found {
        if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text) {
            check_kibana(mapping, place, &inner, problems);
        } else if KIBANA_FIELDS.contains(&key) && !text.is_empty() && text != "___records___" {
            mapping.check(place, text, problems);
        } else if key == "query" {
            mapping.check_query(place, text, problems);
        }
    }
}

/// The keys of all objects in `value`.
fn names<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        found.push(name);
        names(member, found);
    }
    for item in items(value) {
        names(item, found);
    }
}

#[test]
fn fields_in_saved_objects_are_found() {
    let inner = r#"{"query": {"language": "kuery", "query": "log.colour : red"}}"#;
    let object = serde_json::json!({
        "columns": ["message", "order.colour"],
        "state": inner,
        "filter": [{"range": {"event.colour": {"gte": 1}}}],
    });
    let mut problems = Vec::new();
    check_kibana(&Mapping::load(), "a test", &object, &mut problems);
    problems.sort();
    let missing = |field| format!("a test: Elasticsearch has no field {field}");
    assert_eq!(problems, ["event.colour", "log.colour", "order.colour"].map(missing));
}

#[test]
fn fields_of_queries_are_found() {
    let of = |query: &str| fields_of_query(query);
    assert_eq!(of(r#"order.id:"a:b" AND log.level:(WARN OR ERROR)"#), ["order.id", "log.level"]);
    assert_eq!(of("event.duration >= 1000 and not tags : x"), ["event.duration", "tags"]);
    assert_eq!(of("_exists_:trace.id"), ["trace.id"]);
    assert!(of("*").is_empty());
}
