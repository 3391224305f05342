//! The card processor: the port, and a simulated one behind it.

use std::future::Future;
use std::pin::Pin;

use api::card::CardNumber;
use api::ids::TransactionId;
use api::money::Money;

use crate::domain::Decline;

/// What a processor answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The money is taken.
    Approved,
    /// It will not be.
    Declined(Decline),
    /// Not known: ask again, with the same transaction id.
    ProcessingError,
}

/// Takes money from cards. Asked again with the same transaction id, it answers the same and takes nothing more.
pub(crate) trait Processor: Send + Sync {
    /// Charges a card.
    fn charge<'a>(
        &'a self,
        transaction: TransactionId,
        amount: Money,
        card: &'a CardNumber,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}

/// Answers by the card number alone, as the test modes of card processors do.
pub(crate) struct Simulated;

impl Processor for Simulated {
    fn charge<'a>(
        &'a self,
        _: TransactionId,
        _: Money,
        card: &'a CardNumber,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        let answer = match card.reveal() {
            "4000000000000002" => Answer::Declined(Decline::CardDeclined),
            "4000000000009995" => Answer::Declined(Decline::InsufficientFunds),
            "4000000000000119" => Answer::ProcessingError,
            _ => Answer::Approved,
        };
        Box::pin(std::future::ready(answer))
    }
}
