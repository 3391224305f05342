//! The histograms scraped from the services, with their quantiles and the traces they remember.

use axum::extract::State;
use maud::{Markup, html};

use super::chart::{Look, with_buckets};
use super::distribution::Distribution;
use super::error::PageError;
use super::format::{percent, seconds};
use super::latency::{ORDERS, label, orders, quantiles, series};
use super::layout::{Palette, Section, nothing, shell};
use super::order::exemplar_table;
use crate::AppState;
use crate::model::{Histogram, SeriesExemplar};

/// The calls a service answers, makes, and makes to its database.
const CALLS: [(&str, &str); 3] = [
    ("http_server_request_duration_seconds", "Requests answered"),
    ("http_client_request_duration_seconds", "Requests made"),
    ("db_client_operation_duration_seconds", "Database transactions"),
];
/// Exemplars listed under a histogram.
const LISTED: usize = 12;

pub(super) async fn show(State(state): State<AppState>) -> Result<Markup, PageError> {
    let palette = Palette::new(state.store.services().await?);
    let latency = orders(&state.scraped.histograms(ORDERS), &state.scraped.exemplar_history(ORDERS));
    let calls: Vec<Markup> = CALLS
        .into_iter()
        .filter_map(|(name, title)| {
            let histograms = state.scraped.histograms(name);
            (!histograms.is_empty())
                .then(|| card(name, title, &histograms, &state.scraped.exemplar_history(name), &palette))
        })
        .collect();
    let content = html! {
        header.page {
            h1 { "Metrics" }
            p.sub { "As last scraped from each service. Quantiles are estimated within the buckets, as Prometheus does. " a href="/metrics-view" { "Refresh" } }
        }
        @if latency.is_none() && calls.is_empty() {
            section.card {
                (nothing("No histogram has been scraped yet.", &html! {
                    p { "The observatory reads " code { "/metrics" } " on the admin ports of the services (9080 to 9083)." }
                }))
            }
        }
        @if let Some(latency) = &latency { (latency) }
        @for card in &calls { (card) }
    };
    Ok(shell("Metrics", Section::Metrics, &content))
}

fn card(
    name: &str,
    title: &str,
    histograms: &[Histogram],
    exemplars: &[SeriesExemplar],
    palette: &Palette,
) -> Markup {
    let all = Distribution::of(histograms.iter());
    let groups = series(
        histograms,
        exemplars,
        |service, _| service.to_owned(),
        |service| Look::plain(palette.class(service)),
    );
    html! {
        section.card aria-labelledby=(name) {
            header.head {
                div { h2 id=(name) { (title) } p.sub { code { (name) } } }
                (quantiles(&all))
            }
            (with_buckets(&format!("{title}: durations over time"), &groups, &all))
            (table(histograms, palette))
            @if !exemplars.is_empty() {
                details.more {
                    summary { "Newest exemplars" }
                    (exemplar_table(&newest(exemplars), true))
                }
            }
        }
    }
}

fn newest(exemplars: &[SeriesExemplar]) -> Vec<SeriesExemplar> {
    let mut newest = exemplars.to_vec();
    let time = |one: &SeriesExemplar| one.exemplar.timestamp.unwrap_or_default();
    newest.sort_by(|one, other| time(other).total_cmp(&time(one)));
    newest.truncate(LISTED);
    newest
}

fn table(histograms: &[Histogram], palette: &Palette) -> Markup {
    let mut rows: Vec<(&Histogram, Distribution)> =
        histograms.iter().map(|one| (one, Distribution::of(std::iter::once(one)))).collect();
    rows.sort_by(|(one, _), (other, _)| (&one.service, &one.labels).cmp(&(&other.service, &other.labels)));
    html! {
        div.scroll tabindex="0" role="region" aria-label="Series" {
            table.wide {
                thead { tr {
                    th scope="col" { "Service" } th scope="col" { "Series" } th scope="col" { "Shape" }
                    th.num scope="col" { "Count" } th.num scope="col" { "Mean" }
                    th.num scope="col" { "p50" } th.num scope="col" { "p95" } th.num scope="col" { "p99" }
                } }
                tbody { @for (histogram, distribution) in &rows { (table_row(histogram, distribution, palette)) } }
            }
        }
    }
}

fn table_row(histogram: &Histogram, distribution: &Distribution, palette: &Palette) -> Markup {
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), seconds);
    html! {
        tr {
            td { (palette.chip(&histogram.service, None)) }
            td { (series_name(&histogram.labels)) }
            td { (shape(distribution, palette.class(&histogram.service))) }
            td.num { (histogram.count) }
            td.num { (shown(distribution.mean())) }
            @for quantile in [0.5, 0.95, 0.99] { td.num { (shown(distribution.quantile(quantile))) } }
        }
    }
}

/// The labels that have a value; a request's method, route and status as one would say them.
pub(super) fn series_name(labels: &[(String, String)]) -> Markup {
    let route = label(labels, "http_route");
    if !route.is_empty() {
        let (method, status) =
            (label(labels, "http_request_method"), label(labels, "http_response_status_code"));
        return html! { code { (method) " " (route) } " → " (status) };
    }
    html! {
        @for (key, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            span.pair { span.key { (key) } "=" (value) }
        }
    }
}

/// The buckets as a small column chart.
fn shape(distribution: &Distribution, class: &str) -> Markup {
    const HEIGHT: f64 = 18.0;
    let most = distribution.counts.iter().max().copied().unwrap_or(0).max(1) as f64;
    let width = 1.0 / distribution.counts.len().max(1) as f64;
    html! {
        svg.shape width="96" height=(HEIGHT) aria-hidden="true" {
            @for (index, count) in distribution.counts.iter().enumerate() {
                @if *count > 0 {
                    @let height = (*count as f64 / most * HEIGHT).max(1.5);
                    rect class={ "fill " (class) } x=(percent(index as f64 * width)) width=(percent(width * 0.8))
                        y=(format!("{:.1}", HEIGHT - height)) height=(format!("{height:.1}")) {}
                }
            }
        }
    }
}
