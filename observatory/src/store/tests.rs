//! What is hard to see from outside: days, and the list of orders.

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use time::Date;
use time::macros::date;

use super::*;
use crate::ingest::{Batch, Content, Input, LogRow};

const YESTERDAY: Date = date!(2026 - 11 - 21);
const TODAY: Date = date!(2026 - 11 - 22);
/// Midnight between the two.
const MIDNIGHT: i64 = 1_795_305_600_000_000_000;

fn open() -> (TempDir, Store, Writer) {
    let directory = tempfile::tempdir().unwrap();
    let (store, writer) = Store::open(directory.path(), Retention { days: 7, bytes: 1 << 30 }).unwrap();
    (directory, store, writer)
}

fn nanos_after_midnight(seconds: i64) -> Nanos {
    Nanos::try_from(MIDNIGHT + seconds * 1_000_000_000).unwrap()
}

fn trace_id(number: u8) -> TraceId {
    TraceId([number; 16])
}

/// A span of half a second that starts `seconds` after midnight.
fn span(trace: u8, id: u8, seconds: i64, attributes: &Json) -> Batch {
    let start = nanos_after_midnight(seconds);
    let spans: ResourceSpans = serde_json::from_value(json!({
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "svc"}}]},
        "scopeSpans": [{"spans": [{
            "traceId": trace_id(trace).to_string(), "spanId": format!("{id:016x}"), "name": "op", "kind": 2,
            "startTimeUnixNano": start, "endTimeUnixNano": start + 500_000_000, "attributes": attributes,
        }]}],
    }))
    .unwrap();
    Batch { input: Input::OtlpHttp, count: 1, content: Content::Spans(vec![spans]) }
}

fn of_order(order_id: &str, answer: i64) -> Json {
    json!([
        {"key": "order.id", "value": {"stringValue": order_id}},
        {"key": "http.response.status_code", "value": {"intValue": answer}},
        {"key": "order.total_amount_minor", "value": {"intValue": 2500}},
        {"key": "order.currency", "value": {"stringValue": "EUR"}},
    ])
}

fn line(trace: u8, order_id: &str, seconds: i64, message: &str) -> Batch {
    let row = LogRow {
        timestamp: nanos_after_midnight(seconds),
        severity: "INFO".into(),
        service: "order-service".to_owned(),
        message: message.to_owned(),
        trace_id: Some(trace_id(trace)),
        span_id: None,
        order_id: Some(order_id.to_owned()),
        session_id: None,
        user_ref: None,
        terminal_id: None,
        is_event: false,
        line: json!({"message": message}).to_string(),
    };
    Batch { input: Input::Tcp, count: 1, content: Content::Lines(vec![row]) }
}

#[tokio::test]
async fn a_trace_and_a_log_go_on_over_midnight() {
    let (_directory, store, mut writer) = open();
    let none = json!([]);
    writer
        .write(YESTERDAY, vec![span(1, 1, -1, &none), line(1, "o", -1, "first"), span(2, 1, -9, &none)])
        .unwrap();
    // A reader that was opened before the new day must see it all the same.
    assert_eq!(store.trace(trace_id(1)).await.unwrap().unwrap().spans.len(), 1);
    writer.write(TODAY, vec![span(1, 2, 0, &none), line(1, "o", 0, "second"), span(3, 1, 5, &none)]).unwrap();

    assert_eq!(store.trace(trace_id(1)).await.unwrap().unwrap().spans.len(), 2);
    let found = store.find_traces(&TraceQuery::default()).await.unwrap();
    let ids: Vec<_> = found.iter().map(|trace| trace.trace_id).collect();
    assert_eq!(ids, [trace_id(3), trace_id(1), trace_id(2)]);
    assert_eq!((found[1].span_count, found[1].duration), (2, 1_500_000_000));

    let messages = |page: LogPage| page.logs.into_iter().map(|log| log.message).collect::<Vec<_>>();
    let of_order = LogQuery { order_id: Some("o".to_owned()), ..LogQuery::default() };
    assert_eq!(messages(store.logs(&of_order).await.unwrap()), ["first", "second"]);
    let mut latest = LogQuery { limit: 1, ..LogQuery::default() };
    let page = store.logs(&latest).await.unwrap();
    latest.cursor = page.next_cursor.clone();
    assert_eq!(messages(page), ["second"]);
    assert_eq!(messages(store.logs(&latest).await.unwrap()), ["first"]);
}

#[tokio::test]
async fn an_order_is_as_recent_as_the_trace_that_placed_it() {
    let (_directory, store, mut writer) = open();
    writer.write(YESTERDAY, vec![span(1, 1, -60, &of_order("old", 201))]).unwrap();
    let looked_at_again = span(4, 1, 90, &of_order("old", 200));
    writer
        .write(
            TODAY,
            vec![
                span(2, 1, 10, &of_order("new", 402)),
                span(3, 1, 20, &of_order("newer", 409)),
                looked_at_again,
            ],
        )
        .unwrap();
    let orders = store.recent_orders(10).await.unwrap();
    let seen: Vec<_> =
        orders.iter().map(|order| (order.order_id.as_str(), order.status.as_deref())).collect();
    assert_eq!(seen, [("newer", Some("rejected")), ("new", Some("declined")), ("old", Some("confirmed"))]);
    let old = &orders[2];
    assert_eq!(
        (old.trace_id, old.start, old.duration),
        (trace_id(1), nanos_after_midnight(-60), 500_000_000)
    );
    assert_eq!((old.amount_minor, old.currency.as_deref(), old.is_error), (Some(2500), Some("EUR"), false));
    assert_eq!(store.order_traces("old").await.unwrap(), [trace_id(1), trace_id(4)]);
    assert_eq!(store.recent_orders(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_line_that_tells_an_orders_status_counts() {
    let (_directory, store, mut writer) = open();
    let lines = vec![
        line(1, "o", 1, "order pending"),
        line(1, "o", 3, "order cancelled"),
        line(1, "o", 2, "order confirmed"),
        line(1, "o", 4, "order looked at"),
    ];
    writer.write(TODAY, lines).unwrap();
    // Before the first span arrives, the lines alone make the order known.
    let orders = store.recent_orders(10).await.unwrap();
    assert_eq!(orders[0].status.as_deref(), Some("cancelled"));
    assert_eq!((orders[0].start, orders[0].duration), (nanos_after_midnight(1), 0));
}

#[test]
fn a_batch_that_cannot_be_written_leaves_nothing_and_the_next_is_written() {
    let (directory, _store, mut writer) = open();
    let none = json!([]);
    writer.write(TODAY, vec![span(1, 1, 0, &none)]).unwrap();
    let file = Connection::open(directory.path().join("telemetry-2026-11-22.db")).unwrap();
    file.execute_batch("ALTER TABLE hit RENAME TO away").unwrap();
    assert!(writer.write(TODAY, vec![span(2, 1, 0, &none)]).is_err());
    file.execute_batch("ALTER TABLE away RENAME TO hit").unwrap();
    writer.write(TODAY, vec![span(3, 1, 0, &none)]).unwrap();
    let chunks: i64 = file.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0)).unwrap();
    assert_eq!(chunks, 2);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_deletes_nothing() {
    let (_directory, store, mut writer) = open();
    writer.write(YESTERDAY, vec![line(1, "o", -1, "first")]).unwrap();
    writer.write(date!(2031 - 01 - 01), vec![line(1, "o", 0, "second")]).unwrap();
    writer.write(TODAY, vec![line(1, "o", 1, "third")]).unwrap();
    let of_order = LogQuery { order_id: Some("o".to_owned()), ..LogQuery::default() };
    assert_eq!(store.logs(&of_order).await.unwrap().logs.len(), 3);
}

#[test]
fn a_forgotten_user_is_out_of_the_index_too() {
    let (directory, store, mut writer) = open();
    let mut lines = line(1, "o", 0, "a word");
    let Content::Lines(rows) = &mut lines.content else { panic!() };
    rows[0].user_ref = Some("0af7".to_owned());
    writer.write(TODAY, vec![lines]).unwrap();
    let file = Connection::open(directory.path().join("telemetry-2026-11-22.db")).unwrap();
    let found = |term: String| -> i64 {
        let sql = "SELECT count(*) FROM log_term WHERE log_term MATCH ?";
        file.query_row(sql, [format!("\"{term}\"")], |row| row.get(0)).unwrap()
    };
    let term = terms::Of::User.term(b"0af7");
    assert_eq!(found(term.clone()), 1);
    assert_eq!(forget::user(&store.shared.days, "0af7").unwrap(), 1);
    file.execute_batch("INSERT INTO log_term (log_term) VALUES ('optimize')").unwrap();
    assert_eq!((found(term), found(terms::of_word("word"))), (0, 1));
}
