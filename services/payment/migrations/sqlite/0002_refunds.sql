-- Charges are taken back: `refunded` when money had been taken, `voided` when not. An order whose charge is taken back
-- before it has come leaves a row without a transaction, so that the charge, should it come late, is refused.
CREATE TABLE charges_and_refunds (
    order_id       TEXT    NOT NULL PRIMARY KEY,
    transaction_id TEXT    UNIQUE,
    amount_minor   INTEGER CHECK (amount_minor > 0),
    currency       TEXT    CHECK (length(currency) = 3),
    method         TEXT,
    card_last4     TEXT    CHECK (length(card_last4) = 4),
    state          TEXT    NOT NULL
                   CHECK (state IN ('open', 'approved', 'card_declined', 'insufficient_funds', 'refunded', 'voided')),
    changed_at     INTEGER NOT NULL, -- microseconds since 1970
    CHECK (state = 'voided' OR (transaction_id IS NOT NULL AND amount_minor IS NOT NULL AND currency IS NOT NULL
                                AND method IS NOT NULL AND card_last4 IS NOT NULL))
) STRICT;

INSERT INTO charges_and_refunds
SELECT order_id, transaction_id, amount_minor, currency, method, card_last4, state, changed_at FROM charges;

DROP TABLE charges;

ALTER TABLE charges_and_refunds RENAME TO charges;
