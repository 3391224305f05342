//! How much the observatory takes, and what becomes of the rest:
//!
//! ```text
//! scripts/bench-intake                                  # the table in docs/OBSERVATORY.md
//! scripts/bench-intake --input tcp --rate 100000        # one row
//! ```
//!
//! Each row is a fresh observatory in a process of its own, with an empty store, that is sent events at a steady rate.
//! Afterwards its counters say what became of them; its CPU time and memory are the operating system's figures.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod report;
mod send;
mod serve;

use std::error::Error;
use std::time::{Duration, Instant};

use report::Row;
use send::Input;
use serve::Served;

/// Input and events a second.
const TABLE: [(Input, u64); 14] = [
    (Input::Tcp, 20_000),
    (Input::Tcp, 50_000),
    (Input::Tcp, 100_000),
    (Input::Tcp, 150_000),
    (Input::Udp, 10_000),
    (Input::Udp, 20_000),
    (Input::Udp, 50_000),
    (Input::Http, 20_000),
    (Input::Http, 50_000),
    (Input::Http, 100_000),
    (Input::OtlpHttp, 20_000),
    (Input::OtlpHttp, 50_000),
    (Input::OtlpGrpc, 20_000),
    (Input::OtlpGrpc, 50_000),
];

struct Options {
    rows: Vec<(Input, u64)>,
    seconds: u64,
    repeat: usize,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut input, mut rate, mut seconds, mut repeat) = (None, None, 10, 1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--input" => {
                    input = Some(Input::named(&value).ok_or("tcp, udp, http, otlp_http, otlp_grpc")?);
                }
                "--rate" => rate = Some(value.parse()?),
                "--seconds" => seconds = value.parse()?,
                "--repeat" => repeat = value.parse()?,
                _ => return Err(format!("{word}: takes --input, --rate, --seconds, --repeat").into()),
            }
        }
        let mut rows: Vec<_> =
            TABLE.into_iter().filter(|(of, _)| input.is_none_or(|wanted| wanted == *of)).collect();
        if let Some(rate) = rate {
            for (_, listed) in &mut rows {
                *listed = rate;
            }
            rows.dedup();
        }
        Ok(Self { rows, seconds, repeat })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1).peekable();
    if words.next_if_eq("serve").is_some() {
        return serve::run();
    }
    let options = Options::read(words)?;
    // One thread: what sends must not take the machine from what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", report::HEAD);
    for (input, rate) in options.rows {
        let mut rows = Vec::new();
        for _ in 0..options.repeat {
            rows.push(runtime.block_on(row(input, rate, Duration::from_secs(options.seconds)))?);
        }
        println!("{}", report::median(rows));
    }
    Ok(())
}

async fn row(input: Input, rate: u64, length: Duration) -> Result<Row, Box<dyn Error>> {
    let served = Served::start().await?;
    let before = served.cpu_seconds()?;
    let began = Instant::now();
    let sent = send::send(input, &served.ports, rate, length).await?;
    let took = began.elapsed();
    let (counts, settled) = served.settled(sent).await?;
    Ok(Row {
        input,
        rate,
        sent,
        sent_a_second: sent as f64 / took.as_secs_f64(),
        stored_a_second: counts.stored as f64 / settled.duration_since(began).max(took).as_secs_f64(),
        cpu_micros: (served.cpu_seconds()? - before) * 1e6 / counts.received.max(1) as f64,
        peak_bytes: served.peak_bytes()?,
        counts,
    })
}
