//! Log lines and session events by trace, order, session, user, service, severity, words and time.

use std::collections::BTreeSet;

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::error::PageError;
use super::format::{count, duration, encode, parse_moment};
use super::intake;
use super::layout::{Palette, Section, choice, field, nothing, shell};
use super::lines::{Beside, list};
use super::params::{Field, Params};
use crate::AppState;
use crate::model::{LogPage, LogQuery, LogRecord};
use crate::user_key::UserKey;

const LINES: usize = 100;
const NOT_A_MOMENT: &str =
    "A moment is written like 2026-11-22 10:11, with seconds if need be, or as RFC 3339.";
const SEVERITIES: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    q: Field,
    service: Field,
    severity: Field,
    trace_id: Field,
    span_id: Field,
    order_id: Field,
    session_id: Field,
    user_id: Field,
    terminal_id: Field,
    from: Field,
    to: Field,
    cursor: Field,
}

impl Query {
    fn read(&self, user_key: &UserKey) -> Result<LogQuery, PageError> {
        let owned = |field: &Field| field.get().map(str::to_owned);
        let trace_id = self.trace_id.get().map(|id| id.to_ascii_lowercase().parse()).transpose();
        let span_id = self.span_id.get().map(|id| id.to_ascii_lowercase().parse()).transpose();
        let moment =
            |field: &Field| field.get().map(|text| parse_moment(text).ok_or(NOT_A_MOMENT)).transpose();
        Ok(LogQuery {
            from: moment(&self.from).map_err(PageError::bad)?,
            to: moment(&self.to).map_err(PageError::bad)?,
            user_ref: self.user_id.get().map(|id| user_key.reference(id)),
            terminal_id: owned(&self.terminal_id),
            trace_id: trace_id.map_err(|_| PageError::bad("A trace id is 32 hexadecimal digits."))?,
            span_id: span_id.map_err(|_| PageError::bad("A span id is 16 hexadecimal digits."))?,
            order_id: owned(&self.order_id),
            session_id: owned(&self.session_id),
            service: owned(&self.service),
            severity: owned(&self.severity),
            q: owned(&self.q),
            limit: LINES,
            cursor: owned(&self.cursor),
        })
    }

    /// What is filled in, by the names of the address.
    fn given(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("q", &self.q),
            ("service", &self.service),
            ("severity", &self.severity),
            ("trace_id", &self.trace_id),
            ("span_id", &self.span_id),
            ("order_id", &self.order_id),
            ("session_id", &self.session_id),
            ("user_id", &self.user_id),
            ("terminal_id", &self.terminal_id),
            ("from", &self.from),
            ("to", &self.to),
        ];
        fields.into_iter().filter_map(|(name, field)| Some((name, field.get()?))).collect()
    }

    /// The same search from a place further on.
    fn url(&self, cursor: &str) -> String {
        let given = self.given().into_iter().chain([("cursor", cursor)]);
        let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("/logs?{}", pairs.join("&"))
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Markup, PageError> {
    let asked = query.read(&state.intake.user_key)?;
    let (page, services) = tokio::try_join!(find(&state, &asked), services(&state))?;
    let is_first = asked.cursor.is_none();
    let lines: Vec<&LogRecord> = page.logs.iter().collect();
    let content = html! {
        header.page {
            h1 { "Log lines" }
            @if let Some(session) = &asked.session_id { (session_facts(session, &page)) }
        }
        (form(&query, &services))
        section.card aria-label="Lines" {
            @if lines.is_empty() && !query.given().is_empty() {
                (nothing("No line fits.", &html! { p { "Take a filter away, or " a href="/logs" { "see the newest lines" } "." } }))
            } @else if lines.is_empty() {
                (nothing("No line has arrived yet.", &html! { p { "Log lines and session events are sent as JSON, one a line, to port 5170 (TCP or UDP)." } }))
            } @else {
                (list(&lines, &Palette::new(services.clone()), &Beside::Links))
            }
            @if let Some(cursor) = &page.next_cursor {
                nav.pages aria-label="More lines" {
                    a href=(query.url(cursor)) { @if asked.oldest_first() { "Newer" } @else { "Older" } " lines" }
                }
            }
        }
        @if is_first { (intake::card(&state.intake.report())) }
    };
    Ok(shell("Log lines", Section::Logs, &content))
}

/// What a session's page begins with: how many events, over which services and how long.
fn session_facts(session: &str, page: &LogPage) -> Markup {
    let services: BTreeSet<&str> = page.logs.iter().map(|line| line.service.as_str()).collect();
    let length = page
        .logs
        .last()
        .zip(page.logs.first())
        .map(|(last, first)| last.timestamp.saturating_sub(first.timestamp));
    html! {
        p.sub {
            "Session " code { (session) } " from its beginning · " (count(page.logs.len(), "line"))
            @if page.next_cursor.is_some() { " and more" }
            " of " (count(services.len(), "service"))
            @if let Some(length) = length { " over " (duration(length)) }
        }
    }
}

async fn find(state: &AppState, query: &LogQuery) -> Result<LogPage, PageError> {
    Ok(state.store.logs(query).await?)
}

/// All that wrote lines or sent spans: with these a service has the same colour on every page.
pub(super) async fn services(state: &AppState) -> Result<Vec<String>, PageError> {
    let mut services = state.store.services().await?;
    services.extend(state.store.log_services().await?);
    services.sort_unstable();
    services.dedup();
    Ok(services)
}

fn form(query: &Query, services: &[String]) -> Markup {
    html! {
        form.card.filters action="/logs" {
            (field("Words", "q", query.q.text(), "card declined", None))
            (choice("Service", "service", query.service.text(), services))
            (choice("Severity", "severity", query.severity.text(), &SEVERITIES.map(str::to_owned)))
            (field("Order id", "order_id", query.order_id.text(), "0193…", None))
            (field("Trace id", "trace_id", query.trace_id.text(), "32 hex digits", None))
            (field("Session id", "session_id", query.session_id.text(), "", None))
            (field("User id", "user_id", query.user_id.text(), "", None))
            (field("Terminal id", "terminal_id", query.terminal_id.text(), "", None))
            (field("From (UTC)", "from", query.from.text(), "2026-11-22 10:11", None))
            (field("To (UTC)", "to", query.to.text(), "2026-11-22 10:12", None))
            p.actions { button { "Find lines" } a href="/logs" { "Clear" } }
        }
    }
}
