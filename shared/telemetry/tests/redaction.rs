//! Card numbers and secrets are in nothing that leaves a process, wherever they were put.

use crate::emitter::Emitter;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use telemetry::redact::{RefRing, passes_luhn};
use testkit::{Answer, OtlpSink, Peer, eventually};

on_both_pipelines!(no_card_leaves_a_process, a_panic_is_a_line_within_its_trace);

/// Different ones at every run; a failure names its card.
const CARDS: usize = 48;

/// A card number: 12 to 18 digits, of which no scheme begins with a zero, and the one that makes it right.
fn digits() -> impl Strategy<Value = String> {
    let rest = proptest::collection::vec(0..10_u8, 11..=17);
    (1..10_u8, rest).prop_filter_map("a check digit", |(first, rest)| {
        let mut digits = [&[first], &rest[..]].concat();
        let is_right = |last: &u8| passes_luhn(digits.iter().copied().chain([*last]));
        let check = (0..10_u8).find(is_right)?;
        digits.push(check);
        Some(digits.iter().map(|digit| char::from(b'0' + digit)).collect())
    })
}

/// As somebody may write it: together, in groups of four, or in groups of any size with any separators.
fn written() -> impl Strategy<Value = String> {
    let separator = prop_oneof![Just(""), Just(" "), Just("-"), Just(" - "), Just("\u{a0}")];
    let separators = prop_oneof![
        Just(vec![""; 18]),
        Just(["", "", "", " "].repeat(5)),
        Just(["", "", "", "-"].repeat(5)),
        proptest::collection::vec(separator, 18),
    ];
    (digits(), separators).prop_map(|(digits, separators)| {
        let after = |at: usize| if at + 1 == digits.len() { "" } else { separators[at] };
        let written = digits.chars().enumerate();
        written.flat_map(|(at, digit)| [digit.to_string(), after(at).to_owned()]).collect()
    })
}

fn cards() -> Vec<String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &rand::random::<[u8; 32]>());
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut one = || written().new_tree(&mut runner).expect("a card").current();
    (0..CARDS).map(|_| one()).collect()
}

/// Panics when a card is in `told`, as it was written or as its digits.
fn assert_clean(told: &str, cards: &[String]) {
    for card in cards {
        let digits: String = card.chars().filter(char::is_ascii_digit).collect();
        for form in [card, &digits, &card.replace(' ', "%20")] {
            let found = told.find(form.as_str());
            assert!(found.is_none(), "{card} as {form} in …{}…", around(told, found.unwrap_or_default()));
        }
    }
    for secret in ["hunter2", "17.25"] {
        let found = told.find(secret);
        assert!(found.is_none(), "{secret} in …{}…", around(told, found.unwrap_or_default()));
    }
    assert!(told.contains("[redacted]"));
}

fn around(text: &str, at: usize) -> String {
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}

/// Says each of the cards everywhere, and returns what was printed and exposed.
async fn told(mut emitter: Emitter, cards: &[String]) -> String {
    for card in cards {
        emitter.run(&format!("secrets {card}")).await;
    }
    let metrics = emitter.run("metrics").await.to_string();
    assert!(metrics.contains("api_key=\\\"[redacted]\\\""), "{metrics}");
    let (report, lines) = emitter.finish().await;
    assert_eq!((report.dropped, report.failed, report.lines_lost), (0, 0, 0), "{report:?}");
    assert!(lines.len() >= 4 * cards.len(), "{}", lines.len());
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    metrics + &lines.join("\n")
}

async fn no_card_leaves_a_process(pipeline: &str) {
    let (sink, cards) = (OtlpSink::start(), cards());
    let resource = format!("card={},api.token=hunter2", cards[0].replace(' ', "%20"));
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", sink.grpc()), ("OTEL_RESOURCE_ATTRIBUTES", resource)];
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let told = told(Emitter::on(pipeline, 8_000, &env), &cards).await;
    assert!(sink.count() >= 8 * cards.len(), "{}", sink.count());
    let exported = format!("{:?}\n{:?}\n{}", sink.messages(), sink.spans(), sink.everything());
    assert_clean(&(told + &exported), &cards);
}

#[tokio::test]
async fn no_card_is_shown_to_zipkin_or_on_the_console() {
    let (zipkin, cards) = (Peer::start(|_| Answer::Empty(202)), cards());
    let endpoint = format!("{}/api/v2/spans", zipkin.url());
    let env =
        [("OTEL_TRACES_EXPORTER", "zipkin,console"), ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", endpoint.as_str())];
    let told = told(Emitter::start(8_000, &env), &cards).await;
    assert!(told.contains("\"span\":\"with [redacted]\""), "the console has spans, too");
    let requests = zipkin.received("/api/v2/spans");
    let exported: String = requests.iter().map(|request| request.body.to_string()).collect();
    assert!(exported.contains("with [redacted]"));
    assert_clean(&(told + &exported), &cards);
}

async fn a_panic_is_a_line_within_its_trace(pipeline: &str) {
    let mut emitter = Emitter::on(pipeline, 8_000, &[("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("secrets 4242 4242 4242 4242").await;
    let (_, lines) = emitter.finish().await;
    let panics: Vec<_> = lines.iter().filter(|line| line["error_type"] == "panic").collect();
    assert_eq!(panics.len(), 1, "{panics:?}");
    let line = panics[0];
    assert_eq!(
        (&line["severity"], &line["message"]),
        (&"ERROR".into(), &"panicked: no such card: [redacted]".into())
    );
    assert!(line["location"].as_str().unwrap().contains("secrets.rs:"), "{line}");
    assert!(line["thread"].is_string() && line["trace_id"].is_string(), "{line}");
}

#[tokio::test]
async fn a_changed_key_ring_is_noticed_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customer-ref.key");
    std::fs::write(&path, RefRing::generate().render()).unwrap();
    let file = path.display().to_string();
    let env = [("CUSTOMER_REF_KEY", ""), ("CUSTOMER_REF_KEY_FILE", &file), ("OTEL_TRACES_EXPORTER", "none")];
    let mut emitter = Emitter::start(5_000, &env);
    let reference = async |emitter: &mut Emitter| emitter.run("customer").await["reference"].clone();
    let first = reference(&mut emitter).await;
    assert_eq!(first, reference(&mut emitter).await);

    RefRing::change_file(&path, |ring| ring.forget("c-1042")).unwrap();
    eventually("the line that says so", async || (emitter.printed() == 1).then_some(())).await;
    let second = reference(&mut emitter).await;
    assert!(first != second && second.as_str().unwrap().len() == 32, "{first} {second}");

    std::fs::write(&path, "junk").unwrap();
    eventually("the line that says so", async || (emitter.printed() == 2).then_some(())).await;
    assert_eq!(reference(&mut emitter).await, second, "the key that was read before stays in use");
    let (_, lines) = emitter.finish().await;
    assert_eq!((&lines[0]["severity"], &lines[1]["severity"]), (&"INFO".into(), &"WARN".into()), "{lines:?}");
    assert_eq!(lines.len(), 2, "once: {lines:?}");
    assert!(!format!("{lines:?}").contains("junk"));
}
