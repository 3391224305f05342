"""Values of the description's own format, which a schema alone cannot make: card numbers have a check digit."""

import schemathesis
from hypothesis import strategies

TEST_CARDS = ["4242424242424242", "4000000000000002", "4000000000009995", "5555555555554444", "378282246310005"]

schemathesis.openapi.format("card-number", strategies.sampled_from(TEST_CARDS))
