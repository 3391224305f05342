//! What limits cost: microseconds of a request over a kept connection, and of processor time, client included. The
//! request asks for nothing that is there, so that it is the edge that is measured.
//!
//! `cargo bench -p gateway --bench limits`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use gateway::config::Config;
use service_kit::process::ServiceConfig;
use service_kit::server::Listeners;
use service_kit::shutdown::{Shutdown, Trigger};
use telemetry::{Env, Telemetry};

const ROUNDS: usize = 20;
const REQUESTS: u32 = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let start = |settings: &[(&str, &str)]| runtime.block_on(start(settings));
    let (off, _off) = start(&[]);
    let (on, _on) = start(&[("RATE_LIMIT", "1000000/s"), ("RATE_LIMIT_BURST", "1000000")]);
    let (refuses, _refuses) = start(&[("RATE_LIMIT", "1/m"), ("RATE_LIMIT_BURST", "1")]);
    let cases =
        [("no limit: 404", off, "404"), ("limits: 404", on, "404"), ("turned away: 429", refuses, "429")];
    let mut best = [(f64::MAX, f64::MAX); 3];
    // In turns, so that they meet the same neighbours; the best round is the one with the fewest.
    for _ in 0..ROUNDS {
        for (best, (_, address, status)) in best.iter_mut().zip(&cases) {
            let (time, processor) = round(*address, status);
            *best = (best.0.min(time), best.1.min(processor));
        }
    }
    for ((name, ..), (time, processor)) in cases.iter().zip(best) {
        println!("{name:<20} {time:>6.1} us, {processor:>6.1} us of processor time");
    }
}

async fn start(settings: &[(&str, &str)]) -> (SocketAddr, Trigger) {
    let free = [("LISTEN_ADDR", "127.0.0.1:0"), ("ADMIN_ADDR", "127.0.0.1:0")];
    let config = Config::from_env(&Env::from_pairs(free.iter().chain(settings).copied())).unwrap();
    let listeners = Listeners::bind(config.server()).await.unwrap();
    let address = listeners.api.local_addr().unwrap();
    let (trigger, shutdown) = Shutdown::by_hand();
    tokio::spawn(gateway::run(config, listeners, Telemetry::for_test(gateway::SERVICE), shutdown));
    (address, trigger)
}

/// Microseconds of a request, and of processor time.
fn round(address: SocketAddr, status: &str) -> (f64, f64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut ask = || {
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(answer.get(..length).unwrap()).into_owned()
    };
    // What is left of the burst.
    for _ in 0..4 {
        ask();
    }
    let (begun, processor) = (Instant::now(), processor_time());
    for _ in 0..REQUESTS {
        let answer = ask();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let (time, processor) = (begun.elapsed(), processor_time() - processor);
    (time.as_secs_f64() * 1e6 / f64::from(REQUESTS), processor / 1e3 / f64::from(REQUESTS))
}

/// Of all threads of this process, in nanoseconds.
fn processor_time() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<f64>().unwrap()
    };
    threads.map(of_thread).sum()
}
