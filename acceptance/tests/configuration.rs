//! Wrong configuration and taken ports stop the start with one line that names the variable.

use acceptance::SERVICES;
use std::net::TcpListener;
use testkit::{PATIENCE, Process, built};

/// Starts a part that should refuse; its exit code and its one line.
async fn refusal(command: &str, env: &[(&str, &str)]) -> (i32, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let database = format!("sqlite:{}/part.db", folder.path().display());
    let data = folder.path().display().to_string();
    let harmless = [
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("ADMIN_ADDR", "127.0.0.1:0"),
        ("OTLP_GRPC_ADDR", "127.0.0.1:0"),
        ("OTLP_HTTP_ADDR", "127.0.0.1:0"),
        ("LOG_ADDR", "127.0.0.1:0"),
        ("DATABASE_URL", &database),
        ("DATA_DIR", &data),
        ("OTEL_TRACES_EXPORTER", "none"),
    ];
    let mut process = Process::start(&built("waybill"), &[command], harmless.iter().chain(env).copied());
    let status = process.ended(PATIENCE).await;
    let errors = process.stderr();
    assert_eq!(errors.len(), 1, "{command} {env:?}: {errors:?}");
    (status.code().unwrap(), errors[0].clone())
}

async fn assert_refused(command: &str, variable: &str, value: &str) {
    let (code, line) = refusal(command, &[(variable, value)]).await;
    assert_eq!(code, 2, "{command} {variable}={value}: {line}");
    assert!(line.contains(&format!("{variable}: ")), "{command} {variable}={value}: {line}");
    assert!(line.contains("it takes "), "{line}");
    assert!(!line.contains("hunter2"), "a secret is shown: {line}");
}

#[tokio::test]
async fn a_wrong_variable_is_named() {
    for (_, command) in SERVICES {
        for (variable, value) in [("LISTEN_ADDR", "localhost"), ("LOG_SHIP", "carrier://pigeon:1")] {
            assert_refused(command, variable, value).await;
        }
    }
    for (command, variable, value) in [
        ("gateway", "ADMIN_ADDR", "9080"),
        ("gateway", "ORDER_URL", "order:8081"),
        ("gateway", "INVENTORY_URL", "http://me:hunter2@inventory:8083"),
        ("gateway", "REQUEST_TIMEOUT_MS", "0"),
        ("gateway", "DRAIN_TIMEOUT_MS", "soon"),
        ("gateway", "OTEL_TRACES_SAMPLER", "sometimes"),
        ("gateway", "OTEL_PROPAGATORS", "smoke-signals"),
        ("order", "DATABASE_URL", "mysql://me:hunter2@db/orders"),
        ("order", "PAYMENT_URL", "https://payment"),
        ("order", "EVENTS_URL", "ftp://me:hunter2@events"),
        ("order", "OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("order", "OTEL_SDK_DISABLED", "perhaps"),
        ("payment", "CUSTOMER_REF_KEY", "hunter2"),
        ("payment", "OTEL_EXPORTER_OTLP_PROTOCOL", "soap"),
        ("payment", "OTEL_RESOURCE_ATTRIBUTES", "nonsense"),
        ("inventory", "LOG_LEVEL", "loud"),
        ("inventory", "LOG_SAMPLE_RATIO", "2"),
        ("inventory", "LOG_SHIP", "carrier-pigeon://roof"),
        ("order", "AUDIT_LOG", "ftp://me:hunter2@audit"),
        ("inventory", "OTEL_TRACES_SAMPLER_ARG", "2"),
    ] {
        if variable == "OTEL_TRACES_SAMPLER_ARG" {
            let env = [("OTEL_TRACES_SAMPLER", "traceidratio"), (variable, value)];
            let (code, line) = refusal(command, &env).await;
            assert!(code == 2 && line.contains(&format!("{variable}: ")), "{line}");
        } else {
            assert_refused(command, variable, value).await;
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_named() {
    for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
        for endpoint in ["not a url", "127.0.0.1:4317", "ftp://me:hunter2@collector"] {
            assert_refused("gateway", variable, endpoint).await;
        }
    }
}

#[tokio::test]
async fn a_wrong_variable_of_the_observatory_is_named() {
    for (variable, value) in [
        ("LISTEN_ADDR", "16686"),
        ("ADMIN_ADDR", "nowhere"),
        ("OTLP_GRPC_ADDR", "localhost:4317"),
        ("OTLP_HTTP_ADDR", "4318"),
        ("LOG_ADDR", "udp://127.0.0.1:5170"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_BYTES", "1"),
        ("INTAKE_RATE_LIMIT", "some"),
        ("ALERT_RULES", "/nowhere"),
        ("ALERT_WEBHOOK", "https://me:hunter2@x"),
        ("SCRAPE_TARGETS", "http://127.0.0.1:9080/metrics"),
    ] {
        assert_refused("observatory", variable, value).await;
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let parts = SERVICES.iter().flat_map(|(_, part)| [(*part, "LISTEN_ADDR"), (*part, "ADMIN_ADDR")]);
    let doors = ["LISTEN_ADDR", "ADMIN_ADDR", "OTLP_GRPC_ADDR", "OTLP_HTTP_ADDR", "LOG_ADDR"];
    for (part, variable) in parts.chain(doors.map(|door| ("observatory", door))) {
        let (code, line) = refusal(part, &[(variable, &address)]).await;
        assert_eq!(code, 1, "{part}: {line}");
        assert!(
            line.ends_with(&format!("{variable}: {address} is taken by another process")),
            "{part}: {line}"
        );
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_had_is_named() {
    for (_, command) in &SERVICES[1..] {
        let (code, line) = refusal(command, &[("DATABASE_URL", "sqlite:/dev/null/part.db")]).await;
        assert_eq!(code, 1, "{line}");
        assert!(line.contains("DATABASE_URL: cannot "), "{line}");
    }
    let (code, line) = refusal("observatory", &[("DATA_DIR", "/dev/null/data")]).await;
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("DATA_DIR"), "{line}");
}
