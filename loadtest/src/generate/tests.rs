use super::*;
use http_body_util::Full;
use hyper::{Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::sync::atomic::AtomicU64;
use tokio::net::TcpListener;

/// A gateway that takes every order after a pause, and takes none for a while once it has taken `stall_after`.
struct Gateway {
    url: String,
    traced: Arc<AtomicU64>,
}

async fn gateway(pause: Duration, stall_after: u64, stall: Duration) -> Gateway {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (served, traced) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let traced_too = traced.clone();
    // One worker that does one order after the other.
    let counter = Arc::new(tokio::sync::Mutex::new(()));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (served, counter, traced) = (served.clone(), counter.clone(), traced_too.clone());
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let (served, counter, traced) = (served.clone(), counter.clone(), traced.clone());
                async move {
                    traced.fetch_add(u64::from(request.headers().contains_key("traceparent")), Relaxed);
                    let _worker = counter.lock().await;
                    let is_stalled = served.fetch_add(1, Relaxed) == stall_after;
                    tokio::time::sleep(if is_stalled { stall } else { pause }).await;
                    let answer = Response::builder().status(201).body(Full::<Bytes>::default());
                    answer.map_err(std::io::Error::other)
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Gateway { url, traced }
}

fn load(rate: f64, duration: Duration) -> Load {
    Load {
        profile: Profile::steady(rate, duration),
        warm_up: Duration::ZERO,
        poisson: false,
        mix: Mix::GOOD,
        in_flight: 100,
        timeout: Duration::from_secs(10),
        traced: 0.0,
        stop_at_limit: false,
        seed: 1,
    }
}

#[tokio::test]
async fn a_stall_shows_in_the_orders_that_were_due_meanwhile() {
    let gateway = gateway(Duration::ZERO, 20, Duration::from_millis(300)).await;
    let client = Client::new(&gateway.url, false).unwrap();
    // With one in flight, a closed loop would see one slow order of 100.
    let load = Load { in_flight: 1, ..load(100.0, Duration::from_secs(1)) };
    let (tally, _) = open_loop(&client, &load, |_| {}).await;
    let summary = tally.summary();
    assert_eq!((summary.due, summary.answered, summary.errors), (100, 100, 0));
    assert!(summary.latency.p90 > 50.0, "{:?}", summary.latency);
    assert!(summary.latency.p99 > 200.0, "{:?}", summary.latency);
    assert!(summary.service.p90 < 50.0, "{:?}", summary.service);
    assert!(summary.held_back >= 20, "{}", summary.held_back);
    assert_eq!(summary.most_in_flight, 1);
}

#[tokio::test]
async fn what_cannot_be_sent_in_its_time_is_dropped_and_counted() {
    let gateway = gateway(Duration::from_millis(20), u64::MAX, Duration::ZERO).await;
    let client = Client::new(&gateway.url, false).unwrap();
    let load =
        Load { in_flight: 2, timeout: Duration::from_millis(200), ..load(200.0, Duration::from_secs(1)) };
    let summary = open_loop(&client, &load, |_| {}).await.0.summary();
    assert_eq!(summary.due, 200);
    assert_eq!(summary.answered + summary.unanswered + summary.dropped, 200);
    // At most 50 a second are done, for a second and what may wait at its end.
    assert!(summary.answered <= 70 && summary.dropped >= 100, "{summary:?}");
    assert_eq!(summary.errors, summary.unanswered + summary.dropped);
}

#[tokio::test]
async fn a_ramp_stops_at_the_limit() {
    let gateway = gateway(Duration::from_millis(10), u64::MAX, Duration::ZERO).await;
    let client = Client::new(&gateway.url, false).unwrap();
    let profile = Profile::ramp(10.0, 2000.0, Duration::from_secs(20));
    let load = Load { profile, in_flight: 8, stop_at_limit: true, ..load(1.0, Duration::ZERO) };
    let start = Instant::now();
    let summary = open_loop(&client, &load, |_| {}).await.0.summary();
    assert!(summary.stopped_at_limit && start.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn traced_orders_say_so() {
    let gateway = gateway(Duration::ZERO, u64::MAX, Duration::ZERO).await;
    let client = Client::new(&gateway.url, false).unwrap();
    let load = Load { traced: 0.5, ..load(200.0, Duration::from_secs(1)) };
    let (_, traced) = open_loop(&client, &load, |_| {}).await;
    assert!((60..140).contains(&traced.len()), "{}", traced.len());
    assert_eq!(gateway.traced.load(Relaxed), traced.len() as u64);
}

#[tokio::test]
async fn a_closed_loop_places_as_many_as_it_is_told() {
    let gateway = gateway(Duration::ZERO, u64::MAX, Duration::ZERO).await;
    let client = Client::new(&gateway.url, false).unwrap();
    let closed = closed_loop(&client, 8, Until::Orders(101), 1).await;
    assert_eq!((closed.orders, closed.errors), (101, 0));
    let closed = closed_loop(&client, 2, Until::Time(Duration::from_millis(50)), 1).await;
    assert!(closed.orders > 2 && closed.time < Duration::from_secs(5));
}
