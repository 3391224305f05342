-- The audit log: one row for each entry of a chain, written in the transaction of what it tells of (docs/AUDIT.md).

CREATE TABLE audit_entries (
    number     INTEGER PRIMARY KEY NOT NULL CHECK (number > 0), -- from 1, without gaps
    line       TEXT NOT NULL,                                   -- the entry as it is delivered, with its hash
    created_at INTEGER NOT NULL
) STRICT;

-- The last entry. Says that the end is missing when it is.
CREATE TABLE audit_head (
    single INTEGER PRIMARY KEY NOT NULL DEFAULT 1 CHECK (single = 1), -- there is one row
    number INTEGER NOT NULL,
    hash   TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (number, hash) VALUES (0, '0000000000000000000000000000000000000000000000000000000000000000');

-- How far the relay is.
CREATE TABLE audit_delivered (
    single INTEGER PRIMARY KEY NOT NULL DEFAULT 1 CHECK (single = 1),
    number INTEGER NOT NULL, -- the last entry that was delivered
    said   INTEGER NOT NULL  -- the last entry that was a log line
) STRICT;
INSERT INTO audit_delivered (number, said) VALUES (0, 0);
