-- One charge an order, for ever: charging twice is impossible whatever the code does. The row is there before the card
-- processor is asked, so that an answer that was lost can be asked for again by the same transaction id.
-- Of the card only the last four digits are kept.
--
-- Charges are taken back: `refunded` when money had been taken, `voided` when not. An order whose charge is taken back
-- before it has come leaves a row without a transaction, so that the charge, should it come late, is refused.
CREATE TABLE charges (
    order_id       uuid        NOT NULL PRIMARY KEY,
    transaction_id uuid        UNIQUE,
    amount_minor   bigint      CHECK (amount_minor > 0),
    currency       text        CHECK (length(currency) = 3),
    method         text,
    card_last4     text        CHECK (length(card_last4) = 4),
    state          text        NOT NULL
                   CHECK (state IN ('open', 'approved', 'card_declined', 'insufficient_funds', 'refunded', 'voided')),
    changed_at     timestamptz NOT NULL,
    CHECK (state = 'voided' OR (transaction_id IS NOT NULL AND amount_minor IS NOT NULL AND currency IS NOT NULL
                                AND method IS NOT NULL AND card_last4 IS NOT NULL))
);
