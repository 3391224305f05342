//! A fault that is brought about fires its alert, in Prometheus and in Alertmanager.

use acceptance::{Backends, EARL_GREY, Need, Prometheus, SERVICES, Settings, Stack};
use futures_util::future::join_all;
use promql_parser::{
    parser::{self, Expr},
    util::{ExprVisitor, walk_expr},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    convert::Infallible,
    fs,
    path::Path,
    time::{Duration, Instant},
};
use testkit::{Process, eventually_within, free_port};

/// A card that the processor cannot answer for now: such an order fails.
const FAILING_CARD: &str = "4000000000000119";
const UP: &str = "up{job=~\"api-gateway|.+-service\"}";
/// Windows of minutes have to fill when the rules are not shortened for tests (`FAST=1`).
const LIMIT: Duration = Duration::from_mins(6);

#[tokio::test]
async fn orders_that_fail_burn_the_error_budget() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Prometheus, Need::Alertmanager]) {
        return;
    }
    let prometheus = backends.prometheus();
    eventually_within(LIMIT, "ErrorBudgetBurnFast", async || {
        let orders = join_all((0..4).map(|_| backends.place(EARL_GREY, FAILING_CARD))).await;
        assert!(orders.iter().all(|answer| answer.status == 503), "{}", orders[0].body);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let fires = prometheus.is_firing("ErrorBudgetBurnFast", None).await;
        (fires && prometheus.is_told("ErrorBudgetBurnFast", None).await).then_some(())
    })
    .await;
}

/// With a Prometheus and services of the test's own: what everybody else looks at is not stopped.
#[tokio::test]
async fn a_service_that_is_down_is_told() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::PrometheusCommand, Need::Alertmanager]) {
        return;
    }
    let mut stack = Stack::start(Settings::default()).await;
    let folder = tempfile::TempDir::new().unwrap();
    let (_running, prometheus) = own_prometheus(&backends, &stack, folder.path());
    let payment = Some("payment-service");
    eventually_within(LIMIT, "services that are up", async || {
        let is_up = |(_, value): &(_, f64)| *value > 0.5;
        let up = if prometheus.is_ready().await { prometheus.query(UP).await } else { Vec::new() };
        (up.iter().filter(|series| is_up(series)).count() == SERVICES.len()).then_some(())
    })
    .await;
    assert!(!prometheus.is_firing("ServiceDown", payment).await);
    stack.kill("payment");
    eventually_within(LIMIT, "ServiceDown", async || {
        let told = prometheus.is_told("ServiceDown", payment).await;
        (told && prometheus.is_firing("ServiceDown", payment).await).then_some(())
    })
    .await;
    assert!(!prometheus.is_firing("ServiceDown", Some("order-service")).await);
}

/// What the Collector sees of Elasticsearch, Logstash and Kibana has the names that the alerts know: an alert about series
/// that are never there is silent whatever happens.
#[tokio::test]
async fn alerts_about_elk_look_at_series_that_are_there() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Prometheus, Need::Elasticsearch]) {
        return;
    }
    let prometheus = backends.prometheus();
    let mut absent = selectors("../prometheus/alerts/elk.yml");
    assert!(absent.len() > 4, "{absent:?}");
    let begun = Instant::now();
    while !absent.is_empty() {
        assert!(begun.elapsed() < LIMIT, "nobody reports {absent:?}");
        let mut left = BTreeSet::new();
        for selector in absent {
            if prometheus.query(&selector).await.is_empty() {
                left.insert(selector);
            }
        }
        absent = left;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Elasticsearch answers, so this alert would be wrong.
    assert!(!prometheus.is_firing("ElasticsearchDown", None).await);
}

/// The series that a file of alerts names.
fn selectors(file: &str) -> BTreeSet<String> {
    struct Selectors(BTreeSet<String>);
    impl ExprVisitor for Selectors {
        type Error = Infallible;

        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
            match expr {
                Expr::VectorSelector(selector) => self.0.insert(selector.to_string()),
                Expr::MatrixSelector(matrix) => self.0.insert(matrix.vs.to_string()),
                _ => false,
            };
            Ok(true)
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let alerts: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut found = Selectors(BTreeSet::new());
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        walk_expr(&mut found, &parser::parse(rule["expr"].as_str().unwrap()).unwrap()).unwrap();
    }
    found.0
}

/// The repository's rules on a Prometheus that asks this stack.
fn own_prometheus(backends: &Backends, stack: &Stack, data: &Path) -> (Process, Prometheus) {
    let port = free_port().to_string();
    let address = |url: &str| url.split_once("://").unwrap().1.to_owned();
    let mut targets = vec![format!("alertmanager:9093={}", address(backends.url("ALERTMANAGER_URL")))];
    for (place, (_, command)) in SERVICES.iter().enumerate() {
        targets.push(format!("{command}:{}={}", 9080 + place, address(&stack.admin(command))));
    }
    let env = [
        ("PROMETHEUS_PORT", port.clone()),
        ("DATA_DIR", data.display().to_string()),
        ("TARGETS", targets.join(" ")),
        ("FAST", "1".to_owned()),
    ];
    let process = Process::start(Path::new(backends.url("PROMETHEUS_COMMAND")), &[], env);
    (process, backends.prometheus_at(&format!("http://127.0.0.1:{port}")))
}
