//! A trace as rows on a common time axis, with the log lines of each span under it.

use std::collections::HashMap;

use maud::{Markup, html};

use super::format::{count, cut, duration, exact, offset, percent};
use super::layout::{Palette, trace_url};
use super::lines::{all_fields, class, message, severity};
use super::span::panel;
use super::tree::{Row, rows};
use crate::model::{LogRecord, Nanos, Span, SpanId, SpanKind, Trace};

/// Traces with more spans hold the details of one span at a time, so that their pages stay small.
pub(super) const WHOLE: usize = 200;
/// Rows of one page.
pub(super) const PAGE: usize = 1_000;
/// Width of one level in pixels; the style sheet indents by the same.
const STEP: usize = 14;
/// Middle of a row's first line, in pixels.
const MIDDLE: &str = "15";

/// A trace made ready to be drawn.
pub(super) struct Waterfall<'a> {
    pub(super) trace: &'a Trace,
    pub(super) rows: Vec<Row<'a>>,
    pub(super) start: Nanos,
    pub(super) length: Nanos,
    palette: &'a Palette,
    lines: HashMap<SpanId, Vec<&'a LogRecord>>,
    /// Lines that name no span of the trace.
    pub(super) other_lines: Vec<&'a LogRecord>,
    pub(super) options: Options,
}

/// What the reader asked for.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub(super) with_lines: bool,
    pub(super) selected: Option<SpanId>,
    /// Counted from 0.
    pub(super) page: usize,
}

impl<'a> Waterfall<'a> {
    pub(super) fn new(
        trace: &'a Trace,
        logs: &'a [LogRecord],
        palette: &'a Palette,
        options: Options,
    ) -> Self {
        let start = trace.spans.iter().map(|span| span.start).min().unwrap_or(0);
        let end = trace.spans.iter().map(|span| span.end).max().unwrap_or(start);
        let rows = rows(trace);
        let mut lines: HashMap<SpanId, Vec<&LogRecord>> =
            rows.iter().map(|row| (row.span.span_id, Vec::new())).collect();
        let mut other_lines = Vec::new();
        for line in logs.iter().filter(|line| line.trace_id == Some(trace.trace_id)) {
            match line.span_id.and_then(|span| lines.get_mut(&span)) {
                Some(of_span) => of_span.push(line),
                None => other_lines.push(line),
            }
        }
        let length = end.saturating_sub(start).max(1);
        Self { trace, rows, start, length, palette, lines, other_lines, options }
    }

    fn is_whole(&self) -> bool {
        self.rows.len() <= WHOLE
    }

    /// A moment's place on the axis.
    fn x(&self, moment: Nanos) -> f64 {
        moment.saturating_sub(self.start) as f64 / self.length as f64
    }

    pub(super) fn draw(&self) -> Markup {
        let first = self.options.page * PAGE;
        html! {
            div.waterfall {
                (self.axis())
                @for row in self.rows.iter().skip(first).take(PAGE) {
                    (self.row(row))
                    @for line in self.lines_under(row) { (self.line(row, line)) }
                }
            }
            @if self.rows.len() > PAGE { (self.pages()) }
        }
    }

    fn axis(&self) -> Markup {
        let at = |part: u64| duration(self.length / 4 * part);
        html! {
            div.row.axis aria-hidden="true" {
                span.what { "Span" }
                svg.time height="24" {
                    @for (part, anchor) in [(0, "start"), (1, "middle"), (2, "middle"), (3, "middle"), (4, "end")] {
                        text x={ (part * 25) "%" } y="16" text-anchor=(anchor) {
                            @match part {
                                0 => "0",
                                4 => (duration(self.length)),
                                _ => (at(part)),
                            }
                        }
                    }
                }
                span.took {}
            }
        }
    }

    fn row(&self, row: &Row<'_>) -> Markup {
        let span = row.span;
        let class = format!("row span {} l{}", self.palette.class(&span.service), row.level);
        let selected = self.options.selected == Some(span.span_id);
        html! {
            @if self.is_whole() || selected {
                details.(class).failed[span.is_error()] id={ "s-" (span.span_id) } open[selected] {
                    summary { (self.summary(row)) }
                    (panel(span, row.orphan, self.start))
                }
            } @else {
                a.(class).failed[span.is_error()] id={ "s-" (span.span_id) } href=(self.select(span)) { (self.summary(row)) }
            }
        }
    }

    /// The address of this page with one span opened.
    fn select(&self, span: &Span) -> String {
        let trace = trace_url(self.trace.trace_id);
        format!("{trace}?page={}&span={}#s-{}", self.options.page + 1, span.span_id, span.span_id)
    }

    fn summary(&self, row: &Row<'_>) -> Markup {
        let span = row.span;
        let lines = self.lines.get(&span.span_id).map_or(0, Vec::len);
        html! {
            (guides(row))
            span.what {
                span.name { (cut(&span.name, 120).0) }
                // The failure itself stands out from those it caused above it.
                @if span.is_error() { span.flag.through[row.failed_below] { "error" } }
                @if row.orphan { span.flag.calm { "parent missing" } }
                @if lines > 0 && !self.options.with_lines { span.flag.calm { (count(lines, "line")) } }
                span.by { (span.service) }
                @if let Some(kind) = kind(span) { span.kind { (kind) } }
            }
            svg.time height="30" aria-hidden="true" { (self.bar(span)) }
            span.took { (duration(span.duration())) }
        }
    }

    fn bar(&self, span: &Span) -> Markup {
        // Half a percent can still be seen, and a span at the very end still be inside.
        let x = self.x(span.start).min(0.995);
        let width = (self.x(span.end.max(span.start)) - x).max(0.005);
        html! {
            rect.fill x=(percent(x)) y="9" width=(percent(width)) height="12" rx="2" {}
            @for event in span.events.iter().take(50) {
                svg.event x=(percent(self.x(event.time))) y=(MIDDLE) {
                    path d="M0-5L5 0L0 5L-5 0z" {}
                    title { (event.name) " " (offset(self.start, event.time)) }
                }
            }
        }
    }

    fn lines_under(&self, row: &Row<'_>) -> impl Iterator<Item = &'a LogRecord> {
        let lines = self.lines.get(&row.span.span_id).filter(|_| self.options.with_lines);
        let all = self.is_whole() || self.options.selected == Some(row.span.span_id);
        let shown = move |line: &&LogRecord| all || class(&line.severity) == "error";
        lines.into_iter().flatten().copied().filter(shown)
    }

    fn line(&self, row: &Row<'_>, line: &LogRecord) -> Markup {
        html! {
            details class={ "row line " (class(&line.severity)) " l" (row.level) } {
                summary {
                    (passing_guides(row))
                    span.what { (severity(&line.severity)) span.message { (message(line)) } }
                    svg.time height="24" aria-hidden="true" {
                        svg.event x=(percent(self.x(line.timestamp))) y="12" { circle r="3.5" {} }
                    }
                    span.took title=(exact(line.timestamp)) { (offset(self.start, line.timestamp)) }
                }
                (all_fields(line))
            }
        }
    }

    fn pages(&self) -> Markup {
        let last = self.rows.len().div_ceil(PAGE);
        let url = |page: usize| format!("{}?page={page}", trace_url(self.trace.trace_id));
        html! {
            nav.pages aria-label="Pages of the trace" {
                @for page in 1..=last {
                    a href=(url(page)) aria-current=[(page == self.options.page + 1).then_some("page")] {
                        ((page - 1) * PAGE + 1) "–" ((page * PAGE).min(self.rows.len()))
                    }
                }
            }
        }
    }
}

/// What a span did, in one word: its kind, or the system it asked.
fn kind(span: &Span) -> Option<String> {
    if let Some(system) = span.attribute("db.system.name") {
        return Some(system.to_string());
    }
    let name = match span.kind {
        SpanKind::Unspecified => return None,
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer ⇢",
        SpanKind::Consumer => "⇢ consumer",
    };
    Some(name.to_owned())
}

/// Middle of a level's column.
fn column(level: usize) -> usize {
    level * STEP + STEP / 2
}

/// The lines that connect a row with its parent, siblings and children.
fn guides(row: &Row<'_>) -> Markup {
    html! {
        svg.guides width=(column(row.level) + STEP) aria-hidden="true" {
            @for level in (1..row.level).filter(|level| row.lines & (1 << level) != 0) {
                (upright(column(level - 1), "0", "100%"))
            }
            @if let Some(parent) = row.level.checked_sub(1).map(column) {
                (upright(parent, "0", if row.lines & (1 << row.level) == 0 { MIDDLE } else { "100%" }))
                line x1=(parent) x2=(column(row.level)) y1=(MIDDLE) y2=(MIDDLE) {}
            }
            @if row.has_children { (upright(column(row.level), MIDDLE, "100%")) }
            circle cx=(column(row.level)) cy=(MIDDLE) r="4" {}
        }
    }
}

/// The same beside a log line, which is no branch of its own.
fn passing_guides(row: &Row<'_>) -> Markup {
    html! {
        svg.guides width=(column(row.level) + STEP) aria-hidden="true" {
            @for level in (1..=row.level).filter(|level| row.lines & (1 << level) != 0) {
                (upright(column(level - 1), "0", "100%"))
            }
            @if row.has_children { (upright(column(row.level), "0", "100%")) }
        }
    }
}

fn upright(x: usize, from: &str, to: &str) -> Markup {
    html! { line x1=(x) x2=(x) y1=(from) y2=(to) {} }
}
