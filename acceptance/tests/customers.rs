//! With the doors closed: customers and their own orders, operators, and the tokens that `waybill token` makes.

use acceptance::{Answered, CARD, Databases, EARL_GREY, SERVICES, Settings, Stack, new_order};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, path::Path};
use telemetry::redact::RefRing;
use tempfile::TempDir;
use testkit::{PATIENCE, Postgres, Process, built, eventually};

const SECRET: &str = "a secret of the acceptance suite, of 32 bytes or more";
const SERVICE_KEY: &str = "a service key of the acceptance suite of 32 bytes or more";
const UNKNOWN: &str = "0193f5c2-ffff-7000-8000-ffffffffffff";

/// Runs a command of `waybill` to its end: whether it went well, and what it printed on both sides.
async fn waybill(args: &[&str], env: &[(&str, &str)]) -> (bool, String, String) {
    let mut process = Process::start(&built("waybill"), args, env.iter().copied());
    let status = process.ended(PATIENCE).await;
    (status.success(), process.stdout().join("\n"), process.stderr().join("\n"))
}

/// Makes tokens that a stack takes.
struct Issuer {
    /// What is set for the services.
    env: Vec<(&'static str, String)>,
    signing: Vec<String>,
}

impl Issuer {
    fn with_a_secret() -> Self {
        Self { env: vec![("AUTH_SECRET", SECRET.to_owned())], signing: Vec::new() }
    }

    async fn with_keys(folder: &Path) -> Self {
        let out = folder.display().to_string();
        let (ok, _, errors) = waybill(&["token", "keys", "--out", &out], &[]).await;
        assert!(ok, "{errors}");
        Self {
            env: vec![("AUTH_JWKS", format!("{out}/jwks.json"))],
            signing: vec!["--key".to_owned(), format!("{out}/signing-key.pem")],
        }
    }

    async fn token(&self, args: &[&str]) -> String {
        let signing = self.signing.iter().map(String::as_str);
        let args: Vec<&str> = ["token"].into_iter().chain(args.iter().copied()).chain(signing).collect();
        let (ok, printed, errors) = waybill(&args, &[("AUTH_SECRET", SECRET)]).await;
        assert!(ok && printed.split('.').count() == 3, "{printed}{errors}");
        printed
    }

    async fn stack(&self, databases: Databases) -> Stack {
        let mut env = self.env.clone();
        env.push(("SERVICE_KEY", SERVICE_KEY.to_owned()));
        Stack::start(Settings { databases, env, ..Settings::default() }).await
    }
}

async fn ask(stack: &Stack, token: &str, method: Method, path: &str, body: Option<&Value>) -> Answered {
    let request = stack.client().request(method, format!("{}{path}", stack.url("gateway")));
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    Answered::to(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

fn order() -> Value {
    let mut order = new_order(EARL_GREY, CARD);
    order.as_object_mut().unwrap().remove("customer_id");
    order
}

/// What is answered, less what differs between any two requests.
fn said(answer: &Answered) -> (u16, Value) {
    let mut body = answer.body.clone();
    for member in ["trace_id", "instance"] {
        body.as_object_mut().unwrap().remove(member);
    }
    (answer.status, body)
}

async fn each_has_their_own(issuer: &Issuer, databases: Databases) -> (Stack, Vec<String>) {
    let stack = issuer.stack(databases).await;
    let ada = issuer.token(&["--customer", "ada-1042"]).await;
    let bob = issuer.token(&["--customer", "bob-1043", "--expires", "5m"]).await;
    let reader = issuer.token(&["--customer", "ada-1042", "--scope", "orders:read"]).await;
    let operator = issuer.token(&["--operator", "olga"]).await;

    let placed = ask(&stack, &ada, Method::POST, "/api/orders", Some(&order())).await;
    assert_eq!((placed.status, &placed.body["customer_id"]), (201, &"ada-1042".into()), "{}", placed.body);
    let path = format!("/api/orders/{}", placed.order_id());
    let missing = format!("/api/orders/{UNKNOWN}");
    for (method, end) in [(Method::GET, ""), (Method::POST, "/cancel")] {
        let anothers = ask(&stack, &bob, method.clone(), &format!("{path}{end}"), None).await;
        anothers.assert_problem(404, "not-found");
        let not_there = ask(&stack, &bob, method.clone(), &format!("{missing}{end}"), None).await;
        assert_eq!(said(&anothers), said(&not_there));
        ask(&stack, "", method, &format!("{path}{end}"), None).await.assert_problem(401, "unauthenticated");
    }
    ask(&stack, &reader, Method::POST, &format!("{path}/cancel"), None)
        .await
        .assert_problem(403, "forbidden");
    for token in [&ada, &reader, &operator] {
        assert_eq!(ask(&stack, token, Method::GET, &path, None).await.body, placed.body, "untouched");
    }

    let listed = async |token: &str, query: &str| {
        let answer = ask(&stack, token, Method::GET, &format!("/api/orders{query}"), None).await;
        answer.body["orders"].as_array().map(Vec::len).ok_or(answer.status)
    };
    assert_eq!((listed(&ada, "").await, listed(&bob, "").await), (Ok(1), Ok(0)));
    assert_eq!(listed(&bob, "?customer_id=ada-1042").await, Err(403));
    assert_eq!(
        (listed(&operator, "").await, listed(&operator, "?customer_id=bob-1043").await),
        (Ok(1), Ok(0))
    );

    let batch = json!({"orders": [order(), new_order(EARL_GREY, CARD)]});
    let batch = ask(&stack, &bob, Method::POST, "/api/orders/batch", Some(&batch)).await;
    assert_eq!(
        (&batch.body["results"][0]["status"], &batch.body["results"][1]["status"]),
        (&201.into(), &403.into())
    );
    assert_eq!(batch.body["results"][0]["order"]["customer_id"], "bob-1043");
    let for_bob =
        json!({"customer_id": "bob-1043", "items": order()["items"], "payment": order()["payment"]});
    assert_eq!(ask(&stack, &operator, Method::POST, "/api/orders", Some(&for_bob)).await.status, 201);
    assert_eq!(listed(&bob, "").await, Ok(2));

    let with_key = async |token: &str| {
        let request = stack.client().post(format!("{}/api/orders", stack.url("gateway"))).bearer_auth(token);
        Answered::to(request.header("idempotency-key", "breakfast").json(&order())).await
    };
    let (of_ada, of_bob, again) = (with_key(&ada).await, with_key(&bob).await, with_key(&ada).await);
    assert_eq!((of_ada.status, of_bob.status), (201, 201), "{} {}", of_ada.body, of_bob.body);
    assert_eq!(again.body, of_ada.body);
    assert_ne!(of_bob.order_id(), of_ada.order_id());

    let cancelled = ask(&stack, &operator, Method::POST, &format!("{path}/cancel"), None).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["status"]),
        (200, &"cancelled".into()),
        "{}",
        cancelled.body
    );
    assert_eq!(ask(&stack, &ada, Method::GET, &path, None).await.body, cancelled.body);
    assert_eq!(ask(&stack, &bob, Method::GET, "/api/products", None).await.status, 200);
    (stack, vec![ada, bob, reader, operator])
}

#[tokio::test]
async fn with_a_secret_on_sqlite() {
    let issuer = Issuer::with_a_secret();
    let (stack, tokens) = each_has_their_own(&issuer, Databases::Sqlite).await;
    // A token that was good once, and is not any more: its signature is somebody else's.
    let forged =
        tokens[0].rsplit_once('.').unwrap().0.to_owned() + "." + tokens[1].rsplit_once('.').unwrap().1;
    let refused = ask(&stack, &forged, Method::GET, "/api/orders", None).await;
    refused.assert_problem(401, "unauthenticated");
    stack.spans(refused.trace_id(), 1).await;
    let mut everything = stack.printed() + &refused.body.to_string();
    for (_, command) in SERVICES {
        everything += stack.metrics(command).await.text();
    }
    everything += &stack.get("observatory", "/api/logs?limit=1000").await.body.to_string();
    everything += &stack.get("observatory", "/api/traces?limit=100&lookback=1h").await.body.to_string();
    for entry in fs::read_dir(stack.folder().join("observatory")).unwrap() {
        everything += &String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap_or_default());
    }
    assert!(everything.contains("order confirmed") && everything.contains("gateway.createOrder"));
    let parts = tokens.iter().flat_map(|token| token.split('.').skip(1));
    for secret in parts.chain([SECRET, SERVICE_KEY, "ada-1042", "bob-1043"]) {
        assert!(!everything.contains(secret), "{secret} was told");
    }
}

#[tokio::test]
async fn with_keys_on_postgres() {
    let Some(postgres) = Postgres::shared().await else { return };
    let folder = TempDir::new().unwrap();
    let issuer = Issuer::with_keys(folder.path()).await;
    each_has_their_own(&issuer, Databases::Postgres(postgres)).await;
}

#[tokio::test]
async fn terminal_commands_bring_a_token() {
    let issuer = Issuer::with_a_secret();
    let stack = issuer.stack(Databases::Sqlite).await;
    let (gateway, admin) = (stack.url("gateway"), stack.admin("order"));
    let (customer, operator) =
        (issuer.token(&["--customer", "c-1042"]).await, issuer.token(&["--operator", "olga"]).await);
    let place = async |args: &[&str], token: &str| {
        let env = [("GATEWAY_URL", gateway.as_str()), ("WAYBILL_TOKEN", token)];
        waybill(&[&["order", "place"], args].concat(), &env).await
    };
    for (args, token) in [(&[][..], customer.as_str()), (&["--token", &customer], ""), (&[], &operator)] {
        let (ok, printed, errors) = place(args, token).await;
        assert!(ok && printed.starts_with("confirmed"), "{args:?} {printed}{errors}");
    }
    for (args, token) in [(&[][..], ""), (&["--customer", "c-1"], customer.as_str()), (&[], "no.token.atall")]
    {
        let (ok, printed, errors) = place(args, token).await;
        assert!(!ok && printed.is_empty() && errors.lines().count() == 1, "{args:?} {printed}{errors}");
        assert!(errors.contains("WAYBILL_TOKEN") && !errors.contains("atall"), "{errors}");
    }

    let ring = stack.folder().join("ring.key");
    fs::write(&ring, RefRing::generate().render()).unwrap();
    let ring = ring.display().to_string();
    // Nobody listens on port 1: there is no observatory to ask.
    let forget =
        ["customer", "forget", "c-1042", "--yes", "--admin", &admin, "--observatory", "http://127.0.0.1:1"];
    let forget = [&forget[..], &["--key-file", &ring]].concat();
    for (token, is_allowed) in [("", false), (customer.as_str(), false), (operator.as_str(), true)] {
        let forgotten = async || {
            let (ok, printed, errors) = waybill(&forget, &[("WAYBILL_TOKEN", token)]).await;
            assert!(ok == is_allowed || errors.contains("under way"), "{printed}{errors}");
            (ok == is_allowed).then_some(())
        };
        eventually("the orders to be at rest", forgotten).await;
    }
}
