//! The services the gateway calls.

use api::ids::OrderId;
use api::inventory::{Product, ProductList};
use api::items::Sku;
use api::order::{Order, ValidOrder};
use service_kit::deadline::Deadline;
use service_kit::peer::{CallError, Peer, http_client};
use telemetry::Telemetry;

use crate::config::Config;

/// A cheap handle.
#[derive(Clone)]
pub(crate) struct Clients {
    order: Peer,
    inventory: Peer,
}

impl Clients {
    pub(crate) fn new(config: &Config, telemetry: &Telemetry) -> Result<Self, reqwest::Error> {
        let http = http_client(telemetry)?;
        let timeout = config.peer_timeout;
        Ok(Self {
            order: Peer::new("order-service", config.order_url.clone(), &http, timeout),
            inventory: Peer::new("inventory-service", config.inventory_url.clone(), &http, timeout),
        })
    }

    pub(crate) async fn place_order(
        &self,
        order: &ValidOrder,
        deadline: Deadline,
    ) -> Result<Order, CallError> {
        self.order.post("gateway.forwardOrder", "/orders", order, deadline).await
    }

    pub(crate) async fn order(&self, id: OrderId, deadline: Deadline) -> Result<Order, CallError> {
        self.order.get("gateway.fetchOrder", &format!("/orders/{id}"), deadline).await
    }

    pub(crate) async fn products(&self, deadline: Deadline) -> Result<ProductList, CallError> {
        self.inventory.get("gateway.fetchProducts", "/products", deadline).await
    }

    pub(crate) async fn product(&self, sku: &Sku, deadline: Deadline) -> Result<Product, CallError> {
        self.inventory.get("gateway.fetchProduct", &format!("/products/{sku}"), deadline).await
    }
}
