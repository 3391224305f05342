//! Limits of real processes: who is turned away, and what telemetry has of it.

use acceptance::{Answered, CARD, EARL_GREY, SERVICES, Settings, Stack, new_order};
use testkit::eventually;

#[tokio::test]
async fn a_flood_is_turned_away_counted_and_leaves_no_trace() {
    let env = [("RATE_LIMIT", "1/m"), ("RATE_LIMIT_BURST", "25")];
    let env = env.map(|(name, value)| (name, value.to_owned())).to_vec();
    let stack = Stack::start(Settings { env, ..Settings::default() }).await;
    let (mut served, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let answer = stack.get("gateway", "/api/products").await;
        if answer.status == 200 { served.push(answer) } else { refused.push(answer) }
    }
    // An address may do four times what a customer may.
    assert_eq!((served.len(), refused.len()), (100, 100));
    for answer in &refused {
        answer.assert_problem(429, "too-many-requests");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 15);
        assert!(answer.header("server-timing").ends_with("-00\""), "it says that nothing was recorded");
    }
    let samples = stack.metrics("gateway").await;
    assert_eq!(samples.value("http_server_refused_total{reason=\"rate_address\"}").round() as u64, 100);
    let lines = || stack.printed().lines().filter(|line| line.contains("\"turned away\"")).count();
    let said = eventually("a line", async || Some(lines()).filter(|count| *count > 0)).await;
    assert!(said < 20, "{said} lines: a flood of requests is one of lines");
    // What was served last has a trace; what was refused before the last refusal has none.
    stack.spans(served[99].trace_id(), 3).await;
    let url = format!("{}/api/traces/{}", stack.url("observatory"), refused[0].trace_id());
    assert_eq!(stack.client().get(url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_full_house_answers_at_once_and_a_head_has_its_bound_everywhere() {
    let env = vec![("MAX_IN_FLIGHT", "1".to_owned())];
    let stack = Stack::start(Settings { env, ..Settings::default() }).await;
    let order = new_order(EARL_GREY, CARD);
    let place =
        || Answered::to(stack.client().post(format!("{}/api/orders", stack.url("gateway"))).json(&order));
    let answers = futures_util::future::join_all((0..20).map(|_| place())).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!refused.is_empty(), "twenty at once, and room for one");
    for answer in refused {
        answer.assert_problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }
    for (_, part) in SERVICES {
        let long = "x".repeat(20 * 1024);
        let request = stack.client().get(format!("{}/", stack.url(part))).header("x-long", long);
        assert_eq!(request.send().await.unwrap().status(), 431, "{part}");
        let samples = stack.metrics(part).await;
        assert_eq!(samples.value("http_server_refused_total{reason=\"head_too_large\"}").round() as u64, 1);
    }
}
