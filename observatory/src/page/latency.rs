//! Scraped histograms and the exemplars remembered of them, as series of a chart.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::chart::{Look, Point, Series, with_buckets};
use super::distribution::Distribution;
use super::format::{exact, seconds};
use super::layout::{fact, trace_url};
use crate::model::{Histogram, Nanos, SeriesExemplar};

/// The one histogram that is about orders and not about calls.
pub(super) const ORDERS: &str = "order_processing_duration_seconds";

type Labels = [(String, String)];

/// Groups a histogram's series by what `name` makes of their service and labels.
pub(super) fn series(
    histograms: &[Histogram],
    exemplars: &[SeriesExemplar],
    name: impl Fn(&str, &Labels) -> String,
    look: impl Fn(&str) -> Look,
) -> Vec<Series> {
    let mut groups: BTreeMap<String, (Vec<&Histogram>, Vec<Point>)> = BTreeMap::new();
    for histogram in histograms {
        groups.entry(name(&histogram.service, &histogram.labels)).or_default().0.push(histogram);
    }
    for exemplar in exemplars {
        let group = name(&exemplar.service, &exemplar.labels);
        if let Some(point) = point(&group, exemplar) {
            groups.entry(group).or_default().1.push(point);
        }
    }
    let series = |(name, (histograms, points)): (String, (Vec<&Histogram>, Vec<Point>))| {
        let look = look(&name);
        Series { name, look, distribution: Distribution::of(histograms.into_iter()), points }
    };
    groups.into_iter().map(series).collect()
}

fn point(group: &str, series: &SeriesExemplar) -> Option<Point> {
    let time = moment(series.exemplar.timestamp?)?;
    let value = series.exemplar.value;
    let title = format!("{} · {group} · {}", seconds(value), exact(time));
    value.is_finite().then(|| Point { time, value, url: trace_url(series.exemplar.trace_id), title })
}

/// An exemplar's timestamp in seconds.
pub(super) fn moment(timestamp: f64) -> Option<Nanos> {
    (timestamp.is_finite() && timestamp > 0.0).then(|| (timestamp * 1e6).round() as Nanos * 1_000)
}

/// The value of a label; empty if it has none.
pub(super) fn label<'a>(labels: &'a Labels, key: &str) -> &'a str {
    labels.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
}

/// How long orders take, by status; `None` before the first order was measured.
pub(super) fn orders(histograms: &[Histogram], exemplars: &[SeriesExemplar]) -> Option<Markup> {
    let all = Distribution::of(histograms.iter());
    if all.count() == 0 && exemplars.is_empty() {
        return None;
    }
    let status = |_: &str, labels: &Labels| label(labels, "status").to_owned();
    let series = series(histograms, exemplars, status, Look::of_status);
    Some(html! {
        section.card aria-labelledby="latency" {
            header.head {
                div {
                    h2 #latency { "Order latency" }
                    p.sub { code { (ORDERS) } " · every point is an order and leads to its trace" }
                }
                (quantiles(&all))
            }
            (with_buckets("Order durations over time, each point a link to its trace", &series, &all))
        }
    })
}

/// Count, p50, p95 and p99.
pub(super) fn quantiles(distribution: &Distribution) -> Markup {
    let estimate = |quantile| distribution.quantile(quantile).map_or_else(|| "–".to_owned(), seconds);
    html! {
        dl.stats {
            (fact("count", &html! { (distribution.count()) }))
            (fact("p50", &html! { (estimate(0.5)) }))
            (fact("p95", &html! { (estimate(0.95)) }))
            (fact("p99", &html! { (estimate(0.99)) }))
        }
    }
}
