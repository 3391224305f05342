//! Connections shared out.

use serde_json::json;
use testkit::{Answer, Balancer, Peer};

#[tokio::test]
async fn connections_go_round_and_past_an_instance_that_is_away() {
    let peers = [(); 2].map(|()| Peer::start(|_| Answer::Json(200, json!({}))));
    let away = format!("127.0.0.1:{}", testkit::free_port());
    let address = |peer: &Peer| peer.url().strip_prefix("http://").unwrap().to_owned();
    let balancer = Balancer::start(vec![address(&peers[0]), away, address(&peers[1])]);
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    for _ in 0..6 {
        let answer = client.get(format!("{}/readyz", balancer.url())).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(peers.map(|peer| peer.received("/readyz").len()), [2, 4]);
}
