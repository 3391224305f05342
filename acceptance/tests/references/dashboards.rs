//! Grafana's dashboards: their queries speak of what there is, and what they point at exists.

use super::{
    assert_no, catalogue::Catalogue, files, items, json, labels::Checker, read, repository, text, texts, yaml,
};
use acceptance::dashboards::{EMPTY_WHEN_HEALTHY, Question, Variables, dashboards, panel_queries};
use promql_parser::parser;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Panels that show numbers, which mean nothing without a unit.
const NUMBERS: [&str; 3] = ["timeseries", "stat", "heatmap"];

fn variables() -> Variables {
    let fill = |text: &str| text.to_owned();
    Variables { order_id: fill("0193"), trace_id: fill("0af7"), interval: fill("1m"), range: fill("1h") }
}

/// uid to type.
fn data_sources() -> BTreeMap<String, String> {
    let file = yaml(&repository("grafana/provisioning/datasources/waybill.yaml"));
    let entry = |source: &Value| (text(&source["uid"]).to_owned(), text(&source["type"]).to_owned());
    items(&file["datasources"]).iter().map(entry).collect()
}

#[test]
fn queries_speak_of_what_there_is() {
    let catalogue = Catalogue::load();
    let mut problems = Vec::new();
    for query in panel_queries(&variables()) {
        let Question::Metrics { expr, .. } = query.question else { continue };
        let parsed = parser::parse(&expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
        let mut checker = Checker::new(&catalogue);
        checker.labels(&parsed);
        let place = format!("{}, {}", query.dashboard, query.panel);
        problems.extend(checker.problems.iter().map(|problem| format!("{place}: {problem}")));
    }
    assert_no(&problems);
}

#[test]
fn legends_name_labels_that_the_series_have() {
    let catalogue = Catalogue::load();
    let mut problems = Vec::new();
    for dashboard in dashboards() {
        for target in items(&dashboard["panels"]).iter().flat_map(|panel| items(&panel["targets"])) {
            let expr = variables().fill(text(&target["expr"]));
            let (Ok(parsed), Some(legend)) = (parser::parse(&expr), target["legendFormat"].as_str()) else {
                continue;
            };
            let labels = Checker::new(&catalogue).labels(&parsed).unwrap_or_default();
            let named = legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
            problems.extend(
                named
                    .filter(|name| !labels.contains(*name))
                    .map(|name| format!("{name} in {legend} of {expr}")),
            );
        }
    }
    assert_no(&problems);
}

#[test]
fn panels_are_whole() {
    let sources = data_sources();
    let mut problems = Vec::new();
    for dashboard in dashboards() {
        let uid = text(&dashboard["uid"]);
        let mut ids = BTreeSet::new();
        assert!(dashboard["id"].is_null(), "{uid} has an id, which is Grafana's own");
        for panel in items(&dashboard["panels"]) {
            let mut wrong = |what: &str| problems.push(format!("{uid}, {}: {what}", text(&panel["title"])));
            if !ids.insert(panel["id"].as_u64()) {
                wrong("its id is another panel's");
            }
            let kind = text(&panel["type"]);
            if kind == "row" {
                continue;
            }
            if text(&panel["description"]).is_empty() {
                wrong("no description");
            }
            if NUMBERS.contains(&kind) && text(unit(panel)).is_empty() {
                wrong("no unit");
            }
            let targets = items(&panel["targets"]);
            let asked = targets
                .iter()
                .map(|target| &target["datasource"])
                .chain((kind != "text").then_some(&panel["datasource"]));
            for source in asked {
                if sources.get(text(&source["uid"])).is_none_or(|known| *known != text(&source["type"])) {
                    wrong(&format!("no data source {source}"));
                }
            }
            // Span metrics have no exemplars: they would be taken before sampling and lead nowhere (docs/adr/0012).
            let has_them = |expr: &str| expr.contains("_bucket") && !expr.contains("traces_span_metrics_");
            let is_of_durations = targets.iter().any(|target| has_them(text(&target["expr"])));
            let has_exemplars = targets.iter().any(|target| target["exemplar"] == true);
            if is_of_durations && kind != "stat" && !has_exemplars {
                wrong("a histogram without exemplars");
            }
        }
    }
    assert_no(&problems);
}

fn unit(panel: &Value) -> &Value {
    let of_axis = &panel["options"]["yAxis"]["unit"];
    if of_axis.is_null() { &panel["fieldConfig"]["defaults"]["unit"] } else { of_axis }
}

#[test]
fn links_lead_somewhere() {
    let mut variables_of = BTreeMap::new();
    for (path, dashboard) in files("grafana/dashboards", ".json").iter().map(|path| (path, json(path))) {
        let uid = text(&dashboard["uid"]).to_owned();
        assert_eq!(
            format!("waybill-{}.json", path.file_stem().unwrap().to_string_lossy()),
            format!("{uid}.json")
        );
        let names =
            items(&dashboard["templating"]["list"]).iter().map(|variable| text(&variable["name"]).to_owned());
        let names: BTreeSet<_> = names.collect();
        assert!(variables_of.insert(uid, names).is_none(), "two dashboards have one uid");
    }
    let mut problems = Vec::new();
    for path in ["grafana", "jaeger", "kibana"].iter().flat_map(|folder| files(folder, "")) {
        let content = read(&path);
        // `…/d/<uid>?var-<name>=…`
        for link in content.split("/d/").skip(1) {
            let uid =
                link.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next().unwrap();
            let variable =
                link.strip_prefix(uid).unwrap().strip_prefix("?var-").and_then(|rest| rest.split('=').next());
            let known = variables_of.get(uid);
            if known.is_none_or(|known| variable.is_some_and(|variable| !known.contains(variable))) {
                problems.push(format!("{}: no dashboard {uid} with {variable:?}", path.display()));
            }
        }
    }
    assert_no(&problems);
}

#[test]
fn data_sources_lead_to_data_sources() {
    let sources = data_sources();
    let file = yaml(&repository("grafana/provisioning/datasources/waybill.yaml"));
    let mut found = Vec::new();
    texts(&file, &mut found);
    let named = found.iter().filter(|(key, _)| ["datasourceUid", "alertmanagerUid"].contains(key));
    let unknown: Vec<_> = named.filter(|(_, uid)| !sources.contains_key(*uid)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// What Grafana asks when somebody goes from a span to its metrics.
#[test]
fn links_from_spans_to_metrics_speak_of_what_there_is() {
    let file = yaml(&repository("grafana/provisioning/datasources/waybill.yaml"));
    let catalogue = Catalogue::load();
    let mut checker = Checker::new(&catalogue);
    for source in items(&file["datasources"]) {
        let to_metrics = &source["jsonData"]["tracesToMetrics"];
        let tags = items(&to_metrics["tags"]).iter().map(|tag| format!("{}=~\".+\"", text(&tag["value"])));
        let tags = tags.collect::<Vec<_>>().join(",");
        for query in items(&to_metrics["queries"]) {
            let expr = text(&query["query"]).replace("$$__tags", &tags);
            checker.labels(&parser::parse(&expr).unwrap_or_else(|error| panic!("{expr}: {error}")));
        }
    }
    assert_no(&checker.problems);
}

#[test]
fn panels_that_may_be_empty_exist() {
    let queries = panel_queries(&variables());
    for (dashboard, panel, _) in EMPTY_WHEN_HEALTHY {
        assert!(
            queries.iter().any(|query| query.dashboard == *dashboard && query.panel == *panel),
            "{dashboard}, {panel}"
        );
    }
}
