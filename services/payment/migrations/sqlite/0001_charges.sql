-- One charge an order, for ever: charging twice is impossible whatever the code does. The row is there before the card
-- processor is asked, so that an answer that was lost can be asked for again by the same transaction id.
-- Of the card only the last four digits are kept.
CREATE TABLE charges (
    order_id       TEXT    NOT NULL PRIMARY KEY,
    transaction_id TEXT    NOT NULL UNIQUE,
    amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
    currency       TEXT    NOT NULL CHECK (length(currency) = 3),
    method         TEXT    NOT NULL,
    card_last4     TEXT    NOT NULL CHECK (length(card_last4) = 4),
    state          TEXT    NOT NULL CHECK (state IN ('open', 'approved', 'card_declined', 'insufficient_funds')),
    changed_at     INTEGER NOT NULL -- microseconds since 1970
) STRICT;
