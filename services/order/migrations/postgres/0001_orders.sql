-- Orders, their items, and the outbox of events about them.

CREATE TABLE orders (
    id             uuid PRIMARY KEY,                   -- UUIDv7
    customer_id    text NOT NULL,
    status         text NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected', 'declined', 'cancelled', 'failed')),
    total_minor    bigint CHECK (total_minor >= 0),    -- NULL until the stock is reserved
    currency       text,
    transaction_id uuid UNIQUE,
    card_last4     text,
    -- The order's trace, in the form of its headers: whoever goes on with the order goes on with its trace.
    traceparent    text NOT NULL,
    tracestate     text,
    baggage        text,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CHECK (status <> 'confirmed' OR transaction_id IS NOT NULL)
);

CREATE TABLE order_items (
    order_id         uuid NOT NULL REFERENCES orders (id),
    position         integer NOT NULL,
    sku              text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint CHECK (unit_price_minor >= 0),
    currency         text,
    PRIMARY KEY (order_id, position)
);

-- An event is written with the change it tells of and deleted when it is delivered.
CREATE TABLE outbox (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid NOT NULL UNIQUE,                  -- UUIDv7; the same at every delivery
    order_id    uuid NOT NULL REFERENCES orders (id),
    kind        text NOT NULL,
    traceparent text NOT NULL,
    tracestate  text,
    baggage     text,
    created_at  timestamptz NOT NULL
);
