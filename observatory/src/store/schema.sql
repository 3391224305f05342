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

CREATE TABLE log (
    id         INTEGER PRIMARY KEY,
    timestamp  INTEGER NOT NULL,
    severity   TEXT    NOT NULL,
    service    TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    trace_id   BLOB,
    span_id    BLOB,
    order_id   TEXT,
    session_id TEXT,
    line       TEXT    NOT NULL
);
-- Severity and service stand in the index so that a filter on them reads no row it does not return.
CREATE INDEX log_time ON log (timestamp, severity, service);
CREATE INDEX log_trace ON log (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX log_order ON log (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX log_session ON log (session_id) WHERE session_id IS NOT NULL;
CREATE VIRTUAL TABLE log_text USING fts5 (message, content = 'log', content_rowid = 'id');
