//! Spans by name, kind and service. A request that no route takes is named by its method alone.

use SpanKind::{Client, Consumer, Internal, Producer, Server};

/// A span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: SpanKind,
    /// The service that has it.
    pub service: &'static str,
    /// What is done in it.
    pub brief: &'static str,
}

/// A span's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers a request.
    Server,
    /// Asks another service or a database.
    Client,
    /// Sends a message.
    Producer,
    /// Acts on a message.
    Consumer,
    /// Work within a process.
    Internal,
}

impl SpanKind {
    /// As OpenTelemetry writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Server => "SERVER",
            Client => "CLIENT",
            Producer => "PRODUCER",
            Consumer => "CONSUMER",
            Internal => "INTERNAL",
        }
    }
}

const GATEWAY: &str = "api-gateway";
const ORDER: &str = "order-service";
const PAYMENT: &str = "payment-service";
const INVENTORY: &str = "inventory-service";

listed! { Span:
    /// Place an order.
    GATEWAY_CREATE_ORDER = "gateway.createOrder" { kind: Server, service: GATEWAY };
    /// Find orders.
    GATEWAY_LIST_ORDERS = "gateway.listOrders" { kind: Server, service: GATEWAY };
    /// Show an order.
    GATEWAY_GET_ORDER = "gateway.getOrder" { kind: Server, service: GATEWAY };
    /// Cancel an order.
    GATEWAY_CANCEL_ORDER = "gateway.cancelOrder" { kind: Server, service: GATEWAY };
    /// Show the catalogue.
    GATEWAY_LIST_PRODUCTS = "gateway.listProducts" { kind: Server, service: GATEWAY };
    /// Show a product.
    GATEWAY_GET_PRODUCT = "gateway.getProduct" { kind: Server, service: GATEWAY };
    /// Place up to a hundred orders.
    BATCH_PROCESS = "batch.process" { kind: Server, service: GATEWAY };
    /// Place one of them, in a trace of its own.
    BATCH_PROCESS_ORDER = "batch.processOrder" { kind: Internal, service: GATEWAY };
    /// Ask the order service to place an order.
    GATEWAY_FORWARD_ORDER = "gateway.forwardOrder" { kind: Client, service: GATEWAY };
    /// Ask the order service to cancel one.
    GATEWAY_FORWARD_CANCEL = "gateway.forwardCancel" { kind: Client, service: GATEWAY };
    /// Ask the order service for orders.
    GATEWAY_FETCH_ORDERS = "gateway.fetchOrders" { kind: Client, service: GATEWAY };
    /// Ask the order service for one.
    GATEWAY_FETCH_ORDER = "gateway.fetchOrder" { kind: Client, service: GATEWAY };
    /// Ask the inventory service for the catalogue.
    GATEWAY_FETCH_PRODUCTS = "gateway.fetchProducts" { kind: Client, service: GATEWAY };
    /// Ask the inventory service for a product.
    GATEWAY_FETCH_PRODUCT = "gateway.fetchProduct" { kind: Client, service: GATEWAY };

    /// Take an order to its end, or accept it for later.
    ORDER_CREATE = "order.create" { kind: Server, service: ORDER };
    /// Find orders.
    ORDER_LIST = "order.list" { kind: Server, service: ORDER };
    /// Show an order.
    ORDER_GET = "order.get" { kind: Server, service: ORDER };
    /// Cancel an order.
    ORDER_CANCEL_ORDER = "order.cancelOrder" { kind: Server, service: ORDER };
    /// Take an accepted order to its end.
    ORDER_PROCESS = "order.process" { kind: Internal, service: ORDER };
    /// A worker's run over unfinished orders.
    ORDER_RESUME = "order.resume" { kind: Internal, service: ORDER };
    /// Go on with one of them, in its own trace.
    ORDER_RESUME_ORDER = "order.resumeOrder" { kind: Internal, service: ORDER };
    /// Set stock aside.
    ORDER_CHECK_INVENTORY = "order.checkInventory" { kind: Client, service: ORDER };
    /// Give it back.
    ORDER_RELEASE_INVENTORY = "order.releaseInventory" { kind: Client, service: ORDER };
    /// Charge the card.
    ORDER_PROCESS_PAYMENT = "order.processPayment" { kind: Client, service: ORDER };
    /// Take the charge back.
    ORDER_REFUND_PAYMENT = "order.refundPayment" { kind: Client, service: ORDER };
    /// Publish an order's event.
    ORDER_EVENTS_PUBLISH = "order-events publish" { kind: Producer, service: ORDER };
    /// Store a new order.
    ORDER_SAVE = "order.save" { kind: Client, service: ORDER };
    /// Store what it costs.
    ORDER_PRICE = "order.price" { kind: Client, service: ORDER };
    /// Store that it is confirmed.
    ORDER_CONFIRM = "order.confirm" { kind: Client, service: ORDER };
    /// Store that it is rejected: out of stock, or unknown.
    ORDER_REJECT = "order.reject" { kind: Client, service: ORDER };
    /// Store that its payment is declined.
    ORDER_DECLINE = "order.decline" { kind: Client, service: ORDER };
    /// Store that it failed.
    ORDER_FAIL = "order.fail" { kind: Client, service: ORDER };
    /// Store that what came to nothing is undone.
    ORDER_SETTLE = "order.settle" { kind: Client, service: ORDER };
    /// Store that it is to be cancelled.
    ORDER_MARK_CANCEL = "order.markCancel" { kind: Client, service: ORDER };
    /// Store that it is cancelled.
    ORDER_CANCEL = "order.cancel" { kind: Client, service: ORDER };
    /// Load an order.
    ORDER_LOAD = "order.load" { kind: Client, service: ORDER };
    /// Load a page of orders.
    ORDER_LOAD_PAGE = "order.loadPage" { kind: Client, service: ORDER };
    /// Store that it is left for later.
    ORDER_POSTPONE = "order.postpone" { kind: Client, service: ORDER };
    /// Ask for an idempotency key.
    ORDER_CLAIM_KEY = "order.claimKey" { kind: Client, service: ORDER };

    /// Forget a customer.
    ORDER_FORGET_CUSTOMER = "order.forgetCustomer" { kind: Client, service: ORDER };
    /// Put dead letters back into the outbox.
    ORDER_REPLAY_EVENTS = "order.replayEvents" { kind: Client, service: ORDER };
    /// Store that the key of the customers' references is replaced.
    ORDER_NOTE_KEY_ROTATION = "order.noteKeyRotation" { kind: Client, service: ORDER };

    /// Charge a card.
    PAYMENT_CHARGE = "payment.charge" { kind: Server, service: PAYMENT };
    /// Take a charge back.
    PAYMENT_REFUND = "payment.refund" { kind: Server, service: PAYMENT };
    /// Store a charge before the processor is asked.
    CHARGE_OPEN = "charge.open" { kind: Client, service: PAYMENT };
    /// Store what the processor said.
    CHARGE_CLOSE = "charge.close" { kind: Client, service: PAYMENT };
    /// Store that nothing can be charged any more.
    CHARGE_VOID = "charge.void" { kind: Client, service: PAYMENT };
    /// Store that the money went back.
    CHARGE_REFUND = "charge.refund" { kind: Client, service: PAYMENT };

    /// Show the catalogue.
    INVENTORY_LIST_PRODUCTS = "inventory.listProducts" { kind: Server, service: INVENTORY };
    /// Show a product.
    INVENTORY_GET_PRODUCT = "inventory.getProduct" { kind: Server, service: INVENTORY };
    /// Set an order's items aside.
    INVENTORY_RESERVE = "inventory.reserve" { kind: Server, service: INVENTORY };
    /// Give them back.
    INVENTORY_RELEASE = "inventory.release" { kind: Server, service: INVENTORY };
    /// Act on an order's event.
    ORDER_EVENTS_PROCESS = "order-events process" { kind: Consumer, service: INVENTORY };
    /// Load the catalogue.
    PRODUCT_LIST = "product.list" { kind: Client, service: INVENTORY };
    /// Load a product.
    PRODUCT_FIND = "product.find" { kind: Client, service: INVENTORY };
    /// Store a reservation.
    RESERVATION_SAVE = "reservation.save" { kind: Client, service: INVENTORY };
    /// Store that it is given back.
    RESERVATION_RELEASE = "reservation.release" { kind: Client, service: INVENTORY };
    /// Store that its items left the warehouse.
    RESERVATION_SELL = "reservation.sell" { kind: Client, service: INVENTORY };
    /// Store that a cancelled order's items are back.
    RESERVATION_RETURN = "reservation.return" { kind: Client, service: INVENTORY };
}
