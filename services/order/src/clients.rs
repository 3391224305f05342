//! The services that the order service calls. All calls are idempotent by the order's id.

use crate::config::Config;
use api::{
    ids::OrderId,
    inventory::{Reservation, ReserveRequest},
    items::Items,
    payment::{Charge, ChargeRequest, Refund},
};
use service_kit::{
    access::Guard,
    deadline::Deadline,
    peer::{CallError, Peer},
};
use telemetry::{http_client::HttpClient, names::span_name};

/// The inventory service.
#[derive(Clone)]
pub struct InventoryClient(Peer);

impl InventoryClient {
    /// At the address in the settings.
    pub fn new(config: &Config, http: &HttpClient, guard: &Guard) -> Self {
        let name = "inventory-service";
        let peer = Peer::new(name, config.inventory.clone(), http, config.peer_timeout);
        Self(peer.with_token(guard.token_for(name)))
    }

    /// Sets all items aside, or none.
    pub async fn reserve(
        &self,
        order_id: OrderId,
        items: &Items,
        deadline: Deadline,
    ) -> Result<Reservation, CallError> {
        let request = ReserveRequest { order_id, items: items.clone() };
        self.0.post(span_name::ORDER_CHECK_INVENTORY, "/reservations", &request, deadline).await
    }

    /// Gives back what is set aside for the order, if anything is.
    pub async fn release(&self, order_id: OrderId, deadline: Deadline) -> Result<(), CallError> {
        let path = format!("/reservations/{order_id}/release");
        self.0.post(span_name::ORDER_RELEASE_INVENTORY, &path, &(), deadline).await
    }
}

/// The payment service.
#[derive(Clone)]
pub struct PaymentClient(Peer);

impl PaymentClient {
    /// At the address in the settings.
    pub fn new(config: &Config, http: &HttpClient, guard: &Guard) -> Self {
        let name = "payment-service";
        let peer = Peer::new(name, config.payment.clone(), http, config.peer_timeout);
        Self(peer.with_token(guard.token_for(name)))
    }

    /// Charges the order's card, once however often it is asked.
    pub async fn charge(&self, request: &ChargeRequest, deadline: Deadline) -> Result<Charge, CallError> {
        self.0.post(span_name::ORDER_PROCESS_PAYMENT, "/charges", request, deadline).await
    }

    /// After this no money is held for the order, and none ever will be.
    pub async fn refund(&self, order_id: OrderId, deadline: Deadline) -> Result<Refund, CallError> {
        self.0
            .post(span_name::ORDER_REFUND_PAYMENT, &format!("/charges/{order_id}/refund"), &(), deadline)
            .await
    }
}
