-- Customers have orders and keys of their own, and operators act for them.

-- An idempotency key is kept as `<customer_id>/<key>`: two customers may use the same. A key without an order is of a
-- request that died before there was one: whoever asks again begins anew.
DELETE FROM idempotency_keys WHERE order_id NOT IN (SELECT id FROM orders);
-- In two steps, because an old key may look like a new one that comes before it (`c-1/k`). None begins with a space.
UPDATE idempotency_keys SET key = ' ' || orders.customer_id || '/' || key FROM orders WHERE orders.id = idempotency_keys.order_id;
UPDATE idempotency_keys SET key = substr(key, 2);

-- The operator who did it, for the audit log. NULL: the customer.
ALTER TABLE orders ADD COLUMN placed_by TEXT;
ALTER TABLE orders ADD COLUMN cancelled_by TEXT;
