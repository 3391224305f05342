//! How a charge can end.

use std::str::FromStr;

/// Why a card was declined. Final: asking again gives the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decline {
    /// The bank says no and not why.
    CardDeclined,
    /// Too little money.
    InsufficientFunds,
}

impl Decline {
    /// The code for programs, in answers, spans, metrics and the database.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::CardDeclined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
        }
    }

    /// The same for people.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::CardDeclined => "the card was declined",
            Self::InsufficientFunds => "the card has insufficient funds",
        }
    }
}

/// How far a charge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The processor has not answered, or its answer was lost.
    Open,
    /// The money is ours.
    Approved,
    /// The money stays where it is.
    Declined(Decline),
}

impl State {
    /// The name in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Declined(decline) => decline.code(),
        }
    }
}

/// A name in the database that is none of a state's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a charge has no such state")]
pub(crate) struct NoSuchState;

impl FromStr for State {
    type Err = NoSuchState;

    fn from_str(name: &str) -> Result<Self, NoSuchState> {
        let declined = [Decline::CardDeclined, Decline::InsufficientFunds].map(Self::Declined);
        [Self::Open, Self::Approved]
            .into_iter()
            .chain(declined)
            .find(|state| state.as_str() == name)
            .ok_or(NoSuchState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for name in ["open", "approved", "card_declined", "insufficient_funds"] {
            assert_eq!(name.parse::<State>().unwrap().as_str(), name);
        }
        assert_eq!("lost".parse::<State>(), Err(NoSuchState));
    }
}
