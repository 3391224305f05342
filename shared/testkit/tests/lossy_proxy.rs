//! Answers that are lost.

use serde_json::json;
use testkit::{Answer, LossyProxy, Peer};

const TRACEPARENTS: [&str; 2] = [
    "00-6cf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-7cf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
];

fn peer() -> Peer {
    Peer::start(|asked| Answer::Json(200, json!({"length": asked.body.to_string().len()})))
}

fn target(peer: &Peer) -> String {
    peer.url().strip_prefix("http://").unwrap().to_owned()
}

#[tokio::test]
async fn the_first_answer_of_each_call_of_each_trace_is_lost_after_the_call_was_made() {
    let peer = peer();
    let proxy = LossyProxy::start(&target(&peer), LossyProxy::first_of_each());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut asked = 0;
    for traceparent in TRACEPARENTS {
        for path in ["/charges", "/charges/1/refund"] {
            let url = format!("{}{path}", proxy.url());
            let long = "x".repeat(200_000);
            let ask = || client.post(&url).header("traceparent", traceparent).json(&long).send();
            ask().await.unwrap_err();
            asked += 1;
            assert_eq!((proxy.lost(), peer.received(path).len() % 3), (asked, 1));
            for _ in 0..2 {
                let answer: serde_json::Value = ask().await.unwrap().json().await.unwrap();
                assert_eq!(answer["length"], 200_002);
            }
        }
    }
    assert_eq!(proxy.lost(), 4);
}

#[tokio::test]
async fn every_third_answer_is_lost() {
    let peer = peer();
    let proxy = LossyProxy::start(&target(&peer), LossyProxy::every(3));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for count in 1..=9 {
        let answer = client.get(format!("{}/readyz", proxy.url())).send().await;
        assert_eq!(answer.is_err(), count % 3 == 0, "{count}");
    }
    assert_eq!((proxy.lost(), peer.received("/readyz").len()), (3, 9));
}
