//! Start, stop, restart and retention.

use observatory::{Config, Data, Listeners};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Observatory, TRACE, config, export, span};

const ID: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn what_was_taken_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let observatory = Observatory::start_with(config(directory.path())).await;
    observatory.send_spans(&export("svc", &[span(ID, "", "op", 2, (0, 10))])).await;
    let mut stream = TcpStream::connect(observatory.log_tcp).await.unwrap();
    stream
        .write_all(b"{\"message\":\"one\",\"order_id\":\"o\"}\n{\"message\":\"half a line\"}")
        .await
        .unwrap();
    // At once: the last spans and lines are still on their way to the store.
    observatory.stop().await;

    let observatory = Observatory::start_with(config(directory.path())).await;
    let trace = observatory.json(&format!("/api/traces/{TRACE}")).await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 1);
    let logs = observatory.json("/api/logs").await;
    assert_eq!(logs["logs"].as_array().unwrap().len(), 2);
    observatory.send_spans(&export("svc", &[span("10f067aa0ba902b7", ID, "op2", 2, (0, 10))])).await;
    let path = format!("/api/traces/{TRACE}");
    observatory
        .eventually(&path, |answer| answer["data"][0]["spans"].as_array().is_some_and(|all| all.len() == 2))
        .await;
    observatory.stop().await;
}

#[tokio::test]
async fn a_connected_sender_does_not_hold_up_the_stop() {
    let observatory = Observatory::start().await;
    let _idle = TcpStream::connect(observatory.log_tcp).await.unwrap();
    let _idle_http = TcpStream::connect(observatory.http).await.unwrap();
    let began = std::time::Instant::now();
    observatory.stop().await;
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[tokio::test]
async fn old_days_are_deleted_and_other_files_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let observatory = Observatory::start_with(config(directory.path())).await;
    observatory.send_spans(&export("svc", &[span(ID, "", "op", 2, (0, 10))])).await;
    observatory.stop().await;
    let today = time::OffsetDateTime::now_utc().date();
    let file =
        |days: i64| directory.path().join(format!("telemetry-{}.db", today - time::Duration::days(days)));
    for days in 1..=8 {
        std::fs::copy(file(0), file(days)).unwrap();
    }
    std::fs::write(directory.path().join("notes.txt"), "mine").unwrap();

    let observatory = Observatory::start_with(config(directory.path())).await;
    // The same spans in seven files are still one trace.
    let trace = observatory.json(&format!("/api/traces/{TRACE}")).await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 1);
    for days in 0..=8 {
        assert_eq!(file(days).exists(), days < 7, "{days} days old");
    }
    assert!(directory.path().join("notes.txt").exists());
    observatory.stop().await;
}

/// Its files, without what SQLite keeps beside them.
fn files(directory: &std::path::Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), entry.metadata().map_or(0, |data| data.len()))
        })
        .filter(|(name, _)| std::path::Path::new(name).extension().is_some_and(|extension| extension == "db"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_oldest_lines_make_room_while_new_ones_are_written() {
    const LIMIT: u64 = 8 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.retention_bytes = LIMIT;
    config.queue_bytes = 256 * 1024;
    let observatory = Observatory::start_with(config).await;
    let mut sent = 0;
    while files(directory.path()).iter().all(|(name, _)| !name.contains(".12.")) {
        let lines: Vec<_> = (0..100)
            .map(|number| serde_json::json!({"message": format!("line {}", sent + number), "padding": "x".repeat(1000)}))
            .collect();
        observatory.send_lines(&lines).await;
        sent += 100;
        observatory.metric_reaches("observatory_stored_total", &[], sent).await;
        // Reading goes on meanwhile.
        let newest = observatory.json(&format!("/api/logs?limit=1&q={}", sent - 1)).await;
        assert_eq!(newest["logs"][0]["message"], format!("line {}", sent - 1));
        assert!(files(directory.path()).iter().map(|(_, size)| size).sum::<u64>() <= LIMIT);
    }
    let kept = files(directory.path());
    assert!((3..=9).contains(&kept.len()), "{kept:?}");
    assert!(kept[0].0.matches('.').count() > 1, "the first part is gone: {kept:?}");
    let gone = observatory.json("/api/logs?q=%22line+0%22").await;
    assert!(gone["logs"].as_array().unwrap().iter().all(|line| line["message"] != "line 0"));
    observatory.stop().await;
}

#[tokio::test]
async fn a_taken_port_and_an_unusable_directory_are_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Listeners::bind(&Config { otlp_http: address, ..free() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("OTLP_HTTP_ADDR: {address} is taken by another process"));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("telemetry-2026-11-22.db");
    std::fs::write(&file, "not a database, but long enough to look at").unwrap();
    let config = config(directory.path());
    let listeners = Listeners::bind(&config).await.unwrap();
    let error = observatory::run(config, listeners, std::future::pending()).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("DATA_DIR: {}: ", file.display())), "{error}");
    assert!(!error.contains('\n'));
}

#[tokio::test]
async fn an_ephemeral_store_leaves_nothing_behind() {
    let observatory = Observatory::start_with(free()).await;
    observatory.send_spans(&export("svc", &[span(ID, "", "op", 2, (0, 10))])).await;
    observatory.eventually(&format!("/api/traces/{TRACE}"), |answer| answer["errors"].is_null()).await;
    observatory.stop().await;
}

#[tokio::test]
async fn the_admin_listener_tells_how_it_is() {
    let observatory = Observatory::start().await;
    let admin = |path| observatory.client.get(format!("http://{}{path}", observatory.admin)).send();
    while admin("/readyz").await.unwrap().status() != 200 {}
    assert_eq!(admin("/healthz").await.unwrap().text().await.unwrap(), "ok\n");
    let metrics = admin("/metrics").await.unwrap();
    assert_eq!(
        metrics.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(metrics.text().await.unwrap().contains("process_cpu_seconds_total "));
    assert!(observatory.metric("process_resident_memory_bytes", &[]).await > 0);
    observatory.stop().await;
}

fn free() -> Config {
    Config { data: Data::Ephemeral, ..config(std::path::Path::new("unused")) }
}
