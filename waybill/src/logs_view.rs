//! `waybill logs`: the lines of one order or trace, over all services, in the order they were written.

use crate::{
    remote::{Id, Remote},
    style::{self, BAD, DIM, WARN, paint},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::error::Error;

#[derive(Deserialize)]
struct Page {
    logs: Vec<Map<String, Value>>,
    next_cursor: Option<String>,
}

pub(crate) async fn run(id: String) -> Result<(), Box<dyn Error>> {
    let remote = Remote::from_env()?;
    let query = match Id::parse(&id)? {
        Id::Trace(id) => format!("trace_id={id}"),
        Id::Order(id) => format!("order_id={id}"),
    };
    let mut cursor = String::new();
    let mut count = 0;
    loop {
        let path = format!("/api/logs?{query}&limit=500{cursor}");
        let Some(page) = remote.observe::<Page>(&path).await? else { break };
        for line in &page.logs {
            anstream::println!("{}", rendered(line));
        }
        count += page.logs.len();
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    if count == 0 { Err(format!("the observatory has no log lines of {id}").into()) } else { Ok(()) }
}

fn rendered(line: &Map<String, Value>) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let severity = match text("severity") {
        "ERROR" => paint(BAD, "ERROR"),
        "WARN" => paint(WARN, "WARN "),
        other => format!("{other:<5}"),
    };
    let service = text("service");
    // Only the time of day: a trace lies within seconds.
    let time = text("timestamp").get(11..).unwrap_or_default();
    format!(
        "{} {severity} {} {}{}",
        paint(DIM, time),
        paint(style::of_service(service), format_args!("{service:<17}")),
        text("message"),
        paint(DIM, own_fields(line)),
    )
}

/// What the line says beyond what all lines have.
fn own_fields(line: &Map<String, Value>) -> String {
    const COMMON: [&str; 17] = [
        "timestamp",
        "severity",
        "message",
        "service",
        "trace_id",
        "span_id",
        "trace_flags",
        "order_id",
        "customer_ref",
        "session_id",
        "customer_tier",
        "version",
        "target",
        "@timestamp",
        // What only `waybill audit` can do something with.
        "stream",
        "previous",
        "hash",
    ];
    let own = line.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
    own.map(|(name, value)| match value {
        Value::String(text) => format!(" {name}={text}"),
        other => format!(" {name}={other}"),
    })
    .collect()
}
