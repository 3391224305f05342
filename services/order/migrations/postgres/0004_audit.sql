-- The audit log: one row for each entry of a chain, written in the transaction of what it tells of (docs/AUDIT.md).

CREATE TABLE audit_entries (
    number     bigint PRIMARY KEY CHECK (number > 0), -- from 1, without gaps
    line       text NOT NULL,                         -- the entry as it is delivered, with its hash
    created_at timestamptz NOT NULL
);

-- The last entry. Whoever writes the next one locks it until the commit; it says that the end is missing when it is.
CREATE TABLE audit_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single), -- there is one row
    number bigint NOT NULL,
    hash   text NOT NULL
) WITH (fillfactor = 10);
INSERT INTO audit_head (number, hash) VALUES (0, '0000000000000000000000000000000000000000000000000000000000000000');

-- How far the relay is. It locks the row while it is at it.
CREATE TABLE audit_delivered (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    number bigint NOT NULL, -- the last entry that was delivered
    said   bigint NOT NULL  -- the last entry that was a log line
);
INSERT INTO audit_delivered (number, said) VALUES (0, 0);
