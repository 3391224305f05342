//! A program that emits telemetry on command, for trying a backend and for the tests of this crate.
//!
//! Reads one command a line from standard input: `spans 100`, `traces 100`, `lines 100`, `told 100` (traces with the
//! same ids in every process, with lines), `long 5000` (a line of so many letters), `flush 1000` (milliseconds),
//! `metrics`, `customer`, `everything`, `secrets TEXT`. At the end of the input it shuts telemetry down, within the milliseconds of its first
//! argument. What became of everything goes to standard error as JSON; standard output is for log lines.
//!
//!     echo 'traces 3' | cargo run -p telemetry --example emit -- 1000

mod everything;
mod secrets;

use serde_json::{Value, json};
use std::{
    error::Error,
    io::{BufRead, Write},
    time::{Duration, Instant},
};
use telemetry::{
    Config, Env, LossReport,
    propagation::{StoredContext, ids_of},
    task,
};
use tracing::info_span;

/// What every span and line tries to smuggle out.
const CARD: &str = "4242 4242 4242 4242";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let limit = std::env::args().nth(1).map_or(Ok(5_000), |limit| limit.parse())?;
    let telemetry = telemetry::init(Config::from_env("emit", &Env::from_process())?)?;
    let texts = secrets::gauge(&telemetry);
    for command in std::io::stdin().lock().lines() {
        let begun = Instant::now();
        let command = command?;
        let (name, argument) = command.split_once(' ').unwrap_or((&command, "0"));
        if name == "secrets" {
            tell(secrets::say(&telemetry, &texts, argument).await, begun)?;
            continue;
        }
        let number: u64 = argument.parse()?;
        let done = match name {
            "spans" => json!({"sampled": one_trace(number)}),
            "traces" => json!({"sampled": (0..number).map(|_| one_trace(1)).sum::<u64>()}),
            "lines" => lines(number),
            "told" => told(number),
            "long" => long(number as usize),
            "everything" => everything::say(&telemetry).await,
            "customer" => json!({"reference": telemetry.customer_ref("c-1042").as_str()}),
            "metrics" => json!({"metrics": telemetry.metrics().encode()}),
            "flush" => report(&telemetry.flush(Duration::from_millis(number)).await),
            _ => return Err(format!("no command: {name}").into()),
        };
        tell(done, begun)?;
    }
    let begun = Instant::now();
    tell(report(&telemetry.shutdown(Duration::from_millis(limit)).await), begun)?;
    Ok(())
}

/// A root and its children, `count` spans together; says how many were sampled.
fn one_trace(count: u64) -> u64 {
    let root = info_span!("root", otel.name = "emit.root", otel.kind = "server", note = CARD);
    let sampled = ids_of(&root).is_some_and(|ids| ids.sampled);
    root.in_scope(|| {
        for number in 1..count {
            let _child =
                info_span!("child", otel.name = "emit.child", number = number as i64, token = "t0p-s3cret");
        }
    });
    if sampled { count } else { 0 }
}

fn lines(count: u64) -> Value {
    let span = info_span!("lines", otel.name = "emit.lines", session.id = "s-1");
    span.in_scope(|| {
        for number in 0..count {
            tracing::info!(
                number,
                card = CARD,
                took_ms = 1.25,
                password = "hunter2",
                "line {number} of {CARD}"
            );
        }
    });
    json!({"sampled": u64::from(ids_of(&span).is_some_and(|ids| ids.sampled))})
}

/// Of each trace a line of INFO and one of WARN; and at the end a line in no trace.
fn told(count: u64) -> Value {
    for number in 0..count {
        // Far apart, as random ids are: 2^128 divided by the golden ratio.
        let id = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let traceparent = format!("00-{id:032x}-00f067aa0ba902b7-01");
        let context = StoredContext { traceparent, tracestate: None, baggage: None };
        task::continued("emit.told", &context).in_scope(|| {
            tracing::info!(number, "told");
            tracing::warn!(number, "told");
        });
    }
    tracing::info!("told in no trace");
    json!({"sampled": count})
}

/// Two bytes a letter, and an escape between them.
fn long(letters: usize) -> Value {
    let span = info_span!("long", otel.name = "emit.long", session.id = "s-1");
    span.in_scope(|| tracing::info!(error = "\"é".repeat(letters / 2), "{}", "\"é".repeat(letters / 2)));
    json!({"sampled": 1})
}

fn report(report: &LossReport) -> Value {
    json!({
        "spans_exported": report.spans_exported, "spans_dropped": report.spans_dropped,
        "spans_failed": report.spans_failed,
        "lines_shipped": report.lines_shipped, "lines_lost": report.lines_lost,
        "lines_left_out": report.lines_left_out,
    })
}

fn tell(mut what: Value, begun: Instant) -> std::io::Result<()> {
    if let Value::Object(members) = &mut what {
        members.insert("took_ms".to_owned(), (begun.elapsed().as_millis() as u64).into());
    }
    writeln!(std::io::stderr(), "{what}")
}
