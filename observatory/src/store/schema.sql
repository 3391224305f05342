-- One day of telemetry. Times are nanoseconds since the Unix epoch.

-- Spans of one trace that were stored together, as one OTLP TracesData message: writing and reading a trace
-- touches one row for each commit it arrived in, not one for each span.
CREATE TABLE chunk (
    id       INTEGER PRIMARY KEY,
    trace_id BLOB    NOT NULL,
    start    INTEGER NOT NULL,
    spans    BLOB    NOT NULL
);
CREATE INDEX chunk_trace ON chunk (trace_id);

CREATE TABLE operation (
    id      INTEGER PRIMARY KEY,
    service TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    kind    INTEGER NOT NULL,
    UNIQUE (service, name, kind)
);

-- What search looks through: for each chunk and operation the range its spans lie in. Clustered by time, because
-- every search asks for the newest first.
CREATE TABLE hit (
    start     INTEGER NOT NULL, -- of the latest span
    operation INTEGER NOT NULL,
    chunk     INTEGER NOT NULL,
    trace_id  BLOB    NOT NULL,
    earliest  INTEGER NOT NULL,
    shortest  INTEGER NOT NULL,
    longest   INTEGER NOT NULL,
    errors    INTEGER NOT NULL,
    PRIMARY KEY (start, operation, chunk)
) WITHOUT ROWID;
CREATE INDEX hit_operation ON hit (operation, start);

CREATE TABLE order_trace (
    order_id TEXT    NOT NULL,
    trace_id BLOB    NOT NULL,
    start    INTEGER NOT NULL,
    PRIMARY KEY (order_id, trace_id)
) WITHOUT ROWID;
CREATE INDEX order_trace_start ON order_trace (start);

-- Log lines and session events. What is only shown stands in `line`, the record itself.
CREATE TABLE log (
    id          INTEGER PRIMARY KEY,
    timestamp   INTEGER NOT NULL,
    severity    TEXT    NOT NULL,
    service     TEXT    NOT NULL,
    trace_id    BLOB,
    span_id     BLOB,
    order_id    TEXT,
    session_id  TEXT,
    user_ref    TEXT,
    terminal_id TEXT,
    line        TEXT    NOT NULL
);

-- The log has no index of its own: an entry for each line and each thing it is found by would cost several times what
-- the line does. Lines that were stored together are a chunk, with ids without a gap; a query looks for chunks, and then
-- through their lines.
CREATE TABLE log_chunk (
    id       INTEGER PRIMARY KEY,
    first    INTEGER NOT NULL, -- ids of its first and last line
    last     INTEGER NOT NULL,
    earliest INTEGER NOT NULL,
    latest   INTEGER NOT NULL,
    kinds    TEXT    NOT NULL  -- "\nseverity\tservice\n", for each pair it holds
);
CREATE INDEX log_chunk_latest ON log_chunk (latest);
CREATE INDEX log_chunk_earliest ON log_chunk (earliest);

-- By chunk, the words of messages and the ids that occur in it (see `terms.rs`). Full-text indexes append and merge, which
-- random ids need: in a B-tree each of them would rewrite a page.
CREATE VIRTUAL TABLE log_term USING fts5 (
    terms, content = '', columnsize = 0, detail = 'none', tokenize = 'ascii'
);
-- Merge less often than by default (4): writing is cheaper, and a query looks into a few segments more.
INSERT INTO log_term (log_term, rank) VALUES ('automerge', 8);
