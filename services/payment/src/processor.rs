//! The card processor: the port, and a simulated one behind it.

use std::future::Future;
use std::pin::Pin;

use api::card::CardNumber;
use api::ids::TransactionId;
use api::money::Money;

use crate::domain::Decline;

/// What a processor answers to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The money is taken.
    Approved,
    /// It will not be.
    Declined(Decline),
    /// Not known: ask again, with the same transaction id.
    ProcessingError,
}

/// The processor did not answer; whether it did what was asked is not known. Ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the card processor cannot answer now")]
pub struct Unanswered;

/// What a processor's methods return: a future behind a pointer, so that there can be more than one processor.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes money from cards. Asked again with the same transaction id, it answers the same and takes nothing more.
pub trait Processor: Send + Sync {
    /// Charges a card.
    fn charge<'a>(
        &'a self,
        transaction: TransactionId,
        amount: Money,
        card: &'a CardNumber,
    ) -> Asked<'a, Answer>;

    /// Gives back whatever was taken under this transaction id, and takes nothing under it any more.
    fn cancel(&self, transaction: TransactionId) -> Asked<'_, Result<(), Unanswered>>;
}

/// Answers by the card number alone, as the test modes of card processors do.
pub struct Simulated;

impl Processor for Simulated {
    fn charge<'a>(&'a self, _: TransactionId, _: Money, card: &'a CardNumber) -> Asked<'a, Answer> {
        let answer = match card.reveal() {
            "4000000000000002" => Answer::Declined(Decline::CardDeclined),
            "4000000000009995" => Answer::Declined(Decline::InsufficientFunds),
            "4000000000000119" => Answer::ProcessingError,
            _ => Answer::Approved,
        };
        Box::pin(std::future::ready(answer))
    }

    fn cancel(&self, _: TransactionId) -> Asked<'_, Result<(), Unanswered>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
