//! How many lines a second one service ships without losing any.
//!
//! Writes lines inside a span at a steady rate for three seconds, and flushes; a rate holds when no line was lost and
//! the writing was not late. The rate doubles until one does not hold; then the gap is halved a few times. Standard
//! output has the lines, as that of any service; what was found goes to standard error.
//!
//!     cargo run --release -p telemetry --example ship -- tcp://127.0.0.1:5170 > /dev/null

use std::{
    error::Error,
    io::{self, Write},
    time::{Duration, Instant},
};
use telemetry::{Config, Env, Telemetry, span, task};

const FIRST_RATE: u64 = 10_000;
const TIME: Duration = Duration::from_secs(3);
/// Lines are written in portions, so often.
const TICK: Duration = Duration::from_millis(1);
/// How much longer the lines may take than planned.
const LATE: Duration = Duration::from_millis(300);
const HALVINGS: usize = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = std::env::args().nth(1).ok_or("usage: ship tcp://host:port")?;
    let env = Env::from_pairs([
        ("LOG_SHIP", receiver.as_str()),
        ("LOG_CALLSITE_LIMIT", "0"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("CUSTOMER_REF_KEY", "of the measurement"),
    ]);
    let telemetry = telemetry::init(Config::from_env("ship", &env)?)?;
    let (mut holds, mut fails) = (0, FIRST_RATE);
    while holds_at(&telemetry, fails).await? {
        (holds, fails) = (fails, fails * 2);
    }
    for _ in 0..HALVINGS {
        let between = holds.midpoint(fails);
        if holds_at(&telemetry, between).await? {
            holds = between;
        } else {
            fails = between;
        }
    }
    writeln!(io::stderr(), "{holds} lines a second without a loss")?;
    telemetry.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn holds_at(telemetry: &Telemetry, rate: u64) -> io::Result<bool> {
    let before = telemetry.flush(LATE).await.lines_lost;
    let order = task::root("ship.lines");
    order.in_scope(|| span::order("01938f5c-7b1c-7242-8000-0242ac120002"));
    let begun = Instant::now();
    let mut written = 0;
    while begun.elapsed() < TIME {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        order.in_scope(|| {
            for number in written..due {
                tracing::info!(number, duration_ms = 12.345, status = "confirmed", "order confirmed");
            }
        });
        written = due;
        tokio::time::sleep(TICK).await;
    }
    let took = begun.elapsed();
    let lost = telemetry.flush(Duration::from_secs(10)).await.lines_lost - before;
    let was_late = took > TIME + LATE;
    writeln!(io::stderr(), "{rate:>8} a second: {written:>8} written, {lost:>7} lost, late: {was_late}")?;
    Ok(lost == 0 && !was_late)
}
