-- Pieces that can still be ordered are on_hand - reserved. The CHECKs make overselling impossible whatever the code does.
CREATE TABLE products (
    sku         TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    currency    TEXT    NOT NULL CHECK (length(currency) = 3),
    on_hand     INTEGER NOT NULL CHECK (on_hand >= 0),
    reserved    INTEGER NOT NULL DEFAULT 0 CHECK (reserved BETWEEN 0 AND on_hand)
) STRICT;

-- One reservation an order, for ever: that is what makes asking again harmless.
CREATE TABLE reservations (
    order_id   TEXT    NOT NULL PRIMARY KEY,
    state      TEXT    NOT NULL CHECK (state IN ('held', 'released', 'sold')),
    changed_at INTEGER NOT NULL -- microseconds since 1970
) STRICT;

CREATE TABLE reservation_items (
    order_id    TEXT    NOT NULL REFERENCES reservations (order_id),
    line        INTEGER NOT NULL,
    sku         TEXT    NOT NULL REFERENCES products (sku),
    quantity    INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 1000),
    price_minor INTEGER NOT NULL,
    currency    TEXT    NOT NULL,
    PRIMARY KEY (order_id, line),
    UNIQUE (order_id, sku)
) STRICT, WITHOUT ROWID;

-- Events come at least once; each is acted on once.
CREATE TABLE handled_events (
    source     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    handled_at INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
