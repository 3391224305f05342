-- Orders, their items, and the outbox of events about them.
-- Times are microseconds since the Unix epoch; amounts are minor units.

CREATE TABLE orders (
    id             TEXT PRIMARY KEY NOT NULL,          -- UUIDv7
    customer_id    TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected', 'declined', 'cancelled', 'failed')),
    total_minor    INTEGER CHECK (total_minor >= 0),   -- NULL until the stock is reserved
    currency       TEXT,
    transaction_id TEXT UNIQUE,
    card_last4     TEXT,
    -- The order's trace, in the form of its headers: whoever goes on with the order goes on with its trace.
    traceparent    TEXT NOT NULL,
    tracestate     TEXT,
    baggage        TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CHECK ((status = 'confirmed') <= (transaction_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE order_items (
    order_id         TEXT NOT NULL REFERENCES orders (id),
    position         INTEGER NOT NULL,
    sku              TEXT NOT NULL,
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_minor INTEGER CHECK (unit_price_minor >= 0),
    currency         TEXT,
    PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;

-- An event is written with the change it tells of and deleted when it is delivered.
CREATE TABLE outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT NOT NULL UNIQUE,                  -- UUIDv7; the same at every delivery
    order_id    TEXT NOT NULL REFERENCES orders (id),
    kind        TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    tracestate  TEXT,
    baggage     TEXT,
    created_at  INTEGER NOT NULL
) STRICT;
