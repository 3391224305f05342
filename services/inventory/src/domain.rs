//! What a reservation can be, and what may follow on what.

use std::str::FromStr;

use api::inventory::Reservation;
use api::items::Sku;

/// How far a reservation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Put aside for an order on its way.
    Held,
    /// Given back before it was sold.
    Released,
    /// Given back because nobody confirmed it in time.
    Expired,
    /// Gone to the customer.
    Sold,
    /// The order was cancelled; what was sold has come back.
    Returned,
}

impl State {
    const ALL: [Self; 5] = [Self::Held, Self::Released, Self::Expired, Self::Sold, Self::Returned];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Sold => "sold",
            Self::Returned => "returned",
        }
    }
}

/// A name in the database that is none of a state's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reservation has no such state")]
pub struct NoSuchState;

impl FromStr for State {
    type Err = NoSuchState;

    fn from_str(name: &str) -> Result<Self, NoSuchState> {
        Self::ALL.into_iter().find(|state| state.as_str() == name).ok_or(NoSuchState)
    }
}

/// What somebody wants of a reservation that may be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The order asks for its items, once more.
    Hold,
    /// The order gives its stock back.
    Release,
    /// The order is confirmed.
    Sell,
    /// The order is cancelled.
    Return,
    /// Its time is over.
    Expire,
}

/// What a wish means for a reservation in some state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is as wished already, or what came first makes the wish pointless.
    Nothing,
    /// It becomes this, and the stock of its items changes with it.
    To(State, Stock),
    /// It cannot be done any more.
    TooLate,
}

/// How the stock of each item changes, in multiples of the quantity that was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// Pieces in the warehouse.
    pub on_hand: i64,
    /// Pieces of these that are put aside.
    pub reserved: i64,
}

impl Stock {
    const SAME: Self = Self { on_hand: 0, reserved: 0 };
    /// From aside back to the shelf.
    const FREE: Self = Self { on_hand: 0, reserved: -1 };
    /// From the shelf aside.
    const PUT_ASIDE: Self = Self { on_hand: 0, reserved: 1 };
    /// From aside to the customer.
    const HAND_OUT: Self = Self { on_hand: -1, reserved: -1 };
    /// From the shelf to the customer.
    const SELL_FREE: Self = Self { on_hand: -1, reserved: 0 };
    /// From the customer back to the shelf.
    const TAKE_IN: Self = Self { on_hand: 1, reserved: 0 };

    /// Whether there must be enough on the shelf for it.
    pub fn takes(self) -> bool {
        self.reserved > self.on_hand
    }
}

impl State {
    /// The table of all transitions. Events come twice and in any order: `Returned` is the end whatever comes late.
    pub fn step(self, wish: Wish) -> Step {
        match (self, wish) {
            (Self::Held | Self::Sold, Wish::Hold)
            | (Self::Released | Self::Returned, Wish::Release)
            | (Self::Sold | Self::Returned, Wish::Sell)
            | (Self::Returned, Wish::Return)
            | (Self::Released | Self::Expired | Self::Sold | Self::Returned, Wish::Expire) => Step::Nothing,
            (Self::Released | Self::Returned, Wish::Hold) | (Self::Sold, Wish::Release) => Step::TooLate,
            (Self::Held, Wish::Release) => Step::To(Self::Released, Stock::FREE),
            (Self::Held, Wish::Expire) => Step::To(Self::Expired, Stock::FREE),
            (Self::Held, Wish::Return) => Step::To(Self::Returned, Stock::FREE),
            (Self::Held, Wish::Sell) => Step::To(Self::Sold, Stock::HAND_OUT),
            (Self::Expired, Wish::Hold) => Step::To(Self::Held, Stock::PUT_ASIDE),
            (Self::Expired, Wish::Release) => Step::To(Self::Released, Stock::SAME),
            // The customer has paid: what was given back is taken again, if it is still there.
            (Self::Expired | Self::Released, Wish::Sell) => Step::To(Self::Sold, Stock::SELL_FREE),
            (Self::Expired | Self::Released, Wish::Return) => Step::To(Self::Returned, Stock::SAME),
            (Self::Sold, Wish::Return) => Step::To(Self::Returned, Stock::TAKE_IN),
        }
    }
}

impl Wish {
    /// What is noted for an order that has no reservation, so that what comes late finds nothing to hold on to.
    pub fn without_reservation(self) -> Option<State> {
        match self {
            Self::Release => Some(State::Released),
            Self::Return => Some(State::Returned),
            Self::Hold | Self::Sell | Self::Expire => None,
        }
    }
}

/// How the wish to put stock aside ended. Numbers are places in the list of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReserveOutcome {
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

/// How any other wish ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done now.
    Done,
    /// There is no reservation; what comes late finds that there shall be none.
    Noted,
    /// It was done before, or something that makes it pointless.
    Already,
    /// It cannot be done any more.
    TooLate,
    /// Nothing is known of this order's items.
    NothingKnown,
    /// It would take pieces that are not there any more.
    Short(Vec<Sku>),
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Wish; 2] = [Wish::Sell, Wish::Return];

    #[test]
    fn names_lead_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("lost".parse::<State>(), Err(NoSuchState));
    }

    fn after(state: State, wish: Wish) -> State {
        match state.step(wish) {
            Step::To(next, _) => next,
            Step::Nothing | Step::TooLate => state,
        }
    }

    #[test]
    fn a_wish_that_comes_again_changes_nothing() {
        for state in State::ALL {
            for wish in [Wish::Hold, Wish::Release, Wish::Sell, Wish::Return, Wish::Expire] {
                let next = after(state, wish);
                let again = next.step(wish);
                assert!(matches!(again, Step::Nothing | Step::TooLate), "{state:?} {wish:?} {again:?}");
            }
        }
    }

    #[test]
    fn events_end_the_same_in_any_order() {
        for state in State::ALL {
            for first in EVENTS {
                for second in EVENTS {
                    let end = after(after(after(state, first), second), Wish::Return);
                    assert_eq!(end, State::Returned, "{state:?} {first:?} {second:?}");
                }
            }
        }
    }

    /// Pieces on hand and put aside for one piece ordered, as each state has it.
    fn stock(state: State) -> (i64, i64) {
        match state {
            State::Held => (1, 1),
            State::Released | State::Expired | State::Returned => (1, 0),
            State::Sold => (0, 0),
        }
    }

    #[test]
    fn no_step_loses_or_makes_a_piece() {
        for state in State::ALL {
            for wish in [Wish::Hold, Wish::Release, Wish::Sell, Wish::Return, Wish::Expire] {
                if let Step::To(next, change) = state.step(wish) {
                    let (on_hand, reserved) = stock(state);
                    let (after, reserved_after) = stock(next);
                    assert_eq!(
                        (on_hand + change.on_hand, reserved + change.reserved),
                        stock(next),
                        "{wish:?}"
                    );
                    assert_eq!(
                        change.takes(),
                        after - reserved_after < on_hand - reserved,
                        "{state:?} {wish:?}"
                    );
                }
            }
        }
    }
}
