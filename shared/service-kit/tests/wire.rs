//! Bytes that are no ordinary request: each is refused, or read in one way only. docs/LIMITS.md has the same table.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{App, start};

const SECOND: Duration = Duration::from_secs(1);

/// What stands in the table.
const TABLE: &str = include_str!("../../../docs/LIMITS.md");

/// Follows what is tested on the same connection, so that it shows where the first request ended.
const NEXT: &str = "GET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

const HEAD: &str = "POST /echo HTTP/1.1\r\nhost: x\r\n";

async fn app() -> App {
    let echo = |request: Request| async {
        match axum::body::to_bytes(request.into_body(), 1024 * 1024).await {
            Ok(body) => format!("[{}]", String::from_utf8_lossy(&body)),
            Err(_) => "[broken]".to_owned(),
        }
    };
    let router = Router::new().route("/echo", post(echo)).route("/next", get(|| async { "[next]" }));
    start(router, 2 * SECOND, SECOND).await
}

/// The answers to these bytes until the server closes: status, and the body if it is one of the handlers'.
async fn answers(app: &App, bytes: &[u8]) -> Vec<String> {
    let mut stream = TcpStream::connect(app.api.strip_prefix("http://").unwrap()).await.unwrap();
    // The server may close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {} };
    timeout(5 * SECOND, read).await.expect("the server does not close");
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split("HTTP/1.1 ").skip(1).map(brief).collect()
}

fn brief(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = &head[..3];
    if body.starts_with('[') { format!("{status} {body}") } else { status.to_owned() }
}

/// What it is called, how it is read, the bytes, the answers.
type Case = (&'static str, &'static str, String, &'static [&'static str]);

fn case(name: &'static str, read: &'static str, first: &str, answers: &'static [&'static str]) -> Case {
    (name, read, format!("{first}{NEXT}"), answers)
}

/// What it is called, how it is read, what follows [`HEAD`] (each on its own connection), the answers to each.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const BROKEN: &str = "a body that broke off; the connection is closed";
const NOT_CHUNKED: &str = "`Transfer-Encoding` that does not end in `chunked`";

const FRAMING: [Row; 9] = [
    (
        "`Content-Length` and `Transfer-Encoding`, in either order",
        "by `Transfer-Encoding`; the connection is closed after it",
        &[
            "content-length: 40\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 40\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ],
        &["200 [ab]"],
    ),
    (
        "two `Content-Length` that differ",
        "400",
        &["content-length: 2\r\ncontent-length: 0\r\n\r\nab"],
        &["400"],
    ),
    (
        "two `Content-Length` that agree",
        "as one",
        &["content-length: 2\r\ncontent-length: 2\r\n\r\nab"],
        &["200 [ab]", "200 [next]"],
    ),
    (
        "`Content-Length: 2, 2`, `+2`, `-2`, `0x2`",
        "400",
        &[
            "content-length: 2, 2\r\n\r\nab",
            "content-length: +2\r\n\r\nab",
            "content-length: -2\r\n\r\nab",
            "content-length: 0x2\r\n\r\nab",
        ],
        &["400"],
    ),
    (
        NOT_CHUNKED,
        "400",
        &[
            "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
            "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        ],
        &["400"],
    ),
    (
        "chunk extensions, up to 16 KiB",
        "left out",
        &["transfer-encoding: chunked\r\n\r\n2;a=b\r\nab\r\n0\r\n\r\n"],
        &["200 [ab]", "200 [next]"],
    ),
    (
        "trailers",
        "left out",
        &["transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\ncontent-length: 9\r\n\r\n"],
        &["200 [ab]", "200 [next]"],
    ),
    (
        "a chunk's size that is no hexadecimal number, or does not fit 64 bits",
        BROKEN,
        &[
            "transfer-encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n10000000000000002\r\nab\r\n0\r\n\r\n",
        ],
        &["200 [broken]"],
    ),
    (
        "a chunk that ends in anything but CR LF",
        BROKEN,
        &["transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"],
        &["200 [broken]"],
    ),
];

fn framing() -> impl Iterator<Item = Case> {
    let sent = |(name, read, sent, answers): Row| {
        sent.iter().map(move |rest| case(name, read, &format!("{HEAD}{rest}"), answers))
    };
    FRAMING.into_iter().flat_map(sent)
}

fn heads() -> Vec<Case> {
    let get = |line: &str| format!("GET /next HTTP/1.1\r\nhost: x\r\n{line}\r\n\r\n");
    vec![
        case(
            "`Transfer-Encoding` in HTTP/1.0",
            "400",
            "POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            &["400"],
        ),
        case("a folded header", "400", &get("a: b\r\n c"), &["400"]),
        case("a space before a header's colon", "400", &get("content-length : 0"), &["400"]),
        case("CR or NUL inside a header", "400", &get("a: b\rc"), &["400"]),
        case("CR or NUL inside a header", "400", &get("a: b\0c"), &["400"]),
        case(
            "LF alone at a line's end",
            "as CR LF, which RFC 9112 allows",
            "GET /next HTTP/1.1\nhost: x\n\n",
            &["200 [next]", "200 [next]"],
        ),
        case("two spaces in the request line", "400", "GET  /next HTTP/1.1\r\nhost: x\r\n\r\n", &["400"]),
        case("no `Host`, or two", "400", "GET /next HTTP/1.1\r\n\r\n", &["400", "200 [next]"]),
        case("no `Host`, or two", "400", &get("host: y"), &["400", "200 [next]"]),
        case(
            "a whole URI in the request line",
            "its path; nothing here goes by the host",
            "GET http://elsewhere/next HTTP/1.1\r\nhost: x\r\n\r\n",
            &["200 [next]", "200 [next]"],
        ),
        case("`CONNECT`", "404", "CONNECT next:80 HTTP/1.1\r\nhost: x\r\n\r\n", &["404", "200 [next]"]),
        case(
            "requests behind each other",
            "one after the other",
            &get("a: b").repeat(3),
            &["200 [next]", "200 [next]", "200 [next]", "200 [next]"],
        ),
        case("what is no HTTP at all", "400", "\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n", &["400"]),
        case("HTTP/2", "closed", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
    ]
}

#[tokio::test]
async fn what_is_no_ordinary_request_is_refused_or_read_in_one_way() {
    let app = app().await;
    for (name, read, bytes, expected) in framing().chain(heads()) {
        assert_eq!(answers(&app, bytes.as_bytes()).await, expected, "{name}: {bytes:?}");
        let row = format!("| {name} | {read} |");
        assert!(TABLE.contains(&row), "docs/LIMITS.md lacks {row}");
    }
}

#[tokio::test]
async fn chunk_extensions_have_their_bound() {
    let app = app().await;
    let extension = "a".repeat(20 * 1024);
    let body = format!("2;{extension}\r\nab\r\n0\r\n\r\n");
    let bytes = format!("{HEAD}transfer-encoding: chunked\r\n\r\n{body}{NEXT}");
    assert_eq!(answers(&app, bytes.as_bytes()).await, ["200 [broken]"]);
}
