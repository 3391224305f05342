use api::inventory::ProductList;

use crate::app::{App, problem};

#[tokio::test]
async fn the_catalogue_is_seeded() {
    let app = App::start().await;
    let list: ProductList = app.get("/products").await.json().await.unwrap();
    assert_eq!(list.products.len(), 21);
    assert!(list.products.is_sorted_by_key(|product| product.sku.clone()));
    let tea = list.products.iter().find(|product| product.sku.as_str() == "TEA-EARL-GREY").unwrap();
    assert_eq!((tea.unit_price, tea.available), (api::money::Money::eur(1250), 1_000_000));
    let by_itself: api::inventory::Product = app.get("/products/TEA-EARL-GREY").await.json().await.unwrap();
    assert_eq!(&by_itself, tea);
    assert_eq!(app.available("POT-CAST-IRON").await, 0);
    assert_eq!(app.available("TEA-PUERH-1998").await, 3);
}

#[tokio::test]
async fn what_is_not_there() {
    let app = App::start().await;
    assert!(
        problem(app.get("/products/TEA-OF-YESTERDAY").await, 404)
            .await
            .detail
            .unwrap()
            .contains("TEA-OF-YESTERDAY")
    );
    problem(app.get("/products/not%20a%20sku").await, 404).await;
    problem(app.get("/").await, 404).await;
    let wrong = app.client.put(format!("{}/products", app.api)).send().await.unwrap();
    assert_eq!(wrong.headers()["allow"], "GET,HEAD");
    problem(wrong, 405).await;
}
