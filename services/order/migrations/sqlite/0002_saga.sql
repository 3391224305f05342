-- What an order still has to do, so that a crash at any point can be gone on from.

ALTER TABLE orders ADD COLUMN step TEXT CHECK (step IN ('reserve', 'charge', 'undo', 'cancel')); -- NULL: at rest
-- Sealed (encrypted) while the order may still have to be charged, NULL afterwards.
ALTER TABLE orders ADD COLUMN sealed_card BLOB;
-- Why it came to nothing, as JSON: what the first request was answered, for those that ask again.
ALTER TABLE orders ADD COLUMN problem TEXT;
ALTER TABLE orders ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
-- Until then somebody is at work on it; after that anybody may take it over.
ALTER TABLE orders ADD COLUMN claimed_until INTEGER NOT NULL DEFAULT 0;

-- Orders that an earlier version left behind have no card: they are given up and undone.
UPDATE orders SET step = 'charge' WHERE status = 'pending';

CREATE INDEX orders_unfinished ON orders (claimed_until) WHERE step IS NOT NULL;
CREATE INDEX orders_of_customer ON orders (customer_id, id);
CREATE INDEX orders_of_status ON orders (status, id);

CREATE TABLE idempotency_keys (
    key          TEXT PRIMARY KEY NOT NULL,
    fingerprint  BLOB NOT NULL,      -- keyed hash of the body
    order_id     TEXT NOT NULL,
    locked_until INTEGER NOT NULL,   -- until then the first request is under way
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
