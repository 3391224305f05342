-- When an event is tried again, how often it was, and where it goes when it is given up.

ALTER TABLE outbox
    ADD COLUMN attempts        integer NOT NULL DEFAULT 0,               -- refusals so far
    -- Not to be tried before. A relay that takes it moves this ahead, so that no other relay takes it too.
    ADD COLUMN next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN last_error      text;

CREATE INDEX outbox_due ON outbox (next_attempt_at, position);
-- An event waits for the earlier ones of its order.
CREATE INDEX outbox_by_order ON outbox (order_id, position);

-- What nobody takes. Kept until somebody has it replayed.
CREATE TABLE dead_letters (
    event_id    uuid PRIMARY KEY,
    order_id    uuid NOT NULL,
    kind        text NOT NULL,
    traceparent text NOT NULL,
    tracestate  text,
    baggage     text,
    created_at  timestamptz NOT NULL,                  -- of the event
    attempts    integer NOT NULL,
    last_error  text NOT NULL,
    died_at     timestamptz NOT NULL
);

CREATE INDEX dead_letters_by_age ON dead_letters (died_at, event_id);
