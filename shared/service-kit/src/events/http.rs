//! CloudEvents over HTTP, one receiver.

use std::time::Duration;

use api::event::CloudEvent;
use reqwest::{StatusCode, Url, header::AUTHORIZATION};
use telemetry::propagation::StoredContext;

use super::{PublishError, to_message};
use crate::access::PeerToken;
use crate::peer::plain_client;

/// Posts events to one URL. A cheap handle.
#[derive(Clone)]
pub struct HttpPublisher {
    client: reqwest::Client,
    receiver: Url,
    token: Option<PeerToken>,
}

impl HttpPublisher {
    pub(super) fn new(
        receiver: Url,
        timeout: Duration,
        token: Option<PeerToken>,
    ) -> Result<Self, reqwest::Error> {
        // A plain client: the PRODUCER span is the hop, a CLIENT span inside it would say the same again.
        Ok(Self { client: plain_client(timeout)?, receiver, token })
    }

    pub(super) async fn publish(
        &self,
        event: &CloudEvent,
        context: &StoredContext,
    ) -> Result<(), PublishError> {
        let (mut headers, body) = to_message(event, context)?;
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.header());
        }
        match self.client.post(self.receiver.clone()).headers(headers).body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(refused(answer.status())),
            Err(error) if error.is_connect() => {
                Err(PublishError::Away("the receiver cannot be reached".to_owned()))
            }
            // The event may be why: it counts against it.
            Err(error) if error.is_timeout() => {
                Err(PublishError::NotTaken("the receiver did not answer in time".to_owned()))
            }
            Err(_) => Err(PublishError::NotTaken("the connection broke before an answer".to_owned())),
        }
    }
}

/// Who we are, how often we come and how busy the receiver is say nothing about the event: those don't count against it.
fn refused(status: StatusCode) -> PublishError {
    let why = format!("the receiver answered {}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE => PublishError::Away(why),
        _ => PublishError::NotTaken(why),
    }
}
