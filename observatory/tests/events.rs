//! Session events: both forms over all sockets, joined to their sessions, found again, and nobody's id in the store.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

use crate::support::{Observatory, config};

fn event(session: &str, key: &str, value: &Value, second: u32) -> Value {
    json!({"session_id": session, "key": key, "value": value, "timestamp": format!("2026-11-22T10:11:{second:02}Z"),
        "component": "web"})
}

fn messages(page: &Value) -> Vec<&str> {
    page["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["key"].as_str().or(line["message"].as_str()).unwrap())
        .collect()
}

#[tokio::test]
async fn events_and_lines_come_over_the_same_sockets() {
    let observatory = Observatory::start().await;
    let line = json!({"timestamp": "2026-11-22T10:11:04Z", "message": "order confirmed", "service": "order-service",
        "session_id": "s-1"});
    let mut tcp = TcpStream::connect(observatory.log_tcp).await.unwrap();
    let first = event("s-1", "page.view", &json!("/cart"), 3);
    tcp.write_all(format!("{line}\n{first}\n").as_bytes()).await.unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let second = json!({"session_id": "s-1", "key": "cart.items", "value": 2, "timestamp": 1_795_342_272_000_u64,
        "component": "app"});
    udp.send_to(second.to_string().as_bytes(), observatory.log_udp).await.unwrap();
    observatory
        .send_lines(&[event("s-1", "checkout", &json!(true), 1), event("s-2", "checkout", &json!(true), 1)])
        .await;
    observatory.metric_reaches("observatory_stored_total", &[], 5).await;

    let page = observatory.json("/api/logs?session_id=s-1").await;
    assert_eq!(messages(&page), ["checkout", "page.view", "order confirmed", "cart.items"]);
    assert_eq!(
        page["logs"][3],
        json!({"session_id": "s-1", "key": "cart.items", "value": 2, "timestamp": "2026-11-22T10:11:12.000000Z",
            "component": "app", "service": "app", "severity": "INFO", "message": "cart.items=2"})
    );
    for (query, expected) in [
        ("service=web", &["page.view", "checkout", "checkout"][..]),
        ("q=cart.items", &["cart.items"]),
        ("q=%2Fcart", &["cart.items", "page.view"]),
        ("session_id=s-2&q=true", &["checkout"]),
        (
            "session_id=s-1&from=2026-11-22T10:11:02Z&to=2026-11-22T10:11:04Z",
            &["page.view", "order confirmed"],
        ),
    ] {
        assert_eq!(messages(&observatory.json(&format!("/api/logs?{query}")).await), expected, "{query}");
    }
    observatory.stop().await;
}

#[tokio::test]
async fn an_event_of_a_user_or_terminal_is_joined_before_and_after_its_session_is_named() {
    let observatory = Observatory::start().await;
    let of = |who: &str, id: &str, key: &str, second: u32| {
        let mut event = event("", key, &json!(1), second);
        event.as_object_mut().unwrap().remove("session_id");
        event[who] = id.into();
        event
    };
    let mut login = event("s-1", "login", &json!(1), 2);
    login["user_id"] = "c-1042".into();
    login["terminal_id"] = "till-7".into();
    observatory
        .send_lines(&[
            of("user_id", "c-1042", "early", 1),
            login,
            of("terminal_id", "till-7", "scan", 3),
            of("user_id", "stranger", "alone", 4),
        ])
        .await;
    observatory.metric_reaches("observatory_stored_total", &[], 4).await;
    let page = observatory.json("/api/logs?session_id=s-1").await;
    assert_eq!(messages(&page), ["early", "login", "scan"]);
    assert_eq!(page["logs"][0]["session_id"], "s-1");
    for (outcome, count) in [("joined", 1), ("joined_late", 1), ("not_joined", 1)] {
        let labels = [("outcome", outcome)];
        assert_eq!(observatory.metric("observatory_session_joins_total", &labels).await, count, "{outcome}");
    }
    assert_eq!(messages(&observatory.json("/api/logs?user_id=c-1042").await), ["login", "early"]);
    assert_eq!(messages(&observatory.json("/api/logs?user_id=stranger").await), ["alone"]);
    assert_eq!(messages(&observatory.json("/api/logs?terminal_id=till-7").await), ["scan", "login"]);
    observatory.stop().await;
}

#[tokio::test]
async fn no_users_id_is_stored_or_answered() {
    let directory = tempfile::tempdir().unwrap();
    let observatory = Observatory::start_with(config(directory.path())).await;
    let mut event = event("s-1", "login", &json!(1), 2);
    event["user_id"] = "customer-1042".into();
    observatory.send_lines(&[event, json!({"message": "a line, too", "user_id": "customer-1042"})]).await;
    observatory.metric_reaches("observatory_stored_total", &[], 2).await;
    let page = observatory.json("/api/logs?user_id=customer-1042").await;
    assert_eq!(page["logs"].as_array().unwrap().len(), 2);
    assert_eq!(page["logs"][0]["user_ref"].as_str().unwrap().len(), 32);
    assert!(!page.to_string().contains("customer-1042"));
    observatory.stop().await;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        assert!(!content.windows(13).any(|window| window == b"customer-1042"), "{}", path.display());
    }
    // The same user is found after a restart, too.
    let observatory = Observatory::start_with(config(directory.path())).await;
    let page = observatory.json("/api/logs?user_id=customer-1042").await;
    assert_eq!(page["logs"].as_array().unwrap().len(), 2);
    observatory.stop().await;
}

#[tokio::test]
async fn a_session_is_read_page_by_page_over_services() {
    let observatory = Observatory::start().await;
    let all: Vec<Value> = (0..1200)
        .map(|number: u32| {
            let mut event = event(
                if number.is_multiple_of(2) { "s-1" } else { "s-2" },
                &format!("k{number}"),
                &json!(number),
                0,
            );
            event["timestamp"] = (1_795_342_272_000_u64 + u64::from(number * 7919 % 1200)).into();
            event["component"] = ["web", "app", "till"][number as usize % 3].into();
            event
        })
        .collect();
    for part in all.chunks(100) {
        observatory.send_lines(part).await;
    }
    observatory.metric_reaches("observatory_stored_total", &[], 1200).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = observatory.json(&format!("/api/logs?session_id=s-1&limit=70&cursor={cursor}")).await;
        let lines = page["logs"].as_array().unwrap();
        seen.extend(lines.iter().map(|line| line["timestamp"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 600);
    assert!(seen.is_sorted());
    observatory.stop().await;
}

#[tokio::test]
async fn a_forgotten_user_is_not_found_and_everybody_else_is() {
    let observatory = Observatory::start().await;
    let of = |user: &str, key: &str, second: u32| {
        let mut event = event("s-1", key, &json!("tea"), second);
        event["user_id"] = user.into();
        event
    };
    observatory.send_lines(&[of("c-1", "one", 1), of("c-2", "two", 2), of("c-1", "three", 3)]).await;
    observatory.metric_reaches("observatory_stored_total", &[], 3).await;
    let forget = |body: &Value| {
        let url = format!("http://{}/admin/users/forget", observatory.admin);
        observatory.client.post(url).header("content-type", "application/json").body(body.to_string()).send()
    };
    for records in [2, 0] {
        let answer = forget(&json!({"user_id": "c-1"})).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap()),
            (200, json!({"records": records}))
        );
    }
    assert_eq!(forget(&json!({"user": "c-1"})).await.unwrap().status(), 400);
    assert_eq!(messages(&observatory.json("/api/logs?user_id=c-1").await), Vec::<&str>::new());
    assert_eq!(messages(&observatory.json("/api/logs?user_id=c-2").await), ["two"]);
    let page = observatory.json("/api/logs?session_id=s-1&q=tea").await;
    assert_eq!(messages(&page), ["one", "two", "three"]);
    let has_user: Vec<bool> = (0..3).map(|line| page["logs"][line]["user_ref"].is_string()).collect();
    assert_eq!(has_user, [false, true, false]);
    // Writing goes on, in the same index.
    observatory.send_lines(&[of("c-1", "four", 4)]).await;
    observatory.metric_reaches("observatory_stored_total", &[], 4).await;
    assert_eq!(messages(&observatory.json("/api/logs?user_id=c-1").await), ["four"]);
    observatory.stop().await;
}
