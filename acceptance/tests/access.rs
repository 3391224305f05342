//! Doors that are closed: services that know each other, operators, and processes that do not start as an open door.

mod https;

use acceptance::{Answered, CARD, EARL_GREY, SERVICES, Settings, Stack};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{PATIENCE, Process, built, eventually};

const SECRET: &str = "a users' secret of the acceptance suite with 32 bytes or more";
const SERVICE_KEY: &str = "a services' secret of the acceptance suite with 32 bytes or more";

/// A token made by `waybill token`.
async fn token(args: &[&str]) -> String {
    let args: Vec<&str> = ["token"].into_iter().chain(args.iter().copied()).collect();
    let mut process = Process::start(&built("waybill"), &args, [("AUTH_SECRET", SECRET)]);
    let status = process.ended(PATIENCE).await;
    assert!(status.success(), "{:?}", process.stderr());
    process.stdout().join("\n")
}

async fn closed(more: &[(&'static str, &str)]) -> Stack {
    let keys = [("AUTH_SECRET", SECRET), ("SERVICE_KEY", SERVICE_KEY)];
    let env = keys.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect();
    Stack::start(Settings { env, ..Settings::default() }).await
}

fn ask(stack: &Stack, method: Method, url: &str, token: &str) -> RequestBuilder {
    let request = stack.client().request(method, url);
    if token.is_empty() { request } else { request.bearer_auth(token) }
}

#[tokio::test]
async fn an_order_goes_its_whole_way_behind_closed_doors() {
    let stack = closed(&[]).await;
    let customer = token(&["--customer", acceptance::CUSTOMER]).await;
    let operator = token(&["--operator", "ada"]).await;
    let refused = stack.place(EARL_GREY, CARD).await;
    refused.assert_problem(401, "unauthenticated");
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"waybill\"");

    let bearer = format!("Bearer {customer}");
    let placed = stack.place_with(EARL_GREY, CARD, &[("authorization", &bearer)]).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    // To the last span: the event has gone from the order service to inventory, and was taken.
    let trace = eventually("the event in the order's trace", async || {
        let trace = stack.spans(placed.trace_id(), 8).await;
        trace.iter().any(|span| span.name == "order-events process").then_some(trace)
    })
    .await;
    assert!(trace.iter().all(|span| span.error.is_none()), "{trace:#?}");
    let sold = stack.database("order");
    eventually("the outbox to be empty", async || (sold.count("outbox").await == 0).then_some(())).await;

    // Inside, a user's token opens nothing, and neither does an operator's.
    for (part, method, path) in [
        ("order", Method::GET, "/orders".to_owned()),
        ("order", Method::POST, format!("/orders/{}/cancel", placed.order_id())),
        ("payment", Method::POST, format!("/charges/{}/refund", placed.order_id())),
        ("inventory", Method::GET, "/products".to_owned()),
        ("inventory", Method::POST, "/events".to_owned()),
    ] {
        let url = format!("{}{path}", stack.url(part));
        for token in ["", &customer, &operator] {
            let refused = Answered::to(ask(&stack, method.clone(), &url, token)).await;
            refused.assert_problem(401, "unauthenticated");
        }
        let metrics =
            Answered::to(ask(&stack, Method::GET, &format!("{}/metrics", stack.admin(part)), "")).await;
        let metrics = metrics.body.as_str().unwrap().to_owned();
        assert!(
            !metrics.contains("access_denied_total{reason=\"no_token\"} 0\n"),
            "{part} counts whom it refuses"
        );
    }

    // Nothing has written down what lets people in.
    let printed = stack.printed();
    let kept = stack.get("observatory", &format!("/api/traces/{}", placed.trace_id())).await.body.to_string();
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    for secret in [SECRET, SERVICE_KEY, &signature(&customer), &signature(&operator), "Bearer ey"] {
        assert!(!printed.contains(secret) && !kept.contains(secret), "a secret is told");
    }
    for (_, command) in SERVICES {
        assert!(
            printed.contains("access: the API is closed: it takes tokens, /admin/* is closed"),
            "{command}"
        );
    }
}

#[tokio::test]
async fn an_operator_is_who_the_token_says() {
    let stack = closed(&[]).await;
    let act = async |token: &str| {
        let url = format!("{}/admin/customers/rotate-key", stack.admin("order"));
        Answered::to(ask(&stack, Method::POST, &url, token).header("x-operator", "mallory")).await
    };
    assert_eq!(act("").await.status, 401);
    let customer = token(&["--customer", acceptance::CUSTOMER]).await;
    assert_eq!(act(&customer).await.status, 403);
    let operator = token(&["--operator", "ada"]).await;
    assert_eq!(act(&operator).await.status, 200);
    let entries = stack.database("order").rows("SELECT line FROM audit_entries").await;
    let entries: Vec<Value> = entries.iter().map(|row| serde_json::from_str(&row[0]).unwrap()).collect();
    assert_eq!(entries.len(), 1, "what was refused is no act: {entries:?}");
    assert_eq!(entries[0]["actor"], json!("operator:ada"), "{entries:?}");
}

#[tokio::test]
async fn a_service_with_another_key_is_our_mistake() {
    let mut stack = closed(&[]).await;
    stack.kill("payment");
    stack.restart_with("payment", "SERVICE_KEY", "another services' secret with 32 bytes or more");
    stack.ready().await;
    let bearer = format!("Bearer {}", token(&["--customer", acceptance::CUSTOMER]).await);
    let refused = stack.place_with(EARL_GREY, CARD, &[("authorization", &bearer)]).await;
    refused.assert_problem(503, "unavailable");
    assert_eq!(refused.header("www-authenticate"), "", "the client's token was good");
}

/// Starts a part that should refuse; its exit code and its one line.
async fn refusal(command: &str, env: &[(&str, &str)]) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let database = format!("sqlite:{}/part.db", folder.path().display());
    let local =
        ["ADMIN_ADDR", "OTLP_GRPC_ADDR", "OTLP_HTTP_ADDR", "LOG_ADDR"].map(|name| (name, "127.0.0.1:0"));
    let more = [("DATABASE_URL", database.as_str()), ("LISTEN_ADDR", "0.0.0.0:0")];
    let env = local.iter().chain(&more).chain(env);
    let mut process = Process::start(&built("waybill"), &[command], env.copied());
    let status = process.ended(PATIENCE).await;
    let errors = process.stderr();
    assert_eq!((status.code(), errors.len()), (Some(2), 1), "{command}: {errors:?}");
    errors[0].clone()
}

#[tokio::test]
async fn nothing_starts_as_an_open_door_to_the_world() {
    for (command, key) in [
        ("gateway", "AUTH_JWKS"),
        ("order", "SERVICE_KEY"),
        ("payment", "SERVICE_KEY"),
        ("inventory", "SERVICE_KEY"),
        ("observatory", "OBSERVATORY_TOKEN"),
    ] {
        let line = refusal(command, &[]).await;
        assert!(line.contains("LISTEN_ADDR: `0.0.0.0:0` won't do; it takes a loopback address"), "{line}");
        assert!(line.contains(key) && line.contains("AUTH=off"), "{line}");
    }
    let line = refusal("gateway", &[("SERVICE_KEY", SERVICE_KEY)]).await;
    assert!(line.contains("LISTEN_ADDR") && !line.contains(SERVICE_KEY), "the key of another door: {line}");
}
