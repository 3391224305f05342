//! A charge that is taken back while the processor is at it, and a processor that does not answer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use api::card::CardNumber;
use api::ids::{OrderId, TransactionId};
use api::money::Money;
use api::payment::RefundState;
use api::problem::ProblemKind;
use payment::cashier::Cashier;
use payment::processor::{Answer, Asked, Processor, Unanswered};
use telemetry::Telemetry;
use tokio::sync::Semaphore;

use crate::contract::{open, request};
use testkit::Database;

/// Holds money by transaction id. A charge waits for a permit before it is answered.
struct Bank {
    held: Mutex<HashSet<TransactionId>>,
    entered: Semaphore,
    answers: Semaphore,
    silent: AtomicBool,
}

impl Processor for Bank {
    fn charge<'a>(&'a self, id: TransactionId, _: Money, _: &'a CardNumber) -> Asked<'a, Answer> {
        Box::pin(async move {
            self.entered.add_permits(1);
            self.answers.acquire().await.unwrap().forget();
            self.held.lock().unwrap().insert(id);
            Answer::Approved
        })
    }

    fn cancel(&self, id: TransactionId) -> Asked<'_, Result<(), Unanswered>> {
        Box::pin(async move {
            if self.silent.load(Ordering::Relaxed) {
                return Err(Unanswered);
            }
            self.held.lock().unwrap().remove(&id);
            Ok(())
        })
    }
}

async fn cashier(database: &Database) -> (Arc<Bank>, Cashier) {
    let bank = Arc::new(Bank {
        held: Mutex::default(),
        entered: Semaphore::new(0),
        answers: Semaphore::new(0),
        silent: AtomicBool::new(false),
    });
    let telemetry = Telemetry::for_test(payment::SERVICE);
    (bank.clone(), Cashier::new(open(database).await, bank, &telemetry))
}

#[tokio::test]
async fn a_charge_that_is_answered_after_it_was_taken_back_holds_nothing() {
    for database in Database::each().await {
        let (bank, cashier) = cashier(&database).await;
        let order = OrderId::new();
        let charge = tokio::spawn({
            let cashier = cashier.clone();
            async move { cashier.charge(request(order, 2500)).await }
        });
        bank.entered.acquire().await.unwrap().forget();
        assert_eq!(cashier.refund(order).await.unwrap().state, RefundState::Voided);
        bank.answers.add_permits(1);
        assert_eq!(charge.await.unwrap().unwrap_err().kind(), ProblemKind::Conflict);
        assert_eq!(*bank.held.lock().unwrap(), HashSet::new());
    }
}

#[tokio::test]
async fn a_processor_that_does_not_answer_is_asked_again() {
    for database in Database::each().await {
        let (bank, cashier) = cashier(&database).await;
        let order = OrderId::new();
        bank.answers.add_permits(1);
        cashier.charge(request(order, 2500)).await.unwrap();
        bank.silent.store(true, Ordering::Relaxed);
        assert_eq!(cashier.refund(order).await.unwrap_err().kind(), ProblemKind::Unavailable);
        assert!(cashier.charge(request(order, 2500)).await.is_ok(), "the money is still ours");
        bank.silent.store(false, Ordering::Relaxed);
        assert_eq!(cashier.refund(order).await.unwrap().state, RefundState::Refunded);
        assert_eq!(*bank.held.lock().unwrap(), HashSet::new());
    }
}
