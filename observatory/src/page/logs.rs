//! Log lines by trace, order, session, service, severity and words.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::error::PageError;
use super::format::encode;
use super::layout::{Palette, Section, choice, field, nothing, shell};
use super::lines::{Beside, list};
use super::params::{Field, Params};
use crate::AppState;
use crate::model::{LogPage, LogQuery, LogRecord};

const LINES: usize = 100;
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
    cursor: Field,
}

impl Query {
    fn read(&self) -> Result<LogQuery, PageError> {
        let owned = |field: &Field| field.get().map(str::to_owned);
        let trace_id = self.trace_id.get().map(|id| id.to_ascii_lowercase().parse()).transpose();
        let span_id = self.span_id.get().map(|id| id.to_ascii_lowercase().parse()).transpose();
        Ok(LogQuery {
            trace_id: trace_id.map_err(|_| PageError::bad("A trace id is 32 hexadecimal digits."))?,
            span_id: span_id.map_err(|_| PageError::bad("A span id is 16 hexadecimal digits."))?,
            order_id: owned(&self.order_id),
            session_id: owned(&self.session_id),
            service: owned(&self.service),
            severity: owned(&self.severity),
            q: owned(&self.q),
            limit: LINES,
            cursor: owned(&self.cursor),
            ..LogQuery::default()
        })
    }

    /// The lines of one trace, span or order are read from their beginning, all others from the newest.
    fn oldest_first(&self) -> bool {
        [&self.trace_id, &self.span_id, &self.order_id].into_iter().any(|field| field.get().is_some())
    }

    fn is_filtered(&self) -> bool {
        let fields = [&self.q, &self.service, &self.severity, &self.session_id];
        self.oldest_first() || fields.into_iter().any(|field| field.get().is_some())
    }

    /// The same search from a place further on.
    fn url(&self, cursor: &str) -> String {
        let fields = [
            ("q", &self.q),
            ("service", &self.service),
            ("severity", &self.severity),
            ("trace_id", &self.trace_id),
            ("span_id", &self.span_id),
            ("order_id", &self.order_id),
            ("session_id", &self.session_id),
        ];
        let given = fields.into_iter().filter_map(|(name, field)| Some((name, field.get()?)));
        let pairs: Vec<String> = given
            .chain([("cursor", cursor)])
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        format!("/logs?{}", pairs.join("&"))
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Markup, PageError> {
    let (page, services) = tokio::try_join!(find(&state, query.read()?), services(&state))?;
    let lines: Vec<&LogRecord> = page.logs.iter().collect();
    let content = html! {
        header.page { h1 { "Log lines" } }
        (form(&query, &services))
        section.card aria-label="Lines" {
            @if lines.is_empty() && query.is_filtered() {
                (nothing("No line fits.", &html! { p { "Take a filter away, or " a href="/logs" { "see the newest lines" } "." } }))
            } @else if lines.is_empty() {
                (nothing("No line has arrived yet.", &html! { p { "Services send theirs as JSON, one a line, to port 5170 (TCP or UDP)." } }))
            } @else {
                (list(&lines, &Palette::new(services.clone()), &Beside::Links))
            }
            @if let Some(cursor) = &page.next_cursor {
                nav.pages aria-label="More lines" {
                    a href=(query.url(cursor)) { @if query.oldest_first() { "Newer" } @else { "Older" } " lines" }
                }
            }
        }
    };
    Ok(shell("Log lines", Section::Logs, &content))
}

async fn find(state: &AppState, query: LogQuery) -> Result<LogPage, PageError> {
    Ok(state.store.logs(&query).await?)
}

async fn services(state: &AppState) -> Result<Vec<String>, PageError> {
    Ok(state.store.services().await?)
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
            p.actions { button { "Find lines" } a href="/logs" { "Clear" } }
        }
    }
}
