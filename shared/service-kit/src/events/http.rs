//! CloudEvents over HTTP, one receiver.

use std::time::Duration;

use api::event::CloudEvent;
use reqwest::Url;
use telemetry::propagation::StoredContext;

use super::{PublishError, to_message};
use crate::peer::plain_client;

/// Posts events to one URL. A cheap handle.
#[derive(Clone)]
pub struct HttpPublisher {
    client: reqwest::Client,
    receiver: Url,
}

impl HttpPublisher {
    pub(super) fn new(receiver: Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        // A plain client: the PRODUCER span is the hop, a CLIENT span inside it would say the same again.
        Ok(Self { client: plain_client(timeout)?, receiver })
    }

    pub(super) async fn publish(
        &self,
        event: &CloudEvent,
        context: &StoredContext,
    ) -> Result<(), PublishError> {
        let (headers, body) = to_message(event, context)?;
        match self.client.post(self.receiver.clone()).headers(headers).body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                Err(PublishError::NotTaken(format!("the receiver answered {}", answer.status().as_u16())))
            }
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
