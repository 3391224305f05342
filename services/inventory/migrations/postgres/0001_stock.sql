-- Pieces that can still be ordered are on_hand - reserved. The CHECKs make overselling impossible whatever the code does.
CREATE TABLE products (
    sku         text   NOT NULL PRIMARY KEY,
    name        text   NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency    text   NOT NULL CHECK (length(currency) = 3),
    on_hand     bigint NOT NULL CHECK (on_hand >= 0),
    reserved    bigint NOT NULL DEFAULT 0 CHECK (reserved BETWEEN 0 AND on_hand)
);

-- One reservation an order, for ever: that is what makes asking again harmless.
CREATE TABLE reservations (
    order_id   uuid        NOT NULL PRIMARY KEY,
    state      text        NOT NULL CHECK (state IN ('held', 'released', 'expired', 'sold', 'returned')),
    expires_at timestamptz CHECK (state <> 'held' OR expires_at IS NOT NULL),
    changed_at timestamptz NOT NULL
);

CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

CREATE TABLE reservation_items (
    order_id    uuid   NOT NULL REFERENCES reservations (order_id),
    line        bigint NOT NULL,
    sku         text   NOT NULL REFERENCES products (sku),
    quantity    bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000),
    price_minor bigint NOT NULL,
    currency    text   NOT NULL,
    PRIMARY KEY (order_id, line),
    UNIQUE (order_id, sku)
);
