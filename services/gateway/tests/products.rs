use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::{App, problem};

#[tokio::test]
async fn the_catalogue_comes_from_the_inventory() {
    let tea = json!({"sku": "TEA-SENCHA", "name": "Sencha", "unit_price": {"amount_minor": 1340, "currency": "EUR"}, "available": 7});
    let list = json!({"products": [tea]});
    let (all, one) = (list.clone(), tea.clone());
    let behind = Router::new()
        .route("/products", get(|| async { Json(all) }))
        .route("/products/TEA-SENCHA", get(|| async { Json(one) }));
    let app = App::start(behind).await;
    assert_eq!(app.get("/api/products").await.json::<Value>().await.unwrap(), list);
    assert_eq!(app.get("/api/products/TEA-SENCHA").await.json::<Value>().await.unwrap(), tea);
    let odd = problem(app.get("/api/products/not%20a%20sku").await, 404).await;
    assert!(odd.detail.unwrap().contains("a SKU has"));
}
