//! Whose order a request may touch, and who does it for them, as the gateway says: `x-customer-id`, `x-operator`.

use crate::{
    app::{Answered, App, CARD, CUSTOMER, client, order, read},
    neighbours::Neighbours,
};
use reqwest::Method;
use serde_json::Value;
use testkit::{Database, on_each_database};

async fn ask(app: &App, method: Method, path: &str, owners: &[&str]) -> Answered {
    let request = client().request(method, app.url(path));
    let request = owners.iter().fold(request, |request, owner| request.header("x-customer-id", *owner));
    read(request.send().await.unwrap()).await
}

async fn start(neighbours: &Neighbours, database: &Database) -> App {
    App::start_with(neighbours, &[("DATABASE_URL", &database.url())]).await
}

/// What it answers, less what differs between any two requests.
fn said(answer: &Answered) -> (u16, Value) {
    let mut body = answer.body.clone();
    for member in ["trace_id", "instance"] {
        body.as_object_mut().unwrap().remove(member);
    }
    (answer.status, body)
}

async fn anothers_order_is_as_one_that_is_not_there(database: &Database) {
    let neighbours = Neighbours::start();
    let app = start(&neighbours, database).await;
    let placed = app.place().await;
    let (id, unknown) = (placed.body["id"].as_str().unwrap(), "0193f5c2-0000-7000-8000-000000000001");
    for (method, end) in [(Method::GET, ""), (Method::POST, "/cancel")] {
        let path = |id: &str| format!("/orders/{id}{end}");
        let anothers = ask(&app, method.clone(), &path(id), &["c-2"]).await;
        anothers.assert_problem(404, "not-found");
        let missing = ask(&app, method.clone(), &path(unknown), &["c-2"]).await;
        assert_eq!(said(&anothers), said(&missing));
        let names = async |answer: &Answered| {
            let spans = answer.spans(if end.is_empty() { 2 } else { 3 }).await;
            let mut names: Vec<_> = spans.into_iter().map(|span| span.name).collect();
            names.sort();
            names
        };
        assert_eq!(names(&anothers).await, names(&missing).await, "the same work");
    }
    assert_eq!(app.kept(id).await, placed.body, "untouched");
    assert_eq!(neighbours.refunds(id), 0);

    assert_eq!(ask(&app, Method::GET, &format!("/orders/{id}"), &[CUSTOMER]).await.body, placed.body);
    let cancelled = ask(&app, Method::POST, &format!("/orders/{id}/cancel"), &[CUSTOMER]).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &"cancelled".into()));
    ask(&app, Method::POST, &format!("/orders/{id}/cancel"), &["c-2"]).await.assert_problem(404, "not-found");
}

async fn two_customers_may_use_one_key(database: &Database) {
    let neighbours = Neighbours::start();
    let app = start(&neighbours, database).await;
    let place = async |customer: &str| {
        let mut body = order(CARD);
        body["customer_id"] = customer.into();
        let request = client().post(app.url("/orders")).header("idempotency-key", "order-7").json(&body);
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    };
    let (first, second) = (place("c-1").await, place("c-2").await);
    assert_ne!(first["id"], second["id"]);
    assert_eq!((&first["customer_id"], &second["customer_id"]), (&"c-1".into(), &"c-2".into()));
    assert_eq!((place("c-1").await, place("c-2").await), (first, second));
}

#[tokio::test]
async fn an_order_is_for_its_owner() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    for (owner, status) in [("c-2", 403), (CUSTOMER, 201)] {
        let request = client().post(app.url("/orders")).header("x-customer-id", owner).json(&order(CARD));
        assert_eq!(read(request.send().await.unwrap()).await.status, status, "{owner}");
    }
    assert_eq!(neighbours.inventory.received("/reservations").len(), 1);
}

on_each_database!(anothers_order_is_as_one_that_is_not_there, two_customers_may_use_one_key);

#[tokio::test]
async fn an_owner_that_cannot_be_read_is_refused() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let id = app.place().await.body["id"].as_str().unwrap().to_owned();
    for owners in [&["no id"][..], &[""], &[CUSTOMER, CUSTOMER], &["4242424242424242"]] {
        for (method, end) in [(Method::GET, ""), (Method::POST, "/cancel")] {
            let answer = ask(&app, method, &format!("/orders/{id}{end}"), owners).await;
            answer.assert_problem(400, "malformed-request");
            assert!(!answer.body.to_string().contains("4242"), "{}", answer.body);
        }
    }
    let post = || client().post(app.url(&format!("/orders/{id}/cancel")));
    for name in ["ada lovelace", "", "4242424242424242"] {
        read(post().header("x-operator", name).send().await.unwrap()).await.assert_problem(403, "forbidden");
    }
    assert_eq!(app.kept(&id).await["status"], "confirmed");
}
