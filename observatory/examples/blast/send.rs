//! Events at a steady rate, over each input.

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

use super::serve::Ports;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(5);
/// What HTTP and OTLP send together, at most.
const BATCH: u64 = 500;
const CONNECTIONS: usize = 4;
const SESSIONS: u64 = 5_000;
const KEYS: [&str; 8] = [
    "page.view",
    "cart.add",
    "cart.remove",
    "search.term",
    "checkout.step",
    "payment.method",
    "app.version",
    "locale",
];
const COMPONENTS: [&str; 4] = ["web", "app", "checkout", "search"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Tcp,
    Udp,
    Http,
    OtlpHttp,
    OtlpGrpc,
}

impl Input {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Http => "http",
            Self::OtlpHttp => "otlp_http",
            Self::OtlpGrpc => "otlp_grpc",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Http, Self::OtlpHttp, Self::OtlpGrpc]
            .into_iter()
            .find(|input| input.name() == name)
    }
}

/// Sends for `length`, and says how many were handed over. The times at which events are due are fixed beforehand.
pub async fn send(input: Input, ports: &Ports, rate: u64, length: Duration) -> Result<u64, Box<dyn Error>> {
    let mut sender = Sender::connect(input, ports).await?;
    let began = Instant::now();
    let mut sent = 0;
    loop {
        let elapsed = began.elapsed().min(length);
        let due = (elapsed.as_secs_f64() * rate as f64) as u64;
        // A sender that cannot keep up sends less; it does not go on for longer.
        while sent < due && began.elapsed() < length + TICK {
            let count = BATCH.min(due - sent);
            sender.send(sent..sent + count).await?;
            sent += count;
        }
        if elapsed >= length {
            sender.finish().await?;
            return Ok(sent);
        }
        tokio::time::sleep(TICK).await;
    }
}

enum Sender {
    Tcp { streams: Vec<TcpStream>, turn: usize },
    Udp(UdpSocket),
    Http { client: reqwest::Client, url: String },
    OtlpHttp { client: reqwest::Client, url: String },
    OtlpGrpc(LogsServiceClient<tonic::transport::Channel>),
}

impl Sender {
    async fn connect(input: Input, ports: &Ports) -> Result<Self, Box<dyn Error>> {
        let client = || reqwest::Client::builder().no_proxy().build();
        Ok(match input {
            Input::Tcp => {
                let mut streams = Vec::new();
                for _ in 0..CONNECTIONS {
                    streams.push(TcpStream::connect(ports.tcp).await?);
                }
                Self::Tcp { streams, turn: 0 }
            }
            Input::Udp => {
                let socket = UdpSocket::bind("127.0.0.1:0").await?;
                socket.connect(ports.udp).await?;
                Self::Udp(socket)
            }
            Input::Http => Self::Http { client: client()?, url: format!("http://{}/api/logs", ports.http) },
            Input::OtlpHttp => {
                Self::OtlpHttp { client: client()?, url: format!("http://{}/v1/logs", ports.otlp_http) }
            }
            Input::OtlpGrpc => {
                Self::OtlpGrpc(LogsServiceClient::connect(format!("http://{}", ports.otlp_grpc)).await?)
            }
        })
    }

    async fn send(&mut self, numbers: std::ops::Range<u64>) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Tcp { streams, turn } => {
                *turn = (*turn + 1) % streams.len();
                streams[*turn].write_all(lines(numbers).as_bytes()).await?;
            }
            Self::Udp(socket) => {
                for line in lines(numbers).lines() {
                    socket.send(line.as_bytes()).await?;
                }
            }
            Self::Http { client, url } => {
                let request =
                    client.post(&*url).header("content-type", "application/x-ndjson").body(lines(numbers));
                request.send().await?.bytes().await?;
            }
            Self::OtlpHttp { client, url } => {
                let body = records(numbers).encode_to_vec();
                let request = client.post(&*url).header("content-type", "application/x-protobuf").body(body);
                request.send().await?.bytes().await?;
            }
            // A refusal is counted by the observatory.
            Self::OtlpGrpc(client) => drop(client.export(records(numbers)).await),
        }
        Ok(())
    }

    async fn finish(self) -> Result<(), Box<dyn Error>> {
        if let Self::Tcp { streams, .. } = self {
            for mut stream in streams {
                stream.shutdown().await?;
            }
        }
        Ok(())
    }
}

/// A session event a line, some 190 bytes.
fn lines(numbers: std::ops::Range<u64>) -> String {
    let millis = now().as_millis();
    let mut text = String::with_capacity(200 * (numbers.end - numbers.start) as usize);
    for number in numbers {
        let (session, key, component) = parts(number);
        let _ = writeln!(
            text,
            "{{\"session_id\":\"0193a4f2-7c31-7d10-8a11-{session:012}\",\"key\":\"{key}\",\"value\":\"value {number} of this run\",\
             \"timestamp\":{millis},\"terminal_id\":\"t-{session}\",\"component\":\"{component}\"}}"
        );
    }
    text
}

fn parts(number: u64) -> (u64, &'static str, &'static str) {
    // A prime, so that sessions come in no order.
    let session = number.wrapping_mul(7_919) % SESSIONS;
    (session, KEYS[number as usize % KEYS.len()], COMPONENTS[number as usize / 3 % COMPONENTS.len()])
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn records(numbers: std::ops::Range<u64>) -> ExportLogsServiceRequest {
    let time_unix_nano = now().as_nanos() as u64;
    let record = |number: u64| {
        let (session, key, _) = parts(number);
        LogRecord {
            time_unix_nano,
            severity_number: 9,
            body: Some(text(format!("{key}=value {number} of this run"))),
            attributes: vec![KeyValue {
                key: "session.id".to_owned(),
                value: Some(text(format!("0193a4f2-7c31-7d10-8a11-{session:012}"))),
                ..KeyValue::default()
            }],
            ..LogRecord::default()
        }
    };
    let service = KeyValue {
        key: "service.name".to_owned(),
        value: Some(text("web".to_owned())),
        ..KeyValue::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource { attributes: vec![service], ..Resource::default() }),
            scope_logs: vec![ScopeLogs {
                log_records: numbers.map(record).collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

fn text(text: String) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text)) }
}
