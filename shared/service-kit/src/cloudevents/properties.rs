//! An event goes out and comes in unchanged; what is none is refused, and never breaks anything.

use api::timestamp::Timestamp;
use axum::http::header::{HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What a header can carry: the spec has attributes of text, ours are ASCII.
const TEXT: &str = "[!-~]([ -~]{0,20}[!-~])?";

fn event() -> impl Strategy<Value = CloudEvent> {
    let time =
        option::of((0..2_000_000_000_000_000_i64).prop_map(|micros| Timestamp::from_micros(micros).unwrap()));
    let data = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ("\\PC{0,12}", any::<i64>()).prop_map(|(name, number)| json!({name: [number, {}]})),
    ];
    (TEXT, TEXT, TEXT, option::of(TEXT), time, option::of(TEXT), data).prop_map(
        |(id, source, kind, subject, time, traceparent, data)| CloudEvent {
            specversion: "1.0".to_owned(),
            id,
            source,
            kind,
            subject,
            time,
            traceparent,
            tracestate: None,
            data,
        },
    )
}

proptest! {
    #[test]
    fn both_modes_bring_back_what_was_sent(event in event()) {
        let (headers, body) = to_request(&event).unwrap();
        prop_assert_eq!(read(&headers, &body.into()).unwrap(), event.clone());
        let structured = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(STRUCTURED))]);
        prop_assert_eq!(read(&structured, &serde_json::to_vec(&event).unwrap().into()).unwrap(), event);
    }

    #[test]
    fn anything_else_is_refused_as_the_senders_mistake(
        event in event(),
        spoiled in vec(("ce-(id|source|type|time|subject|specversion)|content-type", vec(32_u8..=255, 0..12)), 0..4),
        left_out in "ce-(id|source|type)|x",
        body in vec(any::<u8>(), 0..60),
    ) {
        let (mut headers, _) = to_request(&event).unwrap();
        headers.remove(left_out.as_str());
        for (name, value) in spoiled {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
                headers.insert(name, value);
            }
        }
        if let Err(error) = read(&headers, &body.into()) {
            prop_assert!([400, 415, 422].contains(&error.problem().status), "{:?}", error);
        }
    }
}
