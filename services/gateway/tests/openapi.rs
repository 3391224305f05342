//! The API's description: the same as the committed one, and true of what is answered.

use api::problem::{Problem, ProblemKind, TYPE_BASE};
use axum::http::StatusCode;
use axum::{Json, Router};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::access::{SECRET, token};
use crate::app::{App, ID, confirmed, new_order};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// What a gateway says of itself.
struct Contract(Value);

impl Contract {
    async fn of(app: &App) -> Self {
        let mut document: Value = app.get("/api/openapi.json").await.json().await.unwrap();
        // Clients must bear with fields that are new. Here they would be fields that nobody described.
        for schema in document["components"]["schemas"].as_object_mut().unwrap().values_mut() {
            if schema["type"] == "object" {
                schema["additionalProperties"] = json!(false);
            }
        }
        Self(document)
    }

    /// Fails unless an operation's answer is one of those described: status, type, headers and body.
    async fn holds(&self, method: &Method, route: &str, answer: Response) {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let what = format!("{method} {route} {status}");
        let place =
            format!("/paths/{}/{}/responses/{status}", escaped(route), method.as_str().to_lowercase());
        let mut place =
            if self.0.pointer(&place).is_some() { place } else { panic!("{what} is not described") };
        if let Some(target) = self.0.pointer(&format!("{place}/$ref")) {
            target.as_str().unwrap()[1..].clone_into(&mut place);
        }
        for (name, header) in
            self.0.pointer(&format!("{place}/headers")).into_iter().flat_map(|of| of.as_object().unwrap())
        {
            let header =
                header["$ref"].as_str().map_or(header, |target| self.0.pointer(&target[1..]).unwrap());
            let value = headers.get(name).map(|value| value.to_str().unwrap());
            // Limits are named where there are any.
            assert!(value.is_some() || name.starts_with("ratelimit"), "{what} has no {name}");
            let validator = jsonschema::validator_for(&header["schema"]).unwrap();
            assert!(value.is_none_or(|value| validator.is_valid(&json!(value))), "{what} {name}: {value:?}");
        }
        let content_type = headers["content-type"].to_str().unwrap().to_owned();
        let schema = format!("{place}/content/{}/schema", escaped(&content_type));
        assert!(self.0.pointer(&schema).is_some(), "{what} is not described as {content_type}");
        let mut root = self.0.clone();
        // Braces are no part of a URI.
        let schema = schema.replace('{', "%7B").replace('}', "%7D");
        root["$ref"] = json!(format!("#{schema}"));
        let body: Value = answer.json().await.unwrap();
        let validator = jsonschema::validator_for(&root).unwrap();
        let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{what}: {errors:?} in {body:#}");
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Services behind the gateway that answer everything alike.
fn always(status: u16, body: Value) -> Router {
    Router::new().fallback(move || async move {
        (StatusCode::from_u16(status).unwrap(), [("retry-after", "1")], Json(body))
    })
}

/// One of each operation that somebody behind answers: method, route, path, body of the request.
fn operations() -> Vec<(Method, &'static str, String, Option<Value>)> {
    vec![
        (Method::POST, "/api/orders", "/api/orders".into(), Some(new_order())),
        (Method::GET, "/api/orders/{id}", format!("/api/orders/{ID}"), None),
        (Method::POST, "/api/orders/{id}/cancel", format!("/api/orders/{ID}/cancel"), None),
        (Method::GET, "/api/orders", "/api/orders?limit=1".into(), None),
        (Method::GET, "/api/products", "/api/products".into(), None),
        (Method::GET, "/api/products/{sku}", "/api/products/TEA".into(), None),
    ]
}

fn request(app: &App, method: &Method, path: &str, body: Option<&Value>) -> RequestBuilder {
    let request = app.client.request(method.clone(), format!("{}{path}", app.api));
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

#[tokio::test]
async fn the_committed_document_is_this_one() {
    let app = App::start(Router::new()).await;
    let served = app.get("/api/openapi.json").await.text().await.unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(COMMITTED, &served).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let same = serde_json::from_str::<Value>(&committed).ok() == serde_json::from_str(&served).ok();
    assert!(same, "docs/openapi.json is another: UPDATE=1 cargo test -p gateway openapi");
}

#[tokio::test]
async fn what_goes_well_is_as_described() {
    let product = json!({"sku": "TEA", "name": "Tea", "unit_price": {"amount_minor": 1, "currency": "EUR"}, "available": 0});
    let bodies = [
        confirmed(),
        confirmed(),
        confirmed(),
        json!({"orders": [confirmed()], "next_cursor": ID}),
        json!({"products": [product]}),
        product.clone(),
    ];
    for ((method, route, path, body), answer) in operations().into_iter().zip(bodies) {
        for status in [200, 201, 202] {
            let described = match (route, &method) {
                ("/api/orders", &Method::POST) => status != 200,
                _ => status == 200,
            };
            if described {
                let app = App::start(always(status, answer.clone())).await;
                let answer = request(&app, &method, &path, body.as_ref()).send().await.unwrap();
                Contract::of(&app).await.holds(&method, route, answer).await;
            }
        }
    }
    let pending = json!({"id": ID, "status": "pending", "customer_id": "c", "items": [{"sku": "A", "quantity": 1}],
        "created_at": "2026-11-22T10:11:12.131415Z"});
    let app = App::start(always(201, pending)).await;
    let contract = Contract::of(&app).await;
    contract.holds(&Method::POST, "/api/orders", app.post("/api/orders", &new_order()).await).await;
    let batch = json!({"orders": [new_order(), 7, {"items": []}]});
    contract.holds(&Method::POST, "/api/orders/batch", app.post("/api/orders/batch", &batch).await).await;
}

#[tokio::test]
async fn what_is_refused_here_is_as_described() {
    let app = App::start(Router::new()).await;
    let contract = Contract::of(&app).await;
    for route in ["/api/orders", "/api/orders/batch"] {
        let send = async |content_type: &str, body: String| {
            let request = app.client.post(format!("{}{route}", app.api)).header("content-type", content_type);
            request.body(body).send().await.unwrap()
        };
        for (status, content_type, body) in [
            (400, "application/json", "{".to_owned()),
            (413, "application/json", " ".repeat(256 * 1024 + 1)),
            (415, "text/plain", new_order().to_string()),
            (422, "application/json", "{}".to_owned()),
        ] {
            let answer = send(content_type, body).await;
            assert_eq!(answer.status(), status);
            contract.holds(&Method::POST, route, answer).await;
        }
    }
    for (method, route, path) in [
        (Method::GET, "/api/orders", "/api/orders?limit=0"),
        (Method::GET, "/api/orders/{id}", "/api/orders/1"),
        (Method::GET, "/api/orders/{id}", "/api/orders/%ff"),
        (Method::POST, "/api/orders/{id}/cancel", "/api/orders/1/cancel"),
        (Method::GET, "/api/products/{sku}", "/api/products/tea"),
    ] {
        let answer = request(&app, &method, path, None).send().await.unwrap();
        assert!(answer.status().is_client_error());
        contract.holds(&method, route, answer).await;
    }
}

#[tokio::test]
async fn what_is_refused_at_the_door_is_as_described() {
    let settings = [("AUTH_SECRET", SECRET), ("RATE_LIMIT", "1/m"), ("RATE_LIMIT_BURST", "1")];
    for (method, route, path, body) in operations() {
        // An address may ask four times.
        let app = App::start_with(always(200, confirmed()), &settings).await;
        let contract = Contract::of(&app).await;
        let ask = async |subject: &str, scope: &str| {
            let request = request(&app, &method, &path, body.as_ref());
            request.bearer_auth(token(subject, scope)).send().await.unwrap()
        };
        let nobody = request(&app, &method, &path, body.as_ref()).send().await.unwrap();
        let wrong = ask("c-1042", "nothing").await;
        let statuses = [nobody.status().as_u16(), wrong.status().as_u16()];
        assert_eq!(statuses[0], 401);
        contract.holds(&method, route, nobody).await;
        if !route.starts_with("/api/products") {
            assert_eq!(statuses[1], 403);
            contract.holds(&method, route, wrong).await;
        }
        let _ = ask("c-1042", "operator").await;
        let many = ask("c-1042", "operator").await;
        assert_eq!(many.status(), 429);
        contract.holds(&method, route, many).await;
    }
    let app = App::start(Router::new()).await;
    let contract = Contract::of(&app).await;
    let long = request(&app, &Method::GET, &format!("/api/orders?cursor={}", "x".repeat(9000)), None);
    let large = request(&app, &Method::GET, "/api/orders", None).header("x-large", "x".repeat(17_000));
    for (request, status) in [(long, 414), (large, 431)] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        contract.holds(&Method::GET, "/api/orders", answer).await;
    }
}

#[tokio::test]
async fn problems_from_behind_are_as_described() {
    let mut passed_on = 0;
    for kind in ProblemKind::ALL {
        let problem = Problem { code: Some("x".into()), ..Problem::new(kind) };
        let app = App::start(always(kind.status(), json!(problem))).await;
        let contract = Contract::of(&app).await;
        let described = contract.0.to_string();
        for (method, route, path, body) in operations() {
            let answer = request(&app, &method, &path, body.as_ref()).send().await.unwrap();
            // A neighbour may say what no service of ours says there.
            let operation = &contract.0["paths"][route][method.as_str().to_lowercase()];
            if names(&contract.0, operation, kind) && answer.status() == kind.status() {
                passed_on += 1;
                contract.holds(&method, route, answer).await;
            }
        }
        let kept_to_ourselves = [ProblemKind::Internal, ProblemKind::Conflict, ProblemKind::MethodNotAllowed];
        let is_described = described.contains(&format!("\"{TYPE_BASE}{}\"", kind.slug()));
        assert_eq!(is_described, !kept_to_ourselves.contains(&kind), "{kind:?}");
    }
    assert!(passed_on > 30, "{passed_on}");
}

/// Whether an operation is described as answering this kind of problem.
fn names(document: &Value, operation: &Value, kind: ProblemKind) -> bool {
    let answer = &operation["responses"][kind.status().to_string()];
    let target = answer["$ref"].as_str().and_then(|target| document.pointer(&target[1..]));
    target.is_some_and(|answer| answer.to_string().contains(&format!("/problems/{}\"", kind.slug())))
}

#[tokio::test]
async fn neighbours_that_are_away_or_late_are_as_described() {
    let silent = App::start(Router::new().fallback(std::future::pending::<()>)).await;
    let nobody = App::start_before("http://127.0.0.1:9").await;
    for (app, status) in [(silent, 504), (nobody, 503)] {
        let contract = Contract::of(&app).await;
        for (method, route, path, body) in operations() {
            let answer = request(&app, &method, &path, body.as_ref()).send().await.unwrap();
            assert_eq!(answer.status(), status);
            contract.holds(&method, route, answer).await;
        }
    }
}

#[tokio::test]
async fn the_document_is_sent_once_a_version() {
    let app = App::start(Router::new()).await;
    let url = format!("{}/api/openapi.json", app.api);
    let first = app.client.get(&url).send().await.unwrap();
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(first.headers()["content-type"], "application/json");
    assert!(first.headers()["cache-control"].to_str().unwrap().starts_with("public"));
    for (asked, status) in
        [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("*".into(), 304), ("\"x\"".into(), 200)]
    {
        let answer = app.client.get(&url).header("if-none-match", asked).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["etag"].to_str().unwrap()),
            (status, tag.as_str())
        );
        assert_eq!(answer.bytes().await.unwrap().is_empty(), status == 304);
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_fetches_nothing_from_elsewhere() {
    let app = App::start(Router::new()).await;
    let contract = Contract::of(&app).await;
    let answer = app.get("/docs").await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = answer.text().await.unwrap();
    for item in contract.0["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("<section class=\"operation\" id=\"{id}\">")), "{id}");
        }
    }
    for name in contract.0["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    // Links of the page lead to something on it.
    for target in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "nothing is fetched");
    let style = app.get("/docs/style.css").await;
    assert_eq!(
        (style.status().as_u16(), &style.headers()["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
}
