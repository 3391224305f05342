//! Finding traces; an order id or a trace id goes straight to its page.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;

use super::chart::{Look, Point, Series, points_only};
use super::distribution::Distribution;
use super::error::PageError;
use super::format::{count, duration, encode, exact, parse_duration};
use super::layout::{Palette, Section, choice, field, nothing, order_url, shell, trace_url};
use super::params::{Field, Params, tags};
use super::trace_list;
use crate::AppState;
use crate::model::{self, Nanos, TraceId, TraceQuery, TraceSummary};

const LIMITS: [usize; 4] = [20, 50, 100, 200];

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    /// From the box at the top of each page: an order id, a trace id, or words of a log line.
    q: Field,
    service: Field,
    operation: Field,
    min: Field,
    max: Field,
    errors: Field,
    tags: Field,
    limit: Field,
}

/// What is wrong with the fields of the form, each said beside its field.
struct Problems {
    min: Option<&'static str>,
    max: Option<&'static str>,
    tags: Option<String>,
}

impl Problems {
    fn any(&self) -> bool {
        self.min.is_some() || self.max.is_some() || self.tags.is_some()
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Response, PageError> {
    if let Some(text) = query.q.get() {
        return Ok(Redirect::to(&target(text)).into_response());
    }
    let (asked, problems) = query.read();
    let services = state.store.services().await?;
    let operations = match &asked.service {
        Some(service) => state.store.operations(service).await?,
        None => Vec::new(),
    };
    let mut operations: Vec<String> = operations.into_iter().map(|(name, _)| name).collect();
    operations.dedup();
    let traces = if problems.any() { Vec::new() } else { state.store.find_traces(&asked).await? };
    let status = if problems.any() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let content = html! {
        header.page { h1 { "Traces" } }
        (form(&query, &problems, &services, &operations))
        (results(&traces, &Palette::new(services.clone()), problems.any()))
    };
    Ok((status, shell("Traces", Section::Traces, &content)).into_response())
}

/// Where the search box leads.
fn target(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if lower.parse::<TraceId>().is_ok() {
        trace_url(lower)
    } else if is_uuid(&lower) {
        order_url(&lower)
    } else {
        format!("/logs?q={}", encode(text))
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Query {
    fn read(&self) -> (TraceQuery, Problems) {
        let (min_duration, min) = length(&self.min);
        let (max_duration, max) = length(&self.max);
        let (tags, no_tags) = match tags(self.tags.text()) {
            Ok(tags) => (tags, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let query = TraceQuery {
            service: self.service.get().map(str::to_owned),
            operation: self.operation.get().map(str::to_owned),
            tags,
            min_duration,
            max_duration,
            errors_only: self.errors.get().is_some(),
            limit: self.limit(),
            ..TraceQuery::default()
        };
        (query, Problems { min, max, tags: no_tags })
    }

    fn limit(&self) -> usize {
        let asked = self.limit.get().and_then(|limit| limit.parse().ok());
        asked.filter(|limit| LIMITS.contains(limit)).unwrap_or(20)
    }
}

/// A duration, or why the field holds none.
fn length(field: &Field) -> (Option<Nanos>, Option<&'static str>) {
    match field.get().map(parse_duration) {
        None => (None, None),
        Some(Some(nanos)) => (Some(nanos), None),
        Some(None) => (None, Some("a number with ms, s or µs")),
    }
}

fn form(query: &Query, problems: &Problems, services: &[String], operations: &[String]) -> Markup {
    html! {
        form.card.filters action="/search" {
            (choice("Service", "service", query.service.text(), services))
            // Without a service its operations are not known: any name may be typed.
            @if operations.is_empty() {
                (field("Operation", "operation", query.operation.text(), "payment.charge", None))
            } @else {
                (choice("Operation", "operation", query.operation.text(), operations))
            }
            (field("At least", "min", query.min.text(), "10ms", problems.min))
            (field("At most", "max", query.max.text(), "1.5s", problems.max))
            (field("Attributes", "tags", query.tags.text(), "error.type=card_declined", problems.tags.as_deref()))
            label.field {
                span { "Show" }
                select name="limit" {
                    @for limit in LIMITS { option selected[limit == query.limit()] { (limit) } }
                }
            }
            label.check { input type="checkbox" name="errors" value="1" checked[query.errors.get().is_some()]; "With errors only" }
            p.actions { button { "Find traces" } a href="/search" { "Clear" } }
        }
    }
}

fn results(traces: &[TraceSummary], palette: &Palette, refused: bool) -> Markup {
    html! {
        section.card aria-labelledby="found" {
            @if refused {
                (nothing("Nothing was searched for.", &html! { p { "A field above cannot be read; it says what it takes." } }))
            } @else if traces.is_empty() {
                (nothing("No trace fits.", &html! { p { "Take a filter away, or " a href="/search" { "see the newest traces" } "." } }))
            } @else {
                header.head { h2 #found { (count(traces.len(), "trace")) } p.sub { "newest first" } }
                (points_only("Duration of each trace over time, each a link", &series(traces)))
                (trace_list::list(traces, palette, model::now()))
            }
        }
    }
}

fn series(traces: &[TraceSummary]) -> Vec<Series> {
    let point = |trace: &TraceSummary| Point {
        time: trace.start,
        value: trace.duration as f64 / 1e9,
        url: trace_url(trace.trace_id),
        title: format!("{} · {} · {}", duration(trace.duration), trace.root_name, exact(trace.start)),
    };
    let group = |name: &str, look: Look, failed: bool| Series {
        name: name.to_owned(),
        look,
        distribution: Distribution::default(),
        points: traces.iter().filter(|trace| (trace.error_count > 0) == failed).map(point).collect(),
    };
    let groups =
        [group("without errors", Look::plain("good"), false), group("with errors", Look::failed(), true)];
    groups.into_iter().filter(|group| !group.points.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_box_knows_ids() {
        assert_eq!(target("0AF7651916CD43DD8448EB211C80319C"), "/trace/0af7651916cd43dd8448eb211c80319c");
        assert_eq!(
            target("0193a4f2-7c31-7d10-8a11-9b1f9c41d2aa"),
            "/order/0193a4f2-7c31-7d10-8a11-9b1f9c41d2aa"
        );
        assert_eq!(target("card declined"), "/logs?q=card%20declined");
        assert_eq!(target("00000000-0000"), "/logs?q=00000000-0000");
    }
}
