-- What an order still has to do, so that a crash at any point can be gone on from.

ALTER TABLE orders
    ADD COLUMN step text CHECK (step IN ('reserve', 'charge', 'undo', 'cancel')), -- NULL: at rest
    -- Sealed (encrypted) while the order may still have to be charged, NULL afterwards.
    ADD COLUMN sealed_card bytea,
    -- Why it came to nothing, as JSON: what the first request was answered, for those that ask again.
    ADD COLUMN problem text,
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    -- Until then somebody is at work on it; after that anybody may take it over.
    ADD COLUMN claimed_until timestamptz NOT NULL DEFAULT '-infinity';

-- Orders that an earlier version left behind have no card: they are given up and undone.
UPDATE orders SET step = 'charge' WHERE status = 'pending';

CREATE INDEX orders_unfinished ON orders (claimed_until) WHERE step IS NOT NULL;
CREATE INDEX orders_of_customer ON orders (customer_id, id);
CREATE INDEX orders_of_status ON orders (status, id);

CREATE TABLE idempotency_keys (
    key          text PRIMARY KEY,
    fingerprint  bytea NOT NULL,         -- keyed hash of the body
    order_id     uuid NOT NULL,
    locked_until timestamptz NOT NULL,   -- until then the first request is under way
    created_at   timestamptz NOT NULL
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
