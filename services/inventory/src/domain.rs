//! What a reservation can be, and what may follow on what.

use std::str::FromStr;

use api::inventory::Reservation;

/// How far a reservation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Put aside for an order on its way.
    Held,
    /// Given back; the order can never hold stock again.
    Released,
    /// Gone to the customer.
    Sold,
}

/// What a wish means for a reservation in some state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Do it.
    Go,
    /// It was done before.
    Done,
    /// It cannot be done any more.
    TooLate,
}

impl State {
    /// The order gives its stock back.
    pub(crate) fn release(self) -> Step {
        match self {
            Self::Held => Step::Go,
            Self::Released => Step::Done,
            Self::Sold => Step::TooLate,
        }
    }

    /// The order is confirmed.
    pub(crate) fn sell(self) -> Step {
        match self {
            Self::Held => Step::Go,
            Self::Sold => Step::Done,
            Self::Released => Step::TooLate,
        }
    }

    /// The name in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Sold => "sold",
        }
    }
}

/// A name in the database that is none of a state's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reservation has no such state")]
pub(crate) struct NoSuchState;

impl FromStr for State {
    type Err = NoSuchState;

    fn from_str(name: &str) -> Result<Self, NoSuchState> {
        [Self::Held, Self::Released, Self::Sold]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or(NoSuchState)
    }
}

/// How the wish to put stock aside ended. Numbers are places in the list of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReserveOutcome {
    /// All of it is put aside, now or by an earlier request.
    Reserved(Reservation),
    /// Of these there are too few; nothing is put aside.
    Short(Vec<usize>),
    /// These are no products; nothing is put aside.
    Unknown(Vec<usize>),
    /// The order has asked for other items before.
    OtherItems,
    /// The order has given its stock back already.
    Released,
}

/// How a confirmation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    /// The reservation is a sale now.
    Sold,
    /// It was one before, or this event has been handled.
    Already,
    /// There is nothing put aside that could be sold.
    NothingHeld,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_ends_once() {
        assert_eq!((State::Held.release(), State::Held.sell()), (Step::Go, Step::Go));
        assert_eq!((State::Released.release(), State::Released.sell()), (Step::Done, Step::TooLate));
        assert_eq!((State::Sold.release(), State::Sold.sell()), (Step::TooLate, Step::Done));
    }

    #[test]
    fn names_lead_back() {
        for state in [State::Held, State::Released, State::Sold] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("lost".parse::<State>(), Err(NoSuchState));
    }
}
