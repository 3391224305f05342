//! Recording rules and alerts: their expressions parse, speak of what there is, and lead to what exists.

use super::{
    assert_no, catalogue::Catalogue, fields::Mapping, files, items, labels::Checker, read, repository, text,
    yaml,
};
use acceptance::dashboards::dashboards;
use promql_parser::parser::{self, Expr};
use std::collections::BTreeMap;

/// A recording rule or an alert.
pub struct Rule {
    pub name: String,
    pub is_record: bool,
    pub expr: Expr,
    pub labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

pub fn rules(folder: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for path in files(folder, ".yml") {
        let file = yaml(&path);
        for rule in items(&file["groups"]).iter().flat_map(|group| items(&group["rules"])) {
            let name = rule["record"].as_str().or(rule["alert"].as_str()).expect("a record or an alert");
            let expr = parser::parse(text(&rule["expr"]));
            let strings = |key: &str| {
                let members = rule[key].as_object().into_iter().flatten();
                members.map(|(name, value)| (name.clone(), text(value).to_owned())).collect()
            };
            rules.push(Rule {
                name: name.to_owned(),
                is_record: rule["record"].is_string(),
                expr: expr.unwrap_or_else(|error| panic!("{name} in {}: {error}", path.display())),
                labels: strings("labels"),
                annotations: strings("annotations"),
            });
        }
    }
    rules
}

#[test]
fn rules_and_alerts_speak_of_what_there_is() {
    let catalogue = Catalogue::load();
    let mut problems = Vec::new();
    for rule in rules("prometheus/rules").iter().chain(&rules("prometheus/alerts")) {
        let mut checker = Checker::new(&catalogue);
        let labels = checker.labels(&rule.expr).unwrap_or_default();
        problems.extend(checker.problems.iter().map(|problem| format!("{}: {problem}", rule.name)));
        let mut of_templates =
            rule.labels.values().chain(rule.annotations.values()).flat_map(|text| label_names(text));
        if let Some(unknown) = of_templates.find(|name| !labels.contains(*name)) {
            problems.push(format!("{}: its text names the label {unknown}, it has {labels:?}", rule.name));
        }
    }
    assert_no(&problems);
}

#[test]
fn alerts_lead_to_runbooks_and_dashboards() {
    let uids: Vec<_> = dashboards().iter().map(|dashboard| text(&dashboard["uid"]).to_owned()).collect();
    let mut problems = Vec::new();
    for alert in rules("prometheus/alerts") {
        let annotation = |name: &str| alert.annotations.get(name).map_or("", String::as_str);
        let runbook = annotation("runbook_url");
        if runbook != format!("docs/runbooks/{}.md", alert.name) || !repository(runbook).is_file() {
            problems.push(format!("{}: no runbook at {runbook:?}", alert.name));
        }
        if !uids.iter().any(|uid| uid == annotation("dashboard")) {
            problems.push(format!("{}: no dashboard {:?}", alert.name, annotation("dashboard")));
        }
    }
    assert_no(&problems);
}

/// Runbooks hold queries to copy, as indented blocks: `PromQL`, and searches for log lines.
#[test]
fn queries_in_runbooks_speak_of_what_there_is() {
    let (catalogue, mapping) = (Catalogue::load(), Mapping::load());
    let mut problems = Vec::new();
    let mut checked = 0;
    for path in files("docs/runbooks", ".md") {
        let place = path.file_name().unwrap().to_string_lossy().into_owned();
        for block in indented(&read(&path)) {
            if block.contains(" : ") {
                mapping.check_query(&place, &block, &mut problems);
                checked += 1;
            } else if let Some(expr) = parser::parse(&block).ok().filter(|_| block.contains('_')) {
                // A word without an underscore is a command's.
                let mut found = Checker::new(&catalogue);
                found.labels(&expr);
                problems.extend(found.problems.iter().map(|problem| format!("{place}: {problem}")));
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "runbooks have queries, {checked} were found");
    assert_no(&problems);
}

/// The indented blocks: each as a whole if it is one query, else line by line.
fn indented(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_code = |line: &&str| line.starts_with("    ");
    let blocks = lines.chunk_by(|one, next| is_code(one) == is_code(next));
    let code = blocks.filter(|block| block.first().is_some_and(is_code));
    let queries = code.flat_map(|block| match block.join("\n") {
        whole if parser::parse(&whole).is_ok() => vec![whole],
        _ => block.iter().map(ToString::to_string).collect(),
    });
    queries.collect()
}

/// The labels in `{{ $labels.job }}`.
fn label_names(text: &str) -> impl Iterator<Item = &str> {
    text.split("$labels.").skip(1).map(|rest| {
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}
