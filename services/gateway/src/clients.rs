//! The services the gateway calls.

use api::ids::OrderId;
use api::inventory::{Product, ProductList};
use api::items::Sku;
use api::order::{Order, OrderList, ValidOrder};
use http::{HeaderValue, Method, Uri};
use service_kit::access::Guard;
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::peer::{Answer, CallError, Peer};
use telemetry::Telemetry;
use telemetry::http_client::HttpClient;
use telemetry::names::span_name;

use crate::access::Reach;
use crate::config::Config;
use crate::list::OrderQuery;
use crate::manner::Manner;

pub(crate) struct Clients {
    order: Peer,
    inventory: Peer,
}

impl Clients {
    pub(crate) fn new(config: &Config, telemetry: &Telemetry, guard: &Guard) -> Self {
        let http = HttpClient::new(telemetry);
        let peer = |name, url: &Uri| {
            Peer::new(name, url.clone(), &http, config.peer_timeout).with_token(guard.token_for(name))
        };
        Self {
            order: peer("order-service", &config.order_url),
            inventory: peer("inventory-service", &config.inventory_url),
        }
    }

    /// 201 with the order as it ended, or 202 with the order as it was accepted.
    pub(crate) async fn place_order(
        &self,
        order: &ValidOrder,
        reach: &Reach,
        manner: &Manner,
        deadline: Deadline,
    ) -> Result<Answer<Order>, ApiError> {
        let mut call = reach
            .tell(self.order.call(span_name::GATEWAY_FORWARD_ORDER, Method::POST, "/orders"))?
            .json(order)?;
        if let Some(key) = &manner.idempotency_key {
            call = call.header("idempotency-key", key.clone());
        }
        if manner.respond_async {
            call = call.header("prefer", HeaderValue::from_static("respond-async"));
        }
        Ok(call.send(deadline).await?)
    }

    pub(crate) async fn cancel_order(
        &self,
        id: OrderId,
        reach: &Reach,
        deadline: Deadline,
    ) -> Result<Order, ApiError> {
        let path = format!("/orders/{id}/cancel");
        let call = self.order.call(span_name::GATEWAY_FORWARD_CANCEL, Method::POST, &path);
        Ok(reach.tell(call)?.send(deadline).await?.body)
    }

    pub(crate) async fn orders(
        &self,
        query: &OrderQuery,
        deadline: Deadline,
    ) -> Result<OrderList, CallError> {
        let mut call = self.order.call(span_name::GATEWAY_FETCH_ORDERS, Method::GET, "/orders");
        for (name, value) in query.parameters() {
            call = call.query(name, &value);
        }
        call.send(deadline).await.map(|answer| answer.body)
    }

    pub(crate) async fn order(
        &self,
        id: OrderId,
        reach: &Reach,
        deadline: Deadline,
    ) -> Result<Order, ApiError> {
        let call = self.order.call(span_name::GATEWAY_FETCH_ORDER, Method::GET, &format!("/orders/{id}"));
        Ok(reach.tell(call)?.send(deadline).await?.body)
    }

    pub(crate) async fn products(&self, deadline: Deadline) -> Result<ProductList, CallError> {
        self.inventory.get(span_name::GATEWAY_FETCH_PRODUCTS, "/products", deadline).await
    }

    pub(crate) async fn product(&self, sku: &Sku, deadline: Deadline) -> Result<Product, CallError> {
        self.inventory.get(span_name::GATEWAY_FETCH_PRODUCT, &format!("/products/{sku}"), deadline).await
    }
}
