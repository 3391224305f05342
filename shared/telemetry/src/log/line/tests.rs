//! One event is one line of JSON, whatever is in it.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

#[derive(Clone, Default)]
struct Last(Arc<Mutex<Bytes>>);

impl Layer<Registry> for Last {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
        *self.0.lock().unwrap() = Writer::new("svc", "1.0").line(event, &Around::default());
    }
}

/// The line of an event, which is one line.
fn line(log: impl FnOnce()) -> Value {
    let last = Last::default();
    tracing::subscriber::with_default(Registry::default().with(last.clone()), log);
    let line = last.0.lock().unwrap().clone();
    assert!(line.len() <= LONGEST);
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    serde_json::from_slice(&line).unwrap()
}

proptest! {
    #[test]
    fn any_event_is_one_line_that_says_what_it_said(
        message in "(\\PC|[\\x00-\\x1f]){0,60}", text in "(\\PC|[\\x00-\\x1f]){0,60}",
        number: f64, whole: i64, truth: bool,
    ) {
        let line = line(|| tracing::info!(text, number, whole, truth, service = text, "{message}"));
        prop_assert_eq!(line["message"].as_str(), Some(&*scrub(&message)));
        prop_assert_eq!((line["text"].as_str(), line["truth"].as_bool()), (Some(&*scrub(&text)), Some(truth)));
        prop_assert!(line["whole"] == whole || is_card_i64(whole));
        prop_assert!(!line["number"].is_array() && !line["number"].is_object());
        // An event cannot pass for another service's.
        prop_assert_eq!((&line["service"], &line["field_service"]), (&Value::from("svc"), &line["text"]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_length_is_cut_to_a_line(message in 0..100_000_usize, text in 0..100_000_usize, kind in "[a\"é\n]") {
        let (message, text) = (kind.repeat(message), kind.repeat(text));
        let line = line(|| tracing::warn!(text, "{message}"));
        prop_assert_eq!((&line["severity"], &line["service"]), (&Value::from("WARN"), &Value::from("svc")));
    }
}
