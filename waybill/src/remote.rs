//! How the terminal asks the gateway and the observatory.

use crate::{
    cli::TokenOption,
    config::{GATEWAY_URL, OBSERVATORY_URL, WAYBILL_TOKEN, environment},
};
use api::problem::Problem;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use std::{error::Error, time::Duration};
use telemetry::{ConfigError, Env, env::parse};

/// A running platform, by its two public addresses.
#[derive(Clone)]
pub(crate) struct Remote {
    client: Client,
    gateway: String,
    observatory: String,
    /// `WAYBILL_TOKEN`, for the gateway.
    token: Option<String>,
    /// `OBSERVATORY_TOKEN`, for the other.
    observatory_token: Option<String>,
}

/// An order that was asked for: how it ended and where to follow it.
pub(crate) struct Placed {
    /// `confirmed`, or the problem's title in lower case.
    pub(crate) outcome: String,
    pub(crate) is_confirmed: bool,
    /// Empty when the request never became an order.
    pub(crate) order_id: String,
    /// Empty when the gateway is not tracing.
    pub(crate) trace_id: String,
}

impl Remote {
    /// Where `GATEWAY_URL` and `OBSERVATORY_URL` say, or where `waybill up` puts them.
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let env = Env::from_process();
        let url = |variable| env.read::<String>(variable, parse::value);
        Self::new(&url(&GATEWAY_URL)?, &url(&OBSERVATORY_URL)?)
    }

    pub(crate) fn new(gateway: &str, observatory: &str) -> Result<Self, Box<dyn Error>> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(15)).build()?;
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            gateway: base(gateway),
            observatory: base(observatory),
            token: token_of(TokenOption::default())?,
            observatory_token: observatory_token()?,
        })
    }

    /// With the access token that was given on the command line, if one was.
    pub(crate) fn with_token(self, given: TokenOption) -> Result<Self, Box<dyn Error>> {
        Ok(Self { token: token_of(given)?, ..self })
    }

    /// Places an order; a refusal is an outcome, not an error.
    pub(crate) async fn place(&self, order: &serde_json::Value) -> Result<Placed, Box<dyn Error>> {
        let url = format!("{}/api/orders", self.gateway);
        let request = bearer(self.client.post(&url).json(order), self.token.as_deref());
        let answer = request.send().await.map_err(|_| away(&self.gateway))?;
        let trace_id = header(&answer, "x-trace-id");
        if answer.status() == StatusCode::CREATED {
            let order: api::order::Order = answer.json().await?;
            return Ok(Placed {
                outcome: order.status.to_string(),
                is_confirmed: true,
                order_id: order.id.to_string(),
                trace_id,
            });
        }
        let problem: Problem = answer.json().await?;
        if let 401 | 403 = problem.status {
            let why = problem.detail.unwrap_or(problem.title);
            return Err(format!("{}: {why} (--token, WAYBILL_TOKEN)", self.gateway).into());
        }
        let order_id = problem.instance.as_deref().and_then(|path| path.strip_prefix("/api/orders/"));
        let fields: Vec<String> =
            problem.errors.iter().map(|field| format!(" ({}: {})", field.pointer, field.detail)).collect();
        Ok(Placed {
            outcome: format!("{}{}", problem.title.to_lowercase(), fields.concat()),
            is_confirmed: false,
            order_id: order_id.unwrap_or_default().to_owned(),
            trace_id,
        })
    }

    /// Asks the observatory for JSON; `None` when it knows nothing of it.
    pub(crate) async fn observe<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Box<dyn Error>> {
        let url = format!("{}{path}", self.observatory);
        let request = bearer(self.client.get(&url), self.observatory_token.as_deref());
        let answer = request.send().await.map_err(|_| away(&self.observatory))?;
        match answer.status() {
            StatusCode::UNAUTHORIZED => {
                Err(format!("{url} asks for another token than OBSERVATORY_TOKEN").into())
            }
            StatusCode::OK => Ok(Some(answer.json().await?)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(format!("{url} answered {status}").into()),
        }
    }

    /// The page that shows a trace.
    pub(crate) fn trace_page(&self, trace_id: &str) -> String {
        format!("{}/trace/{trace_id}", self.observatory)
    }

    /// The address of the observatory's page.
    pub(crate) fn page(&self) -> &str {
        &self.observatory
    }

    /// The address of the gateway.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Whether an admin port says that its process is ready.
    pub(crate) async fn is_ready(&self, admin: &str) -> bool {
        let answer = self.client.get(format!("http://{admin}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// The access token that was given, or `WAYBILL_TOKEN`.
pub(crate) fn token_of(given: TokenOption) -> Result<Option<String>, ConfigError> {
    let held = || environment()?.optional(&WAYBILL_TOKEN, parse::value);
    given.given.map_or_else(held, |given| Ok(Some(given)))
}

/// `OBSERVATORY_TOKEN`.
pub(crate) fn observatory_token() -> Result<Option<String>, ConfigError> {
    Ok(environment()?.get("OBSERVATORY_TOKEN").map(str::to_owned))
}

/// The request with its token, if there is one.
pub(crate) fn bearer(request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// What a person can type to name something: an order or a trace.
pub(crate) enum Id {
    Trace(String),
    Order(String),
}

impl Id {
    pub(crate) fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let text = text.trim().to_ascii_lowercase();
        if text.parse::<api::ids::OrderId>().is_ok() {
            Ok(Self::Order(text))
        } else if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self::Trace(text))
        } else {
            Err("an id is an order's (a UUID) or a trace's (32 hex digits)".into())
        }
    }
}

fn header(answer: &Response, name: &str) -> String {
    let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn away(url: &str) -> String {
    format!("nothing answers at {url}: is `waybill up` running? (GATEWAY_URL, OBSERVATORY_URL say where)")
}
