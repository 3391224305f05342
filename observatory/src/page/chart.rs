//! Durations over time as points that lead to their trace, and beside them how often each duration occurs.
//!
//! Drawn as SVG on the server. Horizontal places are percentages, so a chart fits any width without a script.

use maud::{Markup, html};

use super::axis::{Axis, TimeAxis};
use super::distribution::Distribution;
use super::format::{bound, percent, tick};
use crate::model::Nanos;

/// More points than this hide each other.
const MAX_POINTS: usize = 250;

/// A set of points with a common colour and shape.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) look: Look,
    pub(super) distribution: Distribution,
    pub(super) points: Vec<Point>,
}

/// One measured duration.
pub(super) struct Point {
    pub(super) time: Nanos,
    /// In seconds.
    pub(super) value: f64,
    pub(super) url: String,
    pub(super) title: String,
}

/// A colour class of the style sheet and a shape: neither has to say it alone.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) class: &'static str,
    shape: &'static str,
}

impl Look {
    const CIRCLE: &'static str = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z";
    const DIAMOND: &'static str = "M0-5.5L5.5 0L0 5.5L-5.5 0z";
    const TRIANGLE: &'static str = "M0-5L5 4L-5 4z";
    const SQUARE: &'static str = "M-4-4h8v8h-8z";
    const CROSS: &'static str = "M-5-3l2-2l3 3l3-3l2 2l-3 3l3 3l-2 2l-3-3l-3 3l-2-2l3-3z";

    pub(super) const fn plain(class: &'static str) -> Self {
        Self { class, shape: Self::CIRCLE }
    }

    pub(super) const fn failed() -> Self {
        Self { class: "bad", shape: Self::CROSS }
    }

    /// An order's status.
    pub(super) fn of_status(status: &str) -> Self {
        match status {
            "confirmed" => Self::plain("good"),
            "declined" => Self { class: "warn", shape: Self::DIAMOND },
            "rejected" => Self { class: "odd", shape: Self::TRIANGLE },
            "failed" => Self::failed(),
            _ => Self { class: "calm", shape: Self::SQUARE },
        }
    }

    fn mark(self) -> Markup {
        html! { path d=(self.shape) {} }
    }
}

/// Durations on the buckets of their histogram, with the buckets' counts beside the points.
pub(super) fn with_buckets(label: &str, series: &[Series], all: &Distribution) -> Markup {
    let points = || series.iter().flat_map(|one| &one.points);
    let axis = Axis::of_buckets(&all.bounds, |index| {
        let bucket_of = |value: f64| all.bounds.partition_point(|bound| *bound < value);
        all.counts.get(index).is_some_and(|count| *count > 0)
            || points().any(|point| bucket_of(point.value) == index)
    });
    let bars = bars(&axis, series, all);
    draw(label, &axis, series, Some(&bars))
}

/// Durations alone.
pub(super) fn points_only(label: &str, series: &[Series]) -> Markup {
    let axis = Axis::of_values(series.iter().flat_map(|one| &one.points).map(|point| point.value));
    draw(label, &axis, series, None)
}

fn draw(label: &str, axis: &Axis, series: &[Series], bars: Option<&Markup>) -> Markup {
    html! {
        figure.chart.with-bars[bars.is_some()] {
            (legend(series))
            div.plot {
                (labels(axis))
                (points(label, axis, series))
                @if let Some(bars) = bars { (bars) }
            }
        }
    }
}

fn legend(series: &[Series]) -> Markup {
    html! {
        ul.legend {
            @for one in series {
                li class=(one.look.class) {
                    svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true" { (one.look.mark()) }
                    (one.name)
                    @let count = one.distribution.count();
                    @if count > 0 { b { (count) } }
                }
            }
        }
    }
}

fn labels(axis: &Axis) -> Markup {
    html! {
        svg.labels height=(axis.height()) aria-hidden="true" {
            @for line in axis.lines() {
                @if line.is_finite() && line > 0.0 {
                    text x="100%" dx="-8" y=(axis.y(line)) dy="0.32em" text-anchor="end" { (bound(line)) }
                }
            }
        }
    }
}

fn grid(axis: &Axis) -> Markup {
    html! {
        @for line in axis.lines() {
            @let y = if line.is_finite() { axis.y(line) } else { 0.0 };
            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
        }
    }
}

fn points(label: &str, axis: &Axis, series: &[Series]) -> Markup {
    let time = TimeAxis::around(series.iter().flat_map(|one| &one.points).map(|point| point.time));
    let (step, ticks) = time.ticks();
    let mut places: Vec<(&Point, Look)> =
        series.iter().flat_map(|one| one.points.iter().map(|point| (point, one.look))).collect();
    places.sort_by_key(|(point, _)| std::cmp::Reverse(point.time));
    places.truncate(MAX_POINTS);
    html! {
        div.points {
            svg height=(axis.height()) role="group" aria-label=(label) {
                (grid(axis))
                @for tick in &ticks {
                    @let x = percent(time.x(*tick));
                    line.grid.tick x1=(x) x2=(x) y1="0" y2="100%" {}
                }
                @for (point, look) in &places {
                    // Not in the tab order: the lists on the same page lead to the same traces.
                    a href=(point.url) tabindex="-1" {
                        title { (point.title) }
                        svg.mark.(look.class) x=(percent(time.x(point.time))) y=(format!("{:.1}", axis.y(point.value))) {
                            circle.hit r="10" {}
                            (look.mark())
                        }
                    }
                }
            }
            svg.ticks height="20" aria-hidden="true" {
                @if !places.is_empty() {
                    @for at in &ticks {
                        text x=(percent(time.x(*at))) y="15" text-anchor="middle" { (tick(*at, step)) }
                    }
                }
            }
        }
    }
}

fn bars(axis: &Axis, series: &[Series], all: &Distribution) -> Markup {
    let most = all.counts.iter().max().copied().unwrap_or(0).max(1) as f64;
    // The number of a full bar needs room beside it.
    let width = |count: u64| count as f64 / most * 0.66;
    html! {
        div.bars {
            svg height=(axis.height()) role="img" aria-label="How many, by duration" {
                (grid(axis))
                @for (index, (bound, total)) in all.bounds.iter().zip(&all.counts).enumerate() {
                    @if let Some(top) = axis.top_of(*bound).filter(|_| *total > 0) {
                        @for (from, part, look) in stack(series, *bound) {
                            rect class=(look.class) x=(percent(width(from))) width=(percent(width(part)))
                                y=(top + 3.0) height=(axis.band() - 6.0) {}
                        }
                        text x=(percent(width(*total))) dx="6" y=(top + axis.band() / 2.0) dy="0.32em" {
                            (short_count(*total)) title { (bucket_title(&all.bounds, index)) }
                        }
                    }
                }
            }
            p.ticks aria-hidden="true" { "by duration" }
        }
    }
}

/// `940`, `12k`, `3M`: room beside a bar is short.
fn short_count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..10_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// Each series' part of one bucket: where it begins, how long it is.
fn stack(series: &[Series], bound: f64) -> Vec<(u64, u64, Look)> {
    let mut from = 0;
    let mut parts = Vec::new();
    for one in series {
        let place = one.distribution.bounds.iter().position(|known| *known >= bound);
        let here =
            place.filter(|index| one.distribution.bounds.get(*index).is_some_and(|known| *known <= bound));
        let count = here.and_then(|index| one.distribution.counts.get(index)).copied().unwrap_or(0);
        if count > 0 {
            parts.push((from, count, one.look));
            from += count;
        }
    }
    parts
}

fn bucket_title(bounds: &[f64], index: usize) -> String {
    let lower = index.checked_sub(1).and_then(|below| bounds.get(below)).copied().unwrap_or(0.0);
    match bounds.get(index).filter(|upper| upper.is_finite()) {
        Some(upper) => format!("{} to {}", bound(lower), bound(*upper)),
        None => format!("over {}", bound(lower)),
    }
}
