-- When an event is tried again, how often it was, and where it goes when it is given up.

ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;     -- refusals so far
ALTER TABLE outbox ADD COLUMN next_attempt_at INTEGER NOT NULL DEFAULT 0; -- not to be tried before
ALTER TABLE outbox ADD COLUMN last_error TEXT;

CREATE INDEX outbox_due ON outbox (next_attempt_at, position);
-- An event waits for the earlier ones of its order.
CREATE INDEX outbox_by_order ON outbox (order_id, position);

-- What nobody takes. Kept until somebody has it replayed.
CREATE TABLE dead_letters (
    event_id    TEXT PRIMARY KEY NOT NULL,
    order_id    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    tracestate  TEXT,
    baggage     TEXT,
    created_at  INTEGER NOT NULL,                      -- of the event
    attempts    INTEGER NOT NULL,
    last_error  TEXT NOT NULL,
    died_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letters_by_age ON dead_letters (died_at, event_id);
