//! The first page: how long orders take, and the newest orders and traces.

use axum::extract::State;
use maud::{Markup, html};

use super::error::PageError;
use super::format::{ago, amount, clock, duration};
use super::latency::{self, ORDERS};
use super::layout::{Palette, Section, id_link, nothing, order_url, outcome, shell, trace_url};
use super::trace_list;
use crate::AppState;
use crate::model::{self, Nanos, OrderSummary, TraceQuery, TraceSummary};

const ORDERS_SHOWN: usize = 14;
const TRACES_SHOWN: usize = 8;

const CURL: &str = r#"curl -i http://127.0.0.1:8080/api/orders \
  -H 'content-type: application/json' \
  -d '{"customer_id": "c-1042",
       "items": [{"sku": "TEA-EARL-GREY", "quantity": 2}],
       "payment": {"method": "card", "card_number": "4242424242424242"}}'"#;

pub(super) async fn show(State(state): State<AppState>) -> Result<Markup, PageError> {
    let query = TraceQuery { limit: TRACES_SHOWN, ..TraceQuery::default() };
    let (services, orders, traces) = tokio::try_join!(
        state.store.services(),
        state.store.recent_orders(ORDERS_SHOWN),
        state.store.find_traces(&query)
    )?;
    let latency = latency::orders(&state.scraped.histograms(ORDERS), &state.scraped.exemplar_history(ORDERS));
    let now = model::now();
    let content = html! {
        header.page {
            h1 { "Overview" }
            p.sub { "As of " (clock(now)) " UTC · " a href="/" { "Refresh" } }
        }
        @if orders.is_empty() && traces.is_empty() && latency.is_none() {
            (empty())
        } @else {
            @if let Some(latency) = &latency { (latency) }
            div.columns {
                (recent_orders(&orders, now))
                (recent_traces(&traces, &Palette::new(services), now))
            }
        }
    };
    Ok(shell("Overview", Section::Overview, &content))
}

fn empty() -> Markup {
    html! {
        section.card {
            (nothing("Nothing has arrived yet.", &html! {
                p { "Place an order, then refresh this page: it will be the first line here, with its trace, its log lines and its latency." }
                pre tabindex="0" { code { (CURL) } }
                p.sub { "Traces come in by OTLP on 4317 (gRPC) and 4318 (HTTP), log lines as JSON on 5170 (TCP, UDP)." }
            }))
        }
    }
}

fn recent_orders(orders: &[OrderSummary], now: Nanos) -> Markup {
    html! {
        section.card aria-labelledby="orders" {
            header.head { h2 #orders { "Recent orders" } }
            @if orders.is_empty() {
                (nothing("No order yet.", &html! { pre tabindex="0" { code { (CURL) } } }))
            } @else {
                table.orders {
                    thead { tr {
                        th scope="col" { "Order" } th scope="col" { "Status" }
                        th.num scope="col" { "Amount" } th.num scope="col" { "Took" } th.num scope="col" { "Placed" }
                    } }
                    tbody { @for order in orders { (order_row(order, now)) } }
                }
            }
        }
    }
}

fn order_row(order: &OrderSummary, now: Nanos) -> Markup {
    html! {
        tr {
            td { (id_link(&order_url(&order.order_id), &order.order_id)) }
            td { (outcome(order)) }
            td.num {
                @if let (Some(minor), Some(currency)) = (order.amount_minor, &order.currency) { (amount(minor, currency)) }
            }
            td.num { a.quiet href=(trace_url(order.trace_id)) title="Its trace" { (duration(order.duration)) } }
            td.num { (ago(now, order.start)) }
        }
    }
}

fn recent_traces(traces: &[TraceSummary], palette: &Palette, now: Nanos) -> Markup {
    html! {
        section.card aria-labelledby="traces" {
            header.head { h2 #traces { "Recent traces" } a href="/search" { "Find traces" } }
            @if traces.is_empty() {
                (nothing("No trace yet.", &html! {}))
            } @else {
                (trace_list::list(traces, palette, now))
            }
        }
    }
}
