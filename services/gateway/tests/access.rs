//! Who may do what: the whole table, and what the order service hears of it.

use api::problem::{Problem, ProblemKind};
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry::testing::recorder;

use crate::app::{App, ID, confirmed, new_order, problem, refusal};

pub(crate) const SECRET: &str = "a secret of the tests, with 32 bytes";

pub(crate) fn token(subject: &str, scope: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims =
        json!({"iss": "waybill", "aud": "waybill", "sub": subject, "scope": scope, "exp": now + 600});
    let key = service_kit::access::token::SigningKey::secret(SECRET.as_bytes()).unwrap();
    key.sign("at+jwt", &claims).unwrap()
}

/// Has one order, of `c-a`, and no other.
fn order_service() -> Router {
    async fn theirs(headers: HeaderMap) -> Response {
        if headers.get("x-customer-id").is_some_and(|owner| owner != "c-a") {
            return refusal(&Problem::new(ProblemKind::NotFound));
        }
        Json(of("c-a")).into_response()
    }
    let place = |Json(body): Json<Value>| async move {
        (StatusCode::CREATED, Json(of(body["customer_id"].as_str().unwrap())))
    };
    // What was asked for comes back as the cursor.
    let list = |Query(query): Query<BTreeMap<String, String>>| async move {
        let customer = query.get("customer_id").map_or("everybody", String::as_str).to_owned();
        Json(json!({"orders": [], "next_cursor": customer}))
    };
    Router::new()
        .route("/orders", post(place).get(list))
        .route(&format!("/orders/{ID}"), get(theirs))
        .route(&format!("/orders/{ID}/cancel"), post(theirs))
        .route("/products", get(|| async { Json(json!({"products": []})) }))
}

fn of(customer: &str) -> Value {
    let mut order = confirmed();
    order["customer_id"] = json!(customer);
    order
}

fn order_for(customer: Option<&str>) -> Value {
    let mut order = new_order();
    match customer {
        Some(customer) => order["customer_id"] = json!(customer),
        None => drop(order.as_object_mut().unwrap().remove("customer_id")),
    }
    order
}

async fn start() -> App {
    App::start_with(order_service(), &[("AUTH_SECRET", SECRET)]).await
}

fn with(request: RequestBuilder, token: Option<&String>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

#[tokio::test]
async fn the_whole_table() {
    let app = start().await;
    let both = "orders:read orders:write";
    let callers = [
        None,
        Some(token("c-a", both)),
        Some(token("c-b", both)),
        Some(token("ada", "operator")),
        Some(token("c-a", "orders:read")),
        Some(token("c-a", "orders:write")),
        Some(token("c-a", "profile email")),
    ];
    let order = |customer| json!(order_for(customer));
    let batch = json!({"orders": [order_for(Some("c-a"))]});
    let one = format!("/api/orders/{ID}");
    let cancel = format!("{one}/cancel");
    // nobody, A, B, an operator, A who may only read, A who may only write, A without a scope of ours
    for (path, body, statuses) in [
        ("/api/orders", order(Some("c-a")), [401, 201, 403, 201, 403, 201, 403]),
        ("/api/orders", order(None), [401, 201, 201, 422, 403, 201, 403]),
        ("/api/orders/batch", batch, [401, 200, 200, 200, 403, 200, 403]),
        ("/api/orders", Value::Null, [401, 200, 200, 200, 200, 403, 403]),
        ("/api/orders?customer_id=c-a", Value::Null, [401, 200, 403, 200, 200, 403, 403]),
        (&one, Value::Null, [401, 200, 404, 200, 200, 403, 403]),
        (&cancel, json!({}), [401, 200, 404, 200, 403, 200, 403]),
        ("/api/products", Value::Null, [401, 200, 200, 200, 200, 200, 200]),
    ] {
        for (caller, status) in callers.iter().zip(statuses) {
            let url = format!("{}{path}", app.api);
            let request = if body.is_null() { app.client.get(url) } else { app.client.post(url).json(&body) };
            let answer = with(request, caller.as_ref()).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path} {body} {caller:?}");
            if status == 401 || status == 403 {
                let asked = answer.headers().get("www-authenticate").cloned();
                let said = problem(answer, status).await;
                let about_a_customer = said.errors.iter().any(|error| error.pointer == "/customer_id");
                assert!(
                    about_a_customer
                        != asked.is_some_and(|asked| asked.to_str().unwrap().starts_with("Bearer "))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_customer_orders_for_themselves() {
    let app = start().await;
    let mine = token("c-b", "orders:read orders:write");
    let post = async |path: &str, body: Value| {
        app.client.post(format!("{}{path}", app.api)).bearer_auth(&mine).json(&body).send().await.unwrap()
    };
    let placed: Value = post("/api/orders", order_for(None)).await.json().await.unwrap();
    assert_eq!(placed["customer_id"], "c-b");

    let refused = post("/api/orders", order_for(Some("c-a"))).await;
    let refused = problem(refused, 403).await;
    assert_eq!(refused.errors[0].pointer, "/customer_id");
    assert!(
        refused.kind_uri.ends_with("/forbidden") && !format!("{refused:?}").contains("c-b"),
        "{refused:?}"
    );

    let null = json!({"customer_id": null, "items": [], "payment": {"method": "card", "card_number": ""}});
    assert_eq!(problem(post("/api/orders", null).await, 422).await.errors[0].pointer, "/customer_id");

    let orders = json!([order_for(None), order_for(Some("c-a")), order_for(Some("c-b")), {"items": 7}]);
    let batch: Value = post("/api/orders/batch", json!({"orders": orders})).await.json().await.unwrap();
    let statuses: Vec<_> =
        batch["results"].as_array().unwrap().iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, [201, 403, 201, 422]);
    assert_eq!(batch["results"][0]["order"]["customer_id"], "c-b");
    assert_eq!(batch["results"][1]["problem"]["errors"][0]["pointer"], "/customer_id");
}

#[tokio::test]
async fn a_list_is_of_ones_own_orders() {
    let app = start().await;
    let listed = async |token: &str, query: &str| {
        let request = app.client.get(format!("{}/api/orders{query}", app.api)).bearer_auth(token);
        request.send().await.unwrap().json::<Value>().await.unwrap()["next_cursor"].clone()
    };
    let (mine, operators) = (token("c-a", "orders:read"), token("ada", "operator"));
    for query in ["", "?customer_id=c-a"] {
        assert_eq!(listed(&mine, query).await, "c-a");
    }
    assert_eq!(listed(&operators, "").await, "everybody");
    assert_eq!(listed(&operators, "?customer_id=c-b").await, "c-b");
}

#[tokio::test]
async fn a_subject_that_is_no_customer_is_told_so() {
    let app = start().await;
    for subject in ["auth0|5f7c8ec7c33c6c004bbafe82", "4242424242424242", "a b"] {
        let token = token(subject, "orders:read orders:write");
        let get = app.client.get(format!("{}/api/orders", app.api));
        let post = app.client.post(format!("{}/api/orders", app.api)).json(&order_for(None));
        for request in [get, post] {
            let said = problem(request.bearer_auth(&token).send().await.unwrap(), 403).await;
            assert!(said.detail.as_ref().unwrap().contains("subject"), "{said:?}");
            assert!(!format!("{said:?}").contains(subject), "{said:?}");
        }
    }
}

#[tokio::test]
async fn an_operator_without_a_plain_name_is_told_so_on_every_route() {
    let app = start().await;
    for subject in ["ada lovelace", "Zoë", "auth0|5f7c8ec7c33c6c004bbafe82", "4242424242424242"] {
        let token = token(subject, "operator");
        let url = |path: &str| format!("{}{path}", app.api);
        for request in [
            app.client.get(url("/api/orders")),
            app.client.get(url(&format!("/api/orders/{ID}"))),
            app.client.post(url(&format!("/api/orders/{ID}/cancel"))),
            app.client.post(url("/api/orders")).json(&order_for(Some("c-a"))),
            app.client.post(url("/api/orders/batch")).json(&json!({"orders": [order_for(Some("c-a"))]})),
        ] {
            let said = problem(request.bearer_auth(&token).send().await.unwrap(), 403).await;
            assert!(said.detail.as_ref().unwrap().contains("an operator's `sub` has 1 to 64"), "{said:?}");
            assert!(!format!("{said:?}").contains(subject), "{said:?}");
        }
    }
}

#[tokio::test]
async fn what_may_not_be_done_is_not_read() {
    let app = start().await;
    let reader = token("c-a", "orders:read");
    for (content_type, body) in [("text/plain", String::new()), ("application/json", " ".repeat(300_000))] {
        let request = app.client.post(format!("{}/api/orders", app.api)).bearer_auth(&reader);
        let answer = request.header("content-type", content_type).body(body).send().await.unwrap();
        problem(answer, 403).await;
    }
}

#[tokio::test]
async fn nothing_of_a_token_is_recorded() {
    let app = start().await;
    let good = token("c-a", "orders:read orders:write");
    let bad = format!("{}x", token("c-a", "orders:read"));
    for (token, status) in [(&good, 201), (&bad, 401)] {
        let request = app.client.post(format!("{}/api/orders", app.api)).bearer_auth(token);
        let answer = request.json(&order_for(None)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
        let spans = recorder().wait_for_spans(&trace, if status == 201 { 2 } else { 1 }).await;
        let told = format!("{spans:?}{:?}{:?}", recorder().lines(&trace), answer.headers());
        let told = told + &answer.text().await.unwrap().replace("c-a", "");
        for secret in token.split('.').chain(["c-a", SECRET]) {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}
