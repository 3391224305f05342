//! Plots as SVG, with their colours for light and dark in [`STYLE`].

use maud::{Markup, PreEscaped, html};

/// Of all plots, whether they stand in a page or in a file of their own.
pub(crate) const STYLE: &str = "
.plot { --p-ink: #1b1f24; --p-dim: #57606a; --p-grid: #d0d7de; --p-0: #0969da; --p-1: #bc4c00; --p-2: #8250df; font: 13px system-ui, sans-serif }
@media (prefers-color-scheme: dark) {
  .plot { --p-ink: #e6edf3; --p-dim: #9198a1; --p-grid: #30363d; --p-0: #58a6ff; --p-1: #f0883e; --p-2: #bc8cff } }
.plot text { fill: var(--p-dim) } .plot .title { fill: var(--p-ink); font-weight: 600 }
.plot .grid { stroke: var(--p-grid); stroke-width: 1 } .plot .one { stroke: var(--p-dim); stroke-width: 1.5 }
.plot .noise { fill: var(--p-grid); opacity: .6 }
.plot polyline { fill: none; stroke-width: 2; stroke-linejoin: round } .plot .end { text-anchor: end } .plot .mid { text-anchor: middle }
.plot .l0 { stroke: var(--p-0) } .plot .l1 { stroke: var(--p-1) } .plot .l2 { stroke: var(--p-2) }
.plot text.l0 { fill: var(--p-0); stroke: none } .plot text.l1 { fill: var(--p-1); stroke: none } .plot text.l2 { fill: var(--p-2); stroke: none }
.plot .whisker { stroke-width: 3; stroke-linecap: round } .plot circle { fill: var(--p-0) }
.plot .seen { stroke: var(--p-1) } .plot circle.seen { fill: var(--p-1) } .plot text.seen { fill: var(--p-1); stroke: none }
.plot .unseen { stroke: var(--p-dim) } .plot circle.unseen { fill: var(--p-dim) } .plot text.unseen { stroke: none }
";

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 412.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 222.0;

/// Lines over a common x axis.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    /// Powers of ten are as far from each other as those before.
    pub(crate) log_y: bool,
    /// The x axis counts nines, and is labelled with quantiles.
    pub(crate) quantiles: bool,
    pub(crate) lines: Vec<Line<'a>>,
}

pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// From a value to its place, with the values that are worth a label.
struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// With round ends that hold all values.
    fn around(values: impl Iterator<Item = f64> + Clone, log: bool, from: f64, to: f64) -> Self {
        let most = values.clone().fold(0.0, f64::max);
        if log {
            let least = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
            let (least, most) = if least.is_finite() { (least, most) } else { (1.0, 10.0) };
            let low = least.log10().floor();
            return Self { low, high: (most.log10().ceil()).max(low + 1.0), log, from, to };
        }
        let step = step(most);
        Self { low: 0.0, high: ((most / step).ceil() * step).max(step), log, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.log { value.log10().max(self.low) } else { value };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    fn labels(&self) -> Vec<f64> {
        if self.log {
            return (self.low as i32..=self.high as i32).map(|power| 10_f64.powi(power)).collect();
        }
        let step = step(self.high);
        (0..=(self.high / step).round() as u32).map(|n| f64::from(n) * step).collect()
    }
}

/// 1, 2 or 5 times a power of ten: so that there are four to ten of them.
fn step(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let times = most / 4.0 / power;
    power
        * if times >= 5.0 {
            5.0
        } else if times >= 2.0 {
            2.0
        } else {
            1.0
        }
}

fn number(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e4 => format!("{}k", value / 1e3),
        value => format!("{}", (value * 1e6).round() / 1e6),
    }
}

/// A chart with its title, legend, grid and lines.
pub(crate) fn lines(chart: &Chart<'_>) -> Markup {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let y = Axis::around(points().map(|(_, y)| *y), chart.log_y, BOTTOM, TOP);
    let x = Axis::around(points().map(|(x, _)| *x), false, LEFT, RIGHT);
    let x_labels: Vec<(f64, String)> = if chart.quantiles {
        let names = ["fastest", "p90", "p99", "p99.9", "p99.99", "p99.999"];
        let all = names.iter().enumerate().map(|(nines, name)| (nines as f64, (*name).to_owned()));
        all.filter(|(nines, _)| *nines <= x.high).collect()
    } else {
        x.labels().into_iter().map(|at| (at, number(at))).collect()
    };
    html! {
        svg class="plot" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(chart.title) xmlns="http://www.w3.org/2000/svg" {
            text class="title" x="8" y="18" { (chart.title) }
            @for (n, line) in chart.lines.iter().enumerate() {
                text class=(format!("l{n}")) x=(LEFT + n as f64 * 80.0) y="38" { (line.name) }
            }
            @for label in y.labels() {
                line class="grid" x1=(LEFT) x2=(RIGHT) y1=(at(y.place(label))) y2=(at(y.place(label))) {}
                text class="end" x=(LEFT - 6.0) y=(at(y.place(label) + 4.0)) { (number(label)) }
            }
            @for (label, text) in x_labels {
                text class="mid" x=(at(x.place(label))) y=(BOTTOM + 17.0) { (text) }
            }
            text class="end" x=(RIGHT) y=(HEIGHT - 5.0) { (chart.x) }
            @for (n, line) in chart.lines.iter().enumerate() {
                polyline class=(format!("l{n}")) points=(path(&line.points, &x, &y)) {}
            }
        }
    }
}

fn path(points: &[(f64, f64)], x: &Axis, y: &Axis) -> String {
    let places: Vec<String> = points
        .iter()
        // Nothing happened: on a logarithmic axis that has no place.
        .filter(|(_, value)| !y.log || *value > 0.0)
        .map(|(a, b)| format!("{},{}", at(x.place(*a)), at(y.place(*b))))
        .collect();
    places.join(" ")
}

/// A tenth of a unit is finer than a screen.
fn at(place: f64) -> String {
    format!("{place:.1}")
}

/// An estimate with its interval, beside others.
pub(crate) struct Whisker {
    pub(crate) name: String,
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// A difference, and not the machine's noise.
    pub(crate) is_seen: bool,
}

/// Ratios to 1 with their intervals, one below the other, over the band that is the machine's noise (`noise` above 1
/// and as far below). Logarithmic, so that twice and half are equally far from 1. A file of its own.
pub(crate) fn whiskers(title: &str, whiskers: &[Whisker], noise: f64) -> String {
    const ROW: f64 = 26.0;
    let ends =
        || whiskers.iter().flat_map(|whisker| [whisker.low, whisker.high]).chain([noise, noise.recip()]);
    let far = ends().map(|end| end.ln().abs()).fold(0.2_f64, f64::max) * 1.1;
    let (left, right) = (150.0, 560.0);
    let place = |ratio: f64| at(left + f64::midpoint(ratio.ln() / far, 1.0) * (right - left));
    let bottom = 40.0 + ROW * whiskers.len() as f64;
    let labels = [0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0];
    let svg = html! {
        svg class="plot" viewBox=(format!("0 0 640 {}", bottom + 30.0)) role="img" aria-label=(title) xmlns="http://www.w3.org/2000/svg" {
            style { (PreEscaped(STYLE)) }
            text class="title" x="8" y="20" { (title) }
            rect class="noise" x=(place(noise.recip())) y="32" height=(bottom - 32.0)
                width=(at((noise.ln() / far) * (right - left))) {}
            @for label in labels.into_iter().filter(|label: &f64| label.ln().abs() < far) {
                line class=(if label.ln().abs() < 1e-9 { "one" } else { "grid" }) x1=(place(label)) x2=(place(label)) y1="32" y2=(bottom) {}
                text class="mid" x=(place(label)) y=(bottom + 18.0) { (number(label)) }
            }
            @for (n, whisker) in whiskers.iter().enumerate() {
                @let y = at(40.0 + ROW * (n as f64 + 0.5));
                @let class = if whisker.is_seen { "seen" } else { "unseen" };
                text class="end" x=(left - 10.0) y=(y) dominant-baseline="middle" { (whisker.name) }
                line class=(format!("whisker {class}")) x1=(place(whisker.low)) x2=(place(whisker.high)) y1=(y) y2=(y) {}
                circle class=(class) cx=(place(whisker.estimate)) cy=(y) r="5" {}
                text class=(class) x=(right + 12.0) y=(y) dominant-baseline="middle" { (format!("× {:.2}", whisker.estimate)) }
            }
        }
    };
    svg.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_are_round() {
        for (most, expected) in [(0.0, 1.0), (1.0, 0.2), (7.0, 1.0), (100.0, 20.0), (950.0, 200.0)] {
            assert!((step(most) - expected).abs() < 1e-9, "{most}: {}", step(most));
        }
    }

    proptest! {
        #[test]
        fn every_point_is_inside(values in prop::collection::vec(0.0..1e7_f64, 1..50), log: bool) {
            let axis = Axis::around(values.iter().copied(), log, BOTTOM, TOP);
            for value in &values {
                let place = axis.place(*value);
                prop_assert!(place.is_finite() && (TOP - 0.1..=BOTTOM + 0.1).contains(&place), "{value} at {place}");
            }
            prop_assert!(axis.labels().len() <= 13, "{:?}", axis.labels());
        }
    }

    #[test]
    fn names_are_escaped() {
        let whisker = Whisker { name: "<a&b>".into(), estimate: 1.1, low: 1.0, high: 1.2, is_seen: true };
        let svg = whiskers("t", &[whisker], 1.05);
        assert!(svg.contains("&lt;a&amp;b&gt;") && !svg.contains("NaN"), "{svg}");
    }
}
