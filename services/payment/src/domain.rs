//! How a charge can end.

use std::str::FromStr;

use api::ids::TransactionId;

/// Why a card was declined. Final: asking again gives the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decline {
    /// The bank says no and not why.
    CardDeclined,
    /// Too little money.
    InsufficientFunds,
}

impl Decline {
    /// The code for programs, in answers, spans, metrics and the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::CardDeclined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
        }
    }

    /// The same for people.
    pub fn detail(self) -> &'static str {
        match self {
            Self::CardDeclined => "the card was declined",
            Self::InsufficientFunds => "the card has insufficient funds",
        }
    }
}

/// How far a charge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The processor has not answered, or its answer was lost.
    Open,
    /// The money is ours.
    Approved,
    /// The money stays where it is.
    Declined(Decline),
    /// The money was ours and went back.
    Refunded,
    /// Taken back before we knew of any money. Nothing may be charged any more.
    Voided,
}

impl State {
    pub(crate) const ALL: [Self; 6] = [
        Self::Open,
        Self::Approved,
        Self::Declined(Decline::CardDeclined),
        Self::Declined(Decline::InsufficientFunds),
        Self::Refunded,
        Self::Voided,
    ];

    /// The name in metrics and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Declined(decline) => decline.code(),
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}

/// A name in the database that is none of a state's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a charge has no such state")]
pub struct NoSuchState;

impl FromStr for State {
    type Err = NoSuchState;

    fn from_str(name: &str) -> Result<Self, NoSuchState> {
        Self::ALL.into_iter().find(|state| state.as_str() == name).ok_or(NoSuchState)
    }
}

/// What an order's charge is when somebody wants to charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// This one, opened now or by an earlier request for the same amount and card.
    Charge {
        /// Its name, which the processor is told.
        transaction: TransactionId,
        /// How far it has come.
        state: State,
    },
    /// One for another amount or card.
    OtherCharge,
    /// The order's charge was taken back before it came.
    TakenBack,
}

/// What an order's charge is once it is not open any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Its name; none when there was no charge.
    pub transaction: Option<TransactionId>,
    /// How it ended; never open.
    pub state: State,
    /// Whether it became so just now.
    pub changed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("lost".parse::<State>(), Err(NoSuchState));
    }
}
