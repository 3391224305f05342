//! Place many orders: each on its own, in a trace of its own that is linked to the batch's.

use api::batch::{BatchOutcome, BatchRequest, BatchResult, BatchResults, MOST_ORDERS, UnreadOrder};
use api::order::Order;
use api::problem::{FieldError, Problem, ProblemKind};
use futures_util::{StreamExt, stream};
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::peer::Answer;
use telemetry::names::span_name;
use telemetry::propagation::current_ids;
use telemetry::task;
use tracing::Instrument;

use crate::access::Reach;
use crate::http::Gateway;
use crate::limits::More;
use crate::manner::Manner;
use crate::place::{self, OrderRequest};

/// Orders of one batch on their way at once: a batch must not crowd out everybody else.
const AT_ONCE: usize = 8;

pub(crate) async fn place_all(
    gateway: &Gateway,
    batch: BatchRequest,
    reach: &Reach,
    more: &More,
    manner: &Manner,
    deadline: Deadline,
) -> Result<BatchResults, ApiError> {
    if !(1..=MOST_ORDERS).contains(&batch.orders.len()) {
        let error = FieldError::new("/orders", "a batch has 1 to 100 orders");
        return Err(ApiError::invalid(vec![error]));
    }
    if manner.idempotency_key.is_some() {
        let detail = "an `Idempotency-Key` is for one order: a batch does not take one";
        return Err(ApiError::new(ProblemKind::MalformedRequest, detail));
    }
    // The first is the request that the limits have counted already.
    more.take(batch.orders.len() - 1)?;
    let place_one = |order: UnreadOrder| async move {
        let span = task::linked_root(span_name::BATCH_PROCESS_ORDER);
        result(gateway, &order, reach, manner, deadline).instrument(span).await
    };
    let results: Vec<BatchResult> =
        stream::iter(batch.orders).map(place_one).buffered(AT_ONCE).collect().await;
    let placed = results.iter().filter(|result| matches!(result.outcome, BatchOutcome::Order(_))).count();
    tracing::info!(orders = results.len(), placed, "batch processed");
    Ok(BatchResults { results })
}

/// Runs inside the order's own span.
async fn result(
    gateway: &Gateway,
    order: &UnreadOrder,
    reach: &Reach,
    manner: &Manner,
    deadline: Deadline,
) -> BatchResult {
    let trace_id = current_ids().map(|ids| ids.trace_id.to_string());
    match place_one(gateway, order, reach, manner, deadline).await {
        Ok(Answer { status, body }) => {
            BatchResult { status: status.as_u16(), trace_id, outcome: BatchOutcome::Order(Box::new(body)) }
        }
        Err(error) => {
            error.report();
            let problem = Problem { trace_id: trace_id.clone(), ..error.problem().clone() };
            let status = problem.status;
            BatchResult { status, trace_id, outcome: BatchOutcome::Problem(Box::new(problem)) }
        }
    }
}

async fn place_one(
    gateway: &Gateway,
    order: &UnreadOrder,
    reach: &Reach,
    manner: &Manner,
    deadline: Deadline,
) -> Result<Answer<Order>, ApiError> {
    let order = order.read::<OrderRequest>()?.within(reach)?;
    place::place(&gateway.clients, &gateway.telemetry, order, reach, manner, deadline).await
}
