//! Baggage entries that are read, and become `session.id` and `customer.tier` of spans. All others pass through unread.

use super::{Origin, Privacy::Pseudonym, attribute::Attribute};

listed! { Attribute:
    /// The caller's session, from baggage.
    SESSION_ID = "session_id" { examples: &["s-7"], origin: Origin::Own, privacy: Pseudonym };
    /// The customer's tier, from baggage.
    CUSTOMER_TIER = "customer_tier" { examples: &["gold"], origin: Origin::Own, privacy: Pseudonym };
}
