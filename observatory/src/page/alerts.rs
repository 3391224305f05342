//! Alerts from logs: what fires, with lines that lead to traces, and what is watched.

use axum::extract::State;
use maud::{Markup, html};

use super::error::PageError;
use super::format::{ago, clock, cut, exact};
use super::layout::{Palette, Section, fact, nothing, shell};
use super::lines::{class, severity, span_url};
use super::logs;
use crate::AppState;
use crate::alerts::{self, Alert, Example, Report, RuleReport, Sent};
use crate::model::{Nanos, now};

const MESSAGE_SHOWN: usize = 160;

pub(super) async fn show(State(state): State<AppState>) -> Result<Markup, PageError> {
    let palette = Palette::new(logs::services(&state).await?);
    let report = state.alerts.report();
    let now = now();
    let alerts: Vec<&Alert> = report.rules.iter().flat_map(|rule| &rule.alerts).collect();
    let content = html! {
        header.page {
            h1 { "Alerts" }
            p.sub { "From log lines, as of " (clock(now)) " UTC · " a href="/alerts" { "Refresh" } " · " a href="/api/alerts" { "As JSON" } }
        }
        section.card aria-labelledby="alerts" {
            header.head { h2 #alerts { "Now" } (counts(&alerts)) }
            @if alerts.is_empty() {
                (nothing("No alert.", &html! { p { "Nothing is unusual in what the services say." } }))
            } @else {
                ol.alerts { @for alert in sorted(&alerts) { (item(alert, &palette, now)) } }
            }
        }
        (rules(&report))
    };
    Ok(shell("Alerts", Section::Alerts, &content))
}

/// The worst first, and of these the newest.
fn sorted<'a>(alerts: &[&'a Alert]) -> Vec<&'a Alert> {
    let rank = |alert: &Alert| match alert.state {
        alerts::State::Firing => 0,
        alerts::State::Pending => 1,
        alerts::State::Resolved | alerts::State::Inactive => 2,
    };
    let mut sorted = alerts.to_vec();
    sorted.sort_by_key(|alert| (rank(alert), Nanos::MAX - alert.since));
    sorted
}

fn counts(alerts: &[&Alert]) -> Markup {
    let count = |state| alerts.iter().filter(|alert| alert.state == state).count();
    html! {
        dl.facts {
            (fact("Firing", &html! { (count(alerts::State::Firing)) }))
            (fact("Pending", &html! { (count(alerts::State::Pending)) }))
        }
    }
}

/// A state: a word and a sign, so that the colour is not alone in saying it.
fn state(state: alerts::State) -> Markup {
    let (class, sign) = match state {
        alerts::State::Firing => ("bad", "!"),
        alerts::State::Pending => ("warn", "…"),
        alerts::State::Resolved => ("good", "✓"),
        alerts::State::Inactive => ("calm", "·"),
    };
    html! { span class={ "status " (class) } { span.sign aria-hidden="true" { (sign) } (state.name()) } }
}

fn item(alert: &Alert, palette: &Palette, now: Nanos) -> Markup {
    html! {
        li {
            p.title {
                (state(alert.state))
                span.name { (alert.rule) }
                @if let Some(service) = &alert.service { span.service { (service) } }
                span.when { "since " (ago(now, alert.since)) }
            }
            p { (alert.summary) ": " (alert.reading) "." }
            @if !alert.examples.is_empty() { ol.examples { @for example in &alert.examples { (line(example, palette)) } } }
            p.tools { a href=(alert.logs) { "Its log lines" } }
        }
    }
}

fn line(example: &Example, palette: &Palette) -> Markup {
    let (message, more) = cut(&example.message, MESSAGE_SHOWN);
    html! {
        li.(class(&example.severity)) {
            time title=(exact(example.timestamp)) { (clock(example.timestamp)) }
            (severity(&example.severity))
            (palette.chip(&example.service, None))
            span.message { (message) @if more { "…" } }
            @if let Some(trace_id) = example.trace_id { a href=(span_url(trace_id, example.span_id)) { "trace" } }
        }
    }
}

fn rules(report: &Report) -> Markup {
    html! {
        section.card aria-labelledby="rules" {
            header.head {
                div {
                    h2 #rules { "Rules" }
                    p.sub { "Set by a file (" code { "ALERT_RULES" } "); without one the built-in rules hold." }
                }
                (told(report.webhook.as_ref()))
            }
            ul.rules { @for rule in &report.rules { (rule_item(rule)) } }
        }
    }
}

fn told(webhook: Option<&Sent>) -> Markup {
    html! {
        @match webhook {
            None => p.sub { "Nobody is told of alerts: " code { "ALERT_WEBHOOK" } " is not set." },
            Some(sent) => dl.facts {
                (fact("Told", &html! { (sent.delivered) }))
                (fact("Waiting", &html! { (sent.waiting) }))
                (fact("Not taken", &html! { (sent.failed + sent.dropped) }))
            },
        }
    }
}

fn rule_item(rule: &RuleReport) -> Markup {
    html! {
        li {
            p.title { (state(rule.state)) span.name { (rule.name) } span.service { (rule.severity) } }
            p { (rule.summary) "." }
            p.sub { (rule.condition) @if let Some(reading) = &rule.reading { ". Now: " (reading) } "." }
        }
    }
}
