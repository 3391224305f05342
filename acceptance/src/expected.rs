//! What telemetry of an order looks like, on whatever stack.

/// The spans of an order that is confirmed: 15.
pub const CONFIRMED_TREE: &str = "
    gateway.createOrder                 SERVER    api-gateway
      gateway.forwardOrder              CLIENT    api-gateway
        order.create                    SERVER    order-service
          order.checkInventory          CLIENT    order-service
            inventory.reserve           SERVER    inventory-service
              reservation.save          CLIENT    inventory-service
          order.save                    CLIENT    order-service
          order.processPayment          CLIENT    order-service
            payment.charge              SERVER    payment-service
              charge.open               CLIENT    payment-service
              charge.close              CLIENT    payment-service
          order.confirm                 CLIENT    order-service
          order-events publish          PRODUCER  order-service
            order-events process        CONSUMER  inventory-service
              reservation.sell          CLIENT    inventory-service
    ";

/// The log lines of an order that is confirmed, by service.
pub const CONFIRMED_LINES: [(&str, &str); 5] = [
    ("api-gateway", "order placed"),
    ("inventory-service", "stock reserved"),
    ("inventory-service", "stock sold"),
    ("order-service", "order confirmed"),
    ("payment-service", "payment processed"),
];

/// The spans of an order whose card is declined: 16.
pub const DECLINED_TREE: &str = "
    gateway.createOrder                 SERVER    api-gateway
      gateway.forwardOrder              CLIENT    api-gateway
        order.create                    SERVER    order-service
          order.checkInventory          CLIENT    order-service
            inventory.reserve           SERVER    inventory-service
              reservation.save          CLIENT    inventory-service
          order.save                    CLIENT    order-service
          order.processPayment          CLIENT    order-service
            payment.charge              SERVER    payment-service
              charge.open               CLIENT    payment-service
              charge.close              CLIENT    payment-service
          order.decline                 CLIENT    order-service
          order.releaseInventory        CLIENT    order-service
            inventory.release           SERVER    inventory-service
              reservation.release       CLIENT    inventory-service
          order.settle                  CLIENT    order-service
    ";

/// The log lines of an order whose card is declined, by service.
pub const DECLINED_LINES: [(&str, &str); 5] = [
    ("api-gateway", "order not placed"),
    ("inventory-service", "stock released"),
    ("inventory-service", "stock reserved"),
    ("order-service", "order declined"),
    ("payment-service", "the card was declined"),
];

/// How many spans a tree has.
pub fn spans_in(tree: &str) -> usize {
    tree.lines().filter(|line| !line.trim().is_empty()).count()
}
