//! Spans by name, sort and service. A request that no route takes is named by its method alone.

mod sort;

use super::{
    Life,
    attribute::{
        CUSTOMER_REF, ORDER_CURRENCY, ORDER_ID, ORDER_ITEM_COUNT, ORDER_TOTAL_AMOUNT_MINOR,
        PAYMENT_ERROR_CODE, PAYMENT_METHOD,
    },
};
use Sort::{Call, Process, Publish, Request, Transaction, Work};
pub use sort::{Need, Sort, SpanKind};

/// A span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// What all spans of its sort say.
    pub sort: Sort,
    /// The service that has it.
    pub service: &'static str,
    /// What else it may say: of the order that it is about.
    pub about: &'static [&'static str],
    /// What is done in it.
    pub brief: &'static str,
    /// What is promised of it.
    pub life: Life,
}

impl Span {
    const LISTED: Self =
        Self { name: "", sort: Work, service: "", about: &[], brief: "", life: Life::STABLE };
}

/// An order with all that is known of it.
const PLACED: &[&str] =
    &[CUSTOMER_REF, ORDER_ID, ORDER_ITEM_COUNT, PAYMENT_METHOD, ORDER_TOTAL_AMOUNT_MINOR, ORDER_CURRENCY];
/// An order that was stored before.
const STORED: &[&str] = &[CUSTOMER_REF, ORDER_ID, ORDER_TOTAL_AMOUNT_MINOR, ORDER_CURRENCY];
const ONE_ORDER: &[&str] = &[ORDER_ID];

const GATEWAY: &str = "api-gateway";
const ORDER: &str = "order-service";
const PAYMENT: &str = "payment-service";
const INVENTORY: &str = "inventory-service";

listed! { Span:
    /// Place an order.
    GATEWAY_CREATE_ORDER = "gateway.createOrder" { sort: Request, service: GATEWAY, about: PLACED };
    /// Find orders.
    GATEWAY_LIST_ORDERS = "gateway.listOrders" { sort: Request, service: GATEWAY, about: &[CUSTOMER_REF] };
    /// Show an order.
    GATEWAY_GET_ORDER = "gateway.getOrder" {
        sort: Request, service: GATEWAY, about: &[CUSTOMER_REF, ORDER_ID, ORDER_ITEM_COUNT]
    };
    /// Cancel an order.
    GATEWAY_CANCEL_ORDER = "gateway.cancelOrder" {
        sort: Request, service: GATEWAY, about: &[CUSTOMER_REF, ORDER_ID]
    };
    /// Show the catalogue.
    GATEWAY_LIST_PRODUCTS = "gateway.listProducts" { sort: Request, service: GATEWAY };
    /// Show a product.
    GATEWAY_GET_PRODUCT = "gateway.getProduct" { sort: Request, service: GATEWAY };
    /// Show the API as OpenAPI.
    GATEWAY_GET_OPENAPI = "gateway.getOpenApi" { sort: Request, service: GATEWAY };
    /// Show the API as a page.
    GATEWAY_GET_DOCS = "gateway.getDocs" { sort: Request, service: GATEWAY };
    /// Place up to a hundred orders.
    BATCH_PROCESS = "batch.process" { sort: Request, service: GATEWAY };
    /// Place one of them, in a trace of its own.
    BATCH_PROCESS_ORDER = "batch.processOrder" { sort: Work, service: GATEWAY, about: PLACED };
    /// Ask the order service to place an order.
    GATEWAY_FORWARD_ORDER = "gateway.forwardOrder" { sort: Call, service: GATEWAY };
    /// Ask the order service to cancel one.
    GATEWAY_FORWARD_CANCEL = "gateway.forwardCancel" { sort: Call, service: GATEWAY };
    /// Ask the order service for orders.
    GATEWAY_FETCH_ORDERS = "gateway.fetchOrders" { sort: Call, service: GATEWAY };
    /// Ask the order service for one.
    GATEWAY_FETCH_ORDER = "gateway.fetchOrder" { sort: Call, service: GATEWAY };
    /// Ask the inventory service for the catalogue.
    GATEWAY_FETCH_PRODUCTS = "gateway.fetchProducts" { sort: Call, service: GATEWAY };
    /// Ask the inventory service for a product.
    GATEWAY_FETCH_PRODUCT = "gateway.fetchProduct" { sort: Call, service: GATEWAY };

    /// Take an order to its end, or accept it for later.
    ORDER_CREATE = "order.create" { sort: Request, service: ORDER, about: PLACED };
    /// Find orders.
    ORDER_LIST = "order.list" { sort: Request, service: ORDER };
    /// Show an order.
    ORDER_GET = "order.get" { sort: Request, service: ORDER, about: ONE_ORDER };
    /// Cancel an order.
    ORDER_CANCEL_ORDER = "order.cancelOrder" { sort: Request, service: ORDER, about: ONE_ORDER };
    /// Take an accepted order to its end.
    ORDER_PROCESS = "order.process" { sort: Work, service: ORDER, about: STORED };
    /// A worker's run over unfinished orders.
    ORDER_RESUME = "order.resume" { sort: Work, service: ORDER };
    /// Go on with one of them, in its own trace.
    ORDER_RESUME_ORDER = "order.resumeOrder" { sort: Work, service: ORDER, about: STORED };
    /// Set stock aside.
    ORDER_CHECK_INVENTORY = "order.checkInventory" { sort: Call, service: ORDER };
    /// Give it back.
    ORDER_RELEASE_INVENTORY = "order.releaseInventory" { sort: Call, service: ORDER };
    /// Charge the card.
    ORDER_PROCESS_PAYMENT = "order.processPayment" { sort: Call, service: ORDER };
    /// Take the charge back.
    ORDER_REFUND_PAYMENT = "order.refundPayment" { sort: Call, service: ORDER };
    /// Publish an order's event.
    ORDER_EVENTS_PUBLISH = "order-events publish" { sort: Publish, service: ORDER, about: ONE_ORDER };
    /// Store a new order.
    ORDER_SAVE = "order.save" { sort: Transaction, service: ORDER };
    /// Store what it costs.
    ORDER_PRICE = "order.price" { sort: Transaction, service: ORDER };
    /// Store that it is confirmed.
    ORDER_CONFIRM = "order.confirm" { sort: Transaction, service: ORDER };
    /// Store that it is rejected: out of stock, or unknown.
    ORDER_REJECT = "order.reject" { sort: Transaction, service: ORDER };
    /// Store that its payment is declined.
    ORDER_DECLINE = "order.decline" { sort: Transaction, service: ORDER };
    /// Store that it failed.
    ORDER_FAIL = "order.fail" { sort: Transaction, service: ORDER };
    /// Store that what came to nothing is undone.
    ORDER_SETTLE = "order.settle" { sort: Transaction, service: ORDER };
    /// Store that it is to be cancelled.
    ORDER_MARK_CANCEL = "order.markCancel" { sort: Transaction, service: ORDER };
    /// Store that it is cancelled.
    ORDER_CANCEL = "order.cancel" { sort: Transaction, service: ORDER };
    /// Load an order.
    ORDER_LOAD = "order.load" { sort: Transaction, service: ORDER };
    /// Load a page of orders.
    ORDER_LOAD_PAGE = "order.loadPage" { sort: Transaction, service: ORDER };
    /// Store that it is left for later.
    ORDER_POSTPONE = "order.postpone" { sort: Transaction, service: ORDER };
    /// Ask for an idempotency key.
    ORDER_CLAIM_KEY = "order.claimKey" { sort: Transaction, service: ORDER };

    /// Forget a customer.
    ORDER_FORGET_CUSTOMER = "order.forgetCustomer" { sort: Transaction, service: ORDER };
    /// Put dead letters back into the outbox.
    ORDER_REPLAY_EVENTS = "order.replayEvents" { sort: Transaction, service: ORDER };
    /// Store that the key of the customers' references is replaced.
    ORDER_NOTE_KEY_ROTATION = "order.noteKeyRotation" { sort: Transaction, service: ORDER };

    /// Charge a card.
    PAYMENT_CHARGE = "payment.charge" {
        sort: Request, service: PAYMENT, about: &[ORDER_ID, PAYMENT_METHOD, PAYMENT_ERROR_CODE]
    };
    /// Take a charge back.
    PAYMENT_REFUND = "payment.refund" {
        sort: Request, service: PAYMENT, about: ONE_ORDER
    };
    /// Store a charge before the processor is asked.
    CHARGE_OPEN = "charge.open" { sort: Transaction, service: PAYMENT };
    /// Store what the processor said.
    CHARGE_CLOSE = "charge.close" { sort: Transaction, service: PAYMENT };
    /// Store that nothing can be charged any more.
    CHARGE_VOID = "charge.void" { sort: Transaction, service: PAYMENT };
    /// Store that the money went back.
    CHARGE_REFUND = "charge.refund" { sort: Transaction, service: PAYMENT };

    /// Show the catalogue.
    INVENTORY_LIST_PRODUCTS = "inventory.listProducts" { sort: Request, service: INVENTORY };
    /// Show a product.
    INVENTORY_GET_PRODUCT = "inventory.getProduct" { sort: Request, service: INVENTORY };
    /// Set an order's items aside.
    INVENTORY_RESERVE = "inventory.reserve" {
        sort: Request, service: INVENTORY, about: &[ORDER_ID, ORDER_ITEM_COUNT]
    };
    /// Give them back.
    INVENTORY_RELEASE = "inventory.release" { sort: Request, service: INVENTORY, about: ONE_ORDER };
    /// Act on an order's event.
    ORDER_EVENTS_PROCESS = "order-events process" { sort: Process, service: INVENTORY, about: ONE_ORDER };
    /// Load the catalogue.
    PRODUCT_LIST = "product.list" { sort: Transaction, service: INVENTORY };
    /// Load a product.
    PRODUCT_FIND = "product.find" { sort: Transaction, service: INVENTORY };
    /// Store a reservation.
    RESERVATION_SAVE = "reservation.save" { sort: Transaction, service: INVENTORY };
    /// Store that it is given back.
    RESERVATION_RELEASE = "reservation.release" { sort: Transaction, service: INVENTORY };
    /// Store that its items left the warehouse.
    RESERVATION_SELL = "reservation.sell" { sort: Transaction, service: INVENTORY };
    /// Store that a cancelled order's items are back.
    RESERVATION_RETURN = "reservation.return" { sort: Transaction, service: INVENTORY };
}
